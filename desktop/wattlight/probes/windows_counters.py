"""Load and memory of GPUs on Windows from the performance counters (any vendor)."""

import ctypes
import re
import struct
from collections.abc import Iterable
from typing import Any

from .windows_calls import library

ENGINE = r"\GPU Engine(*)\Utilization Percentage"
DEDICATED = r"\GPU Adapter Memory(*)\Dedicated Usage"
SHARED = r"\GPU Adapter Memory(*)\Shared Usage"
_LUID = re.compile(r"luid_0x([0-9a-fA-F]+)_0x([0-9a-fA-F]+)_phys_([0-9]+)")
_ENGINE_NUMBER = re.compile(r"_eng_([0-9]+)_")
_DOUBLE, _LARGE = 0x200, 0x400
_MORE_DATA = 0x800007D2
_VALID = {0, 1}

Values = list[tuple[str, float]]


def luid_of(instance: str) -> str | None:
    """``high_low`` of the adapter an instance belongs to, None if it names none."""
    match = _LUID.search(instance)
    return f"{int(match.group(1), 16):x}_{int(match.group(2), 16):x}" if match else None


def load_of(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Load in percent for each adapter: summed over processes for each engine, then the busiest engine.

    Summing engines would count a card twice (118 % was seen).
    """
    engines: dict[tuple[str, str], float] = {}
    for instance, value in values:
        luid, engine = luid_of(instance), _ENGINE_NUMBER.search(instance)
        if luid and engine and 0 <= value <= 1000:
            key = (luid, engine.group(1))
            engines[key] = engines.get(key, 0.0) + value
    found: dict[str, float] = {}
    for (luid, _), value in engines.items():
        found[luid] = max(found.get(luid, 0.0), min(100.0, value))
    return found


def used_of(values: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Bytes in use for each adapter."""
    found: dict[str, int] = {}
    for instance, value in values:
        luid = luid_of(instance)
        if luid and 0 <= value < 1 << 50:
            found[luid] = found.get(luid, 0) + int(value)
    return found


class PerformanceCounters:
    """One query kept open. The first look has no load yet (it is a rate).

    Raises:
        OSError, AttributeError: from the constructor where there are no such counters.
    """

    def __init__(self) -> None:
        self._pdh: Any = library("pdh")
        self._query = ctypes.c_void_p()
        if self._pdh.PdhOpenQueryW(None, None, ctypes.byref(self._query)) != 0:
            raise OSError("no performance query")
        self._counters = {path: self._add(path) for path in (ENGINE, DEDICATED, SHARED)}

    def collect(self) -> None:
        """Take the next sample of all counters."""
        self._pdh.PdhCollectQueryData(self._query)

    def values(self, path: str, whole: bool) -> Values:
        """Instances and values of one counter after :meth:`collect`."""
        counter = self._counters.get(path)
        if counter is None:
            return []
        kind = _LARGE if whole else _DOUBLE
        size, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        ask = self._pdh.PdhGetFormattedCounterArrayW
        status = ask(counter, kind, ctypes.byref(size), ctypes.byref(count), None) & 0xFFFFFFFF
        if status != _MORE_DATA or not 0 < size.value < 8_000_000:
            return []
        buffer = ctypes.create_string_buffer(size.value)
        status = ask(counter, kind, ctypes.byref(size), ctypes.byref(count), buffer) & 0xFFFFFFFF
        return items_of(buffer, count.value, whole) if status == 0 else []

    def close(self) -> None:
        """Close the query."""
        self._pdh.PdhCloseQuery(self._query)

    def _add(self, path: str) -> Any:
        counter = ctypes.c_void_p()
        status = self._pdh.PdhAddEnglishCounterW(self._query, path, None, ctypes.byref(counter))
        return counter if status == 0 else None


def items_of(buffer: Any, count: int, whole: bool) -> Values:
    """Items of 24 bytes: pointer to the name, status, value. Status 0 and 1 are both valid."""
    found: Values = []
    for index in range(min(count, ctypes.sizeof(buffer) // 24)):
        pointer, status, value = struct.unpack_from("<QI4xq" if whole else "<QI4xd", buffer, index * 24)
        if pointer and status in _VALID:
            found.append((ctypes.wstring_at(pointer), float(value)))
    return found
