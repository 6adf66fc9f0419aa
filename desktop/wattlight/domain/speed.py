"""How fast a fitted model would answer: always a range, always with its basis."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from wattlight.i18n import joined, number, tr

from .fit import Architecture, Confidence, FitResult, PreparedModel, Verdict
from .pace import SURE_SPREAD
from .values import Device, MachineProfile


class Law(NamedTuple):
    """A token takes bytes / (bandwidth x ``share``) plus ``layer_us`` microseconds a block.

    ``low`` to ``high``: measured over that speed, in about nine of ten published runs.
    """

    share: float
    layer_us: float
    low: float
    high: float


_DENSE_AND_MIXTURE = {
    "cuda": (Law(0.84, 45, 0.80, 1.18), Law(0.84, 75, 0.68, 1.42)),
    "cuda 8.0": (Law(0.57, 95, 0.60, 1.32), Law(0.62, 100, 0.82, 1.25)),
    "cuda 9": (Law(0.60, 88, 0.73, 1.34), Law(0.66, 105, 0.80, 1.15)),
    "cuda 7.5": (Law(0.92, 80, 0.80, 1.15), Law(0.92, 95, 0.70, 1.25)),
    "cuda 7.0": (Law(0.86, 140, 0.68, 1.28), Law(0.86, 140, 0.65, 1.35)),
    "cuda 6.1": (Law(0.45, 0, 0.56, 1.44), Law(0.45, 0, 0.53, 1.51)),
    "cuda 6.0": (Law(0.46, 330, 0.80, 1.25), Law(0.46, 330, 0.75, 1.30)),
    "cuda unified": (Law(0.75, 45, 0.87, 1.20), Law(0.84, 90, 0.82, 1.20)),
    "rocm": (Law(0.92, 110, 0.75, 1.20), Law(0.80, 150, 0.62, 1.25)),
    "vulkan": (Law(0.90, 78, 0.72, 1.25), Law(0.78, 90, 0.78, 1.25)),
    "intel": (Law(1.0, 335, 0.50, 1.55), Law(0.80, 335, 0.48, 1.60)),
    "strix halo": (Law(0.80, 70, 0.86, 1.20), Law(0.86, 150, 0.68, 1.26)),
    "integrated": (Law(0.72, 40, 0.70, 1.25), Law(0.66, 75, 0.62, 1.35)),
    "m1": (Law(0.87, 230, 0.82, 1.16), Law(0.81, 160, 0.74, 1.36)),
    "m2": (Law(0.94, 180, 0.85, 1.10), Law(0.81, 160, 0.74, 1.36)),
    "m3": (Law(0.92, 155, 0.86, 1.12), Law(0.81, 160, 0.74, 1.36)),
    "m4": (Law(0.84, 95, 0.84, 1.15), Law(0.81, 160, 0.74, 1.36)),
    "m5": (Law(0.82, 80, 0.84, 1.20), Law(0.81, 160, 0.74, 1.36)),
    "processor": (Law(0.55, 120, 0.55, 1.46), Law(0.55, 120, 0.53, 1.50)),
}  # fmt: skip
"""Constants of each class of device for dense models and for mixtures of experts, from 380 published runs (KV
as far as it was filled, drafts and other builds left out). Small groups take those of a neighbour. Where more
devices exist than ran and constants made without one of them missed its runs, the range is as wide as those
runs lay (mixtures on CUDA, compute capabilities 6.1, 7.0, 8.0 and 9, Vulkan, Intel)."""
FEW_RAN = frozenset(("cuda 7.0", "cuda 8.0", "cuda 9", "rocm", "vulkan", "intel"))
"""Classes of which more devices exist than ran: constants made without one of them did not hold its runs, or
only in a far wider range. What is said of them is rough, however narrow. Of the others every chip ran, or
what was made without a device held for it."""
_GATED, _HALF, _SHORT = 1.5, 0.5, 0.7
"""Fixed time of a block against an ordinary one: gated delta nets start more kernels; a block of Nemotron's
holds a half (attention, state or feed-forward); short convolutions are quicker than attention."""
_FAST_GBS = 1900.0
PARTIAL_DEVICE, PARTIAL_RAM = 0.70, 0.50
"""Shares of the bandwidths that a model divided between accelerator and RAM reaches."""
PARTIAL_LOW, PARTIAL_HIGH = 0.6, 1.5
_STRIX_HALO = ("8060s", "8050s", "8065s", "gfx1151")
GATED_ON_CPU = 0.5
"""Gated-delta models on the processor: published runs stay that far below the others."""
ASSUMED_RAM_GBS = 45.0
"""Two channels of DDR4-3200 reach about this; the range is widened where nothing better is known."""


def class_of(device: Device | None) -> str:
    """The class of ``device`` in the table of laws; None is the processor."""
    if device is None:
        return "processor"
    name = f"{device.name} {device.gfx_target or ''}".lower()
    if device.backend == "metal":
        found = re.search(r"\bm([1-5])\b", name)
        return f"m{found.group(1)}" if found else "m5"
    if any(word in name for word in _STRIX_HALO):
        return "strix halo"
    if device.backend != "cuda":
        if device.vendor.lower() == "intel" or "intel" in name or " arc " in f" {name} ":
            return "intel"
        if device.unified or device.integrated:
            return "integrated"
        return "cuda" if "nvidia" in name or "geforce" in name else device.backend
    if device.unified or device.integrated:
        return "cuda unified"
    capability = device.compute_capability or ""
    if f"cuda {capability}" in _DENSE_AND_MIXTURE:
        return f"cuda {capability}"
    return "cuda 9" if (device.bandwidth_gbs or 0.0) >= _FAST_GBS else "cuda"


def law_of(device: Device | None, mixture: bool) -> Law:
    """The law of ``device`` (None: the processor) for a dense model or a mixture of experts."""
    laws = _DENSE_AND_MIXTURE.get(class_of(device), _DENSE_AND_MIXTURE["vulkan"])
    return laws[1] if mixture else laws[0]


def block_weight(architecture: str) -> float:
    """Fixed time of an average block of ``architecture`` against an ordinary one."""
    if architecture.startswith(("qwen3next", "qwen35")):
        return _GATED
    if architecture.startswith("nemotron_h"):
        return _HALF
    return _SHORT if architecture.startswith("lfm2") else 1.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes per token read from the accelerators' memory and from RAM.

    ``active_weights`` is the part that is weights, wherever it lies; ``device_shares`` how the accelerators
    split theirs (sums to 1).
    """

    device_bytes: int
    host_bytes: int
    active_weights: int
    device_shares: tuple[float, ...]


