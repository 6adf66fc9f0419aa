"""The vendors. A new one is a file with ``find(machine)`` and a line here."""

from collections.abc import Callable

from . import amd, intel, jetson, nvidia
from .part import Machine, Part

LINUX: tuple[Callable[[Machine], list[Part]], ...] = (nvidia.find, jetson.find, amd.find, intel.find)
