"""Compute buffers: what a graph needs beside weights and cache, on the device and in RAM.

Formulas fitted to measurements of the engine's own allocator; bytes throughout. ``ub`` is the batch, ``S``
the cells of one slot's cache, ``Sw`` those of a windowed one.
"""

from dataclasses import dataclass

from .architecture import Architecture
from .architecture_tables import GATED_DELTA
from .tensor_rows import Row

_TWO_E = frozenset(("phi3", "lfm2", "lfm2moe", *GATED_DELTA))


@dataclass(frozen=True, slots=True)
class BufferRules:
    """Coefficients of one model; names with ``_ub`` are bytes per batch token.

    Attributes:
        inputs_ub: small inputs (positions, masks' indices).
        inputs_quantised_ub, inputs_quantised: more of them with a quantised cache.
        ffn_ub: feed-forward phase, everything on one device.
        attention_ub: attention phase with flash attention; ``attention_plain_ub`` without.
        scores_ub: per cell and batch token without flash attention.
        copies: bytes per cell of the f16 copies a CUDA device makes of a quantised layer.
    """

    masks: int
    inputs_ub: int
    inputs_quantised_ub: int
    inputs_quantised: int
    ffn_ub: int
    attention_ub: int
    attention_plain_ub: int
    scores_ub: int
    copies: int
    host_ub: int
    host_plain_ub: int
    cpu_ub: int
    later_device_ub: int
    pipeline_ub: int
    dense_a_ub: int
    dense_c_ub: int
    dense_c_quantised_ub: int
    whole_moe_ub: int
    expert_ub: tuple[int, int, int]
    gate: tuple[int, ...]
    expert_matrix: tuple[tuple[int, ...], ...]
    two_matrices: tuple[int, ...]
    gpt_oss: bool


def buffer_rules(arch: Architecture, rows: list[Row]) -> BufferRules:
    """Work out the coefficients of ``arch``; ``rows`` give the sizes of single matrices."""
    e, f_dense = arch.embedding, arch.feed_forward
    hd = arch.heads * arch.key_length
    kd = arch.kv_heads * arch.key_length
    used, f_expert = arch.experts_used, arch.expert_feed_forward
    uf, moe = used * f_expert, arch.experts > 0
    gpt_oss = arch.name == "gpt-oss"
    gated = arch.gated
    sliding = 2 if arch.sliding else 1
    attention = _attention(arch, hd, moe)
    plain = 2 * hd + 2 * e + (4 if arch.sliding else 2) * kd + (hd if gated else 0)
    attend_out = arch.heads * arch.value_length_mla if arch.mla else hd
    n_parts = (1, 1, 2) if gpt_oss else (1, 2, 3)
    gates, expert_matrix, two = _matrices(arch, rows)
    return BufferRules(
        masks=1 if arch.has_cache else 0,
        inputs_ub=24 + (16 if arch.sliding else 0) + (12 if arch.multi_axis else 0),
        inputs_quantised_ub=16 * sliding,
        inputs_quantised=4 * arch.key_length**2 * sliding,
        ffn_ub=4 * _feed_forward(arch, e, f_dense, uf, used, hd, moe),
        attention_ub=4 * attention,
        attention_plain_ub=4 * (attention if arch.mla else plain),
        scores_ub=4 * arch.heads,
        copies=(arch.key_length if arch.mla else kd + arch.kv_heads * arch.value_length) * 2,
        host_ub=8 * e,
        host_plain_ub=8 * kd * sliding,
        cpu_ub=4 * (hd if arch.name.startswith("gemma") else e),
        later_device_ub=4 * (3 * f_dense + 2 * e),
        pipeline_ub=16 * e,
        dense_a_ub=4 * (2 * f_dense + 4 * e),
        dense_c_ub=4 * 2 * f_dense,
        dense_c_quantised_ub=4 * 4 * e,
        whole_moe_ub=4 * (uf + 2 * e),
        expert_ub=tuple(4 * (used * e + n * uf + 2 * e + attend_out) for n in n_parts),  # type: ignore[arg-type]
        gate=gates,
        expert_matrix=expert_matrix,
        two_matrices=two,
        gpt_oss=gpt_oss,
    )


def _feed_forward(arch: Architecture, e: int, f_dense: int, uf: int, used: int, hd: int, moe: bool) -> int:
    dense = 3 * f_dense + (2 if arch.name in _TWO_E else 3) * e
    if not moe:
        return dense
    if arch.name == "gpt-oss":
        mixture = 3 * uf + 2 * e + hd
    elif arch.gated:
        mixture = 2 * used * e + e
    else:
        mixture = max(3 * uf + 3 * e, 2 * used * e + uf + 2 * e)
    return max(dense, mixture) if arch.dense_blocks else mixture


def _attention(arch: Architecture, hd: int, moe: bool) -> int:
    e = arch.embedding
    if arch.mla:
        return 3 * arch.heads * arch.key_length + arch.heads * arch.value_length
    if arch.gated:
        return 5 * hd + 2 * e + (e if moe else 0)
    return 2 * hd + 2 * e


def _matrices(
    arch: Architecture, rows: list[Row]
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Per block: largest gate or up matrix, largest expert matrix by overflow pattern, gate + up experts."""
    gates = [0] * arch.layers
    experts = [[0] * arch.layers for _ in range(3)]
    two = [0] * arch.layers
    for block, part, size, _, _ in rows:
        if not 0 <= block < arch.layers or not part.startswith("ffn_") or not part.endswith("weight"):
            continue
        if "exps." not in part:
            if part in {"ffn_gate.weight", "ffn_up.weight", "ffn_gate_up.weight"}:
                gates[block] = max(gates[block], size)
            continue
        experts[0][block] = max(experts[0][block], size)
        if not part.startswith("ffn_up_"):
            experts[1][block] = max(experts[1][block], size)
        if part.startswith("ffn_down_"):
            experts[2][block] = max(experts[2][block], size)
        else:
            two[block] += size
    return tuple(gates), tuple(tuple(row) for row in experts), tuple(two)