def traffic_of(prepared: PreparedModel, result: FitResult, tokens_in_cache: int) -> Traffic:
    """What a token costs with ``tokens_in_cache`` tokens already there.

    Every block's weights, of the experts only those used, the output matrix, the cache in use; recurrent
    state is read and written. The input embedding is one row and does not count.
    """
    arch = prepared.arch
    weights = prepared.weights_in_ram
    layers = arch.layers
    share = arch.experts_used / arch.experts if arch.experts else 1.0
    first = min(layers, result.layers_total - result.layers_on_gpu) if result.layers_on_gpu else layers
    experts_from = layers - result.expert_blocks_in_ram
    device = host = 0.0
    for block in range(layers):
        experts = weights.experts_host[block] * share
        dense = weights.host[block] - weights.experts_host[block]
        if block < first:
            host += dense + experts
        else:
            device += dense
            if block >= experts_from:
                host += experts
            else:
                device += experts
    output = weights.output_host
    if weights.output_tied and output < prepared.token_matrix_bytes:
        output += prepared.token_matrix_bytes
    if result.layers_on_gpu:
        device += output
    else:
        host += output
    active = device + host
    cache = prepared.cache(result.kv_type, result.flash_attention, 512)
    windowed = min(tokens_in_cache, arch.window) if arch.window else 0

    def kept(start: int, stop: int) -> int:
        return (
            tokens_in_cache * (cache.full[stop] - cache.full[start])
            + windowed * (cache.swa[stop] - cache.swa[start])
            + 2 * (cache.state[stop] - cache.state[start])
        )

    device += kept(first, layers)
    host += kept(0, first)
    total = sum(use.weights_bytes for use in result.devices)
    shares = tuple(use.weights_bytes / total for use in result.devices) if total else ()
    return Traffic(round(device), round(host), round(active), shares)


_GB = 1e9
_TYPICAL_TOKENS = 4096
_NARROW = 1.6
"""A range whose ends are closer than this factor is fairly sure."""


