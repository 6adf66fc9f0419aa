"""Compute buffers worked out when the catalogue was built, so that a first answer need not lay them out.

What is not among them is laid out when it is needed (``graph``), with the same outcome.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..entry import WholeBuffers
from ..values import UNREADABLE
from .architecture import Architecture
from .block_facts import Setting, inputs_bytes, mask_bytes, stream_bytes
from .weights import KEEP_GATE, KEEP_UP, MOE_ONLY, WHOLE

PATTERNS = (MOE_ONLY, WHOLE, KEEP_UP, KEEP_GATE)


class Ready(NamedTuple):
    """Bytes on a device, or in RAM, that holds everything, and in RAM ``beside`` such a device."""

    alone: int
    beside: int


class Laid(NamedTuple):
    """Highest bytes on each device, and in RAM beside them."""

    peaks: tuple[int, ...]
    in_ram: int


Runs = list[int]
"""Numbers by threes: what is laid out for the blocks up to an end, as its peak and what is in RAM."""


class Divided(NamedTuple):
    """One device beside RAM, in one setting.

    ``plain``: by the first block on the device; ``bare``: the same with all experts in RAM; ``overflow``: all
    blocks on the device, by the first whose experts are in RAM, and by which of ``PATTERNS`` that one lacks.
    """

    plain: Runs
    bare: Runs
    overflow: list[Runs]

    def find(self, first: int, trunk: int, left_out: list[tuple[int, int, int]]) -> Laid | None:
        """Blocks ``first``.. of ``trunk`` on the device, ``left_out`` as in ``BufferLayout``."""
        if not left_out:
            return _at(self.plain, first)
        begin, end, pattern = left_out[0]
        if left_out[1:] != ([(end, trunk, MOE_ONLY)] if end < trunk else []) or end != begin + 1:
            return None
        if not first:
            return _at(self.overflow[PATTERNS.index(pattern)], begin) if self.overflow else None
        return _at(self.bare, first) if first == begin and pattern == MOE_ONLY else None


def _at(runs: Runs, block: int) -> Laid | None:
    place = 3 * bisect_right(runs[::3], block)
    return Laid((runs[place + 1],), runs[place + 2]) if place < len(runs) else None


def whole_ready(arch: Architecture, whole: WholeBuffers, setting: Setting) -> Ready | None:
    """One device, or RAM alone, holds everything; None where that was not worked out."""
    batch, align = setting.batch, setting.align
    peak = whole.peaks.get((batch, align))
    if peak is None or setting != Setting(batch, setting.cells, setting.window, 1, "F16", True, False, align):
        return None
    inputs = inputs_bytes(arch, setting)
    inputs += whole.full * mask_bytes(setting, False) + whole.windowed * mask_bytes(setting, True)
    return Ready(peak + inputs, stream_bytes(arch, setting) + inputs)


def read_divided(text: str, file_bytes: int) -> dict[Setting, Divided]:
    """Of a text by :func:`divided_text`; nothing where it is of a file of other bytes or cannot be read."""
    try:
        size, *rows = json.loads(text)
        if size != file_bytes:
            return {}
        found = {}
        for batch, cells, window, align, working, plain, bare, *overflow in rows:
            setting = Setting(batch, cells, window, 1, "F16", True, False, align, working > 0)
            found[setting] = Divided(plain, bare, overflow)
        return found
    except UNREADABLE:
        return {}


Lay = Callable[[int, list[tuple[int, int, int]]], Laid]


def divided_row(setting: Setting, trunk: int, experts: bool, wholly: bool, lay: Lay) -> list[object]:
    """One setting for :func:`divided_text`; ``lay``: lays out the first block on the device and what is left
    out."""

    def left_out(begin: int, pattern: int) -> list[tuple[int, int, int]]:
        rest = [(begin + 1, trunk, MOE_ONLY)] if begin + 1 < trunk else []
        return [(begin, begin + 1, pattern), *rest]

    firsts = range(1 if wholly else trunk + 1)
    families: list[Iterable[Laid]] = [[lay(first, []) for first in firsts], []]
    if experts and not wholly:
        families[1] = [lay(first, left_out(first, MOE_ONLY)) for first in range(trunk)]
        families += [[lay(0, left_out(begin, p)) for begin in range(trunk)] for p in PATTERNS]
    numbers = [setting.batch, setting.cells, setting.window, setting.align, int(setting.working)]
    return [*numbers, *map(_flat, families)]


def _flat(family: Iterable[Laid]) -> Runs:
    found: Runs = []
    for number, laid in enumerate(family):
        row = [laid.peaks[0], laid.in_ram]
        if found[-2:] == row:
            found[-3] = number + 1
        else:
            found += [number + 1, *row]
    return found


def divided_text(file_bytes: int, rows: Iterable[list[object]]) -> str:
    """What :func:`read_divided` reads."""
    return json.dumps([file_bytes, *rows], separators=(",", ":"))
