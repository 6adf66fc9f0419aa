"""The downloads of the running program: what guards them, when they may run, and what is told of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from threading import Event

from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import AT_NIGHT, NIGHT, PullState, next_span, opens_at, read_hours
from wattlight.domain.tariff import Tariff, cheapest_band
from wattlight.domain.values import Problem, from_us
from wattlight.i18n import local_zone
from wattlight.runtime import ModelServer

from .current import CurrentSettings, Servers
from .factory import ServiceFactory
from .hub import StateHub
from .models import PullQueue, TaskEnd


def opening(text: str, now: datetime, zone: tzinfo, tariff: Tariff | None) -> datetime | None:
    """When the hours that ``text`` means begin next; None: now, and for a text that means none.

    At night is when the tariff is cheapest, by the hour; where it has one price, from 23:00 to 06:00.
    """
    if text == AT_NIGHT and tariff is not None:
        today = now.astimezone(tariff.zone).date()
        days = (today, today + timedelta(days=1))
        cheap = [span for day in days for span in cheapest_band(tariff, day)]
        try:
            return next_span(((from_us(span.start_us), from_us(span.end_us)) for span in cheap), now)
        except ValueError:
            pass
    hours = NIGHT if text == AT_NIGHT else read_hours(text)
    return None if hours is None else opens_at(hours, now, zone)


class ModelPulls:
    """Owns the queue, and carries out what is asked of it.

    Args:
        heard: gets every change of the downloads before the state shows it.
        ended: is called once for each that ends.
        pulled: is called with a model that has come, on the thread of the downloads.
    """

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        servers: Servers,
        heard: Callable[[tuple[PullState, ...]], None],
        ended: Callable[[TaskEnd], None],
        pulled: Callable[[ModelServer, str, Event], None],
    ) -> None:
        self._factory, self._settings, self._hub = factory, settings, hub
        self._heard = heard
        self._opening: tuple[tuple[str, datetime], datetime | None] | None = None
        self._alone = factory.queue_lock()
        self.queue = PullQueue(
            factory.pull_book(),
            servers,
            factory.pull_guard(self._is_ours),
            self._changed,
            ended,
            settings=lambda: settings.value.pulls,
            opens=self._opens,
            metered=lambda: hub.state.metered,
            pulled=pulled,
            now=factory.now,
            start=factory.threads.start,
        )
        settings.subscribe(lambda s: (s.pulls, s.price), self._renewed)

    def handlers(self) -> dict[Verb, Callable[[Command], None]]:
        """What is carried out here, by verb."""
        queue = self.queue
        return {
            Verb.PULL: lambda c: queue.pull(c.model),
            Verb.RESUME_PULL: lambda c: queue.pull(c.model),
            Verb.PAUSE_PULL: lambda c: queue.pause(c.model),
            Verb.CANCEL_PULL: lambda c: queue.cancel(c.model),
            Verb.MOVE_PULL: lambda c: queue.move(c.model, c.number or 0),
            Verb.NETWORK: self._network,
        }

    def start(self) -> None:
        """Go on with what an earlier run left; other processes see that the queue is cared for."""
        try:
            self._alone.acquire()
        except Problem as problem:
            self._hub.notify("queue", str(problem), self._factory.now(), "warning")
        self.queue.look()

    def close(self) -> bool:
        ended = self.queue.close()
        self._alone.release()
        return ended

    def _network(self, command: Command) -> None:
        """``number``: 1 a metered connection, 0 none, None not known."""
        metered = None if command.number is None else bool(command.number)
        self._hub.update(lambda state: replace(state, metered=metered))
        self.queue.look()

    def _changed(self, pulls: tuple[PullState, ...]) -> None:
        self._heard(pulls)
        self._hub.update(lambda state: replace(state, pulls=pulls))

    def _is_ours(self, url: str) -> bool:
        """Whether the server at ``url`` is one that we started, in Ollama's usual folder."""
        state = self._hub.state
        elsewhere = any(item.name == "OLLAMA_MODELS" for item in self._settings.value.server_values)
        return state.setup.server_is_ours and state.local.server.url == url and not elsewhere

    def _renewed(self) -> None:
        self._opening = None
        self.queue.look()

    def _opens(self, text: str) -> datetime | None:
        """As :func:`opening` says; worked out once a minute."""
        now = self._factory.now().astimezone(UTC)
        asked = text, now.replace(second=0, microsecond=0)
        known = self._opening
        if known is None or known[0] != asked:
            try:
                tariff = self._settings.tariff()
            except Problem:
                tariff = None
            zone = local_zone(self._settings.environ) if tariff is None else tariff.zone
            known = self._opening = asked, opening(text, now, zone, tariff)
        return known[1]
