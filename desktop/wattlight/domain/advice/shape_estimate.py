"""A model's shape estimated from the catalogue: true totals, the split between its parts by geometry.

The real tensor table is only in the file's header. Here every part is one tensor of type I8, whose length
is its bytes; the lengths add up to the bytes of the model file exactly. Only the token table keeps its true
form, because the size of the vocabulary matters.
"""

from dataclasses import dataclass, replace

from wattlight.domain.fit import Confidence

from ..entry import Catalog, CatalogEntry, CatalogTag, Geometry
from ..shape import MetadataValue, ModelShape, ShapeSource, Tensor, row_bytes
from .uses import Editorial


def geometry_of(entry: CatalogEntry, catalog: Catalog, editorial: Editorial) -> Geometry | None:
    """The model's geometry; a similar model's, marked as a stand-in, where it was not found; else None."""
    arch = entry.architecture
    if arch is None:
        match = catalog.find(editorial.stand_ins.get(entry.name, ""))
        arch = match.entry.architecture if match else None
        if arch is None:
            return None
        arch = replace(arch, stand_in=True, other_params=0)
    if arch.name is None:
        assumed = editorial.architectures.get(entry.name)
        if assumed is None:
            return None
        arch = replace(arch, name=assumed, stand_in=True)
    if arch.name in editorial.tied or (arch.tied is None and _small_qwen(arch)):
        arch = replace(arch, tied=True)
    return arch


def _small_qwen(arch: Geometry) -> bool:
    """The small models of the Qwen 3 and 3.5 lines share one token table; 8B and up do not."""
    return arch.name in {"qwen35", "qwen3vl"} and arch.d_model <= 2560


def metadata_of(arch: Geometry, context: int) -> dict[str, MetadataValue]:
    """The key/values a header with this geometry would hold, as far as memory depends on them."""
    keys: dict[str, MetadataValue | None] = {
        "block_count": arch.layers,
        "embedding_length": arch.d_model,
        "context_length": context,
        "feed_forward_length": arch.ffn or arch.expert_ffn,
        "attention.head_count": arch.heads,
        "attention.head_count_kv": _kv_heads(arch),
        "attention.key_length": arch.head_dim_full or arch.head_dim,
        "attention.value_length": arch.head_dim_full or arch.head_dim,
        "expert_count": arch.experts or None,
        "expert_used_count": arch.experts_used or None,
        "expert_feed_forward_length": arch.expert_ffn,
        "expert_shared_feed_forward_length": arch.shared_ffn or None,
        "leading_dense_block_count": arch.leading_dense or None,
    }
    if arch.sliding_layers and arch.window:
        keys["attention.sliding_window"] = arch.window
        keys["attention.sliding_window_pattern"] = windowed_layers(arch)
        keys["attention.shared_kv_layers"] = arch.shared_kv_layers or None
        if arch.head_dim_full:
            keys["attention.key_length_swa"] = arch.head_dim
            keys["attention.value_length_swa"] = arch.head_dim
    if arch.mla:
        keys |= _compressed(arch)
    if arch.recurrent:
        keys |= _recurrent(arch)
    return {f"{arch.name}.{key}": value for key, value in keys.items() if value is not None}


