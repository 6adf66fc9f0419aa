"""The card with the button that opens the processor's energy counter."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.energy_access import EnergyAccessView

from .controls import ActionRow, Ask, Card, Pill, button, clear, put, spaced
from .text import plain_label, selectable, set_text, show_text
from .theme import Theme


class CommandLines(QWidget):
    """Lines for a terminal, each with a button that copies it."""

    def __init__(self) -> None:
        super().__init__()
        self._column = spaced(QVBoxLayout(self), 6, (0, 4, 0, 4))
        self._shown: tuple[str, ...] = ()

    def render_view(self, commands: tuple[str, ...]) -> None:
        if commands != self._shown:
            self._shown = commands
            clear(self._column)
            for command in commands:
                self._column.addWidget(self._line(command))
        self.setVisible(bool(commands))

    def _line(self, command: str) -> QWidget:
        text = selectable(plain_label(command, "code", wrap=True))
        copy = button(tr("Copy"), clicked=partial(QGuiApplication.clipboard().setText, command))
        copy.setAccessibleName(tr("Copy {command}", command=command))
        line = QWidget()
        put(spaced(QHBoxLayout(line), 8), (text, 1), copy)
        return line


class EnergyAccessCard(Card):
    """Hidden where there is nothing to open or to close."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(spacing=6)
        self._title = plain_label(role="name", wrap=True)
        self._pill = Pill(theme)
        self._text = plain_label(wrap=True)
        self._bad = plain_label(role="bad", wrap=True)
        self._commands = CommandLines()
        self._actions = ActionRow(ask)
        put(
            self.column,
            put(QHBoxLayout(), (self._title, 1), self._pill),
            self._text,
            self._bad,
            self._commands,
            2,
        )
        self.column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_view(self, view: EnergyAccessView | None) -> None:
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        self._pill.render_view(view.pill)
        set_text(self._text, view.text)
        show_text(self._bad, view.problem)
        self._commands.render_view(view.commands)
        self._actions.render_view(view.actions)
