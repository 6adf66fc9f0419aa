"""The operating system's own sources, one set for each system behind one interface."""

from collections.abc import Callable
from typing import Protocol

from .nvml_api import NvmlApi
from .part import Machine, Part
from .rates import Moment
from .reader import Reader
from .report import Accelerator, Battery, CpuPower, Environment, Memory

NO_GPU = "No GPU found. Models run on the CPU."


class Host(Protocol):
    """What the prober asks the operating system. No method raises."""

    reader: Reader
    battery_every_s: float
    cpu_may_hang: bool
    """Whether the processor's source may block (then it is asked on the worker thread)."""

    @property
    def battery_may_hang(self) -> bool:
        """Whether there is a battery to ask, whose firmware may take its time."""

    def name(self) -> str:
        """The computer's name."""

    def boot_id(self) -> str:
        """Changes at every start of the computer; empty if unknown."""

    def inventory(self) -> tuple[str, ...]:
        """Names of what is plugged in; a change means that parts came or went."""

    def machine(self) -> Machine:
        """Adapters and environment, found afresh."""

    def find(self, machine: Machine) -> list[Part]:
        """The accelerator parts."""

    def ignored(self, machine: Machine) -> tuple[str, ...]:
        """Adapters that are no accelerators."""

    def with_messages(self, machine: Machine, rows: tuple[Accelerator, ...]) -> Environment:
        """The environment with the sentences that go with what was found."""

    def memory(self) -> Memory:
        """System memory now."""

    def cpu_power(self, now: Moment) -> CpuPower:
        """Processor power since the last look."""

    def battery(self) -> Battery:
        """The battery now."""

    def close(self) -> None:
        """Close everything."""


NvmlMaker = Callable[[], NvmlApi]


def no_nvml() -> NvmlApi:
    """For systems without NVIDIA GPUs; must not be called."""
    raise NotImplementedError
