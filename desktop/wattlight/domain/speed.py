"""How fast a fitted model would answer: always a range, always with its basis."""

from dataclasses import dataclass

from wattlight.i18n import tr

from .fit import FitResult, PreparedModel, Verdict
from .values import Device, MachineProfile

SMALL_BYTES = 2 * 10**9
LOW, HIGH = 0.75, 1.2
"""The range shown around the middle: the spread of published runs."""
MIXTURE = (0.3, 0.45, 0.6)
"""Mixtures of experts with less than SMALL_BYTES of active weights reach this share (low, middle, high)."""
RAM = 0.70
GATED_ON_CPU = 0.3
"""Gated-delta models on the processor: one published run was five times below the bandwidth limit."""
START_S = {"cuda": 0.00045, "rocm": 0.0007, "metal": 0.001, "vulkan": 0.001}
"""Launch overhead per token."""
ASSUMED_RAM_GBS = 45.0
"""Two channels of DDR4-3200 reach about this; the range is widened where nothing better is known."""


def efficiency(device: Device, bytes_per_token: int) -> float:
    """Share of nominal bandwidth for ``device``."""
    if device.backend == "metal":
        name = device.name.lower()
        if "ultra" in name:
            return 0.45
        return 0.60 if "max" in name else 0.75
    if device.unified or device.integrated:
        return 0.70
    bandwidth = device.bandwidth_gbs or 0.0
    if bandwidth > 1500 or bytes_per_token < SMALL_BYTES:
        return 0.55
    return 0.75 if bandwidth < 500 else 0.65


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
    weights = prepared.weights("cpu", 512)
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
_OWN_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class SpeedRange:
    """Tokens per second of one answer; all None with ``basis`` saying why where it cannot be told.

    ``basis`` is one plain sentence about how the range came to be.
    """

    low: float | None
    mid: float | None
    high: float | None
    basis: str


def tokens_per_second(
    prepared: PreparedModel,
    result: FitResult,
    machine: MachineProfile,
    context_used: int | None = None,
    correction: float | None = None,
) -> SpeedRange:
    """Speed of decoding one answer.

    Args:
        context_used: tokens in the cache (default: a quarter of the context, at most 4096).
        correction: measured over predicted speed from a benchmark on this very machine.
    """
    if result.verdict is Verdict.NO:
        return SpeedRange(None, None, None, tr("It does not run here."))
    if prepared.embedding_only:
        return SpeedRange(None, None, None, tr("It embeds texts and generates no tokens."))
    used = min(result.context // 4, _TYPICAL_TOKENS) if context_used is None else context_used
    traffic = traffic_of(prepared, result, used)
    seconds, unknown = _device_seconds(result, machine, traffic)
    if unknown:
        return SpeedRange(
            None, None, None, tr("The memory bandwidth of {unknown} is not known.", unknown=unknown)
        )
    ram = machine.cpu.bandwidth_gbs
    gated_on_cpu = prepared.arch.gated and traffic.host_bytes > 0 and not result.layers_on_gpu
    host_seconds = traffic.host_bytes / ((ram or ASSUMED_RAM_GBS) * _GB * RAM)
    if gated_on_cpu:
        host_seconds /= GATED_ON_CPU
    total = seconds + host_seconds
    if total <= 0:
        return SpeedRange(None, None, None, tr("Nothing is known that would tell its speed."))
    low, mid, high = LOW, 1.0, HIGH
    notes = []
    if prepared.arch.experts and traffic.active_weights < SMALL_BYTES:
        low, mid, high = LOW * MIXTURE[0], MIXTURE[1], HIGH * MIXTURE[2]
        notes.append("mixtures of experts reach a part of the limit")
    if traffic.host_bytes > 0 and ram is None:
        low, high = low * 0.6, high * 1.6
        notes.append(f"{ASSUMED_RAM_GBS:.0f} GB/s assumed for RAM")
    if gated_on_cpu:
        low, high = low * 0.6, high * 1.5
        notes.append("few runs of this architecture on a processor are known")
    if correction and correction > 0:
        low, mid, high = correction * (1 - _OWN_SPREAD), correction, correction * (1 + _OWN_SPREAD)
        notes = ["corrected by this computer's own benchmark"]
    rate = 1 / total
    return SpeedRange(rate * low, rate * mid, rate * high, _basis(result, traffic, used, notes))


def _device_seconds(result: FitResult, machine: MachineProfile, traffic: Traffic) -> tuple[float, str | None]:
    """Seconds per token spent on accelerators, and the name of one whose bandwidth is not known."""
    if not result.layers_on_gpu:
        return 0.0, None
    by_id = {device.id: device for device in machine.devices}
    seconds = 0.0
    for use, share in zip(result.devices, traffic.device_shares, strict=True):
        device = by_id[use.id]
        if device.bandwidth_gbs is None:
            return 0.0, device.name
        size = round(traffic.device_bytes * share)
        seconds += size / (device.bandwidth_gbs * _GB * efficiency(device, size))
        seconds += START_S.get(device.backend, 0.001)
    return seconds, None


def _basis(result: FitResult, traffic: Traffic, used: int, notes: list[str]) -> str:
    total = (traffic.device_bytes + traffic.host_bytes) / _GB
    where = "accelerator" if not traffic.host_bytes else "RAM"
    if traffic.host_bytes and result.layers_on_gpu:
        where = f"accelerator and RAM ({traffic.host_bytes / _GB:.1f} GB of it from RAM)"
    text = f"Estimated from {total:.1f} GB read per token from {where}, with {used} tokens in the cache"
    return "; ".join((text, *notes)) + "."


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
