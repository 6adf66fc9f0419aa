"""The JSON of ``recommend`` (``desktop/schemas/recommend.json``)."""

from typing import Any

from wattlight.domain.advice import Advice, PassedOver, Recommendation
from wattlight.domain.speed import SpeedRange
from wattlight.domain.values import MachineProfile
from wattlight.services.refreshing import RefreshReport
from wattlight.viewmodels.advice import api_sentence, passed_over_sentence, why_sentence

from .recommend_refresh import refresh_document


def recommend_document(
    advice: Advice, profile: MachineProfile, report: RefreshReport | None = None
) -> dict[str, Any]:
    """The whole answer; ``report`` says what was read from the registry just before."""
    return {
        "machine": profile.name,
        "use": advice.question.use.value,
        "context": advice.question.context,
        "language": advice.question.language,
        "catalogue_date": advice.catalogue_date.isoformat(),
        "eligible": advice.eligible,
        "recommendations": [
            _recommendation(item, place) for place, item in enumerate(advice.recommendations, start=1)
        ],
        "not_recommended": [_passed(item) for item in advice.passed_over],
        "api": {
            "advised": advice.api.advised,
            "code": advice.api.reason.code if advice.api.reason else None,
            "sentence": api_sentence(advice) or None,
        },
        "refresh": None if report is None else refresh_document(report),
    }


def _recommendation(item: Recommendation, place: int) -> dict[str, Any]:
    entry = item.entry
    return {
        "rank": place,
        "model": item.name,
        "title": entry.title,
        "publisher": entry.publisher,
        "use": item.use.value,
        "verdict": item.verdict.value,
        "context": item.context,
        "spare_bytes": item.spare_bytes,
        "gpu_bytes": item.fit.gpu_bytes,
        "host_bytes": item.fit.host_bytes,
        "layers_total": item.fit.layers_total,
        "layers_on_gpu": item.fit.layers_on_gpu,
        "largest_full_gpu_context": item.largest_full_gpu_context,
        "trained_context": entry.context,
        "tokens_per_second": _speed(item.speed),
        "download_bytes": item.download_bytes,
        "download_exact": item.download_exact,
        "download_read_on": item.tag.read_on.isoformat() if item.tag.read_on else None,
        "quantization": item.tag.quant or None,
        "params_total": entry.params_total,
        "params_active": entry.params_active,
        "capabilities": sorted(item.capabilities),
        "license": entry.license,
        "released": entry.released,
        "confidence": item.confidence.value,
        "why": why_sentence(item),
        "instead_of": [_passed(passed) for passed in item.instead_of],
    }


def _speed(speed: SpeedRange) -> dict[str, Any]:
    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return {"low": short(speed.low), "mid": short(speed.mid), "high": short(speed.high), "basis": speed.basis}


def _passed(passed: PassedOver) -> dict[str, Any]:
    return {"model": passed.name, "code": passed.reason.code, "sentence": passed_over_sentence(passed)}
