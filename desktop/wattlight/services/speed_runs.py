"""Measures a model's speed on request, in the background, with the sampler at its quick beat."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from wattlight.domain.advice import DEFAULT_CONTEXT
from wattlight.domain.command import Command
from wattlight.domain.fit import without_models
from wattlight.domain.learning import device_label
from wattlight.domain.state import ServerState, same_model
from wattlight.domain.values import MachineProfile, Problem, clean_text
from wattlight.i18n import tr
from wattlight.settings import ServerAddress

from .answers import Extras
from .benchmark import Benchmark, BenchmarkProblem, PowerHistory, Progress, SideBySide, Subject, compare
from .counting import Counting
from .current import CurrentSettings, Servers
from .factory import ServiceFactory
from .hub import StateHub
from .meter_service import MeterService
from .prompts import keep_prompts, kept_prompts, prompts_file, prompts_text, read_prompts

if TYPE_CHECKING:
    from wattlight.store.jobs import LearningStore

    from .advising import Advisor

TELL_EVERY_S = 0.5


class SpeedRuns:
    """:meth:`run` blocks for about half a minute, where prompts are slow for two: give it to a worker."""

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        servers: Servers,
        meter: MeterService,
        history: PowerHistory,
        counting: Counting,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory = factory
        self._settings = settings
        self._hub = hub
        self._servers = servers
        self._meter = meter
        self._history = history
        self._counting = counting
        self._monotonic = monotonic
        self._prompts: tuple[str, ...] = ()
        self._compared: SideBySide | None = None
        self._tell: Callable[[], None] = lambda: None

    def run(self, model: str, say: Callable[[float | None], None], cancel: threading.Event) -> None:
        """Measure ``model`` and keep the result; ``say`` hears the share that is done, twice a second.

        Raises:
            Problem: the server's, or there was no result; code ``cancelled`` after a cancel.
        """
        told_at = float("-inf")

        def progress(news: Progress) -> None:
            nonlocal told_at
            now = self._monotonic()
            if news.share is not None and now - told_at >= TELL_EVERY_S:
                told_at = now
                say(news.share)

        subject = self.subject(model)
        with self._measuring(self._factory.jobs()) as benchmark:
            benchmark.run_fills(subject, progress, cancel)

    def compare(
        self, model: str, other: str, say: Callable[[float | None], None], cancel: threading.Event
    ) -> None:
        """Ask both models the person's prompts; the result is among the answers until the next one.

        Raises:
            Problem: as :meth:`run`; there is no prompt.
        """
        prompts = self._prompts or kept_prompts(prompts_file(self._factory.places))
        if not prompts:
            read_prompts("")
        subjects = (self.subject(model), self.subject(other))
        with self._measuring(None) as benchmark:
            self._compared = compare(benchmark, self._servers.local, subjects, prompts, say, cancel)
        self._tell()

    def set_prompts(self, command: Command) -> None:
        """Compare on the prompts in ``command`` from now on; those that are kept are these, or none."""
        try:
            self._prompts = read_prompts(command.text) if command.text.strip() else ()
            keep_prompts(prompts_file(self._factory.places), self._prompts if command.number else ())
        except Problem as problem:
            self._hub.notify("prompts", str(problem), self._factory.now(), "error")
        else:
            self._hub.withdraw("prompts")
        self._tell()

    def answer(self, extras: Extras) -> Extras:
        """What the window that compares shows: the last result, and the prompts that are kept."""
        kept = prompts_text(kept_prompts(prompts_file(self._factory.places)))
        return replace(extras, compared=self._compared, prompts=kept)

    def listen(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` when :meth:`answer` would be another."""
        self._tell = tell

    @contextmanager
    def _measuring(self, book: "LearningStore | None") -> Iterator[Benchmark]:
        """The benchmark, while the sampler has its quick beat."""
        made = Benchmark(
            self._servers.local,
            self._history,
            book,
            self._factory.now,
            self._monotonic,
            self._counting.count,
        )
        self._meter.hurry(True)
        try:
            yield made
        finally:
            self._meter.hurry(False)

    def subject(self, model: str) -> Subject:
        """``model`` as it is loaded now, else as the settings would load it; the device as its fit names it.

        Raises:
            BenchmarkProblem: it is not installed.
        """
        server, profile = self._hub.state.local.server, self._meter.fresh_profile()
        if profile is None:
            raise _not_installed(model)
        chosen = self._settings.value.context_length or None
        return subject_of(model, server, profile, self._factory.advisor(), chosen)


def subject_of(
    model: str, server: ServerState, profile: MachineProfile, advisor: "Advisor", chosen: int | None
) -> Subject:
    """``model`` as it is loaded now, else with the context that is ``chosen`` or the server's own.

    Raises:
        BenchmarkProblem: it is not installed.
    """
    loaded = next((m for m in server.running if same_model(m.name, model)), None)
    installed = next((m for m in server.installed if same_model(m.name, model)), None)
    if installed is None:
        raise _not_installed(model)
    context = (loaded.context_length if loaded is not None else None) or chosen
    freed = without_models(profile, server)
    fit = advisor.judge(installed.name, freed, context, installed.digest).fit
    used = {d.id for d in fit.devices} if fit is not None else {d.id for d in profile.devices}
    devices = [device for device in profile.devices if device.id in used]
    return Subject(
        installed.name,
        installed.digest,
        device_label(d.name for d in (fit.devices if fit is not None else devices)),
        fit.context if fit is not None else context or DEFAULT_CONTEXT,
        server.version,
        driver=", ".join(dict.fromkeys(d.driver for d in devices if d.driver)) or None,
        loaded=loaded is not None,
    )


def far_subject(model: str, server: ServerState, address: ServerAddress) -> Subject:
    """``model`` on another computer; the device is the computer, what is in it is not asked.

    Raises:
        BenchmarkProblem: it is not installed there.
    """
    loaded = next((m for m in server.running if same_model(m.name, model)), None)
    installed = next((m for m in server.installed if same_model(m.name, model)), None)
    if installed is None:
        shown = clean_text(address.name, 60)
        raise BenchmarkProblem(
            tr("{model} is not installed on {name}.", model=clean_text(model, 120), name=shown),
            tr("'wattlight models --host NAME' lists what each has."),
        )
    context = loaded.context_length if loaded is not None else None
    return Subject(
        installed.name,
        installed.digest,
        clean_text(address.name, 60),
        context or DEFAULT_CONTEXT,
        server.version,
        address.host,
        loaded=loaded is not None,
    )


def _not_installed(model: str) -> BenchmarkProblem:
    return BenchmarkProblem(tr("{model} is not installed here.", model=model), tr("Install it first."))
