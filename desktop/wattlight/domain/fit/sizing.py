"""Bytes per device for a given distribution of layers: weights, cache and compute buffer."""

from typing import NamedTuple

from .block_facts import Setting
from .buffer_layout import BufferLayout, Ranges, Spans
from .cache import CacheLayout
from .graph import Buffers, Passes
from .ready_buffers import Laid, Ready
from .weights import MOE_ONLY, Weights

RAM_ALIGNMENT = 32
_MIB = 1048576
_CENTS = 100 / _MIB


def logged(size: int) -> int:
    """``size`` as the engine's log prints it (MiB with two decimals) and the server reads it back."""
    return int(round(size * _CENTS) / 100 * _MIB)


class Share(NamedTuple):
    """Units on one device, lowest first: ``layers`` of them, the last ``partial`` without their experts.

    ``overflow`` says how the first of the partial blocks overflows, ``spill_next`` that its overflow goes to
    the next device instead of RAM. The engine counts the output unit among the complete ones although it is
    the highest: so the lowest block keeps its experts, and the range runs one past the last block.
    """

    layers: int = 0
    partial: int = 0
    overflow: int = MOE_ONLY
    spill_next: bool = False


class Taken(NamedTuple):
    """Bytes one device (or RAM) takes."""

    weights: int
    kv: int
    compute: int

    @property
    def total(self) -> int:
        return self.weights + self.kv + self.compute

    def plus(self, more: "Taken") -> "Taken":
        return Taken(self.weights + more.weights, self.kv + more.kv, self.compute + more.compute)


