"""Works out the slower answers the windows show, in the background and only when something changed."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from wattlight.domain.advice import DEFAULT_CONTEXT, Question, Use
from wattlight.domain.breakeven import prices_on
from wattlight.domain.cost import HistorySpan
from wattlight.domain.fit import without_models
from wattlight.domain.servers import Can
from wattlight.domain.state import AppState, InstalledModel
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import Problem
from wattlight.i18n import local_zone, short_date
from wattlight.services.current import CurrentSettings
from wattlight.services.factory import ServiceFactory
from wattlight.services.first_run import SetupGuide
from wattlight.services.hub import StateHub
from wattlight.services.learning import LoadLearner
from wattlight.services.models import find_updates
from wattlight.services.passthrough import WindowEnergy
from wattlight.services.pricing import (
    api_prices,
    carbon_factors,
    country_prices,
    dollar_rate,
    mean_price,
)
from wattlight.store.jobs import TokenHour

from .answers import CONTEXTS, HOURS, Extras, FitNote, FoundUpdates, NamedModel
from .costs import LOOKED_BACK, BreakEvenBasis, HostedPrices, MonthCosts, counted_use, month_costs, own_sides
from .disk_care import DiskCare, free_bytes
from .fit_notes import Experience, note_of, with_ladder, with_others
from .metering import hours_of_the_week, power_history
from .offers import left_out, listed_offer, offers
from .server_variables import caches_in_force

HISTORY_AGE_S = {HistorySpan.DAY: 60.0}
"""A longer span is read again when it is this old, others like the cost."""
_OF_NETWORK = frozenset({"named", "updates"})
"""Answers that may wait for a network: whatever else is wanted comes first."""
COST_AGE_S = 120.0
"""Sums of the month are this old at most while somebody looks."""


class SlowAnswers:
    """One thread that sleeps until :meth:`ask`; answers go to ``publish``. Merges requests that wait."""

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        learner: LoadLearner,
        windows: WindowEnergy,
        guide: SetupGuide,
        version: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory = factory
        self._settings = settings
        self._hub = hub
        self._learner = learner
        self._windows = windows
        self._guide = guide
        self._listeners: list[Callable[[Extras], None]] = []
        self._supplied: dict[str, Callable[[Extras], Extras]] = {}
        self._wake = threading.Condition()
        self._wanted: set[str] = set()
        self._question: tuple[Use, int] | None = None
        self._named = ("", False)
        self._care = DiskCare(factory, hub)
        self._span: HistorySpan | None = None
        self._history_at = float("-inf")
        self._ended = False
        self._extras = Extras(version=version, autostart_supported=True)
        self._seen: tuple[object, ...] = ((), (), True)
        self._clock = clock
        self._cost_at = float("-inf")
        self._watched = self._old_fits = False
        self._thread: threading.Thread | None = None

        settings.subscribe(lambda s: s.price, self._priced_anew)
        settings.subscribe(
            lambda s: (s.context_length, s.models, s.break_even), lambda: self.ask("cost", "fits")
        )

    @property
    def answers(self) -> Extras:
        return self._extras

    def supply(self, part: str, work: Callable[[Extras], Extras]) -> None:
        """Let ``work`` make a part of the answers, on this thread. Call before :meth:`start`."""
        self._supplied[part] = work

    def listen(self, listener: Callable[[Extras], None]) -> None:
        """Call ``listener`` with new answers, on the thread that made them."""
        self._listeners.append(listener)

    def start(self) -> None:
        self._thread = self._factory.threads.start("wattlight-extras", self._run)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when it is still busy after ``timeout_s``."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def ask(self, *parts: str) -> None:
        """Work out parts of the answers anew, soon: ``fits``, ``offers``, ``cost``, ``history`` and so on."""
        with self._wake:
            self._wanted.update(parts)
            self._wake.notify()

    def beat(self, watched: bool) -> None:
        """Called with each sample: what grows old by itself is asked anew every few minutes."""
        now, self._watched = self._clock(), watched
        if watched and now - self._cost_at >= COST_AGE_S:
            self._cost_at = now
            self.ask("computer", "cost", "loads", "disk", *(("fits",) if self._old_fits else ()))
            self._old_fits = False
            if self._extras.week_hours is not None:
                self.ask(HOURS)
        if watched and self._span and now - self._history_at >= HISTORY_AGE_S.get(self._span, COST_AGE_S):
            self._history_at = now
            self.ask("history")

    def _priced_anew(self) -> None:
        """What windows alone show is worked out once somebody looks."""
        if self._watched:
            self.ask("cost", "fits")
        else:
            self._old_fits, self._cost_at = True, float("-inf")

    def ask_history(self, what: str) -> None:
        """Read a span of the ledger (:class:`HistorySpan`), or the hours of the week; "" ends it."""
        if what == HOURS:
            self.ask(HOURS)
            return
        self._span = HistorySpan(what) if what in set(HistorySpan) else None
        self._history_at = self._clock()
        if self._span is not None:
            self.ask("history")

    def ask_advice(self, use: str | None, context: int | None) -> None:
        known = {item.value for item in Use}
        self._question = (
            Use(use) if use in known else Use.CHAT,
            context or self._settings.value.context_length or DEFAULT_CONTEXT,
        )
        self.ask("offers")

    def ask_about(self, model: str, registry: bool) -> None:
        """Judge a model that is named: by what is known here, or by the header in its ``registry``."""
        self._named = (model, registry)
        self.ask("named")

    def clean_up(self, mark: int | None) -> None:
        """Remove what belongs to no model, as it was listed."""
        self._care.wish(mark)
        self.ask("disk")

    def state_changed(self, state: AppState) -> None:
        """Notice what makes the fits old: models installed or loaded, another profile.

        Offers are worked out once somebody has asked for them: the catalogue in memory costs 20 MiB that a
        tray alone does not need.
        """
        host = state.local
        seen = (
            tuple((m.name, m.digest) for m in host.server.installed),
            tuple((m.name, m.context_length) for m in host.server.running),
            host.profile is None,
        )
        if seen == self._seen:
            return
        files_moved, self._seen = seen[0] != self._seen[0], seen
        if host.server.installed:
            self.ask("fits", *(("disk",) if files_moved else ()))
        if self._question is not None:
            self.ask("offers")

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted and not self._ended:
                    self._wake.wait()
                if self._ended:
                    return
                wanted = self._wanted - _OF_NETWORK or self._wanted
                self._wanted = self._wanted - wanted
            extras = self._extras
            for part in sorted(wanted):
                extras = self._answer(part, extras)
            if extras != self._extras:
                self._extras = extras
                for listener in self._listeners:
                    listener(extras)

    def _answer(self, part: str, extras: Extras) -> Extras:
        work = {
            "fits": self._fits,
            "offers": self._offers,
            "cost": self._cost,
            "computer": self._computer,
            "tables": self._tables,
            "named": self._judge_named,
            "updates": self._updates,
            "loads": self._loads,
            "disk": self._disk,
            "history": self._history,
            HOURS: self._hours_of_the_week,
            **self._supplied,
        }
        try:
            return work[part](extras)
        except Problem as problem:
            logging.getLogger("wattlight").warning("%s: %s", part, problem)
        except Exception:
            logging.getLogger("wattlight").exception("%s failed", part)
        return extras

    def _fits(self, extras: Extras) -> Extras:
        host = self._hub.state.local
        profile = host.profile
        if profile is None:
            return extras
        freed = self._factory.paced(without_models(profile, host.server))
        advisor, settings = self._factory.advisor(), self._settings.value
        experience = self._experience()
        loaded = {m.name: m.context_length for m in host.server.running}
        caches = caches_in_force(self._factory, settings, tuple(loaded))
        held = tuple((m.name, m.digest, m.context_length) for m in host.server.running)

        def judge(model: InstalledModel) -> FitNote:
            wanted = loaded.get(model.name) or settings.wish(model.name).context_length
            opinion = advisor.judge(model.name, freed, wanted, model.digest)
            ladder = advisor.ladder(model.name, freed, CONTEXTS, model.digest, wanted)
            note = with_ladder(
                note_of(opinion, model.digest, experience), ladder, opinion.architecture, experience
            )
            note = replace(note, kv_type=caches.get(model.name, note.kv_type))
            if model.name in loaded or not held:
                return note
            found = advisor.together((*held, (model.name, model.digest, wanted)), freed)
            return with_others(note, tuple(loaded), found)

        known = host.server.installed if host.server.can(Can.DESCRIBE) else ()
        local = [m for m in known if m.remote_host is None]
        return replace(extras, fits=tuple(judge(m) for m in local))

    def _offers(self, extras: Extras) -> Extras:
        host = self._hub.state.local
        profile = host.profile
        if profile is None:
            return extras
        use, context = self._question or (Use.CHAT, self._settings.value.context_length or DEFAULT_CONTEXT)
        freed = self._factory.paced(without_models(profile, host.server))
        advice = self._factory.advisor().advice(freed, Question(use, context, limit=30))
        advisor = self._factory.advisor()
        made = (
            replace(offer, fit=with_ladder(offer.fit, advisor.ladder(offer.model, freed, CONTEXTS)))
            for offer in offers(advice)
        )
        everything = advisor.advice(freed, Question(Use.CHAT, context, limit=200, everything=True))
        return replace(extras, offers=tuple(made), starters=offers(everything), left_out=left_out(advice))

    def _judge_named(self, extras: Extras) -> Extras:
        (model, registry), problem = self._named, ""
        host = self._hub.state.local
        profile = host.profile
        if profile is None:
            return extras
        advisor = self._factory.advisor()
        freed = self._factory.paced(without_models(profile, host.server))
        if registry:
            try:
                found = self._factory.shape_finder().named(model)
            except Problem as fault:
                problem = str(fault)
            else:
                problem = "" if found.obstacle is None else str(found.obstacle)
                if found.obstacle is None:
                    advisor.know(model, found.shape)
        opinion = advisor.judge(model, freed, self._settings.value.context_length or None)
        note = with_ladder(note_of(opinion), advisor.ladder(model, freed, CONTEXTS))
        offer = listed_offer(note, opinion.entry, opinion.download_bytes, opinion.download_exact)
        return replace(extras, named=NamedModel(offer, registry, problem))

    def _updates(self, extras: Extras) -> Extras:
        """Ask the registries of the installed models what is newer; only ever after a click."""
        server = self._hub.state.local.server
        folders = self._factory.model_folders(server.url)
        try:
            report = find_updates(server.installed, self._factory.registry().manifest, folders)
        except Problem as problem:
            return replace(extras, updates=FoundUpdates(problem=str(problem)))
        problems = [report.stopped] if report.stopped else [problem for _, problem in report.problems]
        return replace(extras, updates=FoundUpdates(report.updates, str(problems[0]) if problems else ""))

    def _cost(self, extras: Extras) -> Extras:
        tariff, now = self._tariff(), self._factory.now()
        prices = prices_on(api_prices(), now.date())
        valid = tuple(row for row in prices if not row.ended(now.date()))
        costs = MonthCosts()
        if self._factory.places.ledger_file.exists():
            with self._factory.ledger() as reader:
                costs = month_costs(
                    reader,
                    tariff,
                    local_zone(self._settings.environ),
                    now,
                    self._hub.state.local,
                    HostedPrices(valid, dollar_rate(self._settings.value.price)),
                )
        calls, tokens_in, tokens_out = counted_use(self._hours(now - LOOKED_BACK, now), now)
        basis = BreakEvenBasis(
            prices=prices,
            own=own_sides(extras.fits, self._factory.own_runs()),
            price_per_kwh=None if tariff is None else mean_price(tariff, now),
            currency=None if tariff is None else tariff.currency,
            calls=calls,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )
        return replace(extras, costs=costs, break_even=basis)

    def _history(self, extras: Extras) -> Extras:
        if self._span is None:
            return extras
        zone, now = local_zone(self._settings.environ), self._factory.now()
        with self._factory.ledger() as reader:
            return replace(extras, history=power_history(reader, self._span, self._tariff(), zone, now))

    def _hours_of_the_week(self, extras: Extras) -> Extras:
        zone, now = local_zone(self._settings.environ), self._factory.now()
        with self._factory.ledger() as reader:
            return replace(extras, week_hours=hours_of_the_week(reader, self._tariff(), zone, now))

    def _disk(self, extras: Extras) -> Extras:
        return replace(extras, disk=self._care.look())

    def _loads(self, extras: Extras) -> Extras:
        return replace(extras, loads=self._learner.comparisons())

    def _computer(self, extras: Extras) -> Extras:
        """Room on the drive of the models, and whether a server could be started."""
        folders = self._factory.model_folders(self._hub.state.local.server.url)
        there = next((folder for folder in folders if folder.exists()), next(iter(folders), None))
        return replace(
            extras,
            disk_free_bytes=None if there is None else free_bytes(there),
            server_startable=self._guide.startable(),
        )

    def _tables(self, extras: Extras) -> Extras:
        """What windows choose from; a tray alone reads none of it."""
        if extras.catalog_date:
            return extras
        return replace(
            extras,
            countries=country_prices(),
            carbon=carbon_factors(),
            catalog_date=short_date(self._factory.catalog().date),
        )

    def _hours(self, start: datetime, end: datetime) -> tuple[TokenHour, ...]:
        """Counted tokens by the hour; none while they cannot be read."""
        try:
            return self._factory.jobs().token_hours(start, end)
        except Problem as problem:
            logging.getLogger("wattlight").warning("token counts are not read: %s", problem)
            return ()

    def _tariff(self) -> Tariff | None:
        try:
            return self._settings.tariff()
        except Problem:
            return None  # the meter says it

    def _experience(self) -> Experience:
        tariff = self._tariff()
        price = None if tariff is None else mean_price(tariff, self._factory.now())
        runs = self._factory.own_runs()
        return Experience(runs, self._windows.sums(), price, self._learner)
