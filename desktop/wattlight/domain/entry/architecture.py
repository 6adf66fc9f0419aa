"""Geometry of a model as published; enough to estimate its memory before its header is read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecurrentLayers:
    """Layers that keep a fixed state instead of a growing cache.

    ``kind`` is ``gated_deltanet`` or ``mamba2``; ``inner`` is heads times head width; ``state``
    and ``groups`` as in the GGUF keys ``ssm.state_size`` and ``ssm.group_count``.
    """

    kind: str
    layers: int
    conv_kernel: int
    inner: int
    state: int
    groups: int


@dataclass(frozen=True, slots=True)
class CompressedAttention:
    """Multi-head latent attention: the cache holds ``kv_lora_rank + rope_width`` values a layer."""

    kv_lora_rank: int
    rope_width: int
    nope_width: int
    value_width: int
    q_lora_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Architecture:
    """Geometry of one model; widths in values, not bytes; None means not published where we looked.

    Attributes:
        name: ``general.architecture`` of its GGUF file, None if unknown.
        full_layers: layers whose cache grows with the context.
        sliding_layers: layers that look back at most ``window`` tokens.
        pattern: text of how the two kinds alternate ("5 sliding : 1 full").
        head_dim_full: head width of the full layers where it differs.
        kv_heads_full: KV heads of the full layers where they differ.
        shared_kv_layers: last layers that reuse an earlier layer's cache.
        tied: the token table serves as the output matrix too (found by adding up parameters).
        other_params: parameters that are not of the text model (vision tower), by difference.
        stand_in: geometry of a similar model taken because this one's was not found; never shown as a fact.
    """

    name: str | None
    layers: int
    d_model: int
    heads: int
    kv_heads: int
    vocab: int
    head_dim: int | None = None
    ffn: int | None = None
    experts: int = 0
    experts_used: int = 0
    expert_ffn: int | None = None
    shared_ffn: int = 0
    leading_dense: int = 0
    full_layers: int | None = None
    sliding_layers: int = 0
    window: int | None = None
    pattern: str | None = None
    head_dim_full: int | None = None
    kv_heads_full: int | None = None
    shared_kv_layers: int = 0
    recurrent: RecurrentLayers | None = None
    mla: CompressedAttention | None = None
    tied: bool | None = None
    other_params: int = 0
    stand_in: bool = False
