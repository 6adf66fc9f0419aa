"""A quick answer to whether a model goes beside the loaded ones, when nothing better is known."""

from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.domain.values import MachineProfile

WEIGHTS_TO_NEED = 1.2
"""Weights are most of what a model takes; KV cache and buffers add about a fifth at usual contexts."""
ALLOWANCE_BYTES = 512 << 20
USABLE_SHARE = 0.8
"""Ollama loads a second model beside others only into 80 % of what is free."""


def room_by_size(
    profile: MachineProfile | None, model: InstalledModel | None, running: tuple[RunningModel, ...]
) -> bool | None:
    """True when ``model`` fits beside ``running``, False when not, None when it cannot be told.

    An estimate from file sizes: accelerators are judged by their total memory less what is loaded, a
    computer without one by the memory that is available now.
    """
    if profile is None or model is None:
        return None
    need = int(model.size_bytes * WEIGHTS_TO_NEED) + ALLOWANCE_BYTES
    totals = [device.memory_total_bytes for device in profile.devices if not device.integrated]
    if totals:
        if any(total is None for total in totals):
            return None
        free = sum(total or 0 for total in totals) - sum(m.size_vram_bytes for m in running)
        return need <= free * USABLE_SHARE
    return need <= profile.ram_available_bytes * USABLE_SHARE
