"""The memory of a device as a bar: what fills it, and what is free. All in GiB, never mixed with disk."""

from dataclasses import dataclass

from wattlight.domain.state import HostState
from wattlight.domain.values import DeviceSample
from wattlight.i18n import gib, number, tr

from .scene import FULL_GPU, PARTIAL_GPU, FitNote, Scene

GIB = 1 << 30
DIFFERENCE_BYTES = GIB // 10
"""Differences below a tenth of a GiB are not spoken of."""


@dataclass(frozen=True, slots=True)
class BarSegment:
    """One part of the bar. ``role`` picks the colour: ``weights``, ``work``, ``other``, ``over``."""

    label: str
    amount: str
    fraction: float
    role: str


@dataclass(frozen=True, slots=True)
class MemoryBarView:
    """The bar, its legend and the line at its right end."""

    segments: tuple[BarSegment, ...]
    summary: str
    description: str


def device_with_memory(host: HostState) -> DeviceSample | None:
    """The device whose memory the bar shows: the accelerator with most memory."""
    if host.sample is None:
        return None
    known = [d for d in host.sample.devices if d.kind == "gpu" and d.memory_total_bytes]
    return max(known, key=lambda d: d.memory_total_bytes or 0, default=None)


def running_bar(scene: Scene, compare: bool = True) -> MemoryBarView | None:
    """What fills the device now; None when its memory is not known.

    ``compare`` adds what was predicted, used and reported to the summary.
    """
    device = device_with_memory(scene.host)
    if device is None or not device.memory_total_bytes or device.memory_used_bytes is None:
        return None
    running = [m for m in scene.host.server.running if m.size_vram_bytes > 0]
    total, used = device.memory_total_bytes, device.memory_used_bytes
    parts: list[tuple[str, int, str]] = []
    predicted: int | None = 0
    for model in running:
        fit = scene.fit_of(model.name)
        whole = fit.gpu_bytes if fit else None
        predicted = None if whole is None or predicted is None else predicted + whole
        if fit is not None and fit.weights_bytes and len(running) == 1:
            weights = min(fit.weights_bytes, model.size_vram_bytes)
            parts.append((tr("weights"), weights, "weights"))
            parts.append((tr("context and work"), max(0, (whole or 0) - weights), "work"))
        else:
            role = "work" if len(parts) % 2 else "weights"
            parts.append((model.name, whole or model.size_vram_bytes, role))
    other = max(0, used - sum(size for _, size, _ in parts))
    parts.append((tr("driver and other programs"), other, "other"))
    return _view(parts, total, _summary(scene, device, predicted, compare))


def _summary(scene: Scene, device: DeviceSample, predicted: int | None, compare: bool) -> str:
    total, used = device.memory_total_bytes or 0, device.memory_used_bytes or 0
    texts = [tr("{free} of {total} free", free=number((total - used) / GIB, 1), total=gib(total, 0))]
    if not compare:
        return texts[0]
    reported = sum(m.size_vram_bytes for m in scene.host.server.running)
    uses = sum(p.memory_bytes or 0 for p in device.processes if _is_runner(p.name)) or None
    if predicted:
        if uses is not None:
            texts.append(tr("predicted {a}, uses {b}", a=_short(predicted), b=_short(uses)))
        else:
            texts.append(tr("predicted {a}", a=_short(predicted)))
    said = uses if uses is not None else predicted
    if reported and (said is None or abs(reported - said) >= DIFFERENCE_BYTES):
        texts.append(tr("Ollama reports {gib}", gib=_short(reported)))
    return " · ".join(texts)


def _is_runner(process_name: str) -> bool:
    """The server's own process, or the engine's that it starts."""
    name = process_name.lower()
    return any(word in name for word in ("ollama", "llama-server", "llama_server", "llama-runner"))


def planned_bar(fit: FitNote, weights: int, work: int, device: DeviceSample | None) -> MemoryBarView | None:
    """What a model that is not running would take of the device."""
    total = device.memory_total_bytes if device else None
    if not total or device is None or fit.verdict not in {FULL_GPU, PARTIAL_GPU}:
        return None
    others = device.memory_used_bytes
    parts = [(tr("weights"), weights, "weights"), (tr("context and work"), work, "work")]
    if fit.spare_bytes is not None and fit.spare_bytes >= 0:
        others = max(0, total - fit.spare_bytes - weights - work)  # with the reserve the server keeps
    parts.append((tr("driver, others, reserve"), others or 0, "other"))
    over = sum(size for _, size, _ in parts) > total
    return _view(parts, total, tr("more than this device holds") if over else "")


def device_bar(device: DeviceSample) -> MemoryBarView | None:
    """Used and free memory of one device."""
    if not device.memory_total_bytes or device.memory_used_bytes is None:
        return None
    total, used = device.memory_total_bytes, device.memory_used_bytes
    summary = tr("{free} of {total} free", free=number((total - used) / GIB, 1), total=gib(total, 0))
    return _view([(tr("used"), used, "weights")], total, summary)


def _view(parts: list[tuple[str, int, str]], total: int, summary: str) -> MemoryBarView:
    scale = max(total, sum(size for _, size, _ in parts))
    segments = tuple(BarSegment(label, gib(size), size / scale, role) for label, size, role in parts)
    spoken = ", ".join(f"{s.label} {s.amount}" for s in segments)
    return MemoryBarView(segments, summary, f"{spoken}. {summary}".strip())


def _short(size_bytes: int) -> str:
    return number(size_bytes / GIB, 1)