class Sizer:
    """The memory of one model at one context, batch and cache type on one backend."""

    __slots__ = (
        "_buffers",
        "_drafts",
        "_ready",
        "backend",
        "cache",
        "cells_full",
        "cells_swa",
        "layers",
        "quantised",
        "setting",
        "states",
        "weights",
    )

    def __init__(
        self,
        buffers: Buffers,
        weights: Weights,
        cache: CacheLayout,
        backend: str,
        setting: Setting,
        quantised: bool,
        states: int,
        drafts: bool,
    ) -> None:
        """``drafts``: the blocks behind the trunk draft. ``states`` of recurrent blocks are kept per slot."""
        self._buffers, self.setting = buffers, setting
        self._ready: Ready | None = None
        self.weights, self.cache, self.backend = weights, cache, backend
        self.quantised = quantised
        self.layers, self._drafts = len(weights.device), drafts
        self.states = setting.slots * states
        self.cells_full, self.cells_swa = setting.slots * setting.cells, setting.slots * setting.window

    @property
    def trunk(self) -> int:
        """Blocks that answer."""
        return self._buffers.arch.trunk

    @property
    def fit_units(self) -> int:
        """Units the engine tries to place: where it does not draft no more than it computes, though it counts
        all when it places them."""
        return (self.layers if self._drafts else self.trunk) + 1

    # compute buffers

    @property
    def copies(self) -> bool:
        """The device makes f16 copies of the cache."""
        return self.setting.copies

    @property
    def mask(self) -> int:
        """Bytes of all masks of a pass."""
        passes = self.passes
        return passes.mask_bytes(False) + passes.mask_bytes(True)

    @property
    def passes(self) -> Passes:
        return self._buffers.passes(self.setting)

    @property
    def _whole(self) -> Ready:
        """The buffers of a device that holds the whole model."""
        if self._ready is None:
            self._ready = self._buffers.whole(self.setting)
        return self._ready

    @property
    def full_compute(self) -> int:
        """Of a device that holds the whole model."""
        return self._whole.alone

    @property
    def compute_in_ram(self) -> int:
        """Of a computer without a device; the place for a stream from outside is kept free."""
        arch = self._buffers.arch
        aside = 4 * self.setting.batch * arch.embedding * (1 + arch.deepstack)
        in_ram = self.setting._replace(copies=False, working=False, align=RAM_ALIGNMENT)
        return self._buffers.whole(in_ram).alone + aside

    @property
    def host_compute(self) -> int:
        """In RAM beside devices that compute everything."""
        return self._whole.beside

    def compute(self, shares: list[Share]) -> tuple[int, ...]:
        """Per device, for a distribution of layers."""
        layout = self._layout(shares)
        return (self.full_compute,) if layout is None else layout.peaks

    def compute_beside(self, shares: list[Share]) -> int:
        """In RAM, for a distribution of layers on devices."""
        layout = self._layout(shares)
        return self.host_compute if layout is None else layout.in_ram

    def _layout(self, shares: list[Share]) -> BufferLayout | Laid | None:
        """None for a single device that holds everything."""
        units = sum(share.layers for share in shares)
        first = self.layers + 1 - units
        partial = any(share.partial for share in shares)
        if len(shares) == 1 and not first and not partial:
            return None
        spans, left_out = self._spread(shares, first)
        if len(shares) == 1 and (laid := self._buffers.divided(self.setting, spans[0][0], left_out)):
            return laid
        passes, key = self.passes, tuple(shares)
        found = passes.distributions.get(key)
        if found is None:
            in_turn = len(shares) > 1 and units > self.layers and not partial
            found = passes.layout(key, spans, left_out, in_turn)
        return found

    def _spread(self, shares: list[Share], first: int) -> tuple[Spans, Ranges]:
        """(first block, block behind the last) per device, and which blocks lack what (see ``Passes``)."""
        spans: list[tuple[int, int]] = []
        trunk = self.trunk
        left_out: Ranges = []
        for share in shares:
            stop = min(first + share.layers, trunk)
            spans.append((min(first, trunk), stop))
            begin = first + share.layers - share.partial
            if share.partial and begin < stop and not share.spill_next:
                left_out.append((begin, begin + 1, share.overflow))
            if share.partial and begin + 1 < stop:
                left_out.append((begin + 1, stop, MOE_ONLY))
            first += share.layers
        return tuple(spans), left_out

    # cache

    def kv_device(self, start: int, stop: int) -> int:
        """Cache and state of blocks start..stop-1 on a device."""
        c = self.cache
        size = (
            self.cells_full * (c.full[stop] - c.full[start])
            + self.cells_swa * (c.swa[stop] - c.swa[start])
            + self.states * (c.state[stop] - c.state[start])
        )
        if self.quantised and self.backend in {"cuda", "rocm"}:
            size += c.pad[stop] - c.pad[start] + c.pad_swa[stop] - c.pad_swa[start]
        return size

    def kv_host(self, stop: int) -> int:
        """Cache and state of blocks 0..stop-1 in RAM."""
        c = self.cache
        return self.cells_full * c.full[stop] + self.cells_swa * c.swa[stop] + self.states * c.state[stop]

    def attention_cache(self, start: int, stop: int) -> int:
        """Cache of blocks start..stop-1 without recurrent state."""
        c = self.cache
        full = self.cells_full * (c.full[stop] - c.full[start])
        return full + self.cells_swa * (c.swa[stop] - c.swa[start])

    def logged_cache(self, start: int, stop: int, draft_kv: int = 0) -> int:
        """Cache of blocks start..stop-1 as the server reads it from the log.

        A windowed model prints two lines with the same label; the second (windowed) one replaces the first,
        and a draft's cache, ``draft_kv``, on the same device replaces both.
        """
        c = self.cache
        full = self.cells_full * (c.full[stop] - c.full[start])
        windowed = self.cells_swa * (c.swa[stop] - c.swa[start])
        size = logged(draft_kv or windowed or full)
        state = self.states * (c.state[stop] - c.state[start])
        return size + logged(state) if state else size

    # whole model

    def all_on_one(self) -> Taken:
        w = self.weights
        return Taken(w.device_sum[-1] + w.output + w.rope, self.kv_device(0, self.layers), self.full_compute)

    def all_in_ram(self) -> Taken:
        w = self.weights
        return Taken(
            w.host_sum[-1] + w.input_host + w.output_host + w.rope_host,
            self.kv_host(self.layers),
            self.compute_in_ram,
        )

    # a distribution

    def measure(self, shares: list[Share], compute: tuple[int, ...] | None = None) -> list[Taken]:
        """Bytes per device for ``shares`` (the lowest layers on the first device).

        ``compute``: the buffers, where they are known.
        """
        first = self.layers + 1 - sum(share.layers for share in shares)
        compute = compute or self.compute(shares)
        taken: list[Taken] = []
        carried = 0
        for index, share in enumerate(shares):
            end = first + share.layers
            has_output = share.layers > 0 and end > self.layers
            weights = self.slice_weights(first, share, has_output) + carried
            carried = self._boundary(first, share) if share.spill_next else 0
            stop = min(end, self.layers)
            kv = self.kv_device(first, stop) if stop > first else 0
            taken.append(Taken(weights, kv, compute[index]))
            first = end
        return taken

    # one slice of a device

    def slice_weights(self, first: int, share: Share, has_output: bool) -> int:
        """Bytes of ``share``, whose lowest unit is ``first``, that stay on its device."""
        w = self.weights
        stop = min(first + share.layers, self.layers)
        size = w.device_sum[stop] - w.device_sum[first] if stop > first else 0
        if stop > first:
            size += w.rope
        if has_output:
            size += w.output
        moved = 0
        if share.partial:
            begin = first + share.layers - share.partial
            if share.overflow == MOE_ONLY:
                if begin < stop:
                    moved = w.experts_sum[stop] - w.experts_sum[begin]
            elif begin < self.layers:
                moved = w.boundary[share.overflow][begin]
                if begin + 1 < stop:
                    moved += w.experts_sum[stop] - w.experts_sum[begin + 1]
        return size - moved

    def _boundary(self, first: int, share: Share) -> int:
        """Bytes of the boundary block that overflow to the next device."""
        begin = first + share.layers - share.partial
        if not share.partial or begin >= self.layers:
            return 0
        w = self.weights
        return w.experts[begin] if share.overflow == MOE_ONLY else w.boundary[share.overflow][begin]

    def overflow_host(self, first: int, share: Share) -> int:
        """Bytes in RAM of the experts (and other parts of the boundary block) that ``share`` leaves out."""
        w = self.weights
        stop = min(first + share.layers, self.layers)
        begin = first + share.layers - share.partial
        if begin >= stop:
            return 0
        if share.overflow == MOE_ONLY:
            begin += 1 if share.spill_next else 0
            return w.experts_host_sum[stop] - w.experts_host_sum[begin]
        rest = w.experts_host_sum[stop] - w.experts_host_sum[begin + 1] if begin + 1 < stop else 0
        return rest if share.spill_next else w.boundary_host[share.overflow][begin] + rest


class BareSizer(Sizer):
    """Without compute buffers: what it takes is never more than with them."""

    __slots__ = ()

    @property
    def full_compute(self) -> int:
        return 0

    @property
    def compute_in_ram(self) -> int:
        return 0

    @property
    def host_compute(self) -> int:
        return 0

    def compute(self, shares: list[Share]) -> tuple[int, ...]:
        return (0,) * len(shares)

    def compute_beside(self, shares: list[Share]) -> int:
        return 0
