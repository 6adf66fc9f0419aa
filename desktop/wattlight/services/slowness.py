"""Why a loaded model is slow: gathers the signals, says the cause in words, and tells it once."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wattlight.domain.fit import Verdict, without_models
from wattlight.domain.servers import Can
from wattlight.domain.slowness import Around, Cause, Expected, RunsOn, Slowness, why_slow
from wattlight.domain.state import AppState, HostState, RunningModel, SeenSpeed, ServerState, full_name
from wattlight.domain.values import LOCAL_HOST, clean_text
from wattlight.i18n import gib, number, tr
from wattlight.services.answers import FitNote

from .factory import ServiceFactory
from .fit_notes import Experience, note_of
from .hub import StateHub

if TYPE_CHECKING:
    from wattlight.probes import Prober

SPEED_AGE = timedelta(minutes=10)
"""A speed that was seen longer ago says nothing of now."""
SETTLED_S = 20.0
"""A finding is told of when it has stood for so long: a load takes its memory in steps."""
_SLEPT_S = 30.0


def slow_models(
    host: HostState, fits: Sequence[FitNote], speeds: Iterable[SeenSpeed], now: datetime, slept: bool = False
) -> tuple[Slowness, ...]:
    """What is found of each loaded model of ``host``; nothing of a model without cause for complaint."""
    running, sample = host.server.running, host.sample
    if sample is None or not running or not host.server.can(Can.DESCRIBE):
        return ()  # of other kinds nothing tells what to expect
    notes = {full_name(note.model): note for note in fits}
    expected = [_expected(notes.get(full_name(model.name)), model) for model in running]
    parts = [None if item is None else item.gpu_bytes for item in expected]
    whole = sum(part or 0 for part in parts)
    around = Around(sample.devices, running, None if None in parts else whole, host.profile, slept)
    seen = {full_name(s.model): s.tokens_per_s for s in speeds if now - s.at < SPEED_AGE}
    found = (
        why_slow(model, item, around, seen.get(full_name(model.name)))
        for model, item in zip(running, expected, strict=True)
    )
    return tuple(item for item in found if item is not None)


def _expected(note: FitNote | None, model: RunningModel) -> Expected | None:
    """The fit of a loaded model; None where it was judged for another context."""
    if note is None or note.verdict is None or note.context_length != model.context_length:
        return None
    low = note.tokens_low if note.measured_tokens_per_s is None else note.measured_tokens_per_s
    gpu_bytes = note.gpu_bytes if note.verdict in {Verdict.FULL_GPU, Verdict.PARTIAL_GPU} else None
    return Expected(Verdict(note.verdict), gpu_bytes, note.largest_gpu_context, low)


def slow_here(factory: ServiceFactory, prober: "Prober", state: ServerState) -> tuple[Slowness, ...]:
    """What is found of the models that a server of this computer has loaded."""
    if not state.running or not state.can(Can.DESCRIBE):
        return ()
    profile = without_models(prober.profile(), state)
    advisor, experience = factory.advisor(), Experience(factory.own_runs())
    fits = [
        note_of(advisor.judge(m.name, profile, m.context_length, m.digest), m.digest, experience)
        for m in state.running
    ]
    host = HostState(LOCAL_HOST, "", state, profile, prober.sample())
    return slow_models(host, fits, (), factory.now(), slept_since_boot())


def slept_since_boot() -> bool:
    """Whether the computer slept since it was started; False where the system does not tell (but Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return (
        clock is not None and time.clock_gettime(clock) - time.clock_gettime(time.CLOCK_MONOTONIC) > _SLEPT_S
    )


def cause_text(found: Slowness) -> str:
    """The cause in a sentence, weaker where only one signal speaks for it."""
    name, other = clean_text(found.model, 60), clean_text(found.name, 60)
    amount = gib(found.bytes)
    text = {
        Cause.DRIVER: tr("{model} runs on the processor: {other} cannot be used by any engine."),
        Cause.HIDDEN: tr("{model} runs on the processor: {other} is hidden from the server."),
        Cause.CONTEXT: tr("{model} is {place}: its context leaves no room for all of it on the GPU."),
        Cause.MEMORY: tr("{model} is {place}: {other} holds {amount} of the GPU's memory."),
        Cause.BESIDE: tr("{model} is {place}: {other} is loaded beside it and takes {amount}."),
        Cause.SIZE: tr("{model} is {place}: it is larger than the memory of the GPU."),
        Cause.SUSPEND: tr("{model} runs on the processor: the server seems to have lost {other} in sleep."),
        Cause.PROCESSOR: tr("{model} runs on the processor, and {other} is not used."),
        Cause.SPILL: tr("{model} is slow: the driver moved {amount} from {other} to the computer's memory."),
        Cause.HEAT: tr("{model} is slow: {other} is too hot and lowers its clocks."),
        Cause.POWER: tr("{model} is slow: {other} is held back by its power limit."),
        Cause.OTHER_PROGRAM: tr("{model} is slow: {other} works on the GPU too."),
    }[found.cause]
    place = tr("partly on the processor") if found.place is RunsOn.PARTLY else tr("on the processor")
    said = text.format(model=name, other=other, place=place, amount=amount)
    return said if found.sure else tr("{sentence} (One sign of it only.)", sentence=said)


def fix_text(found: Slowness) -> str:
    """What to do about it, in a sentence."""
    return {
        Cause.DRIVER: tr("'wattlight doctor' says what its driver lacks."),
        Cause.HIDDEN: tr(
            "Remove the variable that hides it (such as CUDA_VISIBLE_DEVICES) and restart Ollama."
        ),
        Cause.CONTEXT: tr(
            "Load it with a context of at most {context} tokens.", context=number(found.context)
        ),
        Cause.MEMORY: tr("Close that program, then unload the model and load it again."),
        Cause.BESIDE: tr("Unload the other model, then load this one again."),
        Cause.SIZE: tr("A smaller model, or a smaller quantization of this one, would fit."),
        Cause.SUSPEND: tr(
            "Restart Ollama; if that does not help: sudo rmmod nvidia_uvm && sudo modprobe nvidia_uvm."
        ),
        Cause.PROCESSOR: tr("Restart Ollama; its log tells which devices it found."),
        Cause.SPILL: tr(
            "Choose a shorter context or a smaller model, or forbid it in the driver (CUDA sysmem fallback)."
        ),
        Cause.HEAT: tr("Look at its fans, dust and the air around it."),
        Cause.POWER: tr("Its limit was lowered, or its supply asks for it; raise it if speed matters more."),
        Cause.OTHER_PROGRAM: tr("Close that program, or wait until it is done."),
    }[found.cause]


class SlowNotices:
    """Tells each cause of each load once, when it has stood for :data:`SETTLED_S`. :meth:`look` with each
    sample, on one thread."""

    def __init__(self, hub: StateHub, now: Callable[[], datetime]) -> None:
        self._hub, self._now = hub, now
        self._since: dict[tuple[str, Cause], datetime] = {}
        self._told: tuple[str, Cause] | None = None

    def look(self, state: AppState, fits: Sequence[FitNote]) -> None:
        host = state.local
        if not host.server.running and not host.slow and not self._since and self._told is None:
            return
        now = self._now()
        found = slow_models(host, fits, state.speeds, now, slept_since_boot())
        if found != host.slow:
            self._hub.update_host(host.id, lambda item: replace(item, slow=found))
        sure = {(item.model, item.cause): item for item in found if item.sure}
        self._since = {key: self._since.get(key, now) for key in sure}
        if self._told is not None and self._told not in sure:
            self._told = None
            self._hub.withdraw("slow")
        for key, item in sure.items():
            if self._told is None and (now - self._since[key]).total_seconds() >= SETTLED_S:
                self._told = key
                self._hub.notify("slow", f"{cause_text(item)} {fix_text(item)}", now, urgent=True)
