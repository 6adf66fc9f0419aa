"""Answers of the adviser as the view models take them."""

from wattlight.domain.advice import Recommendation
from wattlight.domain.fit import FitResult
from wattlight.domain.speed import SpeedRange
from wattlight.services.advising import Opinion
from wattlight.viewmodels import FitNote, Offer
from wattlight.viewmodels.advice import why_sentence


def note_of(opinion: Opinion) -> FitNote:
    """What the windows show of an opinion; without a fit only the reason."""
    if opinion.fit is None:
        return FitNote(opinion.name, reasons=(opinion.reason,) if opinion.reason else ())
    return _note(
        opinion.name,
        opinion.fit,
        opinion.speed,
        opinion.largest_full_gpu_context,
        opinion.trained_context,
        opinion.confidence.value,
    )


def offer_of(item: Recommendation) -> Offer:
    """A recommendation as something to install."""
    note = _note(
        item.name,
        item.fit,
        item.speed,
        item.largest_full_gpu_context,
        item.entry.context,
        item.confidence.value,
    )
    return Offer(
        model=item.name,
        fit=note,
        download_bytes=item.download_bytes,
        quantization=item.tag.quant or "",
        publisher=item.entry.publisher,
        released=item.entry.released or "",
        licence=item.entry.license or "",
        uses=item.entry.uses,
        why=why_sentence(item),
    )


def _note(
    name: str,
    fit: FitResult,
    speed: SpeedRange | None,
    largest: int | None,
    trained: int | None,
    confidence: str,
) -> FitNote:
    on_gpu = bool(fit.devices)
    weights = sum(d.weights_bytes for d in fit.devices) if on_gpu else fit.host.weights_bytes
    total = fit.gpu_bytes if on_gpu else fit.host_bytes
    return FitNote(
        model=name,
        verdict=fit.verdict.value,
        layers_on_gpu=fit.layers_on_gpu,
        layers_total=fit.layers_total,
        weights_bytes=weights,
        work_bytes=total - weights,
        host_bytes=fit.host_bytes,
        spare_bytes=fit.spare_bytes,
        context_length=fit.context,
        trained_context=trained,
        largest_gpu_context=largest,
        tokens_low=speed.low if speed else None,
        tokens_high=speed.high if speed else None,
        confidence=confidence,
    )
