"""Inside the window, never over it: notices, what is being done, questions, and empty states."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from wattlight.domain.command import Command
from wattlight.i18n import tr
from wattlight.viewmodels.activity import NoticeView, level_name
from wattlight.viewmodels.pulls import BusyView
from wattlight.viewmodels.small_window import EmptyView, SwitchRow
from wattlight.viewmodels.words import Action

from .controls import REST, ActionButton, ActionRow, Ask, button, clear, put, spaced
from .text import ElidedLabel, announce, plain_label, set_text, show_text

SIGNS = {"error": "⊗", "warning": "⚠", "info": "ℹ"}
"""How much a notice matters, for those who cannot tell its colour; signs that the common fonts have."""


class Banners(QWidget):
    def __init__(self, ask: Ask, narrow: bool = False) -> None:
        super().__init__()
        self._ask = ask
        self._narrow = narrow
        self._column = spaced(QVBoxLayout(self), 8)
        self._shown: tuple[NoticeView, ...] = ()
        self.hide()

    def render_view(self, notices: tuple[NoticeView, ...]) -> None:
        """Show these notices; equal ones are left alone."""
        if notices == self._shown:
            return
        new = [notice for notice in notices if notice not in self._shown]
        self._shown = notices
        clear(self._column)
        for notice in notices:
            self._column.addWidget(_banner(notice, self._ask, self._narrow))
        self.setVisible(bool(notices))
        announce(self, "\n".join(notice.text for notice in new))


def _banner(notice: NoticeView, ask: Ask, narrow: bool) -> QFrame:
    level = notice.level if notice.level in {"error", "warning", "info"} else "info"
    frame = QFrame()
    frame.setObjectName(f"banner_{level}")
    name, sign = level_name(level), plain_label(SIGNS[level])
    frame.setAccessibleName(f"{name}: {notice.text}")
    sign.setAccessibleName(name)
    row = put(
        spaced(QHBoxLayout(), 8), (sign, Qt.AlignmentFlag.AlignTop), (plain_label(notice.text, wrap=True), 1)
    )
    column = put(spaced(QVBoxLayout(frame), 6, (12, 8, 8, 8)), row)
    if notice.actions:
        actions = ActionRow(ask)
        actions.render_view(notice.actions)
        if narrow:
            column.addWidget(actions, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            row.addWidget(actions)
    if notice.dismiss is not None:
        close = ActionButton(ask, "flat")
        close.render_view(Action("✕", notice.dismiss, hint=tr("Dismiss this message")))
        close.setAccessibleName(tr("Dismiss this message"))
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
    return frame


class QuestionBar(QFrame):
    """Asks before something heavy; Esc and Cancel do nothing."""

    def __init__(self, do: Callable[[Command], None]) -> None:
        super().__init__()
        self._do = do
        self._command: Command | None = None
        self.setObjectName("banner_question")
        self._label = plain_label(wrap=True)
        self._no = button(tr("Cancel"), clicked=self.cancel)
        self._yes = button("", "primary", self._confirmed)
        row = put(QHBoxLayout(), REST, self._no, self._yes)
        put(spaced(QVBoxLayout(self), 8, (12, 10, 12, 10)), self._label, row)
        self.hide()

    def ask(self, command: Command) -> None:
        self._command = command
        set_text(self._label, command.question)
        self._yes.setText((command.confirm or tr("Continue")).replace("&", "&&"))
        self.setAccessibleName(command.question)
        announce(self, command.question)
        self.show()
        self._no.setFocus()

    def cancel(self) -> bool:
        """Take the question back; whether there was one."""
        there = self._command is not None
        self._command = None
        self.hide()
        return there

    def _confirmed(self) -> None:
        command, self._command = self._command, None
        self.hide()
        if command is not None:
            self._do(Command(command.verb, command.model, asked=True))


class BusyLines(QWidget):
    """What is being done, each with a bar and a way to stop."""

    def __init__(self, ask: Ask, narrow: bool = False) -> None:
        super().__init__()
        self._ask, self._narrow = ask, narrow
        self._column = spaced(QVBoxLayout(self), 8)
        self._lines: dict[str, _BusyLine] = {}
        self.hide()

    def render_view(self, views: tuple[BusyView, ...]) -> None:
        """Show these; a line that stays is updated in place."""
        keys = {v.key for v in views}
        for key in [k for k in self._lines if k not in keys]:
            line = self._lines.pop(key)
            self._column.removeWidget(line)
            line.deleteLater()
        for view in views:
            if view.key not in self._lines:
                self._lines[view.key] = _BusyLine(self._ask, self._narrow)
                self._column.addWidget(self._lines[view.key])
            self._lines[view.key].render_view(view)
        self.setVisible(bool(views))


class _BusyLine(QWidget):
    """Words, bar and buttons; where it is ``narrow`` the buttons stand beside the bar."""

    def __init__(self, ask: Ask, narrow: bool) -> None:
        super().__init__()
        self._label = plain_label(role="quiet", wrap=True)
        self._actions = ActionRow(ask)
        self._bar = QProgressBar()
        self._bar.setMinimumWidth(60)  # the style of Windows would have it wider than the small window
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._more = button("", "link", self._toggle)
        self._files = plain_label(role="faint", wrap=True)
        self._opened = False
        row = spaced(QHBoxLayout(), 8)
        column = spaced(QVBoxLayout(self), 4)
        if narrow:
            put(column, self._label, put(row, (self._bar, 1), self._actions))
        else:
            put(column, put(row, (self._label, 1), self._actions), self._bar)
        put(column, (self._more, Qt.AlignmentFlag.AlignLeft), self._files)

    def _toggle(self) -> None:
        self._opened = not self._opened
        self._show_files()

    def _show_files(self) -> None:
        there = bool(self._files.text())
        self._more.setText(tr("Hide its files") if self._opened else tr("Show its files"))
        self._more.setVisible(there)
        self._files.setVisible(there and self._opened)

    def render_view(self, view: BusyView) -> None:
        set_text(self._label, view.text)
        set_text(self._files, "\n".join(view.files))
        self._show_files()
        cancel = (Action(tr("Cancel"), view.cancel),) if view.cancel else ()
        self._actions.render_view((*view.actions, *cancel))
        self._bar.setAccessibleName(view.menu_text)
        self._bar.setValue(round((view.fraction or 0) * 1000))
        # no bar rather than one that only moves: it would redraw all the time
        self._bar.setVisible(view.fraction is not None)


class SwitchButton(QPushButton):
    """A whole line that can be clicked: a name at the left, a quiet note at the right."""

    def __init__(self, row: SwitchRow, ask: Ask, air: int) -> None:
        super().__init__()
        self.setProperty("role", "row")
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(row.spoken)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        name = ElidedLabel(name=True)
        set_text(name, row.name)
        note = plain_label(row.note, "quiet")
        for label in (name, note):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        line = put(QHBoxLayout(self), (name, 1), note)
        line.setContentsMargins(air, 0, air, 0)
        self.setFixedHeight(max(28, name.sizeHint().height() + 8))
        self.clicked.connect(lambda: ask(row.command))


class SwitchRows(QWidget):
    """Other models, one click each."""

    def __init__(self, ask: Ask, air: int = 8) -> None:
        super().__init__()
        self._ask, self._air = ask, air
        self._column = spaced(QVBoxLayout(self), 0)
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
        self._title = plain_label(role="strong", wrap=True)
        self._text = plain_label(role="quiet", wrap=True)
        self._rows = SwitchRows(ask, air=0)
        self._actions = ActionRow(ask)
        column = put(spaced(QVBoxLayout(self), 8), self._title, self._text, self._rows)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_view(self, view: EmptyView | None) -> None:
        """Show an empty state, or hide without one."""
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        show_text(self._text, view.text)
        self._rows.render_view(view.rows)
        self._actions.render_view(view.actions)
