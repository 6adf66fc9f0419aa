"""The JSON of ``fit`` (``desktop/schemas/fit.json``)."""

from dataclasses import dataclass
from typing import Any

from wattlight.domain.fit import Confidence, DeviceUse, FitResult, HostUse, PreparedModel
from wattlight.domain.speed import SpeedRange
from wattlight.domain.values import MachineProfile, clean_text
from wattlight.services.shapes import FoundShape

_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


@dataclass(frozen=True, slots=True)
class Unloaded:
    """How it would fit with ``models`` unloaded."""

    models: tuple[str, ...]
    result: FitResult


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything ``fit`` says."""

    model: str
    machine: MachineProfile
    found: FoundShape
    prepared: PreparedModel
    result: FitResult
    unloaded: Unloaded | None
    largest: dict[str, int | None]
    speed: SpeedRange
    prompt_speed: SpeedRange
    reasons: tuple[str, ...]

    @property
    def confidence(self) -> Confidence:
        """The lower of what the source allows and what the memory model claims."""
        return min(self.found.confidence, self.result.confidence, key=_ORDER.index)


def fit_document(answer: Answer) -> dict[str, Any]:
    """The whole answer."""
    result, found = answer.result, answer.found
    return {
        "model": clean_text(answer.model),
        "machine": answer.machine.name,
        "source": found.source.value,
        "catalogue_date": found.catalogue_date.isoformat() if found.catalogue_date else None,
        "architecture": answer.prepared.arch.name,
        "verdict": result.verdict.value,
        "layers_total": result.layers_total,
        "layers_on_gpu": result.layers_on_gpu,
        "expert_blocks_in_ram": result.expert_blocks_in_ram,
        "devices": [{"name": use.name, **_parts(use)} for use in result.devices],
        "host": _parts(result.host),
        "gpu_bytes": result.gpu_bytes,
        "host_bytes": result.host_bytes,
        "projector_bytes": result.projector_bytes,
        "batch": result.batch,
        "context": result.context,
        "context_asked": result.context_asked,
        "context_trained": answer.prepared.context_trained,
        "kv_type": result.kv_type,
        "parallel": result.parallel,
        "flash_attention": result.flash_attention,
        "reported_size_bytes": result.reported_size_bytes,
        "reported_vram_bytes": result.reported_vram_bytes,
        "largest_full_gpu_context": answer.largest,
        "spare_bytes": result.spare_bytes,
        "missing_bytes": result.missing_bytes,
        "uncertainty_bytes": result.uncertainty_bytes,
        "confidence": answer.confidence.value,
        "tokens_per_second": _speed(answer.speed),
        "prompt_tokens_per_second": _speed(answer.prompt_speed),
        "if_unloaded": _unloaded(answer.unloaded),
        "reasons": list(answer.reasons),
    }


def _parts(use: DeviceUse | HostUse) -> dict[str, int]:
    return {
        "weights_bytes": use.weights_bytes,
        "kv_bytes": use.kv_bytes,
        "compute_bytes": use.compute_bytes,
    }


def _speed(speed: SpeedRange) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return {
        "low": rounded(speed.low),
        "mid": rounded(speed.mid),
        "high": rounded(speed.high),
        "basis": speed.basis,
    }


def _unloaded(unloaded: Unloaded | None) -> dict[str, Any] | None:
    if unloaded is None:
        return None
    return {
        "models": [clean_text(name) for name in unloaded.models],
        "verdict": unloaded.result.verdict.value,
        "layers_on_gpu": unloaded.result.layers_on_gpu,
        "spare_bytes": unloaded.result.spare_bytes,
    }