@dataclass(frozen=True, slots=True)
class SpeedRange:
    """Tokens per second of one answer; all None with ``basis`` saying why where it cannot be told.

    ``basis`` is one plain sentence about how the range came to be, ``confidence`` how sure it is.
    """

    low: float | None
    mid: float | None
    high: float | None
    basis: str
    confidence: Confidence = Confidence.LOW


def tokens_per_second(
    prepared: PreparedModel,
    result: FitResult,
    machine: MachineProfile,
    context_used: int | None = None,
    in_words: bool = True,
) -> SpeedRange:
    """Speed of decoding; ``context_used``: tokens in the cache (default: a quarter, at most 4096).

    ``in_words``: with the sentence of its basis, which costs more than the figures.
    """
    if result.verdict is Verdict.NO:
        return SpeedRange(None, None, None, tr("It does not run here."))
    if prepared.embedding_only:
        return SpeedRange(None, None, None, tr("It embeds texts and generates no tokens."))
    used = min(result.context // 4, _TYPICAL_TOKENS) if context_used is None else context_used
    traffic = traffic_of(prepared, result, used)
    by_id = {device.id: device for device in machine.devices}
    devices = [by_id[use.id] for use in result.devices] if result.layers_on_gpu else []
    unknown = next((device.name for device in devices if not device.bandwidth_gbs), None)
    if unknown:
        return SpeedRange(
            None, None, None, tr("The memory bandwidth of {unknown} is not known.", unknown=unknown)
        )
    seconds, law = _seconds(prepared.arch, result, machine, traffic, devices)
    pace = devices[0].pace if devices else machine.cpu.pace
    divided = bool(devices) and traffic.host_bytes > 0
    if pace is not None and pace.depth is not None and not divided:
        empty, _ = _seconds(prepared.arch, result, machine, traffic_of(prepared, result, 0), devices)
        seconds = empty + (seconds - empty) * pace.depth * pace.factor
    if seconds <= 0:
        return SpeedRange(None, None, None, tr("Nothing is known that would tell its speed."))
    low, high, notes = law.low, law.high, []
    if divided:
        low, high = PARTIAL_LOW, PARTIAL_HIGH
    if traffic.host_bytes > 0 and machine.cpu.bandwidth_gbs is None:
        low, high = low * 0.6, high * 1.6
        notes.append(tr("{rate} GB/s assumed for RAM", rate=number(ASSUMED_RAM_GBS)))
    if prepared.arch.gated and not devices:
        low, high = low * 0.7, high * 1.3
        notes.append(tr("few runs of this architecture on a processor are known"))
    sure = high / low <= _NARROW and not any(class_of(device) in FEW_RAN for device in devices)
    mid, confidence = 1.0, Confidence.MEDIUM if sure else Confidence.LOW
    if pace is not None and not divided:
        low, mid, high = pace.factor * (1 - pace.spread), pace.factor, pace.factor * (1 + pace.spread)
        notes = [tr("corrected by this computer's own runs")]
        confidence = Confidence.HIGH if pace.spread <= SURE_SPREAD else Confidence.MEDIUM
    rate = 1 / seconds
    basis = _basis(result, traffic, used, notes) if in_words else ""
    return SpeedRange(rate * low, rate * mid, rate * high, basis, confidence)


def _seconds(
    arch: Architecture,
    result: FitResult,
    machine: MachineProfile,
    traffic: Traffic,
    devices: list[Device],
) -> tuple[float, Law]:
    """Seconds a token, and the law that gives its range (the device's that takes longest)."""
    mixture, weight = bool(arch.experts), block_weight(arch.name)
    law, seconds, longest = law_of(None, mixture), 0.0, 0.0
    on_devices = min(arch.layers, result.layers_on_gpu)
    for device, part in zip(devices, traffic.device_shares, strict=False):
        own = law_of(device, mixture)
        share = min(own.share, PARTIAL_DEVICE) if traffic.host_bytes else own.share
        taken = traffic.device_bytes * part / ((device.bandwidth_gbs or 0.0) * _GB * share)
        taken += on_devices * part * weight * own.layer_us * 1e-6
        seconds += taken
        if taken > longest:
            law, longest = own, taken
    ram = (machine.cpu.bandwidth_gbs or ASSUMED_RAM_GBS) * _GB
    if devices:
        return seconds + traffic.host_bytes / (ram * PARTIAL_RAM), law
    slowed = GATED_ON_CPU if arch.gated else 1.0
    return traffic.host_bytes / (ram * law.share * slowed) + arch.layers * law.layer_us * 1e-6, law


DRAFT_DENSE, DRAFT_MIXTURE = (1.3, 1.8), (0.9, 1.3)
"""What a draft multiplied decoding by in public runs, long answers; short ones gain least."""
_DRAFT_ON_APPLE = 1.0
"""A base M4 and an M3 Ultra gained nothing."""


def with_draft(
    speed: SpeedRange, prepared: PreparedModel, result: FitResult, bare: FitResult, machine: MachineProfile
) -> SpeedRange | None:
    """``speed`` with the draft of ``result``; None without one, or where no gain is to be expected.

    That is on the processor alone, where it costs layers or experts that ``bare``, the same without a draft,
    has on accelerators, and where the state is saved before each draft.
    """
    if result.draft is None:
        return None
    moved = result.expert_blocks_in_ram > bare.expert_blocks_in_ram
    fewer = bare.layers_on_gpu > result.layers_on_gpu
    if moved or fewer or not result.layers_on_gpu or result.draft.saves_state:
        return None
    if speed.low is None or speed.mid is None or speed.high is None:
        return speed
    low, high = DRAFT_MIXTURE if prepared.arch.experts else DRAFT_DENSE
    if any(device.backend == "metal" for device in machine.devices):
        low = min(low, _DRAFT_ON_APPLE)
    basis = tr(
        "With the draft ×{low}–{high}, as seen in public runs; short answers gain least.",
        low=number(low, 1),
        high=number(high, 1),
    )
    middle = (low + high) / 2
    return SpeedRange(speed.low * low, speed.mid * middle, speed.high * high, basis)


def _basis(result: FitResult, traffic: Traffic, used: int, notes: list[str]) -> str:
    total = (traffic.device_bytes + traffic.host_bytes) / _GB
    where = tr("accelerator") if not traffic.host_bytes else "RAM"
    if traffic.host_bytes and result.layers_on_gpu:
        where = tr(
            "accelerator and RAM ({amount} GB of it from RAM)", amount=number(traffic.host_bytes / _GB, 1)
        )
    text = tr(
        "Estimated from {total} GB read per token from {where}, with {used} tokens in the cache",
        total=number(total, 1),
        where=where,
        used=number(used),
    )
    return tr("{sentence}.", sentence=joined((text, *notes), "; "))


_REACHED = (0.15, 0.4, 0.8)
"""Share of the arithmetic peak a prompt reaches (low, middle, high)."""
_RAM_GBS = 45.0
_PCIE_GBS = 12.0
_FLOPS_PER_BYTE = {"cuda": 100.0, "rocm": 60.0, "metal": 35.0, "vulkan": 30.0}
"""Arithmetic peak over memory bandwidth of typical devices of a kind (16-bit operations per byte)."""
_CPU_FLOPS_PER_BYTE = 12.0


def prompt_tokens_per_second(
    prepared: PreparedModel, result: FitResult, machine: MachineProfile
) -> SpeedRange:
    """Tokens of a prompt per second: 2 x active parameters per token over the arithmetic that is there.

    Blocks in RAM cross to the accelerator once per batch.
    """
    if result.verdict is Verdict.NO:
        return SpeedRange(None, None, None, tr("It does not run here."))
    by_id = {device.id: device for device in machine.devices}
    devices = [by_id[use.id] for use in result.devices] if result.layers_on_gpu else []
    peak = sum(_peak(device) for device in devices)
    if not devices:
        peak = (machine.cpu.bandwidth_gbs or _RAM_GBS) * 1e9 * _CPU_FLOPS_PER_BYTE
    if not peak:
        return SpeedRange(None, None, None, tr("The speed of the accelerator is not known."))
    parameters = prepared.active_parameters
    crossing = result.host.weights_bytes / (_PCIE_GBS * 1e9) / result.batch if devices else 0.0
    low, mid, high = (1 / (2 * parameters / (peak * reached) + crossing) for reached in _REACHED)
    return SpeedRange(low, mid, high, tr("Order of magnitude only, from typical devices of this kind."))


def _peak(device: Device) -> float:
    return (device.bandwidth_gbs or 0.0) * 1e9 * _FLOPS_PER_BYTE.get(device.backend, 30.0)
