"""Works out the slower answers the windows show, in the background and only when something changed."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from wattlight.domain.advice import DEFAULT_CONTEXT, Question, Use
from wattlight.domain.learning import Comparison
from wattlight.domain.state import AppState, HostState, InstalledModel
from wattlight.domain.values import LOCAL_HOST, MachineProfile, Problem
from wattlight.services.advising import Advisor
from wattlight.services.shapes import FoundShape
from wattlight.viewmodels import CONTEXTS, BreakEvenBasis, CountryPrice, Extras, FitNote, NamedModel
from wattlight.viewmodels.advice import left_out, listed_offer, offers

from .cost_answers import CostAnswers
from .fit_notes import Experience, note_of, with_ladder
from .free_memory import without_models

COST_AGE_S = 120.0
"""Sums of the month are this old at most while somebody looks."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answers come from; each may raise a Problem, which leaves its answer out."""

    state: Callable[[], AppState]
    context: Callable[[], int]
    advisor: Callable[[], Advisor]
    profile: Callable[[], MachineProfile | None]
    countries: Callable[[], tuple[CountryPrice, ...]]
    cost: Callable[[], CostAnswers]
    models_folder: Path
    version: str
    autostart_supported: bool
    startable: Callable[[], bool]
    experience: Callable[[], Experience]
    break_even: Callable[[], BreakEvenBasis]
    loads: Callable[[], tuple[Comparison, ...]]
    catalog_date: Callable[[], str]
    shape: Callable[[str], FoundShape]


