"""What every page is made of: cards, columns, forms, tables, pills, and buttons that follow an action."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QGridLayout,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command
from wattlight.viewmodels.figures import FigureView
from wattlight.viewmodels.words import Action, PillView, TableView

from .flow import FlowLayout
from .text import ElidedLabel, FigureLine, Spoken, plain_label, plain_tip, set_text
from .theme import Theme
from .tokens import PADDING, QUIET

Layout = TypeVar("Layout", bound=QBoxLayout)
Line = TypeVar("Line", bound=QWidget)
View = TypeVar("View")
Ask = Callable[[Command], None]
"""Where a click goes."""


def spaced(layout: Layout, spacing: int, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Layout:
    """A layout with its spacing and margins (left, top, right, bottom)."""
    layout.setSpacing(spacing)
    layout.setContentsMargins(*margins)
    return layout


Part = QWidget | QLayout | int | None | tuple[QWidget | QLayout, int | Qt.AlignmentFlag]
REST = None
"""The room that is left over."""


def put(layout: Layout, *parts: Part) -> Layout:
    """A layout with parts in this order: a widget, a layout, so many pixels of air, or :data:`REST`.

    ``(part, 1)`` takes the room that is left, ``(widget, side)`` stays at a side.
    """
    for part in parts:
        item, how = part if isinstance(part, tuple) else (part, 0)
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, QLayout):
            layout.addLayout(item, int(how))
        elif isinstance(how, Qt.AlignmentFlag):
            layout.addWidget(item, 0, how)
        else:
            layout.addWidget(item, how)
    return layout


def clear(layout: QLayout) -> None:
    """Take every widget out of a layout and delete it."""
    for index in reversed(range(layout.count())):
        item = layout.itemAt(index)
        widget = None if item is None else item.widget()
        if widget is None:
            layout.takeAt(index)
            continue
        layout.removeWidget(widget)  # deletes the item too, which takeAt would leave to nobody
        widget.hide()
        widget.deleteLater()


def reused(
    lines: list[Line], views: Sequence[View], make: Callable[[int], Line]
) -> Iterable[tuple[Line, View]]:
    """Each view with its line; ``make`` builds the missing ones (it gets the index), the rest are hidden."""
    while len(lines) < len(views):
        lines.append(make(len(lines)))
    for index, line in enumerate(lines):
        line.setVisible(index < len(views))
    return zip(lines, views, strict=False)


class Card(QFrame):
    """A card; ``column`` takes its parts, below the ``title`` if there is one."""

    def __init__(self, title: str = "", spacing: int = 4) -> None:
        super().__init__()
        self.title = title
        self.setObjectName("card")
        self.column = spaced(QVBoxLayout(self), spacing, (PADDING, PADDING - 2, PADDING, PADDING - 2))
        if title:
            self.column.addWidget(plain_label(title, "label"))


def rule() -> QFrame:
    frame = QFrame()
    frame.setObjectName("rule")
    frame.setFixedHeight(1)
    return frame


def button(text: str, role: str = "", clicked: Callable[[], object] | None = None) -> QPushButton:
    """A button whose text is shown as it is (an ampersand is no mnemonic). ``clicked`` takes the click."""
    made = QPushButton(text.replace("&", "&&"))
    made.setAutoDefault(False)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if role:
        made.setProperty("role", role)
    if clicked is not None:
        made.clicked.connect(lambda _on: clicked())
    return made


def dress(made: QPushButton, role: str) -> None:
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
    """A row of buttons that follows a tuple of actions, and goes on in the next line."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._row = FlowLayout(self, 8)
        self._buttons: list[ActionButton] = []

    def render_view(self, actions: tuple[Action, ...]) -> None:
        for made, action in reused(self._buttons, actions, self._make):
            made.render_view(action)
        self.setVisible(bool(actions))

    def _make(self, _index: int) -> ActionButton:
        made = ActionButton(self._ask)
        self._row.addWidget(made)
        return made


