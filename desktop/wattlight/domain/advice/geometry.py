"""The geometry to estimate a model with, and the header keys that say it."""

from dataclasses import replace

from wattlight.domain.entry import Architecture, Catalog, CatalogEntry
from wattlight.domain.shape import MetadataValue

from .editorial import Editorial


def geometry_of(entry: CatalogEntry, catalog: Catalog, editorial: Editorial) -> Architecture | None:
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


def _small_qwen(arch: Architecture) -> bool:
    """The small models of the Qwen 3 and 3.5 lines share one token table; 8B and up do not."""
    return arch.name in {"qwen35", "qwen3vl"} and arch.d_model <= 2560


def metadata_of(arch: Architecture, context: int) -> dict[str, MetadataValue]:
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


def windowed_layers(arch: Architecture) -> tuple[bool, ...]:
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


def attention_layers(arch: Architecture) -> tuple[bool, ...]:
    """True for each block with attention; spread evenly where only some have it (places are not listed)."""
    count = arch.full_layers if arch.full_layers is not None else arch.layers
    return tuple((i + 1) * count // arch.layers > i * count // arch.layers for i in range(arch.layers))


def _kv_heads(arch: Architecture) -> MetadataValue:
    if arch.mla:
        return 1
    if arch.kv_heads_full:
        windowed = windowed_layers(arch)
        return tuple(arch.kv_heads if w else arch.kv_heads_full for w in windowed)
    if arch.recurrent and arch.recurrent.kind == "mamba2":
        return tuple(arch.kv_heads if a else 0 for a in attention_layers(arch))
    return arch.kv_heads


def _compressed(arch: Architecture) -> dict[str, MetadataValue | None]:
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


def _recurrent(arch: Architecture) -> dict[str, MetadataValue | None]:
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


def _forward_lengths(arch: Architecture, recurrent_layers: int) -> tuple[int, ...]:
    """Feed-forward width per block: 0 where the block holds attention or a state."""
    attends = attention_layers(arch)
    free = [i for i in range(arch.layers) if not attends[i]]
    states = {free[j * len(free) // recurrent_layers] for j in range(min(recurrent_layers, len(free)))}
    width = arch.ffn or arch.expert_ffn or 1
    return tuple(0 if attends[i] or i in states else width for i in range(arch.layers))
