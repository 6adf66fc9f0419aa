"""The card Downloads of the page Settings."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.i18n import tr
from wattlight.settings import PullSettings, Settings
from wattlight.viewmodels.pulls import (
    OWN_HOURS,
    PullSettingsView,
    pull_settings_view,
    understood_hours,
    understood_limit,
    understood_source,
)
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import Choice

from .flow import TickBox
from .forms import Form, combo, fill, line, tick, type_into
from .text import plain_label, show_text


class DownloadsCard(Form):
    """How fast, when, and from where models are downloaded. ``save`` gets whole new settings."""

    def __init__(self, save: Callable[[Settings], None]) -> None:
        super().__init__(tr("Downloads"))
        self._save = save
        self._scene: Scene
        self._shown: PullSettingsView | None = None
        self._time = combo(tr("When models are downloaded"))
        self._time.currentIndexChanged.connect(self._chosen)
        self._hours = line(tr("Hours of downloads"), "23:00-06:00", 130)
        self._hours.editingFinished.connect(self._hours_typed)
        self._limit = line(tr("Most megabytes a second"), tr("none"), 110)
        self._limit.editingFinished.connect(self._limit_typed)
        self._source = line(tr("Nearer source of models"), tr("a folder, or http://192.168.1.20:8000"), 260)
        self._source.editingFinished.connect(self._source_typed)
        self._not_metered = TickBox(tr("Wait while the connection is metered"))
        self._not_metered.toggled.connect(
            lambda on: self._change(replace(self._scene.settings.pulls, not_metered=on))
        )
        self.add(tr("Download"), self._time, self._hours)
        self.add("", self._not_metered)
        self._not_metered_note = self.add_note("")
        self.add(tr("Limit"), self._limit, plain_label(tr("MB/s")))
        self._limit_note = self.add_note("")
        self.add(tr("Copy nearby"), self._source)
        self._source_note = self.add_note("")
        self._error = self.add_error()

    def render_scene(self, scene: Scene) -> None:
        """Show the settings; hours have a field where set ones are chosen."""
        self._scene = scene
        view = pull_settings_view(scene)
        if view == self._shown:
            return
        self._shown = view
        fill(self._time, tuple(Choice(*item) for item in view.times), view.time)
        self._hours.setVisible(view.time == OWN_HOURS)
        type_into(self._hours, view.own_hours)
        type_into(self._limit, view.limit)
        show_text(self._limit_note, view.limit_note)
        type_into(self._source, view.source)
        show_text(self._source_note, view.source_note)
        self._not_metered.setVisible(view.not_metered is not None)
        tick(self._not_metered, bool(view.not_metered))
        show_text(self._not_metered_note, view.not_metered_note)

    def _chosen(self) -> None:
        time = str(self._time.currentData() or "")
        self._hours.setVisible(time == OWN_HOURS)
        if time == OWN_HOURS and not self._hours.text():
            self._hours.setFocus()
            return
        self._take(understood_hours(time, self._hours.text(), self._scene.settings.pulls))

    def _hours_typed(self) -> None:
        if str(self._time.currentData() or "") == OWN_HOURS:
            self._take(understood_hours(OWN_HOURS, self._hours.text(), self._scene.settings.pulls))

    def _limit_typed(self) -> None:
        self._take(understood_limit(self._limit.text(), self._scene.settings.pulls))

    def _source_typed(self) -> None:
        self._take(understood_source(self._source.text(), self._scene.settings.pulls))

    def _take(self, understood: tuple[PullSettings, str]) -> None:
        pulls, error = understood
        show_text(self._error, error)
        if not error:
            self._change(pulls)

    def _change(self, pulls: PullSettings) -> None:
        if pulls != self._scene.settings.pulls:
            self._save(replace(self._scene.settings, pulls=pulls))
