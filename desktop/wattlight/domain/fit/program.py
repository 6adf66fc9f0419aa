"""The work of one block as the engine lists it, and which of its values need room at the same time.

The engine lists every operation of a pass, gives each to a backend, cuts the list where the backend changes
or a matrix must be fetched, and then gives room to values in that order: the smallest hole that fits, else
the end (``walk``). A block's list is written down once per kind of block (``blocks``) and turned into a tape
of "take" and "give back" here; sizes are names, so that models of the same make share a tape.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .arena import CARRIED_SLOTS, FREE, SHRINK, Side

DEVICE, HOST, OWN, NEXT = 0, 1, 2, 3
"""Where an operation runs: on the first device, in RAM, on the device a later block lies on, on the next."""
WORKING = "+"
"""Ends the size of a result with the operation's own working room behind it, on devices that need any."""
WITHOUT_COPIES = {"fa": "o", "fs": "o", "fam": "qr", "far": "qr"}
"""Attention's result is made with room for f16 copies of a quantised cache behind it."""
WITH_BOTH_COPIES = {"fam": "far"}
"""Compressed attention reads keys and values of one row, of which RAM's copies come apart."""
ROTATION_TABLE = "rope_freqs"
"""Factors all blocks share: fetched once."""
INPUTS = ("in:m", "in:s", "in:p", "in:rk", "in:rv", "in:i")
"""Small inputs, at hand in RAM too: masks of full and of windowed attention, positions, rotations of keys and
of values for a quantised cache, numbers of the cells written."""
CARRIED = ("x", "early", "beside", *INPUTS)
"""Values that pass from block to block: the residual stream, the state the next block reads early, inputs
that several blocks use."""
INPUT_SLOTS = (3, 8)
CARRIED_SIZES = ("e", "sr", "beside", *INPUTS)


class Node(NamedTuple):
    """An operation. ``sources`` hold (value, tag of the view it is read through, "" for the value itself)."""

    out: int
    size: str
    sources: tuple[tuple[int, str], ...]
    weight: str
    in_place: bool
    home: str
    fetched: tuple[str, ...]


class Tape(NamedTuple):
    """What happens on the first device, in RAM, on the block's own device and on the next one.

    The block leaves the residual stream on the side ``stream``. ``crossings``: what is copied from another
    device (to, size); ``fetches``: some matrices come from RAM.
    """

    sides: tuple[Side, ...]
    sizes: tuple[str, ...]
    stream: int
    crossings: tuple[tuple[int, str], ...]
    fetches: bool


class Program:
    """The operations of a block in order. Values have names; ``~n`` reads ``n`` through a view.

    ``new`` makes a value, ``same`` one that may take its source's place (element by element), ``store``
    writes to the cache. ``w`` names the matrix read; ``fetched`` are inputs and cached rows that come from
    RAM where the cache is there. ``home``: "small" for an operation too small to be fetched to a device,
    "state" for one beside the state, "view": reads its matrix through a view and starts no new part.
    """

    __slots__ = ("_alike", "_count", "_listed", "_names", "_weights", "nodes", "pinned")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._names = {name: slot for slot, name in enumerate(CARRIED)}
        self._names["x0"] = 0
        self._count = len(CARRIED)
        self._listed = 0
        self._alike: dict[object, Tape] | None = None
        self._weights: frozenset[str] = frozenset()
        self.pinned: set[int] = set()

    def new(
        self, out: str, size: str, *sources: str, w: str = "", home: str = "", fetched: tuple[str, ...] = ()
    ) -> None:
        self._add(out, size, sources, w, False, home, fetched)

    def same(self, out: str, size: str, *sources: str, w: str = "", fetched: tuple[str, ...] = ()) -> None:
        self._add(out, size, sources, w, True, "", fetched)

    def norm(self, out: str, source: str, size: str = "e", w: str = "") -> None:
        """A norm, then its weight element by element."""
        self._add(out, size, (source,), "", True, "", ())
        if w:
            self._add(out, size, (out,), w, True, "", ())

    def store(self, *sources: str) -> None:
        self._add("", "", sources, "", False, "cache", ())

    def _add(
        self,
        out: str,
        size: str,
        sources: tuple[str, ...],
        weight: str,
        in_place: bool,
        home: str,
        fetched: tuple[str, ...],
    ) -> None:
        read = []
        for source in sources:
            name = source if source in self._names else source.lstrip("~").rstrip("'").partition(":")[0]
            if name in self._names:  # a block of an unknown make may lack it
                read.append((self._names[name], source if source.startswith("~") else ""))
        number = -1
        if out:
            number = self._count
            self._count += 1
            self._names[out] = number
        self.nodes.append(Node(number, size, tuple(read), weight, in_place, home, fetched))

    def pin(self, name: str) -> None:
        """Keep ``name`` beyond this block."""
        self.pinned.add(self._names[name])

    def alias(self, name: str, other: str) -> None:
        self._names[name] = self._names[other]

    def listed(self) -> None:
        """What is made up to here is listed at once; what follows only when something needs it."""
        self._listed = len(self.nodes)

    def read_early(self, size: str, elsewhere: bool) -> None:
        """The next block's state is read, perhaps on the next device, before what this one lists late."""
        home = "next" if elsewhere else "state"
        self.nodes.insert(self._listed, Node(self._count, size, (), "", False, home, ()))
        self._names["early"] = self._count
        self.pinned.add(self._count)
        self._count += 1

    def tape(
        self,
        in_ram: frozenset[str],
        cache_in_ram: bool,
        late: tuple[int, ...] = (),
        own: int = DEVICE,
        stream: int = DEVICE,
        in_turn: bool = False,
    ) -> Tape:
        """The tape where the matrices ``in_ram`` lie in RAM, and perhaps the block's cache.

        ``late``: inputs that the work behind the block's last fetch brings along (slots of CARRIED); ``own``:
        DEVICE, or OWN for a block on a later device, whose matrices in RAM are fetched to the first one;
        ``stream``: the side that the residual stream comes from; ``in_turn``: copies between devices have
        their room from the beginning.
        """
        tapes = self._tapes()
        in_ram &= self._weights
        key = (in_ram, cache_in_ram, late, own, stream, in_turn)
        found = tapes.get(key)
        if found is None:
            sides = _sides(self.nodes, in_ram, cache_in_ram, own, stream)
            parts = _Parts(in_ram, cache_in_ram, self._count, own, stream)
            for node, side in zip(self.nodes, sides, strict=True):
                parts.add(node, side)
            parts.bring(late)
            results = [self._names[name] for name in CARRIED]
            lives = _Lives(parts.listed, self.pinned | {results[0]}, own, stream, in_turn)
            found = tapes[key] = lives.tape(results)
        return found

    def _tapes(self) -> dict[object, Tape]:
        """Shared by all programs of the same operations, whatever their kinds are called."""
        if self._alike is None:
            results = tuple([self._names[name] for name in CARRIED])
            self._weights = frozenset([node.weight for node in self.nodes])
            self._alike = tapes_of((tuple(self.nodes), frozenset(self.pinned), results, self._count))
        return self._alike


