"""The tray's side of dynamic prices: fetched at a click, and once a day where that is wanted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from wattlight.domain.command import Command
from wattlight.domain.state import Trial
from wattlight.domain.values import Problem
from wattlight.settings import PriceFeed, Settings

from .current import CurrentSettings
from .factory import ServiceFactory
from .hub import StateHub
from .models import SerialExecutor
from .price_feeds import due, kept_series, series_file, use_feed, zone_name


class DailyPrices:
    """Asks the feed of the settings on a thread of its own; what was fetched before stays after a failure."""

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        save: Callable[[Settings, Settings], None],
        renewed: Callable[[], None],
    ) -> None:
        """``save`` puts settings in force (before, after); ``renewed``: the same tariff has other prices."""
        self._factory, self._settings, self._hub = factory, settings, hub
        self._save, self._renewed = save, renewed
        self._executor = SerialExecutor("wattlight-prices", factory.threads.start)
        self._tried: datetime | None = None
        self._looked: datetime | None = None
        self._busy = False

    def stop(self) -> bool:
        """End; False when a fetch is still under way."""
        return self._executor.close(1.0)

    def fetch(self, _command: Command) -> None:
        """Ask now."""
        self._begin()

    def beat(self) -> None:
        """With each sample: look every few minutes whether the daily fetch is due."""
        wanted, now = self._settings.value.feed, self._factory.now()
        if not wanted.daily or not wanted.feed or self._busy:
            return
        if self._looked is not None and abs((now - self._looked).total_seconds()) < LOOK_S:
            return
        self._looked = now
        if due(kept_series(series_file(self._factory.places.data, wanted)), self._tried, now):
            self._begin()

    def _begin(self) -> None:
        if not self._busy:
            self._busy = True
            self._executor.submit(self._fetch)

    def _fetch(self) -> None:
        wanted = self._settings.value.feed
        self._tried = self._factory.now()
        try:
            self._fetch_from(wanted)
        except Problem as problem:
            self._tell(Trial(str(problem), bad=True))
        finally:
            self._busy = False

    def _fetch_from(self, wanted: PriceFeed) -> None:
        if not wanted.feed:
            self._tell(Trial())
            return
        settings, places = self._settings.value, self._factory.places
        fetched = self._factory.price_fetcher().fetch(wanted)
        zone = zone_name(settings, self._factory.environ)
        folders = places.settings_file.parent, places.data
        changed = use_feed(settings, wanted, folders, fetched, None, zone, self._factory.now())
        if changed.price == settings.price:
            self._renewed()
        else:
            self._save(settings, changed)
        self._tell(Trial(" ".join(fetched.sentences(ZoneInfo(zone)))))

    def _tell(self, trial: Trial) -> None:
        self._hub.update(lambda state: replace(state, prices=trial))


LOOK_S = 300.0
