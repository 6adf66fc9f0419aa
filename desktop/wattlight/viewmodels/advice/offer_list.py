"""Recommendations as the offers of the Models page."""

from wattlight.domain.advice import Advice, Recommendation
from wattlight.i18n import tr

from ..scene import FitNote, Offer
from .sentences import why_sentence


def offers(advice: Advice) -> tuple[Offer, ...]:
    """One offer for each recommendation, in their order."""
    return tuple(_offer(item) for item in advice.recommendations)


def _offer(item: Recommendation) -> Offer:
    entry = item.entry
    return Offer(
        model=item.name,
        fit=_note(item),
        download_bytes=item.download_bytes,
        quantization=item.tag.quant,
        publisher=entry.publisher,
        released=entry.released or "",
        licence=entry.license or "",
        uses=entry.uses,
        why=why_sentence(item),
    )


def _note(item: Recommendation) -> FitNote:
    fit = item.fit
    return FitNote(
        model=item.name,
        verdict=item.verdict.value,
        layers_on_gpu=fit.layers_on_gpu,
        layers_total=fit.layers_total,
        weights_bytes=sum(use.weights_bytes for use in fit.devices),
        work_bytes=sum(use.kv_bytes + use.compute_bytes for use in fit.devices),
        host_bytes=fit.host_bytes,
        spare_bytes=item.spare_bytes,
        context_length=item.context,
        trained_context=item.entry.context,
        largest_gpu_context=item.largest_full_gpu_context,
        tokens_low=item.speed.low,
        tokens_high=item.speed.high,
        confidence=item.confidence.value,
        reasons=(why_sentence(item),) if item.download_exact else (why_sentence(item), _rounded()),
    )


def _rounded() -> str:
    return tr("Only a rounded size of this tag is known; its largest reading was taken.")
