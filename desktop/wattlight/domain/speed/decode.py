"""Tokens per second from bytes per token and bandwidth."""

from dataclasses import dataclass

from wattlight.domain.fit import FitResult, PreparedModel, Verdict
from wattlight.domain.values import MachineProfile

from .efficiency import (
    ASSUMED_RAM_GBS,
    GATED_ON_CPU,
    HIGH,
    LOW,
    MIXTURE,
    RAM,
    SMALL_BYTES,
    START_S,
    efficiency,
)
from .traffic import Traffic, traffic_of

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
        return SpeedRange(None, None, None, "It does not run here.")
    if prepared.embedding_only:
        return SpeedRange(None, None, None, "It embeds texts and generates no tokens.")
    used = min(result.context // 4, _TYPICAL_TOKENS) if context_used is None else context_used
    traffic = traffic_of(prepared, result, used)
    seconds, unknown = _device_seconds(result, machine, traffic)
    if unknown:
        return SpeedRange(None, None, None, f"The memory bandwidth of {unknown} is not known.")
    ram = machine.cpu.bandwidth_gbs
    gated_on_cpu = prepared.arch.gated and traffic.host_bytes > 0 and not result.layers_on_gpu
    host_seconds = traffic.host_bytes / ((ram or ASSUMED_RAM_GBS) * _GB * RAM)
    if gated_on_cpu:
        host_seconds /= GATED_ON_CPU
    total = seconds + host_seconds
    if total <= 0:
        return SpeedRange(None, None, None, "Nothing is known that would tell its speed.")
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
