"""Learning, measuring and counting of one run of the program, built around its meter and its servers."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from wattlight.domain.advice import DEFAULT_CONTEXT
from wattlight.domain.fit import PreparedModel
from wattlight.domain.learning import Comparison, device_label
from wattlight.domain.state import AppState, HostState, ServerState
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import LOCAL_HOST, HostId, MachineProfile, Problem
from wattlight.runtime import Answerer, Endpoint, ModelServer, connect_answers, parse_endpoint, same_model
from wattlight.services.advising import Advisor
from wattlight.services.benchmark import BenchmarkProblem, EnergyTap, Subject
from wattlight.services.desk import Counting, Followers, SpeedParts, SpeedRuns
from wattlight.services.learning import AnnouncingServer, Foreteller, LoadLearner
from wattlight.services.passthrough import WindowEnergy
from wattlight.settings import ServerAddress
from wattlight.store.jobs import TokenHour

from .fit_notes import Experience
from .free_memory import without_models
from .jobs_shelf import JobsShelf
from .workshop import LocalWorkshop


@dataclass(frozen=True, slots=True)
class LearnedParts:
    """What learning needs of the rest of the program.

    Attributes:
        state: the state as it is now.
        fresh_profile: the machine with the memory that is free now; may wait for a look.
        context: the context length of the settings.
        hurry, note_tokens, rest_w: the meter's.
        compared: hears of every load that was compared.
        counted: called after each sample.
    """

    workshop: LocalWorkshop
    state: Callable[[], AppState]
    fresh_profile: Callable[[], MachineProfile | None]
    context: Callable[[], int]
    hurry: Callable[[bool], None]
    note_tokens: Callable[[int, int], None]
    rest_w: Callable[[], float | None]
    compared: Callable[[Comparison], None]
    counted: Callable[[], None]


class Learned:
    """Makes the parts once; each answers from what the shared database and this run have."""

    def __init__(self, parts: LearnedParts) -> None:
        self._parts = parts
        self._shelf = JobsShelf(parts.workshop.jobs)
        self._tap = EnergyTap()
        self._windows = WindowEnergy(self._tap, parts.rest_w)
        self._foreteller = Foreteller(self._prepared, parts.fresh_profile)
        self.learner = LoadLearner(self._shelf, self._foreteller.after, self._version, parts.compared)
        self.counting = Counting(self._upstream, self._shelf.add_uses, parts.note_tokens, self._windows)
        self.followers = Followers(self._tap, self.learner, self._windows, parts.counted)
        self.speeds = SpeedRuns(
            SpeedParts(
                answers=self._answers,
                subject=self._subject,
                hurry=parts.hurry,
                tap=self._tap,
                book=self._shelf,
                count=self.counting.count,
                now=parts.workshop.now,
            )
        )

    @property
    def tap(self) -> EnergyTap:
        """What the measured parts drew in the last minutes."""
        return self._tap

    def answers(self) -> Answerer:
        """Asks the server that answers now."""
        return self._answers()

    def announcing(self, server: ModelServer) -> ModelServer:
        """``server``, telling the learner of each load that is made through it."""
        return AnnouncingServer(server, self.learner, self._foreteller, self._parts.workshop.now)

    def experience(self, price_per_kwh: Decimal | None) -> Experience:
        """What was measured and learned so far."""
        return Experience(self.runs(), self._windows.sums(), price_per_kwh, self.learner.corrected)

    def runs(self) -> tuple[MeasuredSpeed, ...]:
        """Runs of the benchmark, newest first; none while they cannot be read."""
        try:
            return self._shelf.speeds()
        except Problem as problem:
            logging.getLogger("wattlight").warning("speeds are not read: %s", problem)
            return ()

    def hours(self, start: datetime, end: datetime) -> tuple[TokenHour, ...]:
        """Counted tokens by the hour; none while they cannot be read."""
        try:
            return self._shelf.token_hours(start, end)
        except Problem as problem:
            logging.getLogger("wattlight").warning("token counts are not read: %s", problem)
            return ()

    def _host(self) -> HostState:
        hosts = self._parts.state().hosts
        return next((host for host in hosts if host.id == LOCAL_HOST), hosts[0])

    def _server(self) -> ServerState:
        return self._host().server

    def _version(self) -> str | None:
        return self._server().version

    def _upstream(self) -> Endpoint:
        return parse_endpoint(self._server().url, "the server's address")

    def _answers(self) -> Answerer:
        return connect_answers(ServerAddress(url=self._server().url), self._parts.workshop.environ)

    def _advisor(self) -> Advisor:
        return self._parts.workshop.advisor()

    def _prepared(self, model: str) -> PreparedModel | None:
        installed = self._server().installed
        digest = next((m.digest for m in installed if same_model(m.name, model)), "")
        return self._advisor().prepared(model, digest)

    def _subject(self, model: str, host: HostId = LOCAL_HOST) -> Subject:
        """As it is loaded now, else as the settings would load it; the device as its fit names it."""
        server, profile = self._server(), self._parts.fresh_profile()
        loaded = next((m for m in server.running if same_model(m.name, model)), None)
        installed = next((m for m in server.installed if same_model(m.name, model)), None)
        if installed is None or profile is None:
            raise BenchmarkProblem(f"{model} is not installed here.", "Install it first.")
        context = (loaded.context_length if loaded is not None else None) or self._parts.context() or None
        freed = without_models(profile, server.running)
        fit = self._advisor().judge(installed.name, freed, context, installed.digest).fit
        device = device_label(d.name for d in (fit.devices if fit is not None else profile.devices))
        return Subject(
            installed.name,
            installed.digest,
            device,
            fit.context if fit is not None else context or DEFAULT_CONTEXT,
            server.version,
            host,
        )
