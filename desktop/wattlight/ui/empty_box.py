"""An empty state that teaches: what is missing, and the next click."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from wattlight.viewmodels import EmptyView, SwitchRow

from .banner import clear
from .controls import ActionRow, Ask
from .text import ElidedLabel, plain_label, set_text


class SwitchButton(QPushButton):
    """A whole line that can be clicked: a name at the left, a quiet note at the right."""

    def __init__(self, row: SwitchRow, ask: Ask, air: int) -> None:
        super().__init__()
        self.setProperty("role", "row")
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(row.spoken)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        line = QHBoxLayout(self)
        line.setContentsMargins(air, 0, air, 0)
        name = ElidedLabel(name=True)
        set_text(name, row.name)
        note = plain_label(row.note, "quiet")
        for label in (name, note):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        line.addWidget(name, 1)
        line.addWidget(note)
        self.setFixedHeight(max(28, name.sizeHint().height() + 8))
        self.clicked.connect(lambda: ask(row.command))


class SwitchRows(QWidget):
    """Other models, one click each."""

    def __init__(self, ask: Ask, air: int = 8) -> None:
        super().__init__()
        self._ask, self._air = ask, air
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._shown: tuple[SwitchRow, ...] | None = None

    def render_view(self, rows: tuple[SwitchRow, ...]) -> None:
        """Show these rows; equal ones keep the focus where it is."""
        if rows == self._shown:
            return
        self._shown = rows
        clear(self._column)
        for row in rows:
            self._column.addWidget(SwitchButton(row, self._ask, self._air))
        self.setVisible(bool(rows))


class EmptyBox(QWidget):
    """Title, text, rows and buttons of an :class:`EmptyView`."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._title: QLabel = plain_label(role="strong", wrap=True)
        self._text: QLabel = plain_label(role="quiet", wrap=True)
        self._rows = SwitchRows(ask, air=0)
        self._actions = ActionRow(ask)
        for part in (self._title, self._text, self._rows):
            column.addWidget(part)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_view(self, view: EmptyView | None) -> None:
        """Show an empty state, or hide without one."""
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        set_text(self._text, view.text)
        self._text.setVisible(bool(view.text))
        self._rows.render_view(view.rows)
        self._actions.render_view(view.actions)
