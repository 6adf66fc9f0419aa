"""Compute buffers: what a pass needs beside weights and cache, on each device and in RAM.

The blocks' lists of operations (``blocks``) are laid out one after the other as the engine's allocator does
(``program.walk``). A block that finds the same room as an equal one before it is looked up.
"""

from functools import lru_cache
from typing import NamedTuple

from ..shape import TYPE_BY_NAME
from .architecture import Architecture
from .block_facts import Setting, Trunk, bytes_of, inputs_bytes, mask_bytes
from .block_parts import Kind
from .blocks import FOUR_STREAMS, program_of
from .program import CARRIED, DEVICE, ENDLESS, HOST, NEXT, OWN, ROTATION_TABLE, Room, Tape, give_back, walk
from .weights import MOE_ONLY, Row, is_expert, overflow_patterns

PASSES_KEPT, MOST_KEPT = 64, 4096
"""Settings remembered of a model; layouts and steps remembered of each."""
_NOTHING = ((0, 0),) * len(CARRIED)
MASKS = (CARRIED.index("in:m"), CARRIED.index("in:s"))
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


Spans = tuple[tuple[int, int], ...]


class Passes:
    """All passes of one model in one setting. ``inputs``: bytes of the small inputs, masks left out."""

    __slots__ = ("_rotates", "_sizes", "_steps", "_tapes", "distributions", "inputs", "setting", "trunk")

    def __init__(self, trunk: Trunk, setting: Setting) -> None:
        self.trunk, self.setting = trunk, setting
        self._rotates = TYPE_BY_NAME[setting.kv_type].block > 1 and not trunk.arch.mla
        self.distributions: dict[object, tuple[tuple[int, ...], int]] = {}
        self._sizes: dict[object, list[int]] = {}
        self._steps: dict[object, tuple[Room, int]] = {}
        self._tapes: dict[object, Tape] = {}
        self.inputs = inputs_bytes(trunk.arch, setting)

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
            program = program_of(self._kind(i, lies))
            parts, in_ram = self.trunk.blocks[i].parts, lies.pattern == ALL_IN_RAM
            left_out = parts | {ROTATION_TABLE} if in_ram else _left_out(parts, lies.pattern)
            found = program.tape(left_out, in_ram, lies.late, lies.own, lies.stream, lies.in_turn)
            self._tapes[key] = found
        return found

    def _kind(self, i: int, lies: Lies) -> Kind:
        arch, block, place = self.trunk.arch, self.trunk.blocks[i], self.trunk.places[i]
        key, value = arch.key_length, arch.value_length
        if block.windowed:
            key = value = arch.key_length_swa
        in_ram = lies.pattern == ALL_IN_RAM
        return Kind(
            arch.name,
            block.parts if arch.mla else block.parts - {"attn_kv_a_mqa"},  # older files: the plain way
            self.setting.flash,
            self._rotates and key % 64 == 0,
            self._rotates and value % 64 == 0,
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
            place.last and self.setting.every_row,
            place.last and self.setting.logits > 0,
        )

    def sizes_of(self, names: tuple[str, ...], i: int) -> list[int]:
        """Bytes of the values ``names`` of block ``i``, rounded."""
        key = (names, self.trunk.full[i])
        found = self._sizes.get(key)
        if found is None:
            block, align = self.trunk.blocks[i], self.setting.align
            sizes = [bytes_of(name, block, self.trunk.arch, self.setting) for name in names]
            found = self._sizes[key] = [-(-size // align) * align for size in sizes]
        return found

    def lay_out(self, spans: Spans, left_out: dict[int, int], in_turn: bool) -> tuple[tuple[int, ...], int]:
        """Highest bytes on each device, and in RAM beside them; kept by the caller in ``distributions``.

        ``spans``: (first block, block behind the last) per device; blocks before the first span lie in RAM.
        ``left_out``: other blocks that lack their experts, and by which pattern (see ``weights.WHOLE``;
        MOE_ONLY: the experts alone). ``in_turn``: the devices work in turn, each with four copies of its
        inputs.
        """
        if len(self.distributions) >= MOST_KEPT:
            self.distributions.clear()
        return _Layout(self, spans, left_out, in_turn).result()

    def step(self, tape: Tape, side: int, i: int, room: Room) -> tuple[Room, int]:
        """What :func:`walk` says, looked up where an equal block met the same room before."""
        key = (id(tape), side, self.trunk.full[i] if tape.fetches else self.trunk.makes[i], room)
        found = self._steps.get(key)
        if found is None:
            if len(self._steps) >= MOST_KEPT:
                self._steps.clear()
            found = self._steps[key] = walk(tape, side, self.sizes_of(tape.sizes, i), room)
        return found


class Buffers:
    """Passes of one model by setting; the latest are kept."""

    __slots__ = ("_passes", "_rows", "_trunk", "arch")

    def __init__(self, arch: Architecture, rows: list[Row]) -> None:
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


class _Layout:
    """One walk over all blocks, with a room per device and one in RAM."""

    def __init__(self, passes: Passes, spans: Spans, left_out: dict[int, int], in_turn: bool) -> None:
        self._passes, self._spans, self._left_out, self._in_turn = passes, spans, left_out, in_turn
        self._trunk, self._blocks, self._arch = passes.trunk, passes.trunk.blocks, passes.trunk.arch
        self._batch = passes.setting.batch
        self._in_ram = min((start for start, stop in spans if stop > start), default=len(self._blocks))
        self._times = 4 if in_turn else 1
        self._late: dict[int, list[int]] = {}
        self._arrives: set[int] = set()
        self._rooms = [self._start(index) for index in range(len(spans))]
        self._peaks = [room.offsets[-1] for room in self._rooms]
        self._host_peak = passes.beside_devices(self._times)
        self._host = Room((self._host_peak - self._stream,), (ENDLESS,), _NOTHING)

    @property
    def _stream(self) -> int:
        return 4 * self._batch * self._arch.embedding

    def result(self) -> tuple[tuple[int, ...], int]:
        device, stream = 0, DEVICE
        for i in range(len(self._blocks)):
            while i >= self._spans[device][1] and device + 1 < len(self._spans) and i >= self._in_ram:
                self._rooms[device] = _left(self._rooms[device], () if self._in_turn else MASKS)
                device, stream = device + 1, OWN
            stream = self._block(i, device, stream)
        return tuple(self._peaks), self._host_peak

    def _tape(self, i: int, device: int, stream: int) -> Tape:
        in_ram, (start, stop) = i < self._in_ram, self._spans[device]
        arrives = self._in_turn and (i == 0 or (device in self._arrives and i == start))
        leaves = device + 1 < len(self._spans) and not in_ram and self._trunk.after[i] >= stop
        pattern = ALL_IN_RAM if in_ram else self._left_out.get(i, NOTHING_LEFT_OUT)
        late, own = tuple(self._late.get(i, ())), OWN if device else DEVICE
        return self._passes.tape(i, Lies(pattern, late, own, stream, self._in_turn, arrives, leaves))

    def _block(self, i: int, device: int, stream: int) -> int:
        tape = self._tape(i, device, stream)
        for side, events in enumerate(tape.sides):
            if side == HOST:
                if events:
                    self._host, top = self._passes.step(tape, HOST, i, self._host)
                    self._host_peak = max(self._host_peak, top)
                continue
            own = side == (OWN if device else DEVICE)
            if not own and not events:
                continue
            index = device if own else device + 1 if side == NEXT else 0
            before = self._rooms[index]
            room, top = self._passes.step(tape, side, i, before)
            if side == NEXT:
                x = (room if tape.stream == NEXT else before).carried[0]
                room = room._replace(carried=(x, room.carried[1], *before.carried[2:]))
            self._rooms[index] = room
            self._peaks[index] = max(self._peaks[index], top)
        return tape.stream

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
            return Room((0,), (ENDLESS,), _NOTHING)
        in_ram = self._in_ram if not index else 0
        taken = end = 0
        carried = list(_NOTHING)
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
        if taken:
            return Room((0, end), (taken, ENDLESS), tuple(carried))
        return Room((end,), (ENDLESS,), tuple(carried))

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
        before = max((i for i in range(reader) if i < in_ram or i in self._left_out), default=-1)
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
            writer = max(
                (
                    j
                    for j in range(i)
                    if self._blocks[j].writes and self._blocks[j].windowed is block.windowed
                ),
                default=0,
            )
            if block.attends and not block.writes and writer < start:
                size += sum(self._passes.sizes_of(("cks", "cvs") if block.windowed else ("ck", "cv"), i))
        return size


@lru_cache(maxsize=512)
def _left_out(parts: frozenset[str], pattern: int) -> frozenset[str]:
    if pattern == NOTHING_LEFT_OUT:
        return frozenset()
    if pattern == MOE_ONLY:
        return frozenset(part for part in parts if is_expert(part))
    return frozenset(part for part in parts if pattern in overflow_patterns(part))


def _left(room: Room, slots: tuple[int, ...]) -> Room:
    """The stream has gone to the next device; nothing here reads what is in ``slots`` any more."""
    offsets, lengths = list(room.offsets), list(room.lengths)
    for slot in (0, *slots):
        if room.carried[slot][1]:
            give_back(offsets, lengths, *room.carried[slot])
    return Room(tuple(offsets), tuple(lengths), _NOTHING)
