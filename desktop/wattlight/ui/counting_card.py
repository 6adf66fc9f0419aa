"""The switch of the relay in Settings, and how to point clients at it."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QLabel

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels import CountingView, Scene, counting_view, understood_port

from .form import Form, line, type_into
from .text import plain_label, set_text


class CountingCard:
    """``frame`` goes into a layout; ``save`` gets whole new settings."""

    def __init__(self, save: Callable[[Settings], None]) -> None:
        self._save = save
        self._scene: Scene | None = None
        self._shown: CountingView | None = None
        self._filling = False
        form = Form(tr("Tokens"))
        self.frame = form.frame
        self._on = QCheckBox(tr("Count the tokens of other programs"))
        self._on.toggled.connect(self._turned)
        self._port = line(tr("Port"), "11435", 110)
        self._port.editingFinished.connect(self._port_typed)
        self._about = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        self._stand = plain_label(role="quiet", wrap=True)
        form.add("", self._on)
        form.add("", self._about)
        form.add(tr("Port"), self._port)
        form.add("", self._error)
        self._ways: list[tuple[QLabel, QLabel]] = []
        for _ in range(3):
            who, where = plain_label(role="quiet"), plain_label()
            where.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            where.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            self._ways.append((who, where))
            form.add_pair(who, where)
        form.add("", self._stand)
        self._error.hide()

    def render_scene(self, scene: Scene) -> None:
        """Show the switch as the settings have it, and how the relay stands."""
        self._scene = scene
        view = counting_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self._filling = True
        self._on.setChecked(view.on)
        type_into(self._port, view.port)
        set_text(self._about, view.about)
        for index, (who, where) in enumerate(self._ways):
            shown = index < len(view.ways)
            who.setVisible(shown)
            where.setVisible(shown)
            if shown:
                set_text(who, view.ways[index][0])
                set_text(where, view.ways[index][1])
        set_text(self._stand, view.stand)
        self._stand.setVisible(bool(view.stand))
        self._filling = False

    def _turned(self, on: bool) -> None:
        if not self._filling and self._scene is not None:
            self._save(replace(self._scene.settings, passthrough_on=on))

    def _port_typed(self) -> None:
        if self._filling or self._scene is None:
            return
        port, error = understood_port(self._port.text())
        set_text(self._error, error)
        self._error.setVisible(bool(error))
        if port is not None and port != self._scene.settings.passthrough_port:
            self._save(replace(self._scene.settings, passthrough_port=port))
