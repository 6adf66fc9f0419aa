"""Header key/values of a model as the engine reads them, with each architecture's own rules."""

from dataclasses import dataclass

from ..shape import MetadataValue, ModelShape
from .architecture_tables import (
    GATED_DELTA,
    HYBRID_ZERO_HEADS,
    MEASURED,
    MULTI_AXIS,
    NEMOTRON_H,
    NO_CACHE,
    NO_ROTATION,
    NORMED_EXPERTS,
    OWN_DRAFT_CACHE,
    PERIOD,
    RECURRENT,
    SAME,
    WINDOWS_ROTATE,
)
from .weights import TensorRows, renamed_drafts


@dataclass(frozen=True, slots=True)
class Architecture:
    """What memory depends on. Lengths in values; per-layer tuples have one entry per cached block.

    Attributes:
        name: as the engine calls it.
        layers: all blocks, those that only draft (the last ones) included.
        trunk: of these, the blocks that answer.
        embedding, feed_forward, heads, kv_heads: as in the header, the largest where they vary by layer.
        heads_times_key: widest query row (heads * key length).
        kv_width_k, kv_width_v: widest cached rows.
        window: cells of a sliding window, 0 without.
        full_k, full_v: cached row widths per block of full attention, 0 where there is none.
        swa_k, swa_v: the same for windowed blocks.
        state: recurrent state per slot and block, in F32 values.
        draft_k, draft_v: row widths that the context of the drafting blocks caches, all of them together.
        experts, experts_used, expert_feed_forward: 0 for dense models.
        mla: only one compressed row is cached.
    """

    name: str
    layers: int
    trunk: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    key_length: int
    value_length: int
    window: int
    full_k: tuple[int, ...]
    full_v: tuple[int, ...]
    swa_k: tuple[int, ...]
    swa_v: tuple[int, ...]
    state_r: tuple[int, ...]
    state_s: tuple[int, ...]
    draft_k: int
    draft_v: int
    experts: int
    experts_used: int
    expert_feed_forward: int
    mla: bool
    key_length_swa: int
    delta_channels: int
    delta_keys: int
    inner: int
    time_steps: int
    windowed: tuple[bool, ...]
    rotary: tuple[bool, ...]
    rotation_table: bool
    deepstack: int
    scaled_residual: bool
    sparse_blocks: int
    normed_experts: bool
    scaled_experts: bool
    per_layer_inputs: int
    multi_axis: bool
    gated: bool
    context_trained: int
    has_cache: bool
    measured: bool
    crude_kv_per_token: int

    @property
    def sliding(self) -> bool:
        """Some blocks look back over a window only."""
        return self.window > 0


class _Keys:
    """Typed look-up of an architecture's keys; a wrong type counts as absent."""

    def __init__(self, shape: ModelShape) -> None:
        self._metadata = shape.metadata
        self._prefix = shape.architecture + "."

    def raw(self, key: str) -> MetadataValue | None:
        return self._metadata.get(self._prefix + key)

    def number(self, key: str, default: int = 0) -> int:
        value = self.raw(key)
        if isinstance(value, tuple):
            numbers = [v for v in value if isinstance(v, int) and v >= 0]
            return max(numbers, default=default)
        return int(value) if isinstance(value, int | float) and value >= 0 else default

    def per_layer(self, key: str, layers: int, default: int) -> tuple[int, ...]:
        value = self.raw(key)
        if isinstance(value, tuple):
            numbers = [int(v) if isinstance(v, int | float) and v > 0 else 0 for v in value[:layers]]
            return (*numbers, *([0] * (layers - len(numbers))))
        if isinstance(value, int | float) and value >= 0:
            return (int(value),) * layers
        return (default,) * layers


