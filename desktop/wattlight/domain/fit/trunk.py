"""The blocks of a model in order: which of them are equal, and what each does for its neighbours."""

import operator
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from .architecture import Architecture
from .block_facts import Setting, blocks_of
from .block_parts import Kind
from .weights import TensorRows

ALL_IN_RAM, NOTHING_LEFT_OUT = 10, 11
"""Beside the patterns of ``weights.WHOLE``."""


class Lies(NamedTuple):
    """Where a block lies; the last five as in ``Program.tape`` and ``Kind``."""

    pattern: int
    late: tuple[int, ...]
    own: int
    stream: int
    in_turn: bool
    arrives: bool
    leaves: bool


class Place(NamedTuple):
    """What a block's work depends on beside the block itself; ``early``: whether the state of the next block
    that keeps one is "read" here or was before and is "kept"."""

    first: bool
    last: bool
    begins: bool
    mask_ends: bool
    positions_begin: bool
    reads_first: bool
    early: str
    beside: str
    rotary: bool
    sparse: bool


class Trunk:
    """The blocks of a model that answer, in order.

    Attributes:
        makes: a number per block, the same for equal work on a device; ``full``: and equal matrices.
        repeats, repeats_full: after how many blocks these numbers tend to repeat, and for each block the
            first one from there on whose number is not that of so many blocks before.
        make: the same for models whose blocks differ in the bytes of their matrices alone.
        after: the next block of which a part is listed at once, or the number of blocks.
        readers: (first, last) block that reads the mask of full and of windowed attention, -1 without.
    """

    __slots__ = (
        "after",
        "arch",
        "blocks",
        "full",
        "make",
        "makes",
        "places",
        "readers",
        "repeats",
        "repeats_full",
    )

    def __init__(self, arch: Architecture, rows: TensorRows) -> None:
        self.arch = arch
        self.blocks = blocks = blocks_of(arch, rows)
        self.readers = {}
        for windowed in (False, True):
            reads = [i for i, b in enumerate(blocks) if b.attends and b.windowed is windowed]
            self.readers[windowed] = (reads[0], reads[-1]) if reads else (-1, -1)
        self.after = [len(blocks)] * len(blocks)
        for i in range(len(blocks) - 2, -1, -1):
            self.after[i] = i + 1 if blocks[i + 1].lists_at_once else self.after[i + 1]
        listed = [False, *accumulate((b.lists_at_once for b in blocks), operator.or_)]
        reads_first = [
            block.recurrent and not block.attends and not arch.gated and before
            for block, before in zip(blocks, listed, strict=False)
        ]
        self.places = [self._place(i, listed[i], reads_first) for i in range(len(blocks))]
        makes: dict[object, int] = {}
        full: dict[object, int] = {}
        self.makes, self.full = [], []
        works: dict[object, int] = {}
        apart = {id(block): block for block in blocks}
        numbers = {number: works.setdefault(block.work, len(works)) for number, block in apart.items()}
        for block, place in zip(blocks, self.places, strict=True):
            make = makes.setdefault((numbers[id(block)], place), len(makes))
            self.makes.append(make)
            self.full.append(full.setdefault((make, id(block)), -1 - len(full)))
        self.repeats, self.repeats_full = _repeats(self.makes), _repeats(self.full)
        shape = replace(arch, context_trained=0, crude_kv_per_token=0, measured=True)
        self.make = (shape, tuple(works), tuple(makes), tuple(self.makes))

    def _place(self, i: int, listed: bool, reads_first: list[bool]) -> Place:
        arch, block, after = self.arch, self.blocks[i], self.after[i]
        reads, others = self.readers[block.windowed], self.readers[not block.windowed]
        early = ""
        if after < len(self.blocks) and reads_first[after]:
            early = "read" if block.lists_at_once else "kept" if listed else ""
        beside = ""
        if arch.per_layer_inputs:
            beside = "" if i else "given back"
        elif i < arch.deepstack:
            beside = "made" if i == 0 else "kept" if i < arch.deepstack - 1 else "given back"
        begins = i == reads[0]
        return Place(
            i == 0,
            i == len(self.blocks) - 1,
            begins,
            i == reads[1],
            begins and not 0 <= others[0] < i,
            reads_first[i],
            early,
            beside,
            arch.rotary[i],
            i < arch.sparse_blocks,
        )

    def first_reader(self, windowed: bool, start: int, stop: int) -> int:
        """First block of start..stop-1 that reads this mask, -1 without one."""
        reads = (i for i in range(start, stop) if self.blocks[i].attends)
        return next((i for i in reads if self.blocks[i].windowed is windowed), -1)

    def writer(self, i: int) -> int:
        """The block whose cache block ``i`` reads."""
        blocks = self.blocks
        same = (j for j in range(i) if blocks[j].writes and blocks[j].windowed is blocks[i].windowed)
        return max(same, default=0)


def _repeats(numbers: list[int]) -> tuple[int, list[int]]:
    count = len(numbers)
    period = max(range(1, 13), key=lambda p: sum(map(operator.eq, numbers, numbers[p:])))
    until = [*range(count)]
    for i in range(count - 1, period - 1, -1):
        if numbers[i] == numbers[i - period]:
            until[i] = until[i + 1] if i + 1 < count and numbers[i + 1] == numbers[i + 1 - period] else i + 1
    return period, until


def kind_of(trunk: Trunk, i: int, lies: Lies, setting: Setting, rotates: bool) -> Kind:
    """Of block ``i``; ``rotates``: its cache is kept rotated."""
    arch, block, place = trunk.arch, trunk.blocks[i], trunk.places[i]
    key, value = arch.key_length, arch.value_length
    if block.windowed:
        key = value = arch.key_length_swa
    in_ram = lies.pattern == ALL_IN_RAM
    return Kind(
        arch.name,
        block.parts if arch.mla else block.parts - {"attn_kv_a_mqa"},  # older files: the plain way
        setting.flash,
        rotates and key % 64 == 0,
        rotates and value % 64 == 0,
        block.windowed,
        block.writes,
        arch.sliding,
        place.rotary,
        arch.rotation_table and not (arch.name == "gemma4" and block.windowed),
        block.attends,
        block.recurrent,
        place.first,
        place.last,
        in_ram and place.begins,
        in_ram and place.positions_begin,
        place.mask_ends,
        lies.arrives,
        place.reads_first,
        place.early,
        lies.leaves,
        place.beside,
        place.sparse,
        arch.scaled_residual,
        arch.has_cache,
        block.flat_norm,
        arch.normed_experts,
        arch.scaled_experts,
        place.last and setting.every_row,
        place.last and setting.logits > 0,
    )