@lru_cache(maxsize=1024)
def tapes_of(work: object) -> dict[object, Tape]:
    return {}


def _sides(nodes: list[Node], in_ram: frozenset[str], cache_in_ram: bool, own: int, stream: int) -> list[int]:
    """Where each operation runs: beside its matrix (a matrix in RAM is fetched to the device), else with its
    neighbours, devices first."""
    sides: list[int | None] = []
    for node in nodes:
        if node.home == "next":
            sides.append(NEXT)
        elif node.home in {"cache", "state"}:
            sides.append(HOST if cache_in_ram else own)
        elif not node.weight or node.home == "view":
            sides.append(None)
        elif node.weight in in_ram:
            sides.append(HOST if node.home == "small" else DEVICE)
        else:
            sides.append(own)
    _spread(sides, range(len(sides)), stream)
    _spread(sides, range(len(sides) - 1, -1, -1), own)
    return [HOST if side is None else side for side in sides]


def _spread(sides: list[int | None], order: Iterable[int], near: int) -> None:
    for i in order:
        side = sides[i]
        if side is not None:
            near = side
        elif near != HOST:
            sides[i] = near


class _Parts:
    """The list, cut where the side changes or a matrix is fetched, with a copy in front of each part for
    whatever the part reads from another side."""

    def __init__(self, in_ram: frozenset[str], cache_in_ram: bool, count: int, own: int, stream: int) -> None:
        self.listed: list[tuple[int, Node]] = []
        self.count = count
        self._in_ram, self._cache_in_ram, self._own = in_ram, cache_in_ram, own
        self._made_on = {0: stream}
        self._sizes: dict[int, str] = dict(enumerate(CARRIED_SIZES))
        self._copied: dict[tuple[object, int], int] = {}
        self._start, self._has_inputs, self._side = 0, True, stream

    def add(self, node: Node, side: int) -> None:
        fetches = side == DEVICE and node.weight in self._in_ram
        if side != self._side or (fetches and self._has_inputs and node.home != "view"):
            self._start, self._has_inputs, self._side = len(self.listed), False, side
        matrix = []
        if fetches and node.weight != ROTATION_TABLE:
            matrix = [(self._copy("w:" + node.weight, "w:" + node.weight, ()), "")]
        read = [] if node.in_place else matrix
        made, own, sources = self._made_on, self._own, node.sources
        for value, _ in sources:
            if made.get(value, own) != side and not INPUT_SLOTS[0] <= value <= INPUT_SLOTS[1]:
                sources = tuple([self._read(source, side) for source in sources])
                break
        read += sources
        for name in node.fetched if side != HOST else ():
            if name in INPUTS:
                self._insert(CARRIED.index(name), name, ())
            elif self._cache_in_ram and side == DEVICE:
                read.append((self._copy(name, name, ()), ""))
        if node.in_place:
            read += matrix
        size, sources = node.size, tuple(read)
        if self._cache_in_ram and size:
            size = (WITHOUT_COPIES if side == HOST else WITH_BOTH_COPIES).get(size, size)
        if node.out >= 0:
            self._made_on[node.out], self._sizes[node.out] = side, size.rstrip(WORKING)
        if sources != node.sources or size != node.size:
            node = Node(node.out, size, sources, node.weight, node.in_place, node.home, node.fetched)
        self.listed.append((side, node))

    def bring(self, slots: tuple[int, ...]) -> None:
        """Inputs that the last part brings along."""
        for slot in slots:
            self._insert(slot, CARRIED[slot], ())

    def _read(self, source: tuple[int, str], side: int) -> tuple[int, str]:
        value, view = source
        if INPUT_SLOTS[0] <= value <= INPUT_SLOTS[1] or self._made_on.get(value, self._own) == side:
            return source
        size = view.partition(":")[2] or self._sizes[value]
        return self._copy(source, WITHOUT_COPIES.get(size, size), (source,)), ""

    def _copy(self, key: object, size: str, sources: tuple[tuple[int, str], ...]) -> int:
        made = self._copied.get((key, self._side))
        if made is None:
            made = self._copied[key, self._side] = self.count
            self.count += 1
            self._insert(made, size, sources)
        return made

    def _insert(self, value: int, size: str, sources: tuple[tuple[int, str], ...]) -> None:
        self._made_on[value], self._sizes[value] = self._side, size
        self.listed.insert(self._start, (self._side, Node(value, size, sources, "", False, "copy", ())))
        self._start += 1
        self._has_inputs = True


