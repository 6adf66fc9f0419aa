"""Asks the machine: accelerators, memory, power, battery. One file per vendor and source behind this door.

Nothing here needs root, starts a child process or wakes a sleeping device.
"""

from .prober import NvmlFactory, Prober, open_prober
from .report import (
    Accelerator,
    AcceleratorMemory,
    Battery,
    CpuPower,
    EnergyZone,
    Environment,
    HardwareReport,
    Memory,
)
