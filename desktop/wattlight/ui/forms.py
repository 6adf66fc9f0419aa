"""Forms: cards with lines of label and field, and the fields that stand in them."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from wattlight.viewmodels.settings_page import Choice

from .controls import Card, put
from .flow import flow
from .text import plain_label
from .tokens import BODY

LABEL_WIDTH = 132


class Form(Card):
    """A card with a heading and lines of label and field. ``offered``: it has something to set here."""

    offered = True

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        put(self.column, 4, self._grid)

    def offer(self, on: bool) -> None:
        """Show the card, or hide it while it has nothing to set."""
        if on != self.offered:
            self.offered = on
            self.setVisible(on)

    def add_pair(self, label: QWidget, field: QWidget) -> None:
        """One line of two widgets that may come and go."""
        line_ = self._grid.rowCount()
        self._grid.addWidget(label, line_, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(field, line_, 1, Qt.AlignmentFlag.AlignVCenter)

    def lines(self) -> list[list[QWidget]]:
        """What stands in each line now; a note belongs to the line above it."""
        found: list[list[QWidget]] = []
        for row in range(self._grid.rowCount()):
            cells = [self._grid.itemAtPosition(row, column) for column in (0, 1)]
            here = [w for cell in cells if cell is not None and (w := cell.widget()) is not None]
            seen = [w for w in here if w.isVisibleTo(self)]
            if found and seen and all(isinstance(w, QLabel) for w in seen):
                found[-1] += seen
            elif seen:
                found.append(seen)
        return found

    def add_note(self, text: str) -> QLabel:
        label = plain_label(text, "quiet", True)
        self.add("", label)
        return label

    def add_error(self) -> QLabel:
        """Room for what is wrong with the fields above."""
        label = plain_label(role="bad", wrap=True)
        label.hide()
        self.add("", label)
        return label

    def add(self, label: str, *fields: QWidget) -> None:
        """One line; no label: a note or a tick box under the fields."""
        line_ = self._grid.rowCount()
        if label:
            self._grid.addWidget(plain_label(label), line_, 0, Qt.AlignmentFlag.AlignVCenter)
        if len(fields) == 1 and not label:
            self._grid.addWidget(fields[0], line_, 1)
            return
        self._grid.addWidget(flow(*fields), line_, 1)


def combo(name: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setMinimumWidth(220)
    return made


def line(name: str, example: str, width: int) -> QLineEdit:
    """A field to type into, with its spoken name and an example."""
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(example)
    made.setFixedWidth(max(width, width_of(example) + 36))
    made.setMaxLength(300)
    return made


def width_of(text: str) -> int:
    """Pixels that ``text`` takes in a field."""
    font = QApplication.font()
    font.setPixelSize(BODY)
    return QFontMetrics(font).horizontalAdvance(text)


def fill(box: QComboBox, choices: Sequence[Choice], value: str) -> None:
    have = [(str(box.itemData(i)), box.itemText(i)) for i in range(box.count())]
    want = [(c.value, c.text) for c in choices]
    box.blockSignals(True)
    if have != want:
        box.clear()
        for choice in choices:
            box.addItem(choice.text, choice.value)
    box.setCurrentIndex(box.findData(value))
    box.blockSignals(False)


def tick(box: QCheckBox, on: bool) -> None:
    """Show a tick as it is set; nothing is asked for by that."""
    box.blockSignals(True)
    box.setChecked(on)
    box.blockSignals(False)


def type_into(field: QLineEdit, text: str) -> None:
    """Show a value unless the person is typing there."""
    if not field.hasFocus() and field.text() != text:
        field.setText(text)
