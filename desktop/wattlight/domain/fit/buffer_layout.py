"""One distribution of a model's blocks over devices and RAM, laid out as the engine's allocator does."""

from itertools import pairwise
from typing import TYPE_CHECKING

from .arena import NOTHING_CARRIED, NOWHERE, Room, Work
from .blocks import FOUR_STREAMS
from .program import CARRIED, DEVICE, HOST, NEXT, OWN, Tape
from .trunk import ALL_IN_RAM, NOTHING_LEFT_OUT, Lies

if TYPE_CHECKING:
    from .graph import Passes

MASKS = (CARRIED.index("in:m"), CARRIED.index("in:s"))

Spans = tuple[tuple[int, int], ...]
Ranges = list[tuple[int, int, int]]
"""(first block, block behind the last, which pattern of ``weights.WHOLE`` they lack)."""


class BufferLayout:
    """One walk over all blocks, with a room per device and one in RAM; ``peaks``: highest bytes on each
    device.

    ``spans``: (first block, block behind the last) per device; blocks before the first span lie in RAM.
    ``left_out``: other blocks that lack matrices. ``in_turn``: the devices work in turn, each with four
    copies of its inputs.
    """

    def __init__(self, passes: "Passes", spans: Spans, left_out: Ranges, in_turn: bool) -> None:
        self._passes, self._spans, self._in_turn = passes, spans, in_turn
        self._trunk, self._blocks, self._arch = passes.trunk, passes.trunk.blocks, passes.trunk.arch
        self._batch, count = passes.setting.batch, len(passes.trunk.blocks)
        self._in_ram = min((start for start, stop in spans if stop > start), default=count)
        self._patterns = [ALL_IN_RAM] * self._in_ram + [NOTHING_LEFT_OUT] * (count - self._in_ram)
        for start, stop, pattern in left_out:
            begin = max(start, self._in_ram)
            self._patterns[begin:stop] = [pattern] * (stop - begin)
        self._times = 4 if in_turn else 1
        self._late: dict[int, list[int]] = {}
        self._arrives: set[int] = set()
        self._host_peak = -1
        self._alone, self._near = len(spans) == 1 and not in_turn, passes.near
        rooms = [self._start(index) for index in range(len(spans))]
        self._tapes: list[Tape] = []
        if self._alone:
            self._walk_alone(rooms[0])
        else:
            self._walk(rooms)
        self.peaks = tuple([room.peak for room in rooms])

    @property
    def _stream(self) -> int:
        return 4 * self._batch * self._arch.embedding

    @property
    def in_ram(self) -> int:
        """Highest bytes in RAM beside the devices."""
        if self._host_peak < 0:
            beside = self._passes.beside_devices(self._times)
            host = Room(self._passes.spots, beside - self._stream, 0, NOTHING_CARRIED)
            host.peak = beside
            for i, tape in enumerate(self._tapes):
                if tape.sides[HOST].events:
                    self._passes.step(self._passes.works(tape, i)[HOST], host)
            self._host_peak = host.peak
        return self._host_peak

    def _walk(self, rooms: list[Room]) -> None:
        device, stream, spans, count, i = 0, DEVICE, self._spans, len(self._blocks), 0
        edges, edge, start, full, step = self._edges(), 0, 0, self._trunk.full, self._passes.step
        near: dict[object, tuple[Tape, Work | None, Work | None, Work | None]] = {}
        while i < count:
            if i == edges[edge]:
                start, edge = i, edge + 1
                fetches = self._patterns[i] != NOTHING_LEFT_OUT
                period, until = self._trunk.repeats_full if fetches else self._trunk.repeats
                seen: object = None
            while i >= spans[device][1] and device + 1 < len(spans) and i >= self._in_ram:
                rooms[device].give_back((0,) if self._in_turn else (0, *MASKS))
                device, stream = device + 1, OWN
            if not (i - start) % period:
                state = (stream, [(room.end, room.spot) for room in rooms])
                if state == seen and until[i] > i:
                    more = (min(until[i], edges[edge]) - i) // period
                    self._tapes += self._tapes[i - period :] * more
                    i += more * period
                    seen = None
                    continue
                seen = state
            key = full[i], start, device, stream
            found = near.get(key)
            if found is None:
                found = near[key] = self._works(i, device, stream)
            tape, here, other, following = found
            self._tapes.append(tape)
            step(here, rooms[device])
            if other:
                step(other, rooms[0])
            if following:
                self._hand_on(following, tape, rooms[device + 1])
            stream = tape.stream
            i += 1

    def _works(self, i: int, device: int, stream: int) -> tuple[Tape, Work | None, Work | None, Work | None]:
        """The list of block ``i`` and what it does on its device, on the first beside it, and on the next."""
        tape = self._tape(i, device, stream)
        works, sides = self._passes.works(tape, i), tape.sides
        own, other = (OWN, DEVICE) if device else (DEVICE, OWN)
        beside = works[other] if sides[other].events else None
        return tape, works[own], beside, works[NEXT] if sides[NEXT].events else None

    def _walk_alone(self, room: Room) -> None:
        """As ``_walk``, on a single device."""
        passes, tapes, stream, near = self._passes, self._tapes, DEVICE, self._near
        full, patterns, late = self._trunk.full, self._patterns, self._late
        step = passes.step
        for start, stop in pairwise(self._edges()):
            pattern = patterns[start]
            period, until = self._trunk.repeats if pattern == NOTHING_LEFT_OUT else self._trunk.repeats_full
            i, seen = start, None
            while i < stop:
                if not (i - start) % period:
                    state = (stream, room.end, room.spot)
                    if state == seen and until[i] > i:
                        more = (min(until[i], stop) - i) // period
                        tapes += tapes[i - period :] * more
                        i, seen = i + more * period, None
                        continue
                    seen = state
                found = near.get((full[i], pattern, stream)) if i not in late else None
                if found is None:
                    tape = self._tape(i, 0, stream)
                    found = tape, passes.works(tape, i)[DEVICE]
                    if i not in late:
                        near[full[i], pattern, stream] = found
                tapes.append(found[0])
                step(found[1], room)
                stream = found[0].stream
                i += 1

    def _edges(self) -> list[int]:
        """Blocks that lie otherwise than the one before, in order, then the number of blocks."""
        count, patterns = len(self._blocks), self._patterns
        edges = {0, count, *(i + more for i in self._late for more in (0, 1))}
        edges.update(i for i in range(1, count) if patterns[i] != patterns[i - 1])
        for start, stop in self._spans:
            leaves = stop
            while leaves > start and self._trunk.after[leaves - 1] >= stop:
                leaves -= 1
            edges |= {start, start + 1, leaves, stop}
        return sorted(edge for edge in edges if edge <= count)

    def _tape(self, i: int, device: int, stream: int) -> Tape:
        pattern = self._patterns[i]
        if self._alone and i not in self._late:
            return self._passes.tape(i, Lies(pattern, (), DEVICE, stream, False, False, False))
        start, stop = self._spans[device]
        arrives = self._in_turn and (i == 0 or (device in self._arrives and i == start))
        leaves = device + 1 < len(self._spans) and i >= self._in_ram and self._trunk.after[i] >= stop
        late, own = tuple(self._late.get(i, ())), OWN if device else DEVICE
        return self._passes.tape(i, Lies(pattern, late, own, stream, self._in_turn, arrives, leaves))

    def _hand_on(self, work: Work, tape: Tape, room: Room) -> None:
        """What a block does on the next device, of which that keeps what it carried."""
        before, end = room.spot.carried, room.end
        self._passes.step(work, room)
        moved = [(offset + end - room.end, size) if size else NOWHERE for offset, size in before]
        carried = room.spot.carried
        room.carry([carried[0] if tape.stream == NEXT else moved[0], carried[1], *moved[2:]])

    def _crossing(self, index: int) -> tuple[int, bool]:
        """Bytes that cross to device ``index`` within the blocks at its edges; whether the block before makes
        the stream there already."""
        size, made_here = 0, False
        for device, side in ((index - 1, NEXT), (index, OWN if index else DEVICE)):
            start, stop = self._spans[device] if 0 <= device < len(self._spans) - 1 else (0, 0)
            first = next((i for i in range(stop - 1, start - 1, -1) if self._blocks[i].lists_at_once), stop)
            stream = OWN if device else DEVICE
            for i in range(first, stop):
                tape = self._tape(i, device, stream)
                stream = tape.stream
                names = tuple(name for to, name in tape.crossings if to == side)
                size += sum(self._passes.sizes_of(names, i))
            made_here = made_here or (side == NEXT and stream == NEXT)
        return size, made_here

    def _start(self, index: int) -> Room:
        """Inputs at the beginning of a device's first part; those that come later are noted in ``_late``."""
        passes, blocks, times = self._passes, self._blocks, self._times
        start, stop = self._spans[index]
        if index and stop <= start:
            return Room(passes.spots, 0, 0, NOTHING_CARRIED)
        in_ram = self._in_ram if not index else 0
        taken = end = 0
        carried = [*NOTHING_CARRIED]
        if index:
            end = times * self._read_across(start, stop)
        elif self._arch.per_layer_inputs:
            beside = 4 * self._batch * self._arch.per_layer_inputs
            carried[2] = (0, beside)
            end = times * beside
        if in_ram and "attn_norm" not in blocks[0].parts:
            taken = passes.sizes_of(("w:attn_q",), 0)[0]
        crossing, made_here = self._crossing(index) if self._in_turn else (0, False)
        end += times * crossing
        if not made_here:
            self._arrives.add(index)
            carried[0] = (end + taken, self._stream)
            end += taken + times * self._arriving(index)
        if in_ram:
            self._late.setdefault(in_ram - 1, []).append(CARRIED.index("in:i"))
        else:
            end += times * passes.inputs
        for windowed in (False, True):
            size = passes.mask_bytes(windowed)
            if size and self._at_the_start(index, windowed, in_ram):
                carried[CARRIED.index("in:s" if windowed else "in:m")] = (end, size)
                end += times * size
        return Room(passes.spots, end, taken, carried)

    def _arriving(self, index: int) -> int:
        """Bytes of the stream that comes to device ``index``; in turn with its norm where a device made it.

        Four streams are made on the last device, where the per-layer inputs come, and arrive permuted too.
        """
        arch, device_made = self._arch, index > 0 and self._in_turn
        if not self._in_turn or arch.name != FOUR_STREAMS:
            normed = device_made and "attn_norm" in self._blocks[self._spans[index][0]].parts
            return self._stream * (2 if normed else 1)
        last = index == len(self._spans) - 1
        return self._stream * (9 + (not index) + last) + 4 * self._batch * arch.per_layer_inputs * last

    def _at_the_start(self, index: int, windowed: bool, in_ram: int) -> bool:
        """A mask is on the device from its beginning; else the part brings it that first reads it."""
        start, stop = self._spans[index] if index else (0, len(self._blocks))
        reader = self._trunk.first_reader(windowed, start, stop)
        if index or reader < 0:
            return reader >= 0
        if reader < in_ram:
            if not self._blocks[reader].recurrent:
                return False
            reader = in_ram
        before = max((i for i in range(reader) if self._patterns[i] != NOTHING_LEFT_OUT), default=-1)
        if before < 0:
            return True
        self._late.setdefault(before, []).append(CARRIED.index("in:s" if windowed else "in:m"))
        return False

    def _read_across(self, start: int, stop: int) -> int:
        """Bytes that blocks of a later device read from the first: its cache where they have none of their
        own, their slices of the per-layer inputs."""
        size = 0
        for i in range(start, stop):
            block = self._blocks[i]
            size += 4 * self._batch * block.values["pl1"]
            borrows = self._arch.has_cache and block.attends and not block.writes
            if borrows and self._trunk.writer(i) < start:
                size += sum(self._passes.sizes_of(("cks", "cvs") if block.windowed else ("ck", "cv"), i))
        return size
