"""What every page is made of: cards, columns, forms, tables, pills, and buttons that follow an action."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command
from wattlight.viewmodels.figures import FigureView
from wattlight.viewmodels.settings_page import Choice
from wattlight.viewmodels.words import Action, PillView, TableView

from .text import ElidedLabel, FigureLine, plain_label, plain_tip, set_text
from .theme import Theme
from .tokens import PADDING, QUIET

Layout = TypeVar("Layout", bound=QBoxLayout)
Ask = Callable[[Command], None]
"""Where a click goes."""


def spaced(layout: Layout, spacing: int, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Layout:
    """A layout with its spacing and margins (left, top, right, bottom)."""
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    return layout


def card(spacing: int = 4) -> tuple[QFrame, QVBoxLayout]:
    """A card and its column."""
    frame = QFrame()
    frame.setObjectName("card")
    return frame, spaced(QVBoxLayout(frame), spacing, (PADDING, PADDING - 2, PADDING, PADDING - 2))


class ScrollColumn(QScrollArea):
    """A column that scrolls where a large font needs more room; ``column`` takes its parts."""

    def __init__(self, spacing: int, margins: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        inner.setObjectName("page")
        self.column = spaced(QVBoxLayout(inner), spacing, margins)
        self.setWidget(inner)


def rule() -> QFrame:
    """A thin line between groups."""
    frame = QFrame()
    frame.setObjectName("rule")
    frame.setFixedHeight(1)
    return frame


def button(text: str, role: str = "") -> QPushButton:
    """A button whose text is shown as it is (an ampersand is no mnemonic)."""
    made = QPushButton(text.replace("&", "&&"))
    made.setAutoDefault(False)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        made.setProperty("role", role)
    return made


def dress(made: QPushButton, role: str) -> None:
    """Give a button another look."""
    if (made.property("role") or "") != role:
        made.setProperty("role", role)
        made.style().unpolish(made)
        made.style().polish(made)


class ActionButton(QPushButton):
    """A button that follows an :class:`Action` and hands its command on."""

    def __init__(self, ask: Ask, role: str = "") -> None:
        super().__init__()
        self._ask = ask
        self._action: Action | None = None
        self._role = role
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setProperty("role", role)
        self.clicked.connect(self._clicked)

    def render_view(self, action: Action | None) -> None:
        """Show an action, or hide without one."""
        self.setVisible(action is not None)
        if action is None or action == self._action:
            return
        self._action = action
        self.setText(action.text.replace("&", "&&"))
        self.setAccessibleName(action.text)
        self.setEnabled(action.enabled)
        plain_tip(self, action.why_not if not action.enabled else action.hint)
        dress(self, "primary" if action.primary else self._role)

    def _clicked(self) -> None:
        if self._action is not None:
            self._ask(self._action.command)


class ActionRow(QWidget):
    """A row of buttons that follows a tuple of actions."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._row = spaced(QHBoxLayout(self), 8)
        self._buttons: list[ActionButton] = []

    def render_view(self, actions: tuple[Action, ...]) -> None:
        """Show these actions."""
        while len(self._buttons) < len(actions):
            made = ActionButton(self._ask)
            self._buttons.append(made)
            self._row.addWidget(made)
        for index, made in enumerate(self._buttons):
            made.render_view(actions[index] if index < len(actions) else None)
        self.setVisible(bool(actions))


class Pill(QWidget):
    """A verdict in words on its own ground."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view: PillView | None = None
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def render_view(self, view: PillView | None) -> None:
        """Show a verdict, or hide without one."""
        if view is not None and view != self._view:
            self._view = view  # before it is shown: the size follows the words
            self.setAccessibleName(view.text)
            plain_tip(self, view.hint)
            self.updateGeometry()
            self.update()
        self.setVisible(view is not None)

    def sizeHint(self) -> QSize:
        """The text and a little air."""
        metrics = QFontMetrics(self._theme.font(QUIET))
        return QSize(
            metrics.horizontalAdvance(self._view.text if self._view else "") + 18, metrics.height() + 5
        )

    def minimumSizeHint(self) -> QSize:
        """A verdict is never cut; a longer remark may be."""
        return QSize(min(self.sizeHint().width(), self._theme.px(150)), self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the pill."""
        if self._view is None:
            return
        painter = QPainter(self)
        paint_pill(painter, QRectF(self.rect()), self._view, self._theme)
        painter.end()


def paint_pill(painter: QPainter, box: QRectF, view: PillView, theme: Theme) -> None:
    """Draw a verdict into ``box``."""
    tokens = theme.tokens
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if tokens.name == "contrast":
        painter.setPen(QColor(tokens.text))
    else:
        painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(getattr(tokens, f"{view.tone.value}_on")))
    inner = box.adjusted(0.5, 0.5, -0.5, -0.5)
    painter.drawRoundedRect(inner, inner.height() / 2, inner.height() / 2)
    painter.setPen(QColor(getattr(tokens, view.tone.value)))
    painter.setFont(theme.font(QUIET))
    text = painter.fontMetrics().elidedText(view.text, Qt.TextElideMode.ElideRight, int(box.width()) - 16)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


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
        row = spaced(QHBoxLayout(), 8)
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


class TableGrid(QWidget):
    """Hidden while there are no rows; made anew only when its view is another one."""

    def __init__(self, theme: Theme, gap: int = 24) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(gap)
        self._grid.setVerticalSpacing(7)
        self._shown: TableView | None = None

    def render_view(self, view: TableView) -> None:
        """Show a table."""
        if view == self._shown:
            return
        self._shown = view
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        columns = len(view.headings)
        for column, text in enumerate(view.headings):
            self._cell(0, column, text, "quiet")
            self._grid.setColumnStretch(column, 1 if column == 0 else 0)
        for index, row in enumerate(view.rows):
            line = 1 + index * 2
            self._grid.addWidget(rule(), line, 0, 1, max(columns, 1))
            for column, text in enumerate(row):
                quiet = index in view.quiet_rows
                self._cell(line + 1, column, text, "quiet" if quiet else "figure")
        self.setVisible(bool(view.rows))

    def _cell(self, line: int, column: int, text: str, role: str) -> None:
        if column == 0:
            name = ElidedLabel(role, name=True)
            set_text(name, text)
            self._grid.addWidget(name, line, column)
            return
        label = plain_label(text, role)
        label.setFont(self._theme.font(13, tabular=True))
        self._grid.addWidget(label, line, column, Qt.AlignmentFlag.AlignRight)


class FigureCard:
    """Label, figure, one quiet line. ``frame`` goes into a layout."""

    def __init__(self, theme: Theme, big: int, small: int) -> None:
        self.frame: QFrame
        column: QVBoxLayout
        self.frame, column = card(3)
        self._label: QLabel = plain_label(role="label")
        self._line = FigureLine(theme, big, small)
        self._note: QLabel = plain_label(role="quiet", wrap=True)
        for part in (self._label, self._line, self._note):
            column.addWidget(part)
        column.addStretch(1)

    def render_view(self, view: FigureView) -> None:
        """Show a figure."""
        set_text(self._label, view.label)
        self._line.render_view(view)
        set_text(self._note, view.note)
        plain_tip(self.frame, view.hint)
