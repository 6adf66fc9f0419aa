"""What a speculative draft takes beside the model; bytes throughout."""

from typing import NamedTuple

from .architecture import Architecture
from .arena import FREE, Side, walk
from .cache import row_bytes
from .drafts import APART, STOPS_EARLY, Draft, DraftKind
from .sizing import Share, Sizer, Taken


class DraftMemory(NamedTuple):
    """What a draft takes beside the model.

    ``weights`` of its own file; ``host`` what of all lies in RAM beside an accelerator. ``measured`` is what
    the engine adds to its margin before it fits the model (0 where it cannot measure the draft);
    ``model_growth`` what the model's own compute buffer grows by at the first prompt, ``output`` what both
    output buffers in RAM grow by at the first requests. ``compute`` is replaced
    by ``in_turn`` (and RAM by ``host_in_turn``) where several accelerators hold everything, and by
    ``experts_in_ram`` where the experts of the drafting block are there.
    """

    weights: int
    kv: int
    compute: int
    host: Taken
    in_turn: int
    host_in_turn: int
    experts_in_ram: int
    measured: int
    model_growth: int
    output: int


def draft_memory(draft: Draft, sizer: Sizer, several: bool, types: tuple[str, str]) -> DraftMemory:
    """The memory of ``draft``; ``several``: on more than one accelerator.

    ``sizer`` is that of the draft's model with a cache of ``types`` (of keys and of values).
    """
    weights, host_weights = _own_weights(draft, sizer)
    kv = _cache(draft, sizer, types)
    compute, host = _dflash(draft, sizer) if draft.kind is DraftKind.DFLASH else _compute(draft, sizer)
    in_turn, host_in_turn = _in_turn(draft, sizer, compute, host) if several else (compute, host)
    measured = growth = 0
    if sizer.backend == "cpu":
        host = host_in_turn = 0
    elif draft.kind in {DraftKind.EMBEDDED, DraftKind.SEPARATE}:
        measured = weights + kv + in_turn
    elif draft.kind is DraftKind.DFLASH and draft.has_own_output:
        measured = (
            weights + kv + 4 * (draft.main.vocabulary + draft.model.arch.embedding) * sizer.setting.batch
        )
    if draft.kind is DraftKind.DFLASH:
        growth = 4 * draft.main.arch.embedding * sizer.setting.batch * draft.targets
    return DraftMemory(
        weights,
        kv,
        compute,
        Taken(host_weights, 0, host),
        in_turn,
        host_in_turn,
        max(compute, _with_experts_in_ram(draft, sizer.setting.batch)),
        measured,
        growth,
        _output_growth(draft, sizer),
    )


class Beside(NamedTuple):
    """A draft's memory on each device, and in RAM."""

    devices: list[Taken]
    host: Taken


