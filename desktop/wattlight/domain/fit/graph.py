"""Compute buffers: what a pass needs beside weights and cache, on each device and in RAM.

The blocks' lists of operations (``blocks``) are laid out one after the other as the engine's allocator does
(``program.walk``). A block that finds the same room as an equal one before it is looked up.
"""

from functools import lru_cache
from typing import NamedTuple

from ..shape import TYPE_BY_NAME
from .architecture import Architecture
from .arena import NOWHERE, Room, Steps, walk
from .block_facts import Setting, bytes_of, inputs_bytes, mask_bytes
from .block_parts import Kind
from .blocks import program_of
from .buffer_layout import BufferLayout, Ranges, Spans
from .program import ROTATION_TABLE, Tape
from .ready_tapes import ready_tape
from .trunk import ALL_IN_RAM, NOTHING_LEFT_OUT, Lies, Trunk, kind_of
from .weights import MOE_ONLY, TensorRows, is_expert, overflow_patterns

PASSES_KEPT, MOST_KEPT = 64, 4096
"""Settings remembered of a model; layouts and steps remembered of each."""


class Common(NamedTuple):
    """What models of one make have in common in one setting: all but the bytes of their matrices."""

    layouts: "dict[object, BufferLayout]"
    tapes: dict[object, Tape]


@lru_cache(maxsize=4 * PASSES_KEPT)
def common(make: object, setting: object) -> Common:
    """``make``: as in ``Trunk``; ``setting``: what of it matters."""
    return Common({}, {})


class Passes:
    """All passes of one model in one setting.

    ``inputs``: bytes of the small inputs, masks left out; ``beside``: in RAM beside devices that compute
    everything; ``whole``: on a single one of these, kept by the caller (-1: not known).
    """

    __slots__ = (
        "_rotates",
        "_tapes",
        "_works",
        "beside",
        "distributions",
        "inputs",
        "near",
        "setting",
        "trunk",
        "whole",
    )

    def __init__(self, trunk: Trunk, setting: Setting) -> None:
        self.trunk, self.setting = trunk, setting
        self._rotates = TYPE_BY_NAME[setting.kv_type].block > 1 and not trunk.arch.mla
        same_list = (setting.flash, self._rotates, setting.every_row, setting.logits > 0)
        self._tapes = common(trunk.make, same_list).tapes
        self.near: dict[object, Tape] = {}
        self.distributions: dict[object, BufferLayout] = {}
        self._works: dict[tuple[int, int], tuple[tuple[int, ...], list[Steps]]] = {}
        self.inputs = inputs_bytes(trunk.arch, setting)
        self.beside = self.beside_devices(1)
        self.whole = -1

    def mask_bytes(self, windowed: bool) -> int:
        return mask_bytes(self.setting, windowed) if self.trunk.readers[windowed][0] >= 0 else 0

    def beside_devices(self, times: int) -> int:
        """In RAM while devices compute: the stream, from tokens and from outside, and ``times`` copies of the
        other inputs."""
        arch, s = self.trunk.arch, self.setting
        stream = arch.embedding * (2 + arch.deepstack) + arch.per_layer_inputs
        return 4 * s.batch * stream + times * (self.inputs + self.mask_bytes(False) + self.mask_bytes(True))

    def tape(self, i: int, lies: Lies) -> Tape:
        """The list of block ``i`` turned into a tape."""
        key = (self.trunk.makes[i], lies)
        found = self._tapes.get(key)
        if found is None:
            kind = kind_of(self.trunk, i, lies, self.setting, self._rotates)
            found = ready_tape(kind, lies) or make_tape(kind, lies)
            self._tapes[key] = found
        return found

    def sizes_of(self, names: tuple[str, ...], i: int) -> tuple[int, ...]:
        """Bytes of the values ``names`` of block ``i``, rounded."""
        block, setting = self.trunk.blocks[i], self.setting
        values, unit, align = block.values, 4 * setting.batch, setting.align
        sizes = [
            unit * values[name] if name in values else bytes_of(name, block, self.trunk.arch, setting)
            for name in names
        ]
        return tuple([-(-size // align) * align for size in sizes])

    def layout(self, key: object, spans: Spans, left_out: Ranges, in_turn: bool) -> "BufferLayout":
        """Of the distribution that ``key`` stands for; kept under it in ``distributions``."""
        whole = not spans[0][0] and not left_out
        make, lies = self.trunk.make if whole else self.trunk.make_full, (spans, tuple(left_out), in_turn)
        layouts = common(make, self.setting).layouts
        found = layouts.get(lies)
        if found is None:
            found = layouts[lies] = BufferLayout(self, spans, left_out, in_turn)
        if len(self.distributions) >= MOST_KEPT:
            self.distributions.clear()
        self.distributions[key] = found
        return found

    def step(self, tape: Tape, side: int, i: int, room: "Room") -> None:
        """Do to ``room`` what block ``i`` does, looked up where equal work met equal room before."""
        key = (id(tape), self.trunk.full[i])
        work = self._works.get(key)
        if work is None:
            sizes = self.sizes_of(tape.sizes, i)
            work = self._works[key] = (sizes, [part.known.setdefault(sizes, {}) for part in tape.sides])
        part, end, carried, known = tape.sides[side], room.end, room.carried, work[1][side]
        reads = tuple([(carried[slot][0] - end, carried[slot][1]) for slot in part.reads])
        found = known.get((room.holes, reads))
        if found is None:
            if len(known) >= MOST_KEPT:
                known.clear()
            found = known[room.holes, reads] = walk(part, work[0], room.holes, reads)
        room.end = end + found.end
        room.holes = found.holes
        top = end + found.top
        room.peak = max(room.peak, top)
        for slot, offset, size in found.moves:
            carried[slot] = (end + offset, size) if size else NOWHERE


class Buffers:
    """Passes of one model by setting; the latest are kept."""

    __slots__ = ("_passes", "_rows", "_trunk", "arch")

    def __init__(self, arch: Architecture, rows: TensorRows) -> None:
        self.arch, self._rows = arch, rows
        self._trunk: Trunk | None = None
        self._passes: dict[Setting, Passes] = {}

    def passes(self, setting: Setting) -> Passes:
        found = self._passes.get(setting)
        if found is None:
            if self._trunk is None:
                self._trunk = Trunk(self.arch, self._rows)
            if len(self._passes) >= PASSES_KEPT:
                self._passes.clear()
            found = self._passes[setting] = Passes(self._trunk, setting)
        return found


def make_tape(kind: Kind, lies: Lies) -> Tape:
    """The list of a block of ``kind`` that lies so turned into a tape."""
    in_ram = lies.pattern == ALL_IN_RAM
    left_out = kind.parts | {ROTATION_TABLE} if in_ram else _left_out(kind.parts, lies.pattern)
    return program_of(kind).tape(left_out, in_ram, lies.late, lies.own, lies.stream, lies.in_turn)


@lru_cache(maxsize=512)
def _left_out(parts: frozenset[str], pattern: int) -> frozenset[str]:
    if pattern == NOTHING_LEFT_OUT:
        return frozenset()
    if pattern == MOE_ONLY:
        return frozenset(part for part in parts if is_expert(part))
    return frozenset(part for part in parts if pattern in overflow_patterns(part))
