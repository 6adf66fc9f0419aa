"""How much of a memory's nominal bandwidth a model reaches: ratios from published runs.

Tokens per second times bytes per token over nominal bandwidth: 0.74-0.76 for cards below 500 GB/s, 0.6-0.7 at
1 TB/s, 0.55 above 1.5 TB/s; Apple base and Pro 0.66-0.81, Max 0.41-0.61, Ultra 0.45; dual-channel RAM
0.68-0.75. Mixtures with few active bytes reach 0.3 to 0.6 of that.
"""

from wattlight.domain.values import Device

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
