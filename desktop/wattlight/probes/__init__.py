"""Asks the machine: accelerators, memory, power, battery. One file per vendor and source behind this door.

Nothing here needs root, starts a child process or wakes a sleeping device.
"""

from .nvidia.limits import CardLimit, PowerLimitProblem, card_limits
from .nvidia.nvml import NvmlApi
from .probe import NvmlFactory
from .prober import Prober, open_prober
from .programs import ProgramTimes, ProgramUse
from .report import Battery, CpuPower, Environment, HardwareReport, Memory, cpu_reason
from .server_switches import server_log