class _Lives:
    """Which values of a list need room from when to when."""

    def __init__(
        self, listed: list[tuple[int, Node]], kept: set[int], own: int, stream: int, in_turn: bool
    ) -> None:
        self._listed, self._kept, self._own, self._in_turn = listed, kept, own, in_turn
        self._last: dict[int, int] = {}
        self._viewed: dict[int, int] = {}
        for i, (_, node) in enumerate(listed):
            for value, view in node.sources:
                self._last[value] = i
                if view:
                    self._viewed[value] = i
        self._storage: dict[int, int] = {}
        self._taken = {slot: (own, size) for slot, size in enumerate(CARRIED_SIZES)}
        self._taken[0] = (stream, "e")
        self._made_on = {0: stream}
        self._names: dict[str, int] = {}
        self._sides: tuple[list[tuple[int, int]], ...] = ([], [], [], [])
        self._crossings: list[tuple[int, str]] = []

    def tape(self, results: list[int]) -> Tape:
        last, kept, storage, taken, sides = (
            self._last,
            self._kept,
            self._storage,
            self._taken,
            self._sides,
        )
        for i, (side, node) in enumerate(self._listed):
            reused = -1
            if node.out >= 0 and not self._crosses(side, node):
                reused = self._place(i, side, node)
            for value, _ in node.sources:
                if last[value] == i and value != reused and value not in kept:
                    slot = storage.get(value, value)
                    if slot in taken:
                        sides[taken.pop(slot)[0]].append((slot, FREE))
        left = [self._storage.get(value, value) for value in results]
        left = [slot if slot in self._taken else -1 for slot in left]
        stream = self._taken[left[0]][0] if left[0] >= 0 else self._own
        made = tuple([_side(events, left) for events in sides])
        fetches = any(name.startswith("w:") for name in self._names)
        return Tape(made, tuple(self._names), stream, tuple(self._crossings), fetches)

    def _crosses(self, side: int, node: Node) -> bool:
        """A copy from another device; True if its room is there already."""
        self._made_on[node.out] = side
        if node.home != "copy" or not node.sources:
            return False
        if HOST in {side, self._made_on.get(node.sources[0][0], self._own)}:
            return False
        self._crossings.append((side, node.size))
        return self._in_turn

    def _place(self, i: int, side: int, node: Node) -> int:
        """Give ``node`` room, or that of a source, which is returned (else -1)."""
        if node.in_place:
            values = [value for value, _ in node.sources]
            for value, view in node.sources:
                slot = self._storage.get(value, value)
                ends = self._last[value] == i and values.count(value) == 1 and value not in self._kept
                alike = self._taken.get(slot) in ((side, node.size), (side, node.size + WORKING))
                if ends and alike and not view and self._viewed.get(value, -1) < i:
                    if self._taken[slot][1] != node.size:
                        kept = self._names.setdefault(node.size, len(self._names))
                        self._sides[side].append((slot, SHRINK - kept))
                        self._taken[slot] = (side, node.size)
                    self._storage[node.out] = slot
                    return value
        if node.size:
            self._sides[side].append((node.out, self._names.setdefault(node.size, len(self._names))))
            self._taken[node.out] = (side, node.size)
        return -1


def _side(events: list[tuple[int, int]], results: list[int]) -> Side:
    reads, touched = set(), set()
    for slot, index in events:
        if slot < CARRIED_SLOTS:
            if index == FREE and slot not in touched:
                reads.add(slot)
            touched.add(slot)
    moves = [(slot, left) for slot, left in enumerate(results) if left != slot or slot in touched]
    reads.update(left for slot, left in moves if 0 <= left < CARRIED_SLOTS and left not in touched)
    return Side(tuple(events), tuple(sorted(reads)), tuple(moves), {})
