"""The engine's allocator: room for values in the order of a list of events."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FREE, SHRINK = -1, -2
"""SHRINK and below: the value keeps ``sizes[SHRINK - index]`` bytes and gives the rest back."""
ENDLESS = 1 << 62
CARRIED_SLOTS = 9
"""The first slots: values that pass from block to block (``program.CARRIED``)."""


class Side(NamedTuple):
    """Events (slot, index into ``Tape.sizes``, FREE or SHRINK) on one side.

    The first slots are those of CARRIED. ``reads``: those of them whose place matters here; ``moves``: (one
    of them, the slot that holds it when the block is done, -1: none); the others stay where they are.
    ``known``: steps by the sizes of all values, then by the holes and the places of what is read.
    """

    events: tuple[tuple[int, int], ...]
    reads: tuple[int, ...]
    moves: tuple[tuple[int, int], ...]
    known: "dict[tuple[int, ...], Steps]"


class Step(NamedTuple):
    """What a block does to the room on one side; offsets count from the end before it, ``holes`` from the new
    one, which is ``end``. ``top``: the highest byte reached; ``moves``: (slot of CARRIED, offset, size)."""

    end: int
    holes: tuple[tuple[int, ...], tuple[int, ...]]
    top: int
    moves: tuple[tuple[int, int, int], ...]


Place = tuple[int, int]
Steps = dict[object, Step]
NOWHERE: Place = (0, 0)
NOTHING_CARRIED = (NOWHERE,) * CARRIED_SLOTS


def walk(
    side: Side, sizes: Sequence[int], holes: tuple[Sequence[int], Sequence[int]], reads: Iterable[Place]
) -> Step:
    """One block on ``side``; ``holes`` (offsets, lengths) and the places of ``side.reads`` count from the
    end of what is in use.

    A value gets the smallest hole that holds it (the later of two), else the end; what is given back joins
    its neighbours.
    """
    offsets, lengths = [*holes[0]], [*holes[1]]
    where = dict(zip(side.reads, reads, strict=True))
    end, top = 0, -ENDLESS
    for slot, index in side.events:
        if index >= 0:
            size = sizes[index]
            if size <= 0:
                where[slot] = NOWHERE
                continue
            best, least = -1, ENDLESS
            for i, length in enumerate(lengths):
                if size <= length <= least:
                    best, least = i, length
            if best < 0:
                where[slot] = end, size
                end += size
                top = max(top, end)
                continue
            offset = offsets[best]
            where[slot] = offset, size
            if least == size:
                del offsets[best], lengths[best]
                continue
            offsets[best] = offset + size
            lengths[best] = least - size
            continue
        offset, size = where.get(slot, NOWHERE)
        kept = sizes[SHRINK - index] if index < FREE else 0
        if kept >= size:
            continue
        where[slot] = offset, kept
        offset, size = offset + kept, size - kept
        i = bisect_left(offsets, offset)
        if i and offsets[i - 1] + lengths[i - 1] == offset:
            i -= 1
            offset, size = offsets.pop(i), size + lengths.pop(i)
        if i < len(offsets) and offsets[i] == offset + size:
            offsets[i] = offset
            lengths[i] += size
        elif offset + size == end:
            end = offset
        else:
            offsets.insert(i, offset)
            lengths.insert(i, size)
    moves = tuple([(slot, *where.get(left, NOWHERE)) for slot, left in side.moves])
    return Step(end, (tuple([offset - end for offset in offsets]), tuple(lengths)), top, moves)


class Spot:
    """Room on one side at one moment, counted from the end of what is in use: ``holes`` as in ``Step`` and
    the places of CARRIED values.

    ``after``: what follows by the work that was done from here: the next spot, by how much the end moves, and
    the highest byte. Equal ones are one object (``Spots``).
    """

    __slots__ = ("after", "carried", "holes")

    def __init__(self, holes: tuple[tuple[int, ...], tuple[int, ...]], carried: tuple[Place, ...]) -> None:
        self.holes, self.carried = holes, carried
        self.after: dict[object, tuple[Spot, int, int]] = {}


class Spots:
    """The spots that were met."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[object, Spot] = {}

    def __len__(self) -> int:
        return len(self._known)

    def spot(self, holes: tuple[tuple[int, ...], tuple[int, ...]], carried: tuple[Place, ...]) -> Spot:
        """Stands for this one."""
        return self._known.setdefault((holes, carried), Spot(holes, carried))


class Room:
    """Room on one side: what is in use ends at ``end``, ``peak`` is the highest byte so far."""

    __slots__ = ("_spots", "end", "peak", "spot")

    def __init__(self, spots: Spots, end: int, hole: int, carried: Iterable[Place]) -> None:
        """``hole``: the first so many bytes are free; ``carried``: offsets from the beginning."""
        self.end = self.peak = end
        self._spots = spots
        here = tuple([(offset - end, size) if size else NOWHERE for offset, size in carried])
        self.spot = spots.spot(((-end,), (hole,)) if hole else ((), ()), here)

    def carry(self, carried: Iterable[Place]) -> None:
        """The places of CARRIED values, from the end, are others."""
        self.spot = self._spots.spot(self.spot.holes, tuple(carried))

    def give_back(self, slots: tuple[int, ...]) -> None:
        """Nothing reads what lies in ``slots``, nor anything else that was carried, any more."""
        spot = self.spot
        side = Side(tuple((slot, FREE) for slot in slots), slots, (), {})
        found = walk(side, (), spot.holes, [spot.carried[slot] for slot in slots])
        self.end += found.end
        self.spot = self._spots.spot(found.holes, NOTHING_CARRIED)


class Work:
    """What one block does on one side, with the bytes of its values; ``known`` as in ``Side``."""

    __slots__ = ("known", "side", "sizes")

    def __init__(self, side: Side, sizes: tuple[int, ...]) -> None:
        self.side, self.sizes = side, sizes
        self.known = side.known.setdefault(sizes, {})

    def do(self, spots: Spots, spot: Spot, most_kept: int) -> tuple[Spot, int, int]:
        """What follows ``spot``, looked up where equal work met equal room before."""
        carried, known = spot.carried, self.known
        reads = tuple([carried[slot] for slot in self.side.reads])
        found = known.get((spot.holes, reads))
        if found is None:
            if len(known) >= most_kept:
                known.clear()
            found = known[spot.holes, reads] = walk(self.side, self.sizes, spot.holes, reads)
        end = found.end
        left = [(offset - end, size) if size else NOWHERE for offset, size in carried] if end else [*carried]
        for slot, offset, size in found.moves:
            left[slot] = (offset - end, size) if size else NOWHERE
        after = spot.after[self] = spots.spot(found.holes, tuple(left)), end, found.top
        return after