def windowed_layers(arch: Geometry) -> tuple[bool, ...]:
    """True for each block that looks back over a window only, from the published pattern."""
    full = arch.full_layers or 0
    if not arch.sliding_layers:
        return (False,) * arch.layers
    if not full:
        return (True,) * arch.layers
    period = round(arch.layers / full) if arch.layers % full == 0 else -(-arch.layers // (full + 1))
    if arch.pattern and ":" in arch.pattern:
        left, right = (int(part.split()[0]) for part in arch.pattern.split(":"))
        period = left + right
    if arch.pattern and arch.pattern.startswith("1 full"):
        return tuple(i % period != 0 for i in range(arch.layers))
    return tuple(i % period < period - 1 for i in range(arch.layers))


def attention_layers(arch: Geometry) -> tuple[bool, ...]:
    """True for each block with attention; spread evenly where only some have it (places are not listed)."""
    count = arch.full_layers if arch.full_layers is not None else arch.layers
    return tuple((i + 1) * count // arch.layers > i * count // arch.layers for i in range(arch.layers))


def _kv_heads(arch: Geometry) -> MetadataValue:
    if arch.mla:
        return 1
    if arch.kv_heads_full:
        windowed = windowed_layers(arch)
        return tuple(arch.kv_heads if w else arch.kv_heads_full for w in windowed)
    if arch.recurrent and arch.recurrent.kind == "mamba2":
        return tuple(arch.kv_heads if a else 0 for a in attention_layers(arch))
    return arch.kv_heads


def _compressed(arch: Geometry) -> dict[str, MetadataValue | None]:
    mla = arch.mla
    assert mla is not None
    return {
        "attention.kv_lora_rank": mla.kv_lora_rank,
        "attention.q_lora_rank": mla.q_lora_rank,
        "attention.key_length": mla.kv_lora_rank + mla.rope_width,
        "attention.value_length": mla.kv_lora_rank,
        "attention.key_length_mla": mla.nope_width + mla.rope_width,
        "attention.value_length_mla": mla.value_width,
        "rope.dimension_count": mla.rope_width,
    }


def _recurrent(arch: Geometry) -> dict[str, MetadataValue | None]:
    state = arch.recurrent
    assert state is not None
    keys: dict[str, MetadataValue | None] = {
        "ssm.conv_kernel": state.conv_kernel,
        "ssm.inner_size": state.inner,
        "ssm.state_size": state.state,
        "ssm.group_count": state.groups,
    }
    if state.kind == "mamba2":
        keys["feed_forward_length"] = _forward_lengths(arch, state.layers)
    elif arch.full_layers:
        keys["full_attention_interval"] = max(1, arch.layers // arch.full_layers)
    return keys


def _forward_lengths(arch: Geometry, recurrent_layers: int) -> tuple[int, ...]:
    """Feed-forward width per block: 0 where the block holds attention or a state."""
    attends = attention_layers(arch)
    free = [i for i in range(arch.layers) if not attends[i]]
    states = {free[j * len(free) // recurrent_layers] for j in range(min(recurrent_layers, len(free)))}
    width = arch.ffn or arch.expert_ffn or 1
    return tuple(0 if attends[i] or i in states else width for i in range(arch.layers))


PER_LAYER_WIDTH = 256
"""Values a layer of the per-layer token table (``hidden_size_per_layer_input`` of Gemma 3n and Gemma 4 E)."""
PER_LAYER_FAMILIES = frozenset({"gemma3n:e2b", "gemma3n:e4b", "gemma4:e2b", "gemma4:e4b"})
VISION_PARAMS = 450_000_000
"""Parameters taken for a vision tower inside the model file where they are not known (0.4 to 0.6e9)."""
VISION_SHARE = 0.08
"""... but at most this share of a small model."""
MIN_REST_BITS = 4.0
"""Fewest bits a weight the rest of a 4-bit file may be left with when a table is taken at 16 bits."""

_TABLE_TYPE = {
    "Q2_K": "Q2_K",
    "Q3_K_S": "Q3_K",
    "Q3_K_M": "Q3_K",
    "Q3_K_L": "Q3_K",
    "Q4_0": "Q4_0",
    "Q4_1": "Q4_1",
    "Q4_K_S": "Q4_K",
    "Q4_K_M": "Q4_K",
    "QAT": "Q4_0",
    "Q5_0": "Q5_0",
    "Q5_1": "Q5_1",
    "Q5_K_S": "Q5_K",
    "Q5_K_M": "Q5_K",
    "Q6_K": "Q6_K",
    "Q8_0": "Q8_0",
    "MXFP4": "Q8_0",
    "BF16": "BF16",
    "FP16": "F16",
    "F16": "F16",
}
_OUTPUT_TYPE = {"Q8_0": "Q8_0", "MXFP4": "Q8_0", "BF16": "BF16", "FP16": "F16", "F16": "F16"}


@dataclass(frozen=True, slots=True)
class EstimatedShape:
    """A shape and how far what is worked out from it can be trusted at best."""

    shape: ModelShape
    confidence: Confidence


def estimate_shape(entry: CatalogEntry, tag: CatalogTag, arch: Geometry) -> EstimatedShape:
    """The shape of ``tag`` of ``entry`` with geometry ``arch`` (from :func:`geometry_of`).

    Where only a rounded size is listed, the largest that rounds to it is taken: what is said to fit does.
    """
    exact = tag is entry.default_tag and entry.model_bytes is not None
    if exact and entry.model_bytes is not None:
        total, projector = entry.model_bytes, entry.projector_bytes
    else:
        total, projector = tag.bytes_listed + tag.slack_bytes - entry.projector_bytes, entry.projector_bytes
    vision = "vision" in entry.capabilities
    shape = ModelShape(
        architecture=arch.name or "",
        metadata=metadata_of(arch, entry.context),
        tensors=tuple(_tensors(entry, arch, tag.quant, total)),
        file_bytes=total,
        projector_bytes=projector,
        family=arch.name or "",
        source=ShapeSource.CATALOGUE,
        embedding_only="completion" not in entry.capabilities,
        vision=vision,
        digest=entry.blob_digest if exact else "",
    )
    sure = exact and not arch.stand_in
    return EstimatedShape(shape, Confidence.MEDIUM if sure else Confidence.LOW)


def _tensors(entry: CatalogEntry, arch: Geometry, quant: str, total: int) -> list[Tensor]:
    table_type = _TABLE_TYPE.get(quant, "Q4_K")
    tied = arch.tied is not False and (arch.tied is True or "embedding" in entry.capabilities)
    if tied and table_type in {"Q4_K", "Q5_K", "Q3_K", "Q2_K"}:
        table_type = "Q6_K"
    table = row_bytes(arch.d_model, table_type) * arch.vocab
    if table * 2 > total:
        table_type, table = "I8", max(1, total // (4 * arch.vocab)) * arch.vocab
    width = arch.d_model if table_type != "I8" else table // arch.vocab
    out = [Tensor("token_embd.weight", (width, arch.vocab), table_type)]
    left = total - table
    if not tied:
        size = min(row_bytes(arch.d_model, _OUTPUT_TYPE.get(quant, "Q6_K")) * arch.vocab, left // 2)
        out.append(_flat("output.weight", size))
        left -= size
    seen = min(_vision_bytes(entry, arch), left // 4)
    if seen:
        out.append(_flat("v.tower.weight", seen))
        left -= seen
    if entry.name in PER_LAYER_FAMILIES:
        size = _per_layer_table(entry, arch, left)
        out.append(_flat("per_layer_token_embd.weight", size))
        left -= size
    return out + _blocks(arch, left)


def _flat(name: str, size: int) -> Tensor:
    return Tensor(name, (size,), "I8")


def _vision_bytes(entry: CatalogEntry, arch: Geometry) -> int:
    """Bytes (16 bits a parameter) of a vision tower that lies inside the model file."""
    if "vision" not in entry.capabilities or entry.projector_bytes:
        return 0
    total = entry.params_total or entry.unverified.params_total or 0
    guess = min(VISION_PARAMS, round(total * VISION_SHARE)) if total else VISION_PARAMS
    known = arch.other_params if 0 < arch.other_params < 2 * VISION_PARAMS else 0
    return 2 * (known or guess)


def _per_layer_table(entry: CatalogEntry, arch: Geometry, left: int) -> int:
    """The table of token values for every layer, which stays in RAM; 16 bits where the rest allows that."""
    values = PER_LAYER_WIDTH * arch.layers * arch.vocab
    rest = max(1, (entry.params_total or 0) - values)
    for type_name in ("F16", "Q8_0", "Q6_K", "Q4_K"):
        size = row_bytes(PER_LAYER_WIDTH, type_name) * arch.layers * arch.vocab
        if (left - size) * 8 >= rest * MIN_REST_BITS * 0.8:
            return size
    return left // 3


def _blocks(arch: Geometry, left: int) -> list[Tensor]:
    """The blocks, all alike; what does not divide evenly goes to the output norm."""
    parts = _parts(arch)
    whole = sum(parts.values())
    each = left // arch.layers
    sizes = {name: each * share // whole for name, share in parts.items()}
    out = [
        Tensor(f"blk.{block}.{name}", (size,), "I8")
        for block in range(arch.layers)
        for name, size in sizes.items()
        if size
    ]
    out.append(_flat("output_norm.weight", left - arch.layers * sum(sizes.values())))
    return out


def _parts(arch: Geometry) -> dict[str, int]:
    """Parameters of an average block by part; what is placed together is one tensor (a short table)."""
    heads = arch.heads * (arch.head_dim or arch.d_model // arch.heads)
    kv = arch.kv_heads * (arch.head_dim or arch.d_model // arch.heads)
    attention = arch.d_model * (2 * heads + 2 * kv)
    if arch.recurrent:
        attention = arch.d_model * 4 * arch.recurrent.inner
    if arch.mla:
        latent = arch.mla.kv_lora_rank + arch.mla.rope_width
        attention = arch.d_model * (
            latent + arch.heads * (arch.mla.nope_width + 2 * arch.mla.value_width) // 2
        )
    if arch.experts:
        matrix = arch.experts * arch.d_model * (arch.expert_ffn or arch.ffn or arch.d_model)
        return {
            "attn.weight": attention + 3 * arch.d_model * arch.shared_ffn,
            "ffn_gate_exps.weight": matrix,
            "ffn_up_exps.weight": matrix,
            "ffn_down_exps.weight": matrix,
        }
    matrix = arch.d_model * (arch.ffn or 4 * arch.d_model)
    return {"attn.weight": attention + 2 * matrix, "ffn_up.weight": matrix}
