"""How fast a prompt is read: an order of magnitude, no more."""

from wattlight.domain.fit import FitResult, PreparedModel, Verdict
from wattlight.domain.values import Device, MachineProfile

from .decode import SpeedRange

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
        return SpeedRange(None, None, None, "It does not run here.")
    by_id = {device.id: device for device in machine.devices}
    devices = [by_id[use.id] for use in result.devices] if result.layers_on_gpu else []
    peak = sum(_peak(device) for device in devices)
    if not devices:
        peak = (machine.cpu.bandwidth_gbs or _RAM_GBS) * 1e9 * _CPU_FLOPS_PER_BYTE
    if not peak:
        return SpeedRange(None, None, None, "The speed of the accelerator is not known.")
    parameters = prepared.active_parameters
    crossing = result.host.weights_bytes / (_PCIE_GBS * 1e9) / result.batch if devices else 0.0
    low, mid, high = (1 / (2 * parameters / (peak * reached) + crossing) for reached in _REACHED)
    return SpeedRange(low, mid, high, "Order of magnitude only, from typical devices of this kind.")


def _peak(device: Device) -> float:
    return (device.bandwidth_gbs or 0.0) * 1e9 * _FLOPS_PER_BYTE.get(device.backend, 30.0)
