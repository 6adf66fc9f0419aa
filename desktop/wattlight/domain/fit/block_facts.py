"""What memory depends on of a model's blocks, and the bytes of the values in their lists of operations."""

from itertools import chain, islice, repeat
from typing import NamedTuple

from ..shape import TYPE_BY_NAME, of_each
from .architecture import Architecture
from .program import WORKING
from .weights import Row, TensorRows

ROTATION_OF_VALUES = 64
"""Edge of the matrix a quantised cache rotates values with."""


def rotation(length: int) -> int:
    """Edge of the matrix a quantised cache rotates keys of ``length`` with: 64 times a power of two."""
    if not length or length % 64:
        return 0
    edge = 64
    while length % (2 * edge) == 0:
        edge *= 2
    return edge


class Setting(NamedTuple):
    """What sizes depend on: tokens of a batch, cells of a slot's full and windowed cache, slots, cache type.

    ``copies``: the device makes f16 copies of a quantised block's rows; ``align``: values are rounded to so
    many bytes; ``working``: operations have room of their own behind their results (Metal); ``every_row``:
    each token is an output (embeddings), with so many ``logits``.
    """

    batch: int
    cells: int
    window: int
    slots: int
    kv_type: str
    flash: bool
    copies: bool
    align: int
    working: bool = False
    every_row: bool = False
    logits: int = 0


class Block(NamedTuple):
    """A block as its list of operations sees it; ``values`` per token by the names of ``block_parts``.

    ``work`` is the same for blocks that differ in the bytes of their matrices alone.
    """

    parts: frozenset[str]
    values: dict[str, int]
    bytes_of: dict[str, int]
    windowed: bool
    writes: bool
    attends: bool
    recurrent: bool
    flat_norm: bool
    k: int
    v: int
    state_r: int
    state_s: int
    work: object

    @property
    def lists_at_once(self) -> bool:
        """A part of its work is listed before anything needs it."""
        return self.attends or self.recurrent or "ffn_gate_inp" in self.parts


def blocks_of(arch: Architecture, rows: TensorRows) -> tuple[Block, ...]:
    """One entry per block; equal blocks share theirs."""
    tables = of_each(rows.blocks[: arch.trunk], lambda body: {row.part: row for row in body})
    empty: dict[str, Row] = {}
    found = []
    last = {False: (0, 0), True: (0, 0)}
    spelled_out: dict[object, dict[str, Row]] = {}
    seen: dict[object, tuple[Block, tuple[int, int]]] = {}
    changes = 0
    full, swa = zip(arch.full_k, arch.full_v, strict=True), zip(arch.swa_k, arch.swa_v, strict=True)
    states = zip(arch.state_r, arch.state_s, strict=True)
    each = zip(chain(tables, repeat(empty)), arch.windowed, full, swa, states, strict=False)
    for i, (table, windowed, of_full, of_window, state) in enumerate(islice(each, arch.trunk)):
        own = of_window if windowed else of_full
        joined = TOGETHER in table
        key = (id(table), windowed, own, state, last[windowed], joined and changes)
        if key in seen:
            block, last[windowed] = seen[key]
            found.append(block)
            continue
        make_up = (own[0] > 0, state[0], "ffn_down_exps.weight" in table)
        first = table
        if joined:
            first = spelled_out.get(make_up, table)
        elif spelled_out.get(make_up) is not table:
            spelled_out[make_up] = table
            changes += 1
        writes = own[0] > 0 and not (_MAKES_KEYS.isdisjoint(table) and _MAKES_KEYS.isdisjoint(first))
        if writes:
            last[windowed] = own
        block = _block(arch, {**first, **table}, i, windowed, writes, *last[windowed])
        seen[key] = block, last[windowed]
        found.append(block)
    return tuple(found)


TOGETHER = "attn.weight"
"""What is placed together is one tensor of the catalogue's, except in the first block of each make-up."""
_MAKES_KEYS = frozenset(("attn_k.weight", "attn_qkv.weight", "attn_kv_a_mqa.weight"))


