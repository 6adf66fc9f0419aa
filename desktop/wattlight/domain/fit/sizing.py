"""Bytes per device for a given distribution of layers: weights, cache and compute buffer."""

from typing import NamedTuple

from .buffers import BufferRules
from .cache import CacheLayout
from .weights import Weights

MOE_ONLY = -1
"""Overflow pattern of ordinary blocks with experts in RAM (see ``weights.WHOLE`` for the boundary's)."""


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
        "attention",
        "backend",
        "base",
        "batch",
        "cache",
        "cells_full",
        "cells_swa",
        "compute_in_ram",
        "copies",
        "ffn",
        "fit_units",
        "flash",
        "full_compute",
        "host_compute",
        "inputs",
        "layers",
        "mask",
        "quantised",
        "rules",
        "slots",
        "states",
        "trunk",
        "weights",
    )

    def __init__(
        self,
        rules: BufferRules,
        weights: Weights,
        cache: CacheLayout,
        backend: str,
        batch: int,
        cells: int,
        cells_window: int,
        slots: int,
        flash: bool,
        quantised: bool,
        trunk: int,
        states: int,
        drafts: bool,
    ) -> None:
        """``trunk`` blocks answer, those after them only draft, if ``drafts``; ``states`` per slot."""
        self.rules = rules
        self.weights, self.cache, self.backend = weights, cache, backend
        self.batch, self.slots, self.flash, self.quantised = batch, slots, flash, quantised
        self.layers = len(weights.device)
        self.trunk, self.states = trunk, slots * states
        # an engine that does not draft tries no more units than it computes, yet places them counting all
        self.fit_units = (self.layers if drafts else trunk) + 1
        self.cells_full, self.cells_swa = slots * cells, slots * cells_window
        self.mask = rules.masks * (2 if flash else 4) * batch * (cells + cells_window)
        self.inputs = rules.inputs_ub * batch
        if quantised:
            self.inputs += rules.inputs_quantised + rules.inputs_quantised_ub * batch
        self.base = self.mask + self.inputs
        self.ffn = (rules.ffn_quantised_ub if quantised else rules.ffn_ub) * batch
        if flash:
            plain = (rules.attention_quantised_ub if quantised else rules.attention_ub) * batch
            self.copies = 0
            if quantised and backend in {"cuda", "rocm"}:
                self.copies = max(rules.copies * self.cells_full, rules.copies_swa * self.cells_swa)
            self.host_compute = rules.host_ub * batch + self.base
        else:
            plain = rules.attention_plain_ub * batch + rules.scores_ub * batch * cells
            self.copies = 0
            self.host_compute = (rules.host_ub + rules.host_plain_ub) * batch + self.base
        self.attention = plain + self.copies
        if rules.hole_ub and self.copies:
            spill = rules.spill_ub * batch + self.copies
            self.attention = plain if spill <= rules.hole_ub * batch else plain + spill
        self.full_compute = self.base + max(self.ffn, self.attention)
        self.compute_in_ram = self.base + max(self.ffn, plain) + rules.cpu_ub * batch

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
        state = self.states * (c.state[stop] - c.state[start])
        return logged(draft_kv or windowed or full) + logged(state)

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

    def measure(self, shares: list[Share]) -> list[Taken]:
        """Bytes per device for ``shares`` (the lowest layers on the first device)."""
        units = 0
        partial = False
        for share in shares:
            units += share.layers
            partial = partial or share.partial > 0
        first = in_ram = self.layers + 1 - units
        in_ram = min(in_ram, self.layers)
        whole = in_ram == 0 and not partial
        taken: list[Taken] = []
        carried = 0
        for index, share in enumerate(shares):
            end = first + share.layers
            has_output = share.layers > 0 and end > self.layers
            weights = self.slice_weights(first, share, has_output) + carried
            carried = self._boundary(first, share) if share.spill_next else 0
            stop = min(end, self.layers)
            kv = self.kv_device(first, stop) if stop > first else 0
            if whole:
                compute = self.full_compute
                if len(shares) > 1:
                    compute += self.pipeline(index)
            elif index == 0:
                compute = self.device_compute(first, shares, in_ram)
            else:
                compute = self.base + max(self.attention, self.rules.later_device_ub * self.batch)
            taken.append(Taken(weights, kv, compute))
            first = end
        return taken

    def pipeline(self, index: int) -> int:
        """What each device's buffer grows by when several work in turn, each with copies of its inputs."""
        extra = self.rules.pipeline_ub * self.batch
        return 3 * self.base + (extra if index == 0 else 2 * extra)

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

    def device_compute(self, first: int, shares: list[Share], in_ram: int) -> int:
        """Compute buffer of the first device when something of the model stays in RAM.

        ``in_ram`` blocks lie in RAM whole; partial ones of ``shares`` lack their experts. Whatever is
        computed with matrices from RAM is computed on the first device.
        """
        best = self.full_compute
        if in_ram:
            best = max(best, self.base + self._blocks_in_ram(in_ram))
        if len(shares) == 1:
            if shares[0].partial:
                best = max(best, self.base + self._experts_in_ram(first, shares[0]))
        elif any(share.partial for share in shares):
            best = max(best, self.rules.matrices.two_largest + self.rules.residual_ub * self.batch)
        return best

    def _blocks_in_ram(self, count: int) -> int:
        rules, batch = self.rules, self.batch
        matrices = rules.matrices
        size = 0
        expert = max(matrices.expert[0][:count])
        if expert:
            one = expert + rules.whole_one_ub * batch
            two = max(matrices.gate_and_up[:count]) + rules.whole_two_ub * batch
            size = max(one if rules.gpt_oss else min(one, two), self.attention)
        gate = max(matrices.gate[:count])
        if gate:
            layer = self.cells_full * self.cache.widest_full
            windowed = self.cells_swa * self.cache.widest_swa if self.cells_swa else layer
            if rules.full_heads:
                c = 0
                if layer > 3 * self.ffn:
                    layer += layer // 2
            else:
                c = gate + rules.dense_c_ub * batch + windowed
                if self.quantised:
                    c += rules.dense_c_quantised_ub * batch
            size = max(size, gate + rules.dense_a_ub * batch, self.attention + layer, c)
        return size

    def _experts_in_ram(self, first: int, share: Share) -> int:
        """The last block is never counted: only the outputs' rows pass its feed-forward part."""
        rules = self.rules
        expert = rules.matrices.expert
        stop = min(first + share.layers, self.trunk - 1)
        begin = first + share.layers - share.partial
        size = 0
        if rules.first_twice_ub and begin == 1 and stop > 1:
            size = 2 * max(expert[0][1:stop]) + rules.first_twice_ub * self.batch
        if begin < stop and share.overflow > 0:
            matrix = expert[share.overflow][begin]
            if matrix:
                size = max(size, matrix + rules.expert_ub[share.overflow] * self.batch)
            begin += 1
        if begin < stop:
            matrix = max(expert[0][begin:stop])
            if matrix:
                size = max(size, matrix + rules.expert_ub[0] * self.batch)
        return size
