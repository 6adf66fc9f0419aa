"""The card Dynamic prices of the page Settings."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.i18n import tr
from wattlight.settings import PriceFeed, Settings
from wattlight.viewmodels.price_feed import FeedView, feed_view, understood_feed
from wattlight.viewmodels.scene import Scene

from .controls import ActionRow, Ask
from .flow import TickBox
from .forms import Form, combo, fill, line, tick, type_into
from .text import plain_label, set_text, show_text


class FeedCard(Form):
    """Nothing is fetched until somebody asks for it, once or daily. ``save`` gets whole new settings."""

    def __init__(self, ask: Ask, save: Callable[[Settings], None]) -> None:
        super().__init__(tr("Dynamic prices"))
        self._save = save
        self._scene: Scene
        self._shown: FeedView | None = None
        self._feed = combo(tr("Price feed"))
        self._feed.currentIndexChanged.connect(self._chosen)
        self._area = line(tr("Area"), "DE-LU", 160)
        self._factor = line(tr("Factor on the market's price"), "1.19", 80)
        self._add = line(tr("Added to each kWh"), "0.17", 80)
        for field in (self._area, self._factor, self._add):
            field.editingFinished.connect(self._typed)
        self._daily = TickBox(tr("Fetch the prices once a day"))
        self._daily.toggled.connect(lambda on: self._change(replace(self._scene.settings.feed, daily=on)))
        self._fetch = ActionRow(ask)
        self._about = self.add_note("")
        self.add(tr("Feed"), self._feed)
        self._area_label = plain_label(tr("Area"))
        self.add_pair(self._area_label, self._area)
        self.add(tr("Price of a kWh"), self._factor, plain_label(tr("x market price +")), self._add)
        self.add("", self._daily)
        self._now_label = plain_label(tr("Now"))
        self.add_pair(self._now_label, self._fetch)
        self._error = self.add_error()
        self._said = self.add_note("")

    def render_scene(self, scene: Scene) -> None:
        """Show the feed of the settings and what came of the last fetch."""
        self._scene = scene
        view = feed_view(scene)
        if view == self._shown:
            return
        self._shown = view
        set_text(self._about, view.about)
        fill(self._feed, view.feeds, view.feed)
        type_into(self._area, view.area)
        self._area.setPlaceholderText(view.area_example)
        type_into(self._factor, view.factor)
        type_into(self._add, view.add)
        tick(self._daily, view.daily)
        for widget in (self._area_label, self._area):
            widget.setVisible(view.needs_area)
        for part in (self._factor, self._add, self._daily):
            part.setEnabled(bool(view.feed))
        self._fetch.render_view(view.fetch)
        self._now_label.setVisible(bool(view.fetch))
        show_text(self._error, view.said if view.said_is_bad else "")
        show_text(self._said, "" if view.said_is_bad else view.said)

    def _chosen(self) -> None:
        feed = str(self._feed.currentData() or "")
        if feed != self._scene.settings.feed.feed:
            self._change(PriceFeed() if not feed else replace(self._scene.settings.feed, feed=feed, area=""))

    def _typed(self) -> None:
        texts = (self._area.text(), self._factor.text(), self._add.text())
        feed, error = understood_feed(*texts, self._scene.settings.feed)
        show_text(self._error, error)
        if not error:
            self._change(feed)

    def _change(self, feed: PriceFeed) -> None:
        if feed != self._scene.settings.feed:
            self._save(replace(self._scene.settings, feed=feed))
