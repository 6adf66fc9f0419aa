"""Answers of the adviser as the view models take them, with what this computer has shown of itself."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from wattlight.domain.fit import FitResult, Together
from wattlight.domain.learning import device_label
from wattlight.domain.state import same_model
from wattlight.domain.tariff import cost_micro
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.services.advising import Ladder, Opinion
from wattlight.services.answers import BesideNote, ContextStep, FitNote
from wattlight.services.benchmark import measured_range
from wattlight.services.passthrough import ModelEnergy

from .fit_words import reason_sentence

if TYPE_CHECKING:
    from .learning import LoadLearner

MILLION = 1_000_000
MJ_PER_J = 1000
SHOWN_OTHERWISE = frozenset({"all_on_gpu", "reported_differs"})
"""Reasons that the windows show as a verdict, a bar or a comparison of their own."""
USABLE_ERROR = 0.5
"""An energy figure that may be off by more than half is not shown at all."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What was measured and learned on this computer.

    Attributes:
        runs: of the benchmark, newest first.
        energies: of requests that went through the relay.
        price_per_kwh: mean price, None without one.
        learner: corrects predictions by past loads; None: nothing was learned yet.
    """

    runs: tuple[MeasuredSpeed, ...] = ()
    energies: tuple[ModelEnergy, ...] = ()
    price_per_kwh: Decimal | None = None
    learner: "LoadLearner | None" = None

    def used(self, fit: FitResult, architecture: str) -> tuple[int, int]:
        """(bytes on the accelerators, uncertainty) of a fit."""
        if self.learner is not None:
            return self.learner.corrected(fit, architecture)
        return fit.gpu_bytes + fit.projector_bytes, fit.uncertainty_bytes


NO_EXPERIENCE = Experience()


def note_of(opinion: Opinion, digest: str = "", experience: Experience = NO_EXPERIENCE) -> FitNote:
    """What the windows show of an opinion; without a fit only the reason."""
    fit, speed, drafted = opinion.fit, opinion.speed, opinion.draft_speed
    if fit is None:
        return FitNote(opinion.name, reasons=(opinion.reason,) if opinion.reason else ())
    used, uncertainty = experience.used(fit, opinion.architecture)
    weights, work = _parts(fit, used)
    note = FitNote(
        model=opinion.name,
        verdict=fit.verdict.value,
        layers_on_gpu=fit.layers_on_gpu,
        layers_total=fit.layers_total,
        weights_bytes=weights,
        work_bytes=work,
        host_bytes=fit.host_bytes,
        needed_bytes=fit.needed_bytes,
        spare_bytes=_spare(fit, used),
        uncertainty_bytes=uncertainty,
        context_length=fit.context,
        kv_type=fit.kv_type,
        trained_context=opinion.trained_context,
        largest_gpu_context=opinion.largest_full_gpu_context,
        tokens_low=speed.low if speed else None,
        tokens_high=speed.high if speed else None,
        tokens_confidence=speed.confidence.value if speed else None,
        draft_low=drafted.low if drafted else None,
        draft_high=drafted.high if drafted else None,
        confidence=opinion.confidence.value,
        reasons=tuple(reason_sentence(r) for r in opinion.reasons if r.code not in SHOWN_OTHERWISE),
    )
    return _with_measurements(note, fit, digest, experience) if digest else note


def with_ladder(
    note: FitNote, ladder: Ladder, architecture: str = "", experience: Experience = NO_EXPERIENCE
) -> FitNote:
    """A note with what the context slider shows, and what an 8-bit cache would free."""
    if not ladder.steps:
        return note
    freed = None
    if ladder.eight_bit is not None and note.needed_bytes is not None:
        freed = max(0, note.needed_bytes - ladder.eight_bit.needed_bytes)

    def step(fit: FitResult) -> ContextStep:
        used, _ = experience.used(fit, architecture)
        return ContextStep(fit.context, fit.verdict.value, *_parts(fit, used), spare_bytes=_spare(fit, used))

    return replace(
        note,
        steps=tuple(step(fit) for fit in ladder.steps),
        eight_bit_frees_bytes=freed,
        largest_gpu_context=note.largest_gpu_context or ladder.largest_context,
        largest_gpu_context_q8=ladder.largest_eight_bit_context,
    )


def with_others(note: FitNote, others: tuple[str, ...], found: Together | None) -> FitNote:
    """A note with how the model stands beside ``others``, which were loaded before it."""
    if found is None:
        return note
    beside = BesideNote(others, found.rooms[-1].value, found.used_bytes, found.total_bytes)
    return replace(note, beside=beside)


def _with_measurements(note: FitNote, fit: FitResult, digest: str, experience: Experience) -> FitNote:
    """Measured speed, draw and energy in the place of estimates, each only where there is one."""
    device = device_label(d.name for d in fit.devices)
    every = [r for r in experience.runs if r.digest == digest and r.device == device]
    mine = [r for r in every if not r.deep]
    filled = next((r for r in every if r.deep and r.context == fit.context), None)
    speed = measured_range(mine, digest, device, fit.context)
    joules, error = _joules_per_token(note.model, mine, experience.energies)
    micro = None
    if joules is not None and experience.price_per_kwh is not None:
        micro = cost_micro({experience.price_per_kwh: round(joules * MILLION * MJ_PER_J)})
    return replace(
        note,
        measured_tokens_per_s=speed.mid if speed is not None else None,
        filled_tokens_per_s=filled.output_tokens_per_s if filled is not None else None,
        filled_tokens=filled.cache_tokens if filled is not None else None,
        active_w=next((r.power_w for r in mine if _usable(r.energy_error_fraction)), None),
        cost_per_million_micro=micro,
        cost_error_fraction=error if micro is not None else None,
    )


def _joules_per_token(
    model: str, runs: list[MeasuredSpeed], energies: tuple[ModelEnergy, ...]
) -> tuple[float | None, float | None]:
    """(joules, relative error): real requests where they suffice, else the newest run; never a guess."""
    for energy in energies:
        usable = energy.above_rest and energy.joules_per_token is not None and _usable(energy.error_fraction)
        if usable and same_model(energy.model, model):
            return energy.joules_per_token, energy.error_fraction
    for run in runs:
        if run.joules_per_token is not None and _usable(run.energy_error_fraction):
            return run.joules_per_token, run.energy_error_fraction
    return None, None


def _usable(error_fraction: float | None) -> bool:
    return error_fraction is not None and error_fraction <= USABLE_ERROR


def _spare(fit: FitResult, used: int) -> int:
    """Spare memory less what past loads took beyond the prediction."""
    return fit.spare_bytes - (used - fit.gpu_bytes - fit.projector_bytes if fit.devices else 0)


def _parts(fit: FitResult, used: int) -> tuple[int, int]:
    """(weights, context and work) on the devices; in RAM where no device is used."""
    if fit.devices:
        weights = sum(device.weights_bytes for device in fit.devices)
        return weights, max(0, used - weights)
    return fit.host.weights_bytes, fit.host_bytes - fit.host.weights_bytes