def read_architecture(shape: ModelShape, rows: TensorRows, drafting: bool = False) -> Architecture:
    """What ``shape`` (with its tensor table ``rows``) says; missing keys take the engine's defaults.

    ``drafting``: draft tensors under their old names count as blocks of their own.
    """
    keys = _Keys(shape)
    name = SAME.get(shape.architecture, shape.architecture)
    drafts = keys.number("nextn_predict_layers")
    blocks = layers = keys.number("block_count")
    if not drafts and drafting:
        drafts = renamed_drafts(shape)
        layers += drafts
    trunk = max(0, layers - drafts)
    embedding = keys.number("embedding_length")
    heads = keys.number("attention.head_count")
    kv_heads = keys.per_layer("attention.head_count_kv", layers, heads)
    if name in GATED_DELTA and isinstance(keys.raw("attention.head_count_kv"), tuple):
        kv_heads = (max(kv_heads, default=0),) * layers
    head = embedding // heads if heads else 0
    key_length = keys.number("attention.key_length", head)
    value_length = keys.number("attention.value_length", head)
    key_mla = keys.number("attention.key_length_mla")
    value_mla = keys.number("attention.value_length_mla")
    mla = bool(key_mla and value_mla)
    if shape.architecture == "glm4moelite" and not mla:
        mla, key_mla, value_mla = True, key_length, value_length
        key_length = keys.number("attention.kv_lora_rank") + keys.number("rope.dimension_count")
        value_length = keys.number("attention.kv_lora_rank")
        kv_heads = (1,) * layers
    window, windowed = _windows(name, keys, layers, trunk)
    key_swa = keys.number("attention.key_length_swa", key_length)
    value_swa = keys.number("attention.value_length_swa", value_length)
    recurrent, attention = _kinds(name, keys, layers, kv_heads)
    cached_from_start = _cached_blocks(name, keys, trunk if name in OWN_DRAFT_CACHE else layers)
    recurrent = [flag and i < cached_from_start for i, flag in enumerate(recurrent)]
    full_k, full_v, swa_k, swa_v = [], [], [], []
    for i in range(layers):
        holds = attention[i] and i < cached_from_start and name not in NO_CACHE
        n = kv_heads[i] if holds else 0
        full, swa = (0, n) if windowed[i] else (n, 0)
        full_k.append(full * key_length)
        full_v.append(0 if mla else full * value_length)
        swa_k.append(swa * key_swa)
        swa_v.append(0 if mla else swa * value_swa)
    state_r, state_s = _state(name, keys, embedding, heads)
    experts = keys.number("expert_count")
    crude_heads = _smallest(keys.raw("attention.head_count_kv"))
    return Architecture(
        name=name,
        layers=layers,
        trunk=trunk,
        embedding=embedding,
        feed_forward=keys.number("feed_forward_length"),
        heads=heads,
        kv_heads=max(kv_heads, default=0),
        key_length=key_length,
        value_length=value_length,
        window=window if any(windowed) else 0,
        full_k=tuple(full_k),
        full_v=tuple(full_v),
        swa_k=tuple(swa_k),
        swa_v=tuple(swa_v),
        state_r=tuple(state_r if r else 0 for r in recurrent),
        state_s=tuple(state_s if r else 0 for r in recurrent),
        draft_k=sum(kv_heads[trunk:]) * key_length,
        draft_v=0 if mla else sum(kv_heads[trunk:]) * value_length,
        experts=experts,
        experts_used=keys.number("expert_used_count") if experts else 0,
        expert_feed_forward=(
            keys.number("expert_feed_forward_length", keys.number("feed_forward_length")) if experts else 0
        ),
        mla=mla,
        key_length_swa=key_swa,
        delta_channels=_channels(keys),
        delta_keys=keys.number("ssm.group_count") * keys.number("ssm.state_size"),
        inner=keys.number("ssm.inner_size"),
        time_steps=keys.number("ssm.time_step_rank"),
        windowed=tuple(windowed),
        rotary=_rotary(name, keys, layers, windowed),
        rotation_table=any(row.part.startswith("rope_f") for row in rows.outside),
        deepstack=keys.number("n_deepstack_layers"),
        scaled_residual=bool(keys.raw("residual_scale")),
        sparse_blocks=_sparse(keys),
        normed_experts=bool(keys.raw("expert_weights_norm")) or name in NORMED_EXPERTS,
        scaled_experts=keys.raw("expert_weights_scale") not in {None, 0, 1},
        per_layer_inputs=keys.number("embedding_length_per_layer_input") * trunk,
        multi_axis=name in MULTI_AXIS or (name in {"glm4", "glm4moe", "hunyuan_vl"} and _axes(keys)),
        gated=name in GATED_DELTA,
        context_trained=keys.number("context_length"),
        has_cache=name not in NO_CACHE,
        measured=name in MEASURED,
        crude_kv_per_token=4 * blocks * (crude_heads or 1) * (embedding // heads if heads else 0),
    )


def _smallest(value: MetadataValue | None) -> int:
    if isinstance(value, tuple):
        numbers = [v for v in value if isinstance(v, int) and not isinstance(v, bool)]
        return min(numbers, default=0)
    return int(value) if isinstance(value, int | float) and value > 0 else 0


def _axes(keys: _Keys) -> bool:
    sections = keys.raw("rope.dimension_sections")
    return isinstance(sections, tuple) and len(sections) > 1 and all(bool(s) for s in sections[:2])


def _windows(name: str, keys: _Keys, layers: int, trunk: int) -> tuple[int, list[bool]]:
    none = [False] * layers
    if name not in PERIOD:
        if name in {"lfm2", "lfm2moe"} and keys.number("attention.sliding_window"):
            return keys.number("attention.sliding_window"), [True] * layers
        return 0, none
    period, dense_first, default = PERIOD[name]
    stated = keys.raw("attention.sliding_window")
    window = keys.number("attention.sliding_window", default)
    if name == "llama4":
        window = 0 if stated == 0 else default
    elif name == "smallthinker":
        window = default if stated else 0
    if name == "exaone4" and trunk != 64:
        return 0, none
    if not window:
        return 0, none
    pattern = keys.raw("attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        flags = [bool(v) for v in pattern[:layers]]
        return window, flags + [False] * (layers - len(flags))
    if isinstance(pattern, int) and not isinstance(pattern, bool) and pattern >= 0:
        period = pattern
    elif period == 0:
        return 0, none
    if period == 0:
        return window, [True] * layers
    if dense_first:
        return window, [i % period != 0 for i in range(layers)]
    return window, [i % period < period - 1 for i in range(layers)]


def _sparse(keys: _Keys) -> int:
    """Blocks at the beginning whose feed-forward part keeps its largest values only."""
    scales = keys.raw("activation_sparsity_scale")
    return sum(bool(value) for value in scales) if isinstance(scales, tuple) else 10


def _rotary(name: str, keys: _Keys, layers: int, windowed: list[bool]) -> tuple[bool, ...]:
    """Blocks that rotate positions into queries and keys."""
    if name in NO_ROTATION or (name == "granitehybrid" and keys.raw("rope.scaling.finetuned") is False):
        return (False,) * layers
    if name in WINDOWS_ROTATE and any(windowed):
        return tuple(windowed)
    if name == "smollm3":
        return tuple((i + 1) % 4 != 0 for i in range(layers))
    return (True,) * layers


def _kinds(name: str, keys: _Keys, layers: int, kv_heads: tuple[int, ...]) -> tuple[list[bool], list[bool]]:
    """(recurrent, attention) per block."""
    everywhere = [True] * layers
    if name in RECURRENT:
        return everywhere, [False] * layers
    if name in GATED_DELTA:
        stated = keys.raw("attention.recurrent_layers")
        if isinstance(stated, tuple):
            recurrent = [bool(v) for v in stated[:layers]]
            recurrent += [False] * (layers - len(recurrent))
        else:
            interval = keys.number("full_attention_interval", 4) or 4
            recurrent = [(i + 1) % interval != 0 for i in range(layers)]
        return recurrent, [not r for r in recurrent]
    if name == "falcon-h1":
        return everywhere, everywhere
    if name in NEMOTRON_H:
        forward = keys.per_layer("feed_forward_length", layers, 0)
        return (
            [kv_heads[i] == 0 and forward[i] == 0 for i in range(layers)],
            [kv_heads[i] != 0 and forward[i] == 0 for i in range(layers)],
        )
    if name in HYBRID_ZERO_HEADS:
        recurrent = [n == 0 for n in kv_heads]
        return recurrent, [not r for r in recurrent]
    return [False] * layers, everywhere


def _cached_blocks(name: str, keys: _Keys, layers: int) -> int:
    if name == "gemma3n":
        return min(20, layers)
    if name == "gemma4":
        return max(0, layers - keys.number("attention.shared_kv_layers"))
    return layers


def _channels(keys: _Keys) -> int:
    """Width of the convolution in front of a state-space or gated-delta block."""
    return keys.number("ssm.inner_size") + 2 * keys.number("ssm.group_count") * keys.number("ssm.state_size")


def _state(name: str, keys: _Keys, embedding: int, heads: int) -> tuple[int, int]:
    """F32 values of convolution state and recurrent state per slot and recurrent block."""
    wkv = keys.number("wkv.head_size")
    if wkv:
        return keys.number("token_shift_count", 2) * embedding, embedding * wkv
    cache = keys.number("shortconv.l_cache")
    if cache:
        return embedding * (cache - 1), 0
    kernel = keys.number("ssm.conv_kernel")
    kda = keys.number("kda.head_dim")
    if kda:
        return 3 * (kernel - 1 if kernel else 3) * heads * kda, heads * kda * kda
    inner, state = keys.number("ssm.inner_size"), keys.number("ssm.state_size")
    groups = keys.number("ssm.group_count")
    if name == "mamba":
        groups = 0
    return (kernel - 1 if kernel else 0) * (inner + 2 * groups * state), state * inner
