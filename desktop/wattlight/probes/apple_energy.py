"""Energy of an Apple chip out of its channels: units by label, dies summed, families never mixed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_JOULES = {"nJ": 1e-9, "uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3}
_CPU = "CPU Energy"
_CPU_DIE = re.compile(r"DIE_[0-9]+_CPU Energy\Z")
_GPU = "GPU Energy"
_GPU_DIE = re.compile(r"DIE_[0-9]+_GPU Energy\Z")
_ANE = re.compile(r"ANE([0-9]+(_[0-9]+)?)?\Z")
_DRAM = re.compile(r"DRAM([0-9]+(_[0-9]+)?)?\Z")


@dataclass(frozen=True, slots=True)
class Channel:
    """One counter as read: its name, its unit label (padded with blanks at times), its count."""

    name: str
    unit: str
    count: int


@dataclass(frozen=True, slots=True)
class ChipEnergy:
    """Joules of one window; None for what this chip does not report."""

    cpu_j: float | None = None
    gpu_j: float | None = None
    ane_j: float | None = None
    dram_j: float | None = None


def chip_energy(channels: Iterable[Channel]) -> ChipEnergy:
    """Joules of each part.

    The chip-wide channel is preferred; an Ultra has none and the channels of its dies are summed. ``GPU0_0``
    and the SRAM channels are another family and left out. A CPU that counts nothing while the window has
    passed is unknown (some chips report 0 under load).
    """
    listed = list(channels)
    cpu = _one(listed, _CPU)
    gpu = _one(listed, _GPU)
    return ChipEnergy(
        cpu_j=(cpu if cpu is not None else _sum(listed, _CPU_DIE)) or None,
        gpu_j=gpu if gpu is not None else _sum(listed, _GPU_DIE),
        ane_j=_sum(listed, _ANE),
        dram_j=_sum(listed, _DRAM),
    )


def _joules(channel: Channel) -> float | None:
    scale = _JOULES.get(channel.unit.strip())
    return channel.count * scale if scale is not None and channel.count >= 0 else None


def _one(channels: list[Channel], name: str) -> float | None:
    return next((_joules(channel) for channel in channels if channel.name == name), None)


def _sum(channels: list[Channel], pattern: re.Pattern[str]) -> float | None:
    values = [_joules(channel) for channel in channels if pattern.match(channel.name)]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
