"""Compute buffers: what a graph needs beside weights and cache, on the device and in RAM.

Formulas fitted to measurements of the engine's own allocator; bytes throughout. ``ub`` is the batch, ``S``
the cells of one slot's cache, ``Sw`` those of a windowed one.
"""

from dataclasses import dataclass

from .architecture import Architecture
from .architecture_tables import GATED_DELTA
from .weights import Matrices, Row, matrices_of

_NO_QUERY = frozenset(("phi3", "lfm2", "lfm2moe", *GATED_DELTA))
"""The queries' space is free again when the feed-forward phase begins."""


@dataclass(frozen=True, slots=True)
class BufferRules:
    """Coefficients of one model; names with ``_ub`` are bytes per batch token.

    Attributes:
        inputs_ub: small inputs (positions, masks' indices).
        inputs_quantised_ub, inputs_quantised: more of them with a quantised cache.
        ffn_ub: feed-forward phase, everything on one device.
        attention_ub: attention phase with flash attention; ``attention_plain_ub`` without.
        scores_ub: per cell and batch token without flash attention.
        full_heads: nearly as many cached heads as query heads: cache rather than matrices fills the buffer.
        copies: bytes per cell of the f16 copies a CUDA device makes of a quantised layer.
        spill_ub, hole_ub: compressed attention's result lies, with the copies, in a hole of that size or,
            where it is too small, at the end of everything.
    """

    masks: int
    inputs_ub: int
    inputs_quantised_ub: int
    inputs_quantised: int
    ffn_ub: int
    ffn_quantised_ub: int
    attention_ub: int
    attention_quantised_ub: int
    attention_plain_ub: int
    scores_ub: int
    copies: int
    copies_swa: int
    spill_ub: int
    hole_ub: int
    host_ub: int
    host_plain_ub: int
    cpu_ub: int
    later_device_ub: int
    pipeline_ub: int
    dense_a_ub: int
    dense_c_ub: int
    dense_c_quantised_ub: int
    whole_two_ub: int
    whole_one_ub: int
    first_twice_ub: int
    residual_ub: int
    expert_ub: tuple[int, int, int]
    matrices: Matrices
    gpt_oss: bool
    full_heads: bool


def buffer_rules(arch: Architecture, rows: list[Row]) -> BufferRules:
    """Work out the coefficients of ``arch``; ``rows`` give the sizes of single matrices."""
    e, f_dense = arch.embedding, arch.feed_forward
    hd = arch.heads * arch.key_length
    kd = arch.kv_heads * arch.key_length
    used, f_expert = arch.experts_used, arch.expert_feed_forward
    uf = used * f_expert
    gpt_oss = arch.name == "gpt-oss"
    gated = arch.gated
    sliding = 2 if arch.sliding else 1
    rotation = 0 if arch.mla else _rotation(arch.key_length)
    rotation_swa = _rotation(arch.key_length_swa) if arch.sliding and not arch.mla else 0
    per_layer = 4 * arch.per_layer_inputs
    fused = arch.name == "phi3"
    plain = (1 if fused else 2) * (hd + e) + (4 if arch.sliding else 2) * kd + (hd if gated else 0)
    return BufferRules(
        masks=1 if any(arch.full_k) or any(arch.swa_k) or not arch.has_cache else 0,
        inputs_ub=24 + (16 if arch.sliding else 0) + (12 if arch.multi_axis else 0),
        inputs_quantised_ub=16 * sliding if rotation else 0,
        inputs_quantised=4 * (rotation**2 + rotation_swa**2),
        ffn_ub=4 * (_feed_forward(arch) + _beside(arch)),
        ffn_quantised_ub=4 * (_feed_forward(arch) + _beside(arch) + (e if fused and rotation else 0)),
        attention_ub=4 * _attention(arch, False),
        attention_quantised_ub=4 * _attention(arch, True),
        attention_plain_ub=4 * (_attention(arch, False) if arch.mla else plain),
        scores_ub=4 * arch.heads,
        copies=2 * _widest(arch.full_k, arch.full_v),
        copies_swa=2 * _widest(arch.swa_k, arch.swa_v),
        spill_ub=4 * arch.heads * arch.value_length if arch.mla else 0,
        hole_ub=4 * (hd + 3 * e) if arch.mla else 0,
        host_ub=8 * e + per_layer,
        host_plain_ub=8 * kd * sliding,
        cpu_ub=per_layer + 4 * (hd if arch.name.startswith("gemma") else e),
        later_device_ub=4 * (_feed_forward(arch) if arch.experts else 3 * f_dense + 2 * e),
        pipeline_ub=16 * e,
        dense_a_ub=4 * (2 * f_dense + 4 * e),
        dense_c_ub=4 * 2 * f_dense,
        dense_c_quantised_ub=4 * 4 * e,
        whole_two_ub=4 * (uf + 2 * e),
        whole_one_ub=_whole_block(arch),
        expert_ub=_experts_left_out(arch),
        first_twice_ub=4 * (2 * e + hd) if gated else 0,
        residual_ub=4 * e,
        matrices=matrices_of(rows, arch.layers),
        gpt_oss=gpt_oss,
        full_heads=2 * arch.kv_heads > arch.heads,
    )


