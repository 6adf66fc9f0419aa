"""Wattlight's own copy of Ollama: its version, its update, the way back. Hidden where it is not in use."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wattlight.viewmodels import Scene, ServerCopyView, server_copy_view

from .banner import BusyLines
from .controls import ActionRow, Ask
from .text import plain_label, set_text


class ServerCopyRows(QWidget):
    """Some lines of a card."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._shown: ServerCopyView | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self._title = plain_label(wrap=True)
        self._problem = plain_label(role="bad", wrap=True)
        self._note = plain_label(role="quiet", wrap=True)
        self._progress = BusyLines(ask)
        self._actions = ActionRow(ask)
        for label in (self._title, self._problem, self._note):
            column.addWidget(label)
        column.addWidget(self._progress)
        column.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def render_scene(self, scene: Scene) -> None:
        """Show how the copy stands."""
        view = server_copy_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self.setVisible(view is not None)
        if view is None:
            return
        set_text(self._title, view.title)
        for label, text in ((self._problem, view.problem), (self._note, view.note)):
            set_text(label, text)
            label.setVisible(bool(text))
        self._progress.render_view(() if view.progress is None else (view.progress,))
        self._actions.render_view(view.actions)
