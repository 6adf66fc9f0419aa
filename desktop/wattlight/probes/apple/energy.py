"""Energy of an Apple chip out of its channels: units by label, dies summed, families never mixed."""

import ctypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .foundation import CoreFoundation, Ref

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


_LIBRARY = "/usr/lib/libIOReport.dylib"
_GROUP = "Energy Model"
_ITEMS = "IOReportChannels"


class IOReport:
    """A subscription to the energy channels.

    Raises:
        OSError, AttributeError: the library or its functions are not there, or there are no channels
            (a virtual machine).
    """

    def __init__(self, foundation: CoreFoundation) -> None:
        self._cf = foundation
        lib: Any = ctypes.CDLL(_LIBRARY)
        self._lib = lib
        u64 = ctypes.c_uint64
        for name, result, arguments in (
            ("IOReportCopyChannelsInGroup", Ref, [Ref, Ref, u64, u64, u64]),
            ("IOReportCreateSubscription", Ref, [Ref, Ref, ctypes.POINTER(Ref), u64, Ref]),
            ("IOReportCreateSamples", Ref, [Ref, Ref, Ref]),
            ("IOReportCreateSamplesDelta", Ref, [Ref, Ref, Ref]),
            ("IOReportChannelGetChannelName", Ref, [Ref]),
            ("IOReportChannelGetUnitLabel", Ref, [Ref]),
            ("IOReportSimpleGetIntegerValue", ctypes.c_int64, [Ref, ctypes.c_int32]),
        ):
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self._channels, self._subscription = self._subscribe()
        self._last: Any = None

    def changes(self) -> list[Channel]:
        """What each channel counted since the last call; empty at the first."""
        sample = self._lib.IOReportCreateSamples(self._subscription, self._channels, None)
        if not sample:
            return []
        sample, last = Ref(sample), self._last
        self._last = sample
        if last is None:
            return []
        delta = self._lib.IOReportCreateSamplesDelta(last, sample, None)
        self._cf.release(last)
        if not delta:
            return []
        try:
            items = self._cf.get(Ref(delta), _ITEMS)
            return [self._channel(item) for item in self._cf.items(items)] if items else []
        finally:
            self._cf.release(Ref(delta))

    def close(self) -> None:
        self._cf.release(self._last)
        self._last = None

    def _subscribe(self) -> tuple[Any, Any]:
        group = self._cf.string(_GROUP)
        found = self._lib.IOReportCopyChannelsInGroup(group, None, 0, 0, 0)
        self._cf.release(group)
        if not found:
            raise OSError("no energy channels")
        channels = self._cf.mutable_copy(Ref(found))
        self._cf.release(Ref(found))
        subscribed = Ref()
        subscription = self._lib.IOReportCreateSubscription(None, channels, ctypes.byref(subscribed), 0, None)
        if not subscription:
            raise OSError("no subscription to the energy channels")
        return subscribed if subscribed else channels, Ref(subscription)

    def _channel(self, item: Any) -> Channel:
        name = self._cf.text(Ref(self._lib.IOReportChannelGetChannelName(item)))
        unit = self._cf.text(Ref(self._lib.IOReportChannelGetUnitLabel(item)))
        return Channel(name, unit, int(self._lib.IOReportSimpleGetIntegerValue(item, 0)))