class Pill(Spoken):
    """A verdict in words on its own ground."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view: PillView | None = None
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def render_view(self, view: PillView | None) -> None:
        if view is not None and view != self._view:
            self._view = view  # before it is shown: the size follows the words
            self.setAccessibleName(view.text)
            plain_tip(self, view.hint)
            self.updateGeometry()
            self.update()
        self.setVisible(view is not None)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(QUIET))
        return QSize(
            metrics.horizontalAdvance(self._view.text if self._view else "") + 18, metrics.height() + 5
        )

    def minimumSizeHint(self) -> QSize:
        """A verdict is never cut; a longer remark may be."""
        return QSize(min(self.sizeHint().width(), self._theme.px(150)), self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._view is None:
            return
        painter = QPainter(self)
        paint_pill(painter, QRectF(self.rect()), self._view, self._theme)
        painter.end()


def paint_pill(painter: QPainter, box: QRectF, view: PillView, theme: Theme) -> None:
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


HEADING_WIDTH = 62
TIME_WIDTH = 84


class TableGrid(QWidget):
    """Hidden while there are no rows; made anew only when its view is another one. ``narrow``: headings of
    figures break into lines, where there may be many of them."""

    def __init__(self, theme: Theme, gap: int = 24, narrow: bool = False) -> None:
        super().__init__()
        self._theme, self._narrow = theme, narrow
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 6)
        self._grid.setHorizontalSpacing(gap)
        self._grid.setVerticalSpacing(7)
        self._shown: TableView | None = None

    @property
    def as_text(self) -> str:
        """Headings and rows, with tabs between: a spreadsheet takes it."""
        rows = () if self._shown is None else (self._shown.headings, *self._shown.rows)
        return "\n".join("\t".join(row) for row in rows)

    def render_view(self, view: TableView) -> None:
        if view == self._shown:
            return
        self._shown = view
        clear(self._grid)
        for column, text in enumerate(view.headings):
            self._cell(0, column, text, "quiet")
            self._grid.setColumnStretch(column, 1 if column < view.words else 0)
        for index, row in enumerate(view.rows):
            line = 1 + index * 2
            self._grid.addWidget(rule(), line, 0, 1, max(len(view.headings), 1))
            for column, text in enumerate(row):
                self._cell(line + 1, column, text, "quiet" if index in view.quiet_rows else "figure")
        self.setVisible(bool(view.rows))

    def _cell(self, line: int, column: int, text: str, role: str) -> None:
        if self._shown is not None and column < self._shown.words:
            name = ElidedLabel(role, name=column == 0)
            set_text(name, text)
            if line == 0:  # beside headings of two lines
                self._grid.addWidget(name, line, column, Qt.AlignmentFlag.AlignBottom)
            else:
                self._grid.addWidget(name, line, column)
            return
        label = plain_label(text, role, wrap=line == 0)
        if line == 0:
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom)
        if line == 0 and self._narrow:
            label.setFixedWidth(HEADING_WIDTH)
            self._grid.setColumnMinimumWidth(0, TIME_WIDTH)
        label.setFont(self._theme.font(13, tabular=True))
        if line == 0 and not self._narrow:
            self._grid.addWidget(label, line, column)  # over the whole column, or it breaks without need
        else:
            self._grid.addWidget(label, line, column, Qt.AlignmentFlag.AlignRight)


class FigureCard(Card):
    """Label, figure, one quiet line."""

    def __init__(self, theme: Theme, big: int, small: int) -> None:
        super().__init__(spacing=3)
        self._label = plain_label(role="label", wrap=True)
        self._line = FigureLine(theme, big, small)
        self._note = plain_label(role="quiet", wrap=True)
        put(self.column, self._label, self._line, self._note, REST)

    def render_view(self, view: FigureView) -> None:
        set_text(self._label, view.label)
        self._line.render_view(view)
        set_text(self._note, view.note)
        plain_tip(self, view.hint)
