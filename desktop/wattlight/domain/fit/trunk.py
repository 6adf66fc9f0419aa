"""The blocks of a model in order: which of them are equal, and what each does for its neighbours."""

import operator
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ..shape import of_each
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
        make: the same for models whose blocks differ in the bytes of their matrices alone;
            ``make_full``: and for models that do not differ in these.
        after: the next block of which a part is listed at once, or the number of blocks.
        readers: (first, last) block that reads the mask of full and of windowed attention, -1 without.
    """

    __slots__ = (
        "after",
        "arch",
        "blocks",
        "full",
        "make",
        "make_full",
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
        lists, count = of_each(blocks, lambda block: block.lists_at_once), len(blocks)
        self.after = [count] * count
        for i in range(count - 2, -1, -1):
            self.after[i] = i + 1 if lists[i + 1] else self.after[i + 1]
        self.places = self._places(lists)
        works: dict[object, int] = {}
        numbers = of_each(blocks, lambda block: works.setdefault(block.work, len(works)))
        makes: dict[tuple[int, int], int] = {}
        full: dict[tuple[int, int], int] = {}
        self.makes, self.full = [], []
        for block, number, place in zip(blocks, numbers, self.places, strict=True):
            make = makes.setdefault((number, id(place)), len(makes))
            self.makes.append(make)
            self.full.append(full.setdefault((make, id(block)), -1 - len(full)))
        self.repeats, self.repeats_full = _repeats(self.makes), _repeats(self.full)
        shape = replace(arch, context_trained=0, crude_kv_per_token=0, measured=True)
        firsts = [self.makes.index(make) for make in range(len(makes))]
        placed = tuple([(numbers[i], self.places[i]) for i in firsts])
        self.make = number_of((shape, tuple(works), placed, tuple(self.makes)))
        firsts = [self.full.index(-1 - number) for number in range(len(full))]
        matrices = tuple([tuple(blocks[i].bytes_of.items()) for i in firsts])
        self.make_full = number_of((self.make, matrices, tuple(self.full)))

    def _places(self, lists: list[bool]) -> list[Place]:
        """Of each block; those within the model have few different ones, each of which is one object."""
        arch, blocks, count = self.arch, self.blocks, len(self.blocks)
        listed = [False, *accumulate(lists, operator.or_)]
        reads_first = [
            before and block.recurrent and not block.attends and not arch.gated
            for block, before in zip(blocks, listed, strict=False)
        ]
        after = [i < count and reads_first[i] for i in self.after]
        edges = {0, count - 1, *range(arch.deepstack), *self.readers[False], *self.readers[True]}
        known: dict[object, Place] = {}
        found = []
        for i, key in enumerate(zip(reads_first, after, lists, listed, arch.rotary, strict=False)):
            if i in edges:
                found.append(self._place(i, listed[i], reads_first))
                continue
            known_by = (i < arch.sparse_blocks, *key)
            if known_by not in known:
                known[known_by] = self._place(i, listed[i], reads_first)
            found.append(known[known_by])
        same = {place: place for place in reversed(found)}
        return [same[place] for place in found] if len(same) < len(edges) + len(known) else found

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


@lru_cache(maxsize=1024)
def number_of(make: object) -> object:
    """Stands for ``make``, and is quicker to look up."""
    return object()


def _repeats(numbers: list[int]) -> tuple[int, list[int]]:
    count, most, period = len(numbers), -1, 1
    for apart in range(1, 13):
        if most >= count - apart:
            break
        same = sum(map(operator.eq, numbers, numbers[apart:]))
        if same > most:
            most, period = same, apart
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
