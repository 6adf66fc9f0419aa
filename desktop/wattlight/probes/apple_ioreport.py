"""Apple's IOReport counters (private library, no root): energy of the chip's parts. macOS only.

The library is not documented; it has kept these functions for years. Whatever is missing in it ends in
:class:`OSError` or :class:`AttributeError` from the constructor, and energy is then unknown.
"""

import ctypes
from typing import Any

from .apple_energy import Channel
from .apple_foundation import CoreFoundation, Ref

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
        """Give back the sample that is kept."""
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
