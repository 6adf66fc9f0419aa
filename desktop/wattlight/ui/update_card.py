"""The card of newer versions of Wattlight on the page Settings."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.own_update import OwnUpdateView, own_update_view
from wattlight.viewmodels.scene import Scene

from .controls import ActionRow, Ask
from .flow import TickBox
from .forms import Form, tick
from .text import plain_label, selectable, show_text


class UpdateCard(Form):
    """Nothing is asked until it is switched on; there is no card where there is no address. ``save`` gets
    whole new settings."""

    def __init__(self, ask: Ask, save: Callable[[Settings], None]) -> None:
        super().__init__(tr("Newer versions"))
        self._save = save
        self._scene: Scene
        self._shown: OwnUpdateView | None = None
        self._on = TickBox(tr("Look for a newer Wattlight once a day"))
        self._on.toggled.connect(self._turned)
        self._news = plain_label(role="strong", wrap=True)
        self._changes = plain_label(wrap=True)
        self._way = selectable(plain_label(wrap=True))
        self._look = ActionRow(ask)
        self.add("", self._on)
        self._about = self.add_note("")
        for part in (self._news, self._changes, self._way):
            self.add("", part)
        self._error = self.add_error()
        self._said = self.add_note("")
        self.add("", self._look)
        self.offer(False)

    def render_scene(self, scene: Scene) -> None:
        """Show the switch, the address, and what came of the last look."""
        self._scene = scene
        view = own_update_view(scene)
        if view == self._shown:
            return
        self._shown = view
        self.offer(view is not None)
        if view is None:
            return
        tick(self._on, view.on)
        show_text(self._about, view.about)
        show_text(self._news, view.news)
        show_text(self._changes, view.changes)
        show_text(self._way, view.way)
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)
        self._look.render_view(view.look)

    def _turned(self, on: bool) -> None:
        self._save(replace(self._scene.settings, look_for_updates=on))
