"""As much of Windows' libraries as is asked, on paper."""

import ctypes
import struct
from collections.abc import Callable
from typing import Any

INVALID = ctypes.c_void_p(-1).value
MORE_DATA = 0x800007D2


class Function:
    """Called like one of ctypes; takes a result type."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        return self.run(*arguments)


class Windows:
    """As a computer of the test's making.

    ``adapters`` maps a handle to (luid low, luid high, {question: answer}), ``devices`` a display device to
    its power data, ``meters`` the path of an energy meter to (metadata, measurement), ``counters`` the path
    of a performance counter to its (instance, status, value). ``failing`` are the steps that fail.
    """

    def __init__(self) -> None:
        self.absent: set[str] = set()
        self.adapters: dict[int, tuple[int, int, dict[int, bytes]]] = {}
        self.closed: list[int] = []
        self.devices: dict[str, bytes | None] = {}
        self.meters: dict[str, tuple[bytes, bytes]] = {}
        self.open_files: dict[int, str] = {}
        self.counters: dict[str, list[tuple[str, int, float]]] = {}
        self.battery: bytes | None = None
        self.ticks = 5_000_000
        self.failing: set[str] = set()
        self.collected = 0
        self._names: list[Any] = []

    def load(self, name: str, winmode: int = 0) -> Any:
        """The loader; only the system's own folder is searched."""
        assert winmode == 0x0800
        if name in self.absent:
            raise OSError(f"{name} not found")
        windows = self

        class Library:
            def __init__(self) -> None:
                self.functions: dict[str, Function] = {}

            def __getattr__(self, function: str) -> Function:
                if function in windows.absent:
                    raise AttributeError(function)
                return self.functions.setdefault(function, Function(getattr(windows, function)))

        return Library()

    # gdi32

    def D3DKMTEnumAdapters2(self, asked: Any) -> int:
        most, place = struct.unpack_from("<I4xQ", asked.raw)
        if "enumerate" in self.failing:
            return -1
        raw = b"".join(
            struct.pack("<IIiII", h, low, high, 0, 0) for h, (low, high, _) in self.adapters.items()
        )
        ctypes.memmove(place, raw, min(len(raw), 20 * most))
        struct.pack_into("<I", asked, 0, len(self.adapters))
        return 0

    def D3DKMTQueryAdapterInfo(self, asked: Any) -> int:
        handle, what, place, size = struct.unpack_from("<IIQI", asked.raw)
        answer = self.adapters[handle][2].get(what)
        if answer is None:
            return -1
        ctypes.memmove(place, answer, min(size, len(answer)))
        return 0

    def D3DKMTCloseAdapter(self, handle: Any) -> int:
        self.closed.append(struct.unpack("<I", handle.raw)[0])
        return 0

    # cfgmgr32

    def _list(self) -> bytes:
        return ("\0".join(self.devices) + "\0\0").encode("utf-16-le")

    def CM_Get_Device_ID_List_SizeW(self, size: Any, _class: str, _flags: int) -> int:
        size._obj.value = len(self._list()) // 2
        return 1 if "size" in self.failing else 0

    def CM_Get_Device_ID_ListW(self, _class: str, buffer: Any, _size: Any, _flags: int) -> int:
        raw = self._list()
        buffer.raw = raw + bytes(len(buffer) - len(raw))
        return 1 if "list" in self.failing else 0

    def CM_Locate_DevNodeW(self, node: Any, name: str, _flags: int) -> int:
        node._obj.value = list(self.devices).index(name)
        return 1 if self.devices[name] is None else 0

    def CM_Get_DevNode_PropertyW(
        self, node: Any, key: Any, _kind: Any, data: Any, size: Any, _flags: int
    ) -> int:
        assert len(key.raw) == 20
        raw = list(self.devices.values())[node.value]
        if not raw:
            return 1
        data.raw = raw + bytes(len(data) - len(raw))
        size._obj.value = len(raw)
        return 0

    # kernel32, setupapi, powrprof

    def CreateFileW(self, path: str, *_: Any) -> int | None:
        if "open" in self.failing:
            return INVALID
        number = 100 + len(self.open_files)
        self.open_files[number] = path
        return number

    def CloseHandle(self, handle: Any) -> int:
        del self.open_files[handle.value]
        return 1

    def DeviceIoControl(
        self, handle: Any, code: int, _in: Any, _n: int, buffer: Any, size: int, got: Any, _: Any
    ) -> int:
        metadata, measurement = self.meters[self.open_files[handle.value]]
        answer = {
            0x224004: struct.pack("<I", len(metadata)) if metadata else b"",
            0x224008: metadata,
            0x22400C: measurement,
        }[code][:size]
        buffer.raw = answer + bytes(size - len(answer))
        got._obj.value = len(answer)
        return 0 if "control" in self.failing else 1

    def GetTickCount64(self) -> int:
        return self.ticks

    def SetupDiGetClassDevsW(self, *_: Any) -> int | None:
        return INVALID if "class" in self.failing else 9

    def SetupDiEnumDeviceInterfaces(self, _l: Any, _d: Any, _g: Any, index: int, data: Any) -> int:
        struct.pack_into("<I", data, 4, index)
        return int(index < len(self.meters))

    def SetupDiGetDeviceInterfaceDetailW(self, _l: Any, data: Any, detail: Any, size: int, *_: Any) -> int:
        (index,) = struct.unpack_from("<I", data, 4)
        raw = list(self.meters)[index].encode("utf-16-le")
        detail.raw = struct.pack("<I", 8) + raw + bytes(size - 4 - len(raw))
        return 1

    def SetupDiDestroyDeviceInfoList(self, _listed: Any) -> int:
        return 1

    def CallNtPowerInformation(self, _level: int, _in: Any, _n: int, buffer: Any, _size: int) -> int:
        if self.battery is None:
            return -1
        buffer.raw = self.battery
        return 0

    # pdh

    def PdhOpenQueryW(self, _source: Any, _data: Any, query: Any) -> int:
        query._obj.value = 1
        return 1 if "query" in self.failing else 0

    def PdhAddEnglishCounterW(self, _query: Any, path: str, _data: Any, counter: Any) -> int:
        if path not in self.counters:
            return -1
        counter._obj.value = 1 + list(self.counters).index(path)
        return 0

    def PdhCollectQueryData(self, _query: Any) -> int:
        self.collected += 1
        return 0

    def PdhGetFormattedCounterArrayW(
        self, counter: Any, kind: int, size: Any, count: Any, buffer: Any
    ) -> int:
        items = list(self.counters.values())[counter.value - 1]
        size._obj.value, count._obj.value = 24 * len(items), len(items)
        if buffer is None:
            return MORE_DATA - (1 << 32) if items else 0
        if "format" in self.failing:
            return -1
        whole = kind == 0x400
        for index, (name, status, value) in enumerate(items):
            text = ctypes.create_unicode_buffer(name)
            self._names.append(text)
            struct.pack_into(
                "<QI4xq" if whole else "<QI4xd", buffer, 24 * index,
                ctypes.addressof(text) if name else 0, status, int(value) if whole else value,
            )  # fmt: skip
        return 0

    def PdhCloseQuery(self, _query: Any) -> int:
        self.counters.clear()
        return 0
