"""How busy a Linux laptop is beside its power: clock of the processors, its own screen, other screens."""

import re
from collections.abc import Sequence
from dataclasses import replace

from wattlight.domain.power import Usage

from ..numbers import Moment, again_whole, read_whole
from ..reader import Reader
from .pci import DRM_FOLDER

BACKLIGHTS = "/sys/class/backlight"
CLOCKS = "/sys/devices/system/cpu/cpufreq"
_KINDS = ("firmware", "platform", "raw")
"""Of a backlight, the best first: the kernel's own order."""
_CONNECTOR = re.compile(r"card[0-9]+-(?!eDP|LVDS|DSI|DPI|Writeback|Virtual)[A-Za-z]")
_MOST_CLOCKS = 8
"""So many groups of processors are asked, evenly chosen: each question interrupts one of them."""
_SCREENS_S = 30.0
_MOST_KHZ = 20_000_000


class LinuxUsage:
    """Reads files that the kernel keeps at hand; wakes no card. Nothing here raises."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._backlight = _backlight(reader)
        self._clocks = _clocks(reader)
        self._connectors = [n for n in reader.listdir(DRM_FOLDER) if _CONNECTOR.match(n)]
        self._screens = (float("-inf"), 0)

    def look(self, now: Moment, usage: Usage) -> Usage:
        """``usage`` with what the files tell."""
        if now.monotonic_s - self._screens[0] >= _SCREENS_S:
            self._screens = (now.monotonic_s, sum(map(self._is_on, self._connectors)))
        return replace(usage, clock=self._clock(), brightness=self._brightness(), screens=self._screens[1])

    def _clock(self) -> float | None:
        """Mean of what the processors run at, as a share of their highest."""
        shares = []
        for folder, highest in self._clocks:
            khz = self._number(f"{folder}/scaling_cur_freq", 1, _MOST_KHZ)
            if khz is not None:
                shares.append(min(1.0, khz / highest))
        return sum(shares) / len(shares) if shares else None

    def _brightness(self) -> float | None:
        if self._backlight is None:
            return None
        folder, highest = self._backlight
        if self._number(f"{folder}/bl_power", 1, 4):  # 0 is on
            return 0.0
        value = self._number(f"{folder}/actual_brightness", 0, highest)
        return None if value is None else value / highest

    def _is_on(self, connector: str) -> bool:
        folder = f"{DRM_FOLDER}/{connector}"
        there = self._reader.text(f"{folder}/status") == "connected"
        return there and self._reader.text(f"{folder}/enabled") != "disabled"

    def _number(self, path: str, low: int, high: int) -> int | None:
        try:
            return again_whole(self._reader, path, low, high)
        except OSError:
            return None


def _backlight(reader: Reader) -> tuple[str, int] | None:
    found = []
    for name in reader.listdir(BACKLIGHTS):
        folder = f"{BACKLIGHTS}/{name}"
        highest = read_whole(reader, f"{folder}/max_brightness", 1, 1 << 24)
        kind = reader.text(f"{folder}/type")
        if highest is not None and kind in _KINDS:
            found.append((_KINDS.index(kind), folder, highest))
    return min(found)[1:] if found else None


def _clocks(reader: Reader) -> Sequence[tuple[str, int]]:
    found = []
    for name in sorted(reader.listdir(CLOCKS), key=lambda n: (len(n), n)):
        if name.startswith("policy"):
            highest = read_whole(reader, f"{CLOCKS}/{name}/cpuinfo_max_freq", 1, _MOST_KHZ)
            if highest is not None:
                found.append((f"{CLOCKS}/{name}", highest))
    step = -(-len(found) // _MOST_CLOCKS) or 1
    return found[::step]
