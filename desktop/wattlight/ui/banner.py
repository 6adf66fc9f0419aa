"""Inside the window, never over it: what went wrong, what is being done, questions before heavy clicks."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels import Action, BusyView, Command, NoticeView

from .controls import ActionButton, ActionRow, Ask, button
from .text import plain_label, set_text


class Banners(QWidget):
    """Notices, one under the other."""

    def __init__(self, ask: Ask, narrow: bool = False) -> None:
        super().__init__()
        self._ask = ask
        self._narrow = narrow
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._shown: tuple[NoticeView, ...] = ()
        self.hide()

    def render_view(self, notices: tuple[NoticeView, ...]) -> None:
        """Show these notices; equal ones are left alone."""
        if notices == self._shown:
            return
        self._shown = notices
        clear(self._column)
        for notice in notices:
            self._column.addWidget(_banner(notice, self._ask, self._narrow))
        self.setVisible(bool(notices))


def _banner(notice: NoticeView, ask: Ask, narrow: bool) -> QFrame:
    level = notice.level if notice.level in {"error", "warning", "info"} else "info"
    frame = QFrame()
    frame.setObjectName(f"banner_{level}")
    frame.setAccessibleName(notice.text)
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 8, 8, 8)
    column.setSpacing(6)
    row = QHBoxLayout()
    row.setSpacing(8)
    column.addLayout(row)
    row.addWidget(plain_label(notice.text, wrap=True), 1)
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
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        self._label = plain_label(wrap=True)
        column.addWidget(self._label)
        row = QHBoxLayout()
        row.addStretch(1)
        self._no = button(tr("Cancel"))
        self._yes = button("", "primary")
        self._no.clicked.connect(self.cancel)
        self._yes.clicked.connect(self._confirmed)
        row.addWidget(self._no)
        row.addWidget(self._yes)
        column.addLayout(row)
        self.hide()

    def ask(self, command: Command) -> None:
        """Put the question of a command."""
        self._command = command
        set_text(self._label, command.question)
        self._yes.setText((command.confirm or tr("Go on")).replace("&", "&&"))
        self.setAccessibleName(command.question)
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

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
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
                self._lines[view.key] = _BusyLine(self._ask)
                self._column.addWidget(self._lines[view.key])
            self._lines[view.key].render_view(view)
        self.setVisible(bool(views))


class _BusyLine(QWidget):
    def __init__(self, ask: Ask) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        self._label = plain_label(role="quiet", wrap=True)
        self._cancel = ActionButton(ask)
        row.addWidget(self._label, 1)
        row.addWidget(self._cancel)
        column.addLayout(row)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        column.addWidget(self._bar)

    def render_view(self, view: BusyView) -> None:
        set_text(self._label, view.text)
        self._cancel.render_view(Action(view.cancel_text, view.cancel) if view.cancel else None)
        self._bar.setAccessibleName(view.menu_text)
        if view.fraction is None:
            self._bar.hide()  # no bar rather than one that only moves: it would redraw all the time
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(view.fraction * 1000))
            self._bar.show()


def clear(column: QVBoxLayout | QHBoxLayout) -> None:
    """Take every widget out of a layout and delete it."""
    while (item := column.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