def _feed_forward(arch: Architecture) -> int:
    """Values per token of the feed-forward phase (gate, up and their product, input, residual, output)."""
    e, f = arch.embedding, arch.feed_forward
    hd = 0 if arch.name in _NO_QUERY else arch.heads * arch.key_length
    if arch.mla:
        hd = e
    dense = 3 * f + 2 * e + hd
    if arch.experts:
        ue, uf = arch.experts_used * e, arch.experts_used * arch.expert_feed_forward
        mixture = 3 * uf + 2 * e + hd
        if arch.gated:
            mixture = 2 * ue + e
        elif arch.name != "gpt-oss":
            mixture = max(mixture, 2 * ue + uf + 2 * e)
        dense = max(dense, mixture) if arch.dense_blocks else mixture
    return max(dense, 3 * arch.delta_channels + 2 * e) if arch.gated else max(dense, arch.scan_width)


def _beside(arch: Architecture) -> int:
    """Values per token that lie beside the feed-forward phase: per-layer inputs, streams kept in parallel."""
    if arch.name == "gemma3n":
        return arch.per_layer_inputs + 6 * arch.embedding
    if arch.name == "cohere2":
        return arch.embedding
    return arch.per_layer_inputs + 4 * arch.per_layer_inputs // max(1, arch.layers)


def _widest(keys: tuple[int, ...], values: tuple[int, ...]) -> int:
    return max((k + v for k, v in zip(keys, values, strict=True)), default=0)


def _whole_block(arch: Architecture) -> int:
    """Bytes per token beside one expert matrix where whole blocks of a mixture are in RAM."""
    e, hd = arch.embedding, arch.heads * arch.key_length
    ue, uf = arch.experts_used * e, arch.experts_used * arch.expert_feed_forward
    if uf > ue:
        return 4 * (ue + 2 * uf + 2 * e + hd)
    return 4 * _feed_forward(arch)


def _experts_left_out(arch: Architecture) -> tuple[int, int, int]:
    """Bytes per token beside the largest expert matrix that is in RAM while its block is on the device.

    For whole blocks' experts, for a boundary block that keeps up, and for one that keeps up and gate.
    """
    e, hd = arch.embedding, arch.heads * arch.key_length
    ue, uf = arch.experts_used * e, arch.experts_used * arch.expert_feed_forward
    if arch.name == "gpt-oss":
        one, two, three = (ue + n * uf + 2 * e + hd for n in (1, 1, 2))
    elif arch.gated:
        one, two, three = (ue + n * uf + e + hd for n in (1, 2, 3))
    elif arch.mla:
        one, two, three = ue + uf + 2 * e, ue + 2 * uf + 2 * e, min(ue + 3 * uf, 2 * ue) + 2 * e
    elif uf >= ue:
        one, two, three = (max(ue + uf, n * uf) + 2 * e for n in (1, 2, 3))
    else:
        one, two, three = (ue + n * uf + 2 * e + hd for n in (1, 2, 3))
    return 4 * one, 4 * two, 4 * three


def _attention(arch: Architecture, quantised: bool) -> int:
    """Values per token of the attention phase with flash attention.

    A quantised cache rotates queries first, which takes one more copy of them.
    """
    e = arch.embedding
    hd = arch.heads * arch.key_length
    if arch.mla:
        return 2 * hd + arch.heads * arch.key_length_mla + 3 * e
    rotated = hd if quantised and _rotation(arch.key_length) else 0
    if arch.gated:
        return 4 * hd + rotated + 2 * e
    return hd + rotated + 2 * e


def _rotation(length: int) -> int:
    """Edge of the matrix a quantised cache rotates heads with: 64 times a power of two."""
    if not length or length % 64:
        return 0
    edge = 64
    while length % (2 * edge) == 0:
        edge *= 2
    return edge
