"""A Mac's system libraries on paper: objects are numbers in a table, functions are Python's."""

import ctypes
import struct
from collections.abc import Callable
from typing import Any

TYPES = {str: 1, int: 2, float: 2, bool: 3, list: 4, dict: 5}


class Function:
    """Called like one of ctypes; takes a result type and argument types."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run
        self.restype: Any = None
        self.argtypes: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self.run(*arguments)


def bare(ref: Any) -> Any:
    """The number in a reference."""
    return ref.value if isinstance(ref, ctypes.c_void_p) else ref


class Library:
    """Gives what its owner has as ``NAME``; a name that is missing is an AttributeError, as with ctypes."""

    def __init__(self, owner: "Mac") -> None:
        self._owner = owner

    def __getattr__(self, name: str) -> Function:
        if name in self._owner.missing:
            raise AttributeError(name)
        return Function(getattr(self._owner, name))


class U32(ctypes.c_uint32):
    """One that can be found in a library on paper."""

    @classmethod
    def in_dll(cls, library: Any, name: str) -> "U32":
        """The task's own port."""
        return cls(77)


class Mac:
    """Stands in for the module ``ctypes`` in a file that reads a Mac (:meth:`stand_in`).

    ``alive`` are the objects not yet given back. ``entries`` are the properties of the registry by class,
    ``samples`` the counts of the energy channels, one list a look, ``keys`` the controller's values.
    """

    def __init__(self) -> None:
        self.table: dict[int, Any] = {}
        self.alive: set[int] = set()
        self.missing: set[str] = set()
        self.absent: set[str] = set()
        self.entries: dict[str, dict[str, Any]] = {}
        self.samples: list[list[tuple[str, str, int]]] = []
        self.keys: dict[str, float] = {}
        self.sysctl: dict[str, bytes] = {}
        self.working_set: int | None = 1 << 34
        self.devices = ["Other", "AppleSMCKeysEndpoint"]
        self.controller = True
        self.refused = False
        self.open_connections = 0

    def stand_in(self) -> Any:
        """As much of the module as is used."""
        mac = self

        class Ctypes:
            c_uint32 = U32

            def __getattr__(self, name: str) -> Any:
                return getattr(ctypes, name)

            def CDLL(self, path: str) -> Library:
                if any(word in path for word in mac.absent):
                    raise OSError(f"{path}: no such file")
                return Library(mac)

            def CFUNCTYPE(self, *_types: Any) -> Callable[..., Any]:
                return lambda _place: lambda _device, _selector: mac.working_set

        return Ctypes()

    def new(self, value: Any, owned: bool = True) -> int:
        """A number for an object."""
        number = len(self.table) + 1
        self.table[number] = value
        if owned:
            self.alive.add(number)
        return number

    def of(self, ref: Any) -> Any:
        """The object."""
        return self.table[bare(ref)]

    # CoreFoundation

    def CFStringCreateWithCString(self, _: Any, text: bytes, _encoding: int) -> int:
        return self.new(text.decode())

    def CFStringGetCString(self, ref: Any, buffer: Any, size: int, _encoding: int) -> bool:
        raw = self.of(ref).encode()
        if len(raw) >= size:
            return False
        buffer.value = raw
        return True

    def CFNumberGetValue(self, ref: Any, kind: int, place: Any) -> bool:
        value = self.of(ref)
        if isinstance(value, int) and abs(value) >= 1 << 63:
            return False
        place._obj.value = value
        return True

    def CFNumberIsFloatType(self, ref: Any) -> bool:
        return isinstance(self.of(ref), float)

    def CFBooleanGetValue(self, ref: Any) -> bool:
        return bool(self.of(ref))

    def CFArrayGetCount(self, ref: Any) -> int:
        return len(self.of(ref))

    def CFArrayGetValueAtIndex(self, ref: Any, index: int) -> int:
        return self.new(self.of(ref)[index], owned=False)

    def CFDictionaryGetCount(self, ref: Any) -> int:
        return len(self.of(ref))

    def CFDictionaryGetValue(self, ref: Any, key: Any) -> int | None:
        found = self.of(ref).get(self.of(key))
        return None if found is None else self.new(found, owned=False)

    def CFDictionaryGetKeysAndValues(self, ref: Any, keys: Any, values: Any) -> None:
        for index, (key, value) in enumerate(self.of(ref).items()):
            keys[index], values[index] = self.new(key, owned=False), self.new(value, owned=False)

    def CFDictionaryCreateMutableCopy(self, _: Any, _size: int, ref: Any) -> int:
        return self.new(dict(self.of(ref)))

    def CFGetTypeID(self, ref: Any) -> int:
        return TYPES.get(type(self.of(ref)), 99)

    def CFRelease(self, ref: Any) -> None:
        self.alive.remove(bare(ref))

    def CFStringGetTypeID(self) -> int:
        return 1

    def CFNumberGetTypeID(self) -> int:
        return 2

    def CFBooleanGetTypeID(self) -> int:
        return 3

    def CFArrayGetTypeID(self) -> int:
        return 4

    def CFDictionaryGetTypeID(self) -> int:
        return 5

    # IOReport

    def IOReportCopyChannelsInGroup(self, group: Any, *_: Any) -> int | None:
        return self.new({}) if self.samples and self.of(group) == "Energy Model" else None

    def IOReportCreateSubscription(self, *_: Any) -> int | None:
        return None if self.refused else self.new("subscription", owned=False)

    def IOReportCreateSamples(self, *_: Any) -> int | None:
        return self.new(self.samples.pop(0)) if self.samples else None

    def IOReportCreateSamplesDelta(self, last: Any, now: Any, _: Any) -> int | None:
        before, after = self.of(last), self.of(now)
        if not after:
            return None
        counted = [(n, u, c - b) for (n, u, c), (_, _, b) in zip(after, before, strict=False)]
        return self.new({"IOReportChannels": counted} if counted else {})

    def IOReportChannelGetChannelName(self, item: Any) -> int:
        return self.new(self.of(item)[0], owned=False)

    def IOReportChannelGetUnitLabel(self, item: Any) -> int:
        return self.new(self.of(item)[1], owned=False)

    def IOReportSimpleGetIntegerValue(self, item: Any, _: int) -> int:
        return int(self.of(item)[2])

    # IOKit

    def IOServiceMatching(self, name: bytes) -> str:
        return name.decode()

    def IOServiceGetMatchingService(self, _: int, name: str) -> int:
        return self.new(self.entries[name]) if name in self.entries else 0

    def IORegistryEntryCreateCFProperty(self, entry: int, key: Any, *_: Any) -> int | None:
        found = self.table[entry].get(self.of(key))
        return None if found is None else self.new(found)

    def IOObjectRelease(self, number: Any) -> int:
        self.alive.discard(number.value if isinstance(number, ctypes.c_uint32) else number)
        return 0

    def IOServiceGetMatchingServices(self, _: int, _name: str, iterator: Any) -> int:
        iterator._obj.value = self.new(list(self.devices))
        return 0 if self.controller else 1

    def IOIteratorNext(self, iterator: Any) -> int:
        left = self.table[iterator.value]
        return self.new(left.pop(0)) if left else 0

    def IORegistryEntryGetName(self, device: int, buffer: Any) -> int:
        buffer.value = self.table[device].encode()
        return 0

    def IOServiceOpen(self, _device: int, task: int, _: int, opened: Any) -> int:
        assert task == 77
        if self.refused:
            return 1
        self.open_connections += 1
        opened._obj.value = 5
        return 0

    def IOServiceClose(self, connection: int) -> int:
        assert connection == 5
        self.open_connections -= 1
        return 0

    def IOConnectCallStructMethod(
        self, _connection: Any, _selector: Any, given: Any, size: Any, answer: Any, _answer_size: Any
    ) -> int:
        asked = given.raw
        assert size.value == len(asked) == 80
        key = struct.unpack_from("=I", asked)[0].to_bytes(4, "big").decode()
        raw = bytearray(80)
        if key not in self.keys:
            raw[40] = 132
        elif asked[42] == 9:
            struct.pack_into("=I4s", raw, 28, 4, b" tlf")
        else:
            struct.pack_into("<f", raw, 48, self.keys[key])
        answer.raw = bytes(raw)
        return 1 if self.refused else 0

    # Metal, sysctl

    def MTLCreateSystemDefaultDevice(self) -> int:
        return 0 if self.working_set is None else 9

    def sel_registerName(self, name: bytes) -> int:
        assert name == b"recommendedMaxWorkingSetSize"
        return 3

    def sysctlbyname(self, name: bytes, buffer: Any, size: Any, *_: Any) -> int:
        found = self.sysctl.get(name.decode())
        if found is None:
            return -1
        buffer.raw = found + bytes(1024 - len(found))
        size._obj.value = len(found)
        return 0
