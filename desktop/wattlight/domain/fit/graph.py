"""Compute buffers: what a pass needs beside weights and cache, on each device and in RAM.

The blocks' lists of operations (``blocks``) are laid out one after the other as the engine's allocator does
(``program.walk``). A block that finds the same room as an equal one before it is looked up.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from ..entry import WholeBuffers
from ..shape import TYPE_BY_NAME
from .architecture import Architecture
from .arena import Room, Spots, Work
from .block_facts import Block, Setting, bytes_of, inputs_bytes, mask_bytes, stream_bytes
from .block_parts import Kind
from .blocks import program_of
from .buffer_layout import BufferLayout, Ranges, Spans
from .program import ROTATION_TABLE, Tape
from .ready_buffers import Divided, Laid, Ready, divided_row, read_divided, whole_ready
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


class _Sizes(dict[str, int]):
    """Bytes of the values of one block by their names, rounded; worked out as they are asked for."""

    __slots__ = ("_arch", "_block", "_setting")

    def __init__(self, block: Block, arch: Architecture, setting: Setting) -> None:
        self._block, self._arch, self._setting = block, arch, setting

    def __missing__(self, name: str) -> int:
        align = self._setting.align
        size = self[name] = -(-bytes_of(name, self._block, self._arch, self._setting) // align) * align
        return size


class Passes:
    """All passes of one model in one setting.

    ``inputs``: bytes of the small inputs, masks left out; ``beside``: in RAM beside devices that compute
    everything.
    """

    __slots__ = (
        "_rotates",
        "_sizes",
        "_tapes",
        "_works",
        "beside",
        "distributions",
        "inputs",
        "near",
        "setting",
        "spots",
        "trunk",
    )

    def __init__(self, trunk: Trunk, setting: Setting) -> None:
        self.trunk, self.setting = trunk, setting
        self._rotates = TYPE_BY_NAME[setting.kv_type].block > 1 and not trunk.arch.mla
        same_list = (setting.flash, self._rotates, setting.every_row, setting.logits > 0)
        self._tapes = common(trunk.make, same_list).tapes
        self.near: dict[object, tuple[Tape, Work | None]] = {}
        self.distributions: dict[object, BufferLayout] = {}
        self.spots = Spots()
        self._sizes: dict[int, _Sizes] = {}
        self._works: dict[tuple[int, int], list[Work | None]] = {}
        self.inputs = inputs_bytes(trunk.arch, setting)
        self.beside = self.beside_devices(1)

    def mask_bytes(self, windowed: bool) -> int:
        return mask_bytes(self.setting, windowed) if self.trunk.readers[windowed][0] >= 0 else 0

    def beside_devices(self, times: int) -> int:
        """In RAM while devices compute: the stream, from tokens and from outside, and ``times`` copies of the
        other inputs."""
        inputs = self.inputs + self.mask_bytes(False) + self.mask_bytes(True)
        return stream_bytes(self.trunk.arch, self.setting) + times * inputs

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
        block = self.trunk.blocks[i]
        table = self._sizes.get(id(block))
        if table is None:
            table = self._sizes[id(block)] = _Sizes(block, self.trunk.arch, self.setting)
        return tuple([table[name] for name in names])

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

    def works(self, tape: Tape, i: int) -> list[Work | None]:
        """What block ``i`` does on each side, None where it does nothing."""
        key = (id(tape), self.trunk.full[i])
        found = self._works.get(key)
        if found is None:
            sizes = self.sizes_of(tape.sizes, i)
            found = self._works[key] = [
                Work(side, sizes) if side.events or side.moves else None for side in tape.sides
            ]
        return found

    def step(self, work: Work | None, room: Room) -> None:
        """Do ``work`` to ``room``."""
        if work is None:
            return
        spot = room.spot
        after = spot.after.get(work) or work.do(self.spots, spot, MOST_KEPT)
        room.spot = after[0]
        room.peak = max(room.peak, room.end + after[2])
        room.end += after[1]


class Buffers:
    """Passes of one model by setting; the latest are kept."""

    __slots__ = ("_divided", "_file_bytes", "_passes", "_ready", "_rows", "_text", "_trunk", "_whole", "arch")

    def __init__(
        self,
        arch: Architecture,
        rows: TensorRows,
        whole: WholeBuffers | None = None,
        divided: str = "",
        file_bytes: int = 0,
    ) -> None:
        """``whole``, ``divided`` (a text, of a file of so many bytes): what was worked out beforehand."""
        self.arch, self._rows, self._whole = arch, rows, whole
        self._text, self._file_bytes = divided, file_bytes
        self._divided: Mapping[Setting, Divided] | None = None if divided else {}
        self._trunk: Trunk | None = None
        self._passes: dict[Setting, Passes] = {}
        self._ready: dict[Setting, Ready] = {}

    def whole(self, setting: Setting) -> Ready:
        """Of a device, or RAM, that holds the whole model."""
        found = self._ready.get(setting)
        if found is None:
            if len(self._ready) >= PASSES_KEPT:
                self._ready.clear()
            found = self._ready[setting] = self._worked_out(setting) or self._laid_out(setting)
        return found

    def _worked_out(self, setting: Setting) -> Ready | None:
        """As it was worked out beforehand, None where it was not."""
        found = whole_ready(self.arch, self._whole, setting) if self._whole else None
        if found is None and (laid := self.divided(setting, 0, [])):
            found = Ready(laid.peaks[0], laid.in_ram)
        return found

    def _laid_out(self, setting: Setting) -> Ready:
        asked = passes = self.passes(setting)
        inputs = passes.inputs + passes.mask_bytes(False) + passes.mask_bytes(True)
        if setting.flash and not setting.copies and not setting.working:
            # nothing else depends on the cells then
            passes = self.passes(setting._replace(cells=0, window=0))
        found = passes.distributions.get(())
        if found is None:
            found = passes.layout((), ((0, self.arch.trunk),), [], False)
        rest = passes.inputs + passes.mask_bytes(False) + passes.mask_bytes(True)
        return Ready(found.peaks[0] - rest + inputs, asked.beside)

    def divided(self, setting: Setting, first: int, left_out: Ranges) -> Laid | None:
        """One device from block ``first`` on, as it was worked out beforehand; None where it was not."""
        if self._divided is None:
            self._divided = read_divided(self._text, self._file_bytes)
        found = self._divided.get(setting)
        return found.find(first, self.arch.trunk, left_out) if found else None

    def divided_row(self, setting: Setting, wholly: bool = False) -> list[object]:
        """All ways to lie on one device beside RAM (``wholly``: that of lying there wholly), for the text of
        :func:`ready_buffers.divided_text`."""
        passes, trunk = self.passes(setting), self.arch.trunk

        def lay(first: int, left_out: Ranges) -> Laid:
            layout = passes.layout((first, *left_out), ((first, trunk),), left_out, False)
            return Laid(layout.peaks, layout.in_ram if first or left_out else passes.beside)

        return divided_row(setting, trunk, self.arch.experts > 0, wholly, lay)

    def worked_out(self, settings: Iterable[tuple[int, int]]) -> WholeBuffers:
        """For some batches and what values are rounded to."""
        peaks, readers = {}, {False: (-1, -1), True: (-1, -1)}
        for batch, align in settings:
            passes = self.passes(Setting(batch, 0, 0, 1, "F16", True, False, align))
            peak = passes.layout((), ((0, self.arch.trunk),), [], False).peaks[0]
            peaks[batch, align] = peak - passes.inputs - passes.mask_bytes(False) - passes.mask_bytes(True)
            readers = passes.trunk.readers
        return WholeBuffers(readers[False][0] >= 0, readers[True][0] >= 0, peaks)

    @property
    def trunk(self) -> Trunk:
        if self._trunk is None:
            self._trunk = Trunk(self.arch, self._rows)
        return self._trunk

    @property
    def borrows(self) -> bool:
        """Whether a block reads the cached rows of another."""
        return any(block.attends and not block.writes for block in self.trunk.blocks)

    def passes(self, setting: Setting) -> Passes:
        found = self._passes.get(setting)
        if found is None:
            if len(self._passes) >= PASSES_KEPT:
                self._passes.clear()
            found = self._passes[setting] = Passes(self.trunk, setting)
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
