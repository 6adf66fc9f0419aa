"""The computer as it would be with the server's loaded models unloaded."""

from dataclasses import replace

from wattlight.domain.state import RunningModel
from wattlight.domain.values import Device, MachineProfile


def without_models(profile: MachineProfile, running: tuple[RunningModel, ...]) -> MachineProfile:
    """``profile`` with what the loaded models hold counted as free.

    What the server reports on accelerators is given back to the devices in proportion to what is used of
    each; what it reports beyond that, to the RAM. Never more than a device or the RAM has.
    """
    on_gpu = sum(model.size_vram_bytes for model in running)
    in_ram = sum(max(0, model.size_bytes - model.size_vram_bytes) for model in running)
    used = [_used(device) for device in profile.devices]
    whole = sum(used)
    devices = tuple(
        device
        if device.memory_free_bytes is None or not whole
        else replace(device, memory_free_bytes=device.memory_free_bytes + min(part, on_gpu * part // whole))
        for device, part in zip(profile.devices, used, strict=True)
    )
    if not whole:
        in_ram += on_gpu
    available = min(profile.ram_total_bytes, profile.ram_available_bytes + in_ram)
    return replace(profile, ram_available_bytes=available, devices=devices)


def _used(device: Device) -> int:
    if device.memory_total_bytes is None or device.memory_free_bytes is None:
        return 0
    return max(0, device.memory_total_bytes - device.memory_free_bytes)