class ExtrasMaker:
    """One thread that sleeps until :meth:`ask`; answers go to ``publish``. Merges requests that wait."""

    def __init__(
        self, sources: Sources, publish: Callable[[Extras], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sources = sources
        self._publish = publish
        self._wake = threading.Condition()
        self._wanted: set[str] = set()
        self._question: tuple[Use, int] | None = None
        self._named = ("", False)
        self._ended = False
        self._extras = Extras(version=sources.version, autostart_supported=sources.autostart_supported)
        self._seen: object = None
        self._clock = clock
        self._watched = False
        self._cost_at = float("-inf")
        self._thread: threading.Thread | None = None

    @property
    def extras(self) -> Extras:
        """The newest answers."""
        return self._extras

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="wattlight-extras", daemon=True)
        self._thread.start()

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
        """Work out ``fits``, ``offers``, ``cost``, ``loads`` or ``fixed`` anew, soon."""
        with self._wake:
            self._wanted.update(parts)
            self._wake.notify()

    def looked_at(self, on: bool) -> None:
        """Somebody looks, or nobody does: sums of the month are only worked out for eyes."""
        self._watched = on
        if on:
            self.beat()

    def beat(self) -> None:
        """Called with each sample: what grows old by itself is asked anew every few minutes."""
        now = self._clock()
        if self._watched and now - self._cost_at >= COST_AGE_S:
            self._cost_at = now
            self.ask("cost", "loads")

    def ask_advice(self, use: str | None, context: int | None) -> None:
        """Recommendations for another use or context."""
        known = {item.value for item in Use}
        self._question = (
            Use(use) if use in known else Use.CHAT,
            context or self._sources.context() or DEFAULT_CONTEXT,
        )
        self.ask("offers")

    def ask_about(self, model: str, registry: bool) -> None:
        """Judge a model that is named: by what is known here, or by the header in its ``registry``."""
        self._named = (model, registry)
        self.ask("named")

    def state_changed(self, state: AppState) -> None:
        """Notice what makes the fits old: models installed or loaded, another profile.

        Offers are worked out once somebody has asked for them: the catalogue in memory costs 20 MiB that a
        tray alone does not need.
        """
        host = _local(state)
        if host is None:
            return
        seen = (
            tuple((m.name, m.digest) for m in host.server.installed),
            tuple((m.name, m.context_length) for m in host.server.running),
            host.profile is None,
        )
        if seen != self._seen:
            self._seen = seen
            if host.server.installed:
                self.ask("fits")
            if self._question is not None:
                self.ask("offers")

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted and not self._ended:
                    self._wake.wait()
                if self._ended:
                    return
                wanted = self._wanted - {"named"} or self._wanted  # that one may wait for a network
                self._wanted = self._wanted - wanted
            extras = self._extras
            for part in sorted(wanted):
                extras = self._answer(part, extras)
            if extras != self._extras:
                self._extras = extras
                self._publish(extras)

    def _answer(self, part: str, extras: Extras) -> Extras:
        work = {
            "fits": self._fits,
            "offers": self._offers,
            "cost": self._cost,
            "fixed": self._fixed,
            "named": self._judge_named,
            "loads": self._loads,
        }
        try:
            return work[part](extras)
        except Problem as problem:
            logging.getLogger("wattlight").warning("%s: %s", part, problem)
        except Exception:
            logging.getLogger("wattlight").exception("%s failed", part)
        return extras

    def _fits(self, extras: Extras) -> Extras:
        profile, host = self._machine()
        if profile is None or host is None:
            return extras
        freed = without_models(profile, host.server.running)
        advisor, context = self._sources.advisor(), self._sources.context()
        experience = self._sources.experience()
        loaded = {m.name: m.context_length for m in host.server.running}

        def judge(model: InstalledModel) -> FitNote:
            wanted = loaded.get(model.name) or context or None
            opinion = advisor.judge(model.name, freed, wanted, model.digest)
            ladder = advisor.ladder(model.name, freed, CONTEXTS, model.digest)
            return with_ladder(
                note_of(opinion, model.digest, experience), ladder, opinion.architecture, experience
            )

        local = [m for m in host.server.installed if m.remote_host is None]
        return replace(extras, fits=tuple(judge(m) for m in local))

    def _offers(self, extras: Extras) -> Extras:
        profile, host = self._machine()
        if profile is None or host is None:
            return extras
        use, context = self._question or (Use.CHAT, self._sources.context() or DEFAULT_CONTEXT)
        freed = without_models(profile, host.server.running)
        advice = self._sources.advisor().advice(freed, Question(use, context, limit=30))
        advisor = self._sources.advisor()
        made = (
            replace(offer, fit=with_ladder(offer.fit, advisor.ladder(offer.model, freed, CONTEXTS)))
            for offer in offers(advice)
        )
        everything = advisor.advice(freed, Question(Use.CHAT, context, limit=200, everything=True))
        return replace(extras, offers=tuple(made), starters=offers(everything), left_out=left_out(advice))

    def _judge_named(self, extras: Extras) -> Extras:
        (model, registry), problem = self._named, ""
        profile, host = self._machine()
        if profile is None or host is None:
            return extras
        advisor, freed = self._sources.advisor(), without_models(profile, host.server.running)
        if registry:
            try:
                found = self._sources.shape(model)
            except Problem as fault:
                problem = str(fault)
            else:
                problem = "" if found.obstacle is None else str(found.obstacle)
                if found.obstacle is None:
                    advisor.know(model, found.shape)
        opinion = advisor.judge(model, freed, self._sources.context() or None)
        note = with_ladder(note_of(opinion), advisor.ladder(model, freed, CONTEXTS))
        offer = listed_offer(note, opinion.entry, opinion.download_bytes)
        return replace(extras, named=NamedModel(offer, registry, problem))

    def _cost(self, extras: Extras) -> Extras:
        answers = self._sources.cost()
        return replace(
            extras,
            days=answers.days,
            months=answers.months,
            month_low_micro=answers.month_low_micro,
            month_high_micro=answers.month_high_micro,
            parked_month_micro=answers.parked_month_micro,
            parked_saving_micro=answers.parked_saving_micro,
            same_time_last_week_micro=answers.same_time_last_week_micro,
            last_week_reason=answers.last_week_reason,
            caps=answers.caps,
            break_even=self._sources.break_even(),
        )

    def _loads(self, extras: Extras) -> Extras:
        return replace(extras, loads=self._sources.loads())

    def _fixed(self, extras: Extras) -> Extras:
        return replace(
            extras,
            countries=self._sources.countries(),
            disk_free_bytes=_free_bytes(self._sources.models_folder),
            server_startable=self._sources.startable(),
            catalog_date=self._sources.catalog_date(),
        )

    def _machine(self) -> tuple[MachineProfile | None, HostState | None]:
        return self._sources.profile(), _local(self._sources.state())


def _local(state: AppState) -> HostState | None:
    return next((host for host in state.hosts if host.id == LOCAL_HOST), None)


def _free_bytes(folder: Path) -> int | None:
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
