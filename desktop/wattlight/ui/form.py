"""Forms: a card with lines of label and field, and the fields themselves."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from wattlight.viewmodels import Choice

from .controls import card
from .text import plain_label

LABEL_WIDTH = 132


class Form:
    """A card with a heading and lines of label and field. ``frame`` goes into a layout."""

    def __init__(self, title: str) -> None:
        self.frame: QFrame
        self.frame, column = card()
        column.addWidget(plain_label(title, "label"))
        column.addSpacing(4)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)

    def add_pair(self, label: QWidget, field: QWidget) -> None:
        """One line of two widgets that may come and go."""
        line_ = self._grid.rowCount()
        self._grid.addWidget(label, line_, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(field, line_, 1, Qt.AlignmentFlag.AlignVCenter)

    def add(self, label: str, *fields: QWidget) -> None:
        """One line; no label: a note or a tick box under the fields."""
        line_ = self._grid.rowCount()
        if label:
            self._grid.addWidget(plain_label(label), line_, 0, Qt.AlignmentFlag.AlignVCenter)
        if len(fields) == 1 and not label:
            self._grid.addWidget(fields[0], line_, 1)
            return
        row = QHBoxLayout()
        row.setSpacing(8)
        for field in fields:
            row.addWidget(field)
        row.addStretch(1)
        self._grid.addLayout(row, line_, 1)


def combo(name: str) -> QComboBox:
    """A list to choose from, with its spoken name."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setMinimumWidth(220)
    return made


def line(name: str, example: str, width: int) -> QLineEdit:
    """A field to type into, with its spoken name and an example."""
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(example)
    made.setFixedWidth(width)
    made.setMaxLength(300)
    return made


def fill(box: QComboBox, choices: Sequence[Choice], value: str) -> None:
    """Show choices and pick one."""
    have = [(str(box.itemData(i)), box.itemText(i)) for i in range(box.count())]
    want = [(c.value, c.text) for c in choices]
    box.blockSignals(True)
    if have != want:
        box.clear()
        for choice in choices:
            box.addItem(choice.text, choice.value)
    index = box.findData(value)
    box.setCurrentIndex(index)
    box.blockSignals(False)


def type_into(field: QLineEdit, text: str) -> None:
    """Show a value unless the person is typing there."""
    if not field.hasFocus() and field.text() != text:
        field.setText(text)
