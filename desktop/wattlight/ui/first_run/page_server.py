"""The server: what was found, and the one thing to do."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels import Tone
from wattlight.viewmodels.first_run import FirstRunView

from ..banner import BusyLines, clear
from ..controls import ActionRow, Ask, Pill, button, card
from ..text import plain_label, set_text
from ..theme import Theme
from .step_page import StepPage


class ServerPage(StepPage):
    """Title, sentences, commands to copy, progress, buttons, the last lines of a log."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__()
        frame, column = card()
        column.setSpacing(8)
        self._title = plain_label(role="name", wrap=True)
        self._text = plain_label(wrap=True)
        self._bad = plain_label(role="bad", wrap=True)
        self._commands = QWidget()
        self._command_column = QVBoxLayout(self._commands)
        self._command_column.setContentsMargins(0, 4, 0, 4)
        self._command_column.setSpacing(6)
        self._shown_commands: tuple[str, ...] = ()
        self._busy = BusyLines(ask)
        self._actions = ActionRow(ask)
        self._log = QPlainTextEdit()
        self._log.setReadOnly(True)
        self._log.setTabChangesFocus(True)
        self._log.setProperty("role", "code")
        self._log.setAccessibleName(tr("The last lines of the server's log"))
        self._log.setMinimumHeight(110)
        self._pill = Pill(theme)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._pill)
        column.addLayout(head)
        for part in (self._text, self._bad, self._commands, self._busy):
            column.addWidget(part)
        column.addSpacing(2)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(frame)
        self.column.addWidget(self._log)
        self.column.addStretch(1)

    def render_view(self, view: FirstRunView) -> None:
        """Show how it stands."""
        page = view.server
        if page is None:
            return
        bad = page.tone is Tone.BAD
        set_text(self._title, page.title)
        self._pill.render_view(page.pill)
        set_text(self._text, "" if bad else page.text)
        set_text(self._bad, page.text if bad else "")
        self._text.setVisible(bool(page.text) and not bad)
        self._bad.setVisible(bool(page.text) and bad)
        if page.commands != self._shown_commands:
            self._show_commands(page.commands)
        self._commands.setVisible(bool(page.commands))
        self._busy.render_view((page.progress,) if page.progress else ())
        self._actions.render_view(page.actions)
        if self._log.toPlainText() != page.log:
            self._log.setPlainText(page.log)
            bar = self._log.verticalScrollBar()
            bar.setValue(bar.maximum())
        self._log.setVisible(bool(page.log))

    def focus_first(self) -> bool:
        """The page's own main button, where it has one."""
        for made in self._actions.findChildren(QPushButton):
            if made.isVisibleTo(self) and made.isEnabled() and made.property("role") == "primary":
                made.setFocus()
                return True
        return False

    def _show_commands(self, commands: tuple[str, ...]) -> None:
        self._shown_commands = commands
        clear(self._command_column)
        for command in commands:
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            text = plain_label(command, "code")
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            copy = button(tr("Copy"))
            copy.setAccessibleName(tr("Copy {command}", command=command))
            copy.clicked.connect(lambda _checked=False, c=command: QGuiApplication.clipboard().setText(c))
            row.addWidget(text, 1)
            row.addWidget(copy)
            self._command_column.addWidget(line)