def beside(draft: Draft, memory: DraftMemory, sizer: Sizer, shares: list[Share]) -> Beside:
    """Where ``memory`` lies beside a model that lies as ``shares`` say.

    Blocks of the model's own lie with it, a file of its own always on the last device; buffers are there too.
    """
    weights, kv, compute, host = memory.weights, memory.kv, memory.compute, memory.host
    compute += memory.model_growth
    if not shares:
        return Beside([], Taken(weights, kv, compute))
    units, last = sum(share.layers for share in shares), shares[-1]
    devices = [Taken(0, 0, 0)] * len(shares)
    if units > sizer.layers and not any(share.partial for share in shares):
        compute, host = memory.in_turn + memory.model_growth, host._replace(compute=memory.host_in_turn)
    elif draft.kind is DraftKind.EMBEDDED and last.partial > 1:
        compute = memory.experts_in_ram
    if not draft.apart:
        whole, first = max(1, sizer.attention_cache(0, sizer.layers)), sizer.layers + 1 - units
        for index, share in enumerate(shares):
            start, stop = min(first, sizer.layers), min(first + share.layers, sizer.layers)
            devices[index] = Taken(0, kv * sizer.attention_cache(start, stop) // whole, 0)
            first += share.layers
        host = host._replace(kv=kv - sum(part.kv for part in devices))
        kv = devices[-1].kv
    elif draft.kind is DraftKind.EMBEDDED and last.layers < 2:
        host, kv = host._replace(kv=kv), 0
    devices[-1] = Taken(weights, kv, compute)
    return Beside(devices, host)


def _own_weights(draft: Draft, sizer: Sizer) -> tuple[int, int]:
    """(where the draft is computed, in RAM beside it) of a draft's own file."""
    if draft.kind is DraftKind.EMBEDDED:
        return 0, 0
    w = sizer.weights
    if sizer.backend == "cpu":
        return sizer.all_in_ram().weights, 0
    return w.device_sum[-1] + w.output + w.rope, w.input_host


def _output_growth(draft: Draft, sizer: Sizer) -> int:
    """Of drafting blocks alone: rows of all drafted tokens and the stream they start from (llama-server)."""
    if draft.kind in {DraftKind.ASSISTANT, DraftKind.DFLASH}:
        return 0
    words, stream = draft.main.vocabulary, draft.main.arch.embedding
    model = words * sizer.setting.slots * draft.length + stream * sizer.setting.batch
    return 4 * (model + sizer.setting.slots * (4 * words + stream))


def _cache(draft: Draft, sizer: Sizer, types: tuple[str, str]) -> int:
    arch = draft.model.arch
    if draft.kind is DraftKind.ASSISTANT:
        return 0
    if draft.kind is not DraftKind.DFLASH and arch.name in APART:
        return (row_bytes(arch.draft_k, types[0]) + row_bytes(arch.draft_v, types[1])) * sizer.cells_full
    return sizer.attention_cache(0, sizer.layers)


def _dflash(draft: Draft, sizer: Sizer) -> tuple[int, int]:
    """Buffers as :func:`_compute`: every position of a batch is an output here, twice."""
    rows, stream = (
        4 * draft.main.vocabulary * sizer.setting.batch,
        4 * draft.model.arch.embedding * sizer.setting.batch,
    )
    if sizer.backend == "cpu":
        return 2 * rows + sizer.mask, 0
    host = max(stream + sizer.mask, stream * draft.targets)
    return 2 * rows + stream + 4 * draft.main.vocabulary, host


def _compute(draft: Draft, sizer: Sizer) -> tuple[int, int]:
    """(where the draft is computed, in RAM beside an accelerator)."""
    arch, batch = draft.model.arch, sizer.setting.batch
    if not _by_block(draft, sizer):
        whole = sizer.compute_in_ram if sizer.backend == "cpu" else sizer.full_compute
        return whole, sizer.host_compute
    mask = _mask(sizer)
    copies = 2 * (arch.draft_k + arch.draft_v) * sizer.cells_full if sizer.copies else 0
    return _block_peak(arch, batch, mask, copies), 8 * arch.embedding * batch + mask


def _by_block(draft: Draft, sizer: Sizer) -> bool:
    """Its buffer is that of its block alone; otherwise it takes what a whole model does."""
    arch = draft.model.arch
    return (
        draft.kind is not DraftKind.ASSISTANT and sizer.setting.flash and not arch.mla and arch.name in APART
    )


def _mask(sizer: Sizer) -> int:
    return 2 * sizer.setting.batch * sizer.cells_full // sizer.setting.slots


def _in_turn(draft: Draft, sizer: Sizer, compute: int, host: int) -> tuple[int, int]:
    """Buffers as :func:`_compute` where accelerators work in turn, each with four copies of its inputs."""
    if draft.kind is DraftKind.DFLASH or not _by_block(draft, sizer):
        return compute, host
    arch, mask = draft.model.arch, _mask(sizer)
    stream = 4 * arch.embedding * sizer.setting.batch
    inputs = mask + 2 * stream + _positions(arch) * sizer.setting.batch
    return 4 * inputs + _widest_phase(arch) * sizer.setting.batch, host + 3 * (mask + stream)


def _positions(arch: Architecture) -> int:
    """Bytes per token of the small inputs of a drafting block."""
    return 32 if arch.multi_axis else 20


def _widest_phase(arch: Architecture) -> int:
    """Bytes per token of the larger phase of a drafting block, its inputs and its mask left out."""
    e, hd, kd = arch.embedding, arch.heads * arch.key_length, arch.kv_heads * arch.key_length
    forward = 3 * arch.feed_forward + 2 * e
    if arch.experts:
        forward = 2 * arch.experts_used * e + e
    return 4 * max(forward, 2 * e + 3 * hd + 2 * kd)


def _with_experts_in_ram(draft: Draft, batch: int) -> int:
    """The buffer with a copy of the largest expert matrix in it."""
    arch, matrix = draft.model.arch, draft.model.draft_expert_bytes
    if not matrix:
        return 0
    ue, uf = arch.experts_used * arch.embedding, arch.experts_used * arch.expert_feed_forward
    values = ue + uf + 2 * arch.embedding + 2 * arch.experts
    return matrix + (4 * values + _positions(arch)) * batch


def _block_peak(arch: Architecture, batch: int, mask: int, copies: int) -> int:
    """The highest end of one drafting block in the engine's arena, tensor by tensor.

    ``copies``: bytes of its cache as f16, where it is kept in another type. Reproduces 70 of 72 logged
    buffers; the order of takes and releases is that of the engine's graph.
    """
    arena = _Arena()
    unit = 4 * batch
    e, f = arch.embedding * unit, arch.feed_forward * unit
    hd, kd = arch.heads * arch.key_length * unit, arch.kv_heads * arch.key_length * unit
    token, hidden, masked = arena.take(e), arena.take(e), arena.take(mask)
    arena.take(_positions(arch) * batch)
    joined = arena.take(2 * e)
    arena.free(token, hidden)
    residual = arena.take(e)
    arena.free(joined)
    normed = arena.take(e)
    query_and_gate, query, value, key = (arena.take(n) for n in (2 * hd, hd, kd, kd))
    arena.free(normed, value, key)
    attended = arena.take(hd + copies)
    arena.free(query, masked)
    gated = arena.take(hd)
    arena.free(query_and_gate, attended)
    arena.take(e)
    arena.free(gated, residual)
    if arch.name == STOPS_EARLY:
        return arena.peak
    before = arena.take(e)
    if arch.experts:
        uf = arch.experts_used * arch.expert_feed_forward * unit
        router = arena.take(arch.experts * unit)
        arena.take(arch.experts * unit)
        arena.free(router)
        gate, up, _ = arena.take(uf), arena.take(uf), arena.take(uf)
        arena.free(gate, up)
        arena.take(arch.experts_used * e)
    else:
        gate, up = arena.take(f), arena.take(f)
        arena.free(before)
        arena.take(f)
        arena.free(gate, up)
        arena.take(e)
    return arena.peak


class _Arena:
    """A list of operations, and the highest byte it reaches."""

    def __init__(self) -> None:
        self._events: list[tuple[int, int]] = []
        self._sizes: list[int] = []

    def take(self, size: int) -> int:
        slot = len(self._sizes)
        self._events.append((slot, slot))
        self._sizes.append(size)
        return slot

    def free(self, *slots: int) -> None:
        self._events += [(slot, FREE) for slot in slots]

    @property
    def peak(self) -> int:
        return max(0, walk(Side(tuple(self._events), (), (), {}), self._sizes, ((), ()), ()).top)
