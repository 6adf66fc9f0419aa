"""Recommendations as the offers of the Models page."""

from dataclasses import replace

from wattlight.domain.advice import Advice, Recommendation
from wattlight.domain.entry import CatalogEntry
from wattlight.i18n import tr

from ..scene import FitNote, LeftOut, Offer
from .sentences import passed_over_sentence, why_sentence


def offers(advice: Advice) -> tuple[Offer, ...]:
    """One offer for each recommendation, in their order."""
    return tuple(_offer(item) for item in advice.recommendations)


def left_out(advice: Advice) -> tuple[LeftOut, ...]:
    """The models that were not recommended, with the sentences of ``recommend``."""
    return tuple(
        LeftOut(passed.name, passed_over_sentence(passed), passed.reason.code == "too_slow")
        for passed in advice.passed_over
    )


def listed_offer(note: FitNote, entry: CatalogEntry | None, download_bytes: int | None) -> Offer:
    """A model as it can be installed, with what the catalogue says of it (None: it is not listed)."""
    if entry is None:
        return Offer(note.model, note, download_bytes)
    return Offer(
        note.model,
        note,
        download_bytes,
        publisher=entry.publisher,
        released=entry.released or "",
        licence=entry.license or "",
        uses=entry.uses,
    )


def _offer(item: Recommendation) -> Offer:
    offer = listed_offer(_note(item), item.entry, item.download_bytes)
    return replace(offer, quantization=item.tag.quant, why=why_sentence(item))


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
