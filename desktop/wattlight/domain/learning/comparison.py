"""One load: predicted, used, reported."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.fit import FitResult, Verdict

from ..values import LOCAL_HOST, HostId

CPU_LABEL = "cpu"


@dataclass(frozen=True, slots=True)
class LoadKey:
    """What a correction holds for: another server version, device or architecture errs differently."""

    server_version: str
    device: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected of a load. Bytes; ``used_bytes`` is on the accelerators, 0 on a CPU-only machine."""

    architecture: str
    device: str
    context: int
    kv_type: str
    used_bytes: int
    reported_size_bytes: int
    reported_vram_bytes: int
    verdict: Verdict
    uncertainty_bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prediction and what came of it.

    Attributes:
        used_bytes: measured on the accelerators; None with ``used_reason``.
        used_source: how it was measured: "driver, by process" or "driver, free memory".
        reported_size_bytes, reported_vram_bytes: as the server lists the loaded model.
        disturbed: code of what disturbed the load (:func:`~.disturbed.disturbance`), None if nothing did.
    """

    at: datetime
    model: str
    digest: str
    key: LoadKey
    context: int
    kv_type: str
    verdict: Verdict
    predicted_used_bytes: int
    predicted_size_bytes: int
    predicted_vram_bytes: int
    used_bytes: int | None
    used_source: str
    used_reason: str | None
    reported_size_bytes: int
    reported_vram_bytes: int
    disturbed: str | None = None
    host: HostId = LOCAL_HOST


def predicted(result: FitResult, architecture: str) -> Prediction:
    """The expectation that a fit expresses."""
    return Prediction(
        architecture=architecture,
        device=device_label(device.name for device in result.devices),
        context=result.context,
        kv_type=result.kv_type,
        used_bytes=result.gpu_bytes + result.projector_bytes,
        reported_size_bytes=result.reported_size_bytes,
        reported_vram_bytes=result.reported_vram_bytes,
        verdict=result.verdict,
        uncertainty_bytes=result.uncertainty_bytes,
    )


def device_label(names: Iterable[str]) -> str:
    """ "NVIDIA GeForce RTX 4090", "2 × Tesla T4", "A + B", or "cpu" for none; the same in any order."""
    counted = sorted(Counter(names).items())
    return " + ".join(name if count == 1 else f"{count} × {name}" for name, count in counted) or CPU_LABEL
