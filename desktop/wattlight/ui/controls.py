"""Small parts of every page: cards, pills, buttons made from actions."""

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from wattlight.viewmodels import Action, Command, PillView

from .text import plain_tip
from .theme import Theme
from .tokens import PADDING, QUIET

Ask = Callable[[Command], None]
"""Where a click goes."""


def card() -> tuple[QFrame, QVBoxLayout]:
    """A card and its column."""
    frame = QFrame()
    frame.setObjectName("card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(PADDING, PADDING - 2, PADDING, PADDING - 2)
    column.setSpacing(4)
    return frame, column


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
        role = "primary" if action.primary else self._role
        if self.property("role") != role:
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)

    def _clicked(self) -> None:
        if self._action is not None:
            self._ask(self._action.command)


class ActionRow(QWidget):
    """A row of buttons that follows a tuple of actions."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
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