def _in_bytes(arch: Architecture, part: str, k: int, v: int) -> tuple[int, int]:
    """(length, number) of rows of a matrix of which only the bytes are known."""
    e, f = arch.embedding, arch.feed_forward
    q = arch.heads * arch.key_length
    inner, channels = arch.inner, arch.delta_channels
    return {
        "attn_q": (e, 2 * q if arch.gated else q),
        "attn_k": (e, k),
        "attn_v": (e, v),
        "attn_qkv": (e, channels if arch.gated else q + k + v),
        "attn_output": (arch.heads * arch.value_length, e),
        "ffn_down": (f, e),
        "ffn_up": (e, 2 * f),
        "ffn_down_exps": (arch.expert_feed_forward, e),
        "ffn_gate_up_exps": (e, 2 * arch.expert_feed_forward),
        "ffn_down_shexp": (arch.expert_feed_forward, e),
        "ssm_in": (e, inner + channels + arch.time_steps),
        "inp_gate": (e, arch.per_layer_inputs // max(1, arch.trunk)),
    }.get(part, (e, e))


def _block(
    arch: Architecture, table: dict[str, Row], i: int, windowed: bool, writes: bool, k: int, v: int
) -> Block:
    wide, tall, size = {}, {}, {}
    table.pop(TOGETHER, None)
    for row in table.values():
        part = row.part.removesuffix(".weight")
        size[part] = row.size
        wide[part], tall[part] = row.width, row.out
        if row.kind.name == "I8":
            wide[part], tall[part] = _in_bytes(arch, part, k, v)
    parts = set(size)
    e, used = arch.embedding, arch.experts_used
    state = arch.state_r[i] + arch.state_s[i] > 0
    heads = arch.heads
    if not arch.has_cache:
        k, v = tall.get("attn_k", e), tall.get("attn_v", e)
    o = wide.get("attn_output", e)
    q = tall.get("attn_q", tall.get("attn_qkv", k + v) - k - v)
    values = {
        "e": e,
        "3e": 3 * e,
        "4e": 4 * e,
        "k": k,
        "v": v,
        "k/2": k // 2,
        "v/2": v // 2,
        "o": o,
        "q": q,
        "qf": q,
        "qkv": tall.get("attn_qkv", 0),
        "h": tall.get("attn_gate", 0),
        "f": wide.get("ffn_down", 0),
        "2f": tall.get("ffn_up", 0),
        "f_shexp": wide.get("ffn_down_shexp", 0),
        "uf": used * wide.get("ffn_down_exps", 0),
        "2uf": used * tall.get("ffn_gate_up_exps", 0),
        "ue": used * e,
        "ne": arch.experts,
        "u": used,
        "one": 1,
        "three": 3,
        "four": 4,
        "16": 16,
        "la": tall.get("laurel_l", 0),
        "pl1": tall.get("inp_gate", 0),
        "pl": arch.per_layer_inputs,
    }
    if arch.mla:
        kr = arch.value_length
        values.update(
            qm=tall.get("attn_q_b", tall.get("attn_q", 0)),
            qa=tall.get("attn_q_a", 0),
            q=heads * k,
            qr=heads * kr,
            qp=heads * (k - kr),
            kr=kr,
            kp=k - kr,
        )
    elif arch.gated:
        values.update(q=o)
    if state:
        inner = arch.inner
        values.update(
            {
                "in": tall.get("ssm_in", 0),
                "di": inner,
                "ch": tall.get("attn_qkv", arch.delta_channels) if arch.gated else arch.delta_channels,
                "dt": arch.time_steps,
                "2dt": 2 * arch.time_steps,
                "dk": arch.delta_keys,
            }
        )
    return Block(
        frozenset(parts),
        values,
        size,
        windowed,
        writes,
        "attn_output" in parts and (writes or not state),
        state,
        wide.get("attn_q_norm", 0) == q,
        k,
        v,
        arch.state_r[i],
        arch.state_s[i],
        (frozenset(parts), tuple(values.values()), windowed, writes, k, v, arch.state_r[i]),
    )


def stream_bytes(arch: Architecture, s: Setting) -> int:
    """Bytes of the stream in RAM beside devices: from tokens and from outside, and per-layer inputs."""
    return 4 * s.batch * (arch.embedding * (2 + arch.deepstack) + arch.per_layer_inputs)


def mask_bytes(s: Setting, windowed: bool) -> int:
    """Bytes of a pass's mask of full or of windowed attention."""
    return (2 if s.flash else 4) * s.batch * (s.window if windowed else s.cells)


def bytes_of(name: str, block: Block, arch: Architecture, s: Setting) -> int:
    """Bytes of a value of ``block_parts``, not rounded; "w:…" a matrix, "in:…" an input. A value that the
    file does not describe counts as the largest it does.
    """
    tokens = block.values.get(name)
    if tokens is not None:
        return 4 * s.batch * tokens
    if name.endswith(WORKING):
        size = 4 * s.batch * block.values[name.rstrip(WORKING)]
        if not s.working:
            return size
        return 2 * size if name == SORTED else size + 4 * arch.experts * (1 + s.batch)
    if name.startswith("w:"):
        return block.bytes_of.get(name[2:], 0)
    if name.startswith("in:"):
        return _input(name, block, arch, s)
    cells = s.slots * (s.window if name in _WINDOWED else s.cells)
    if name in _RESULTS:
        size = 4 * s.batch * block.values.get("qr" if arch.mla else "o", arch.embedding)
        if s.copies:
            rows = {"fam": (block.k,), "far": (block.k, arch.value_length)}.get(name, (block.k, block.v))
            size = -(-size // 128) * 128 + sum(2 * row * cells for row in rows)
        if s.working:
            size += _attention_room(block, arch, s, s.window if name in _WINDOWED else s.cells)
        return size
    if name in {"ck", "cks", "cv", "cvs"}:
        kind = TYPE_BY_NAME[s.kv_type]
        row = block.k if name.startswith("ck") or arch.mla else block.v
        return cells * (row // kind.block * kind.block_bytes)
    if name in {"scores", "scores_s"}:
        return 4 * arch.heads * s.batch * cells // s.slots
    if name == "vc":
        return 2 * block.values.get("kr", arch.embedding) * cells
    size_of = {
        "beside": (arch.per_layer_inputs or (1 + arch.deepstack) * arch.embedding, 0),
        "logits": (s.logits, 0),
        "sr": (0, max(arch.state_r)),
        "st": (0, block.state_s),
        "cx": (block.values.get("ch") or arch.embedding, block.state_r),
        "ys": (block.values.get("di", 0), block.state_s),
    }
    tokens, states = size_of.get(name) or (max(block.values.values(), default=arch.embedding), 0)
    return 4 * (s.batch * tokens + s.slots * states)


def _attention_room(block: Block, arch: Architecture, s: Setting, cells: int) -> int:
    """Metal's working room of flash attention: rows to fill up the last tile of the cache, which tiles of
    the mask are empty, and the partial results of 32 groups of workers (ggml's Metal kernels)."""
    head = arch.key_length_swa if block.windowed else arch.key_length
    kind, heads = TYPE_BY_NAME[s.kv_type], 1 if arch.mla else max(1, block.k // max(1, head))
    rows = block.k + (block.k if arch.mla else block.v)
    tokens = s.batch // s.slots
    padding = 64 * s.slots * (heads * (rows // kind.block * kind.block_bytes) + 2 * tokens)
    tiles = -(-tokens // 8) * -(-cells // 64) * s.slots
    value = arch.value_length if arch.mla or not block.windowed else arch.key_length_swa
    return padding + -(-tiles // 32) * 32 + 4 * 32 * min(tokens, 32) * arch.heads * s.slots * (value + 2)


SORTED = "ne" + WORKING
_RESULTS = frozenset(("fa", "fs", "fam", "far"))
_WINDOWED = frozenset(("fs", "cks", "cvs", "scores_s"))


def _input(name: str, block: Block, arch: Architecture, s: Setting) -> int:
    if name == "in:p":
        return 4 * s.batch * (4 if arch.multi_axis else 1)
    if name == "in:i":
        return 16 * s.batch * (2 if arch.sliding else 1)
    if name == "in:rk":
        return 4 * rotation(arch.key_length_swa if block.windowed else arch.key_length) ** 2
    if name == "in:rv":
        return 4 * ROTATION_OF_VALUES**2
    return mask_bytes(s, name == "in:s")


def inputs_bytes(arch: Architecture, s: Setting) -> int:
    """Bytes of all small inputs, masks left out."""
    size = s.batch * (24 + (16 if arch.sliding else 0) + (12 if arch.multi_axis else 0))
    if s.every_row and arch.has_cache:
        size += 4 * s.batch
    if TYPE_BY_NAME[s.kv_type].block > 1 and not arch.mla:
        for length in (arch.key_length, arch.key_length_swa)[: 2 if arch.sliding else 1]:
            if edge := rotation(length):
                size += 4 * (edge**2 + ROTATION_OF_VALUES**2)
    if not s.flash and arch.has_cache and not arch.mla:
        size += 8 * s.batch * max(arch.full_v + arch.swa_v, default=0) * (2 if arch.sliding else 1)
    return size
