"""Answers of the adviser as the view models take them."""

from dataclasses import replace

from wattlight.domain.fit import FitResult
from wattlight.services.advising import Ladder, Opinion
from wattlight.viewmodels import ContextStep, FitNote


def note_of(opinion: Opinion) -> FitNote:
    """What the windows show of an opinion; without a fit only the reason."""
    fit, speed = opinion.fit, opinion.speed
    if fit is None:
        return FitNote(opinion.name, reasons=(opinion.reason,) if opinion.reason else ())
    weights, work = _parts(fit)
    return FitNote(
        model=opinion.name,
        verdict=fit.verdict.value,
        layers_on_gpu=fit.layers_on_gpu,
        layers_total=fit.layers_total,
        weights_bytes=weights,
        work_bytes=work,
        host_bytes=fit.host_bytes,
        spare_bytes=fit.spare_bytes,
        context_length=fit.context,
        trained_context=opinion.trained_context,
        largest_gpu_context=opinion.largest_full_gpu_context,
        tokens_low=speed.low if speed else None,
        tokens_high=speed.high if speed else None,
        confidence=opinion.confidence.value,
    )


def with_ladder(note: FitNote, ladder: Ladder) -> FitNote:
    """A note with what the context slider shows."""
    if not ladder.steps:
        return note
    steps = tuple(
        ContextStep(fit.context, fit.verdict.value, *_parts(fit), spare_bytes=fit.spare_bytes)
        for fit in ladder.steps
    )
    return replace(note, steps=steps, largest_gpu_context_q8=ladder.largest_eight_bit_context)


def _parts(fit: FitResult) -> tuple[int, int]:
    """(weights, context and work) on the devices; in RAM where no device is used."""
    if fit.devices:
        weights = sum(device.weights_bytes for device in fit.devices)
        return weights, fit.gpu_bytes - weights
    return fit.host.weights_bytes, fit.host_bytes - fit.host.weights_bytes
