"""A model as a folder of safetensors files with its ``config.json``: what an engine such as vLLM would load.

The form is published with the safetensors format: eight bytes of length, then a header in JSON; the keys of
``config.json`` are those of the transformers library.
"""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wattlight.domain.values import UNREADABLE, Problem, clean_text, read_json
from wattlight.domain.vllm import CacheLayer, EngineModel
from wattlight.i18n import tr
from wattlight.paths import open_regular, read_small

_MAX_CONFIG = 4 << 20
_MAX_INDEX = 32 << 20
_MAX_HEADER = 32 << 20
"""Real ones: below 1 MB."""
_MAX_NODES = 1_000_000
"""Values in one of them: an empty list is two bytes there and sixty here. The largest models name 200,000."""
_MAX_FILES = 4096
_MOST = 1 << 31
_MAX_LAYERS = 4096
_BLOCK = re.compile(r"(?:^|\.)layers\.(\d{1,6})\.")
_FULL = {"full_attention", "attention", "global"}
_WINDOWED = {"sliding_attention", "chunked_attention", "local"}
_LONGER = {"linear", "dynamic", "yarn"}
_STATES = (
    "mamba_d_state",
    "ssm_cfg",
    "state_size",
    "hybrid_override_pattern",
    "layers_block_type",
    "linear_num_key_heads",
)
"""Keys of models with states in place of caches."""


class BadModelFolder(Problem):
    """The folder holds no model that can be judged."""

    code = "bad_model_file"


def read_model_folder(folder: Path) -> EngineModel:
    """What the folder's ``config.json`` and the headers of its files tell; no weights are read.

    Raises:
        BadModelFolder: with the reason and what to do.
    """
    whole = _document(folder / "config.json", _MAX_CONFIG)
    if whole is None:
        raise BadModelFolder(
            tr("{folder} has no config.json that can be read.", folder=_name(folder)),
            tr("Give the folder of a model in safetensors form: config.json beside its files."),
        )
    inner = whole.get("text_config")
    config: Mapping[str, Any] = inner if isinstance(inner, dict) else whole
    names = whole.get("architectures")
    architecture = clean_text(str(names[0]), 80) if isinstance(names, list) and names else ""
    if "CausalLM" not in architecture and "ConditionalGeneration" not in architecture:
        raise BadModelFolder(
            tr(
                "{folder} is no model that writes text ({name}).",
                folder=_name(folder),
                name=architecture or "?",
            ),
            tr("Give a model whose architecture ends in ForCausalLM or ForConditionalGeneration."),
        )
    layers = _count(config, "num_hidden_layers", _MAX_LAYERS)
    return EngineModel(
        architecture,
        _weights(folder, layers),
        _trained(config),
        _count(config, "num_attention_heads", 1 << 16),
        tuple(_layers(config, layers)),
        sees=isinstance(whole.get("vision_config"), dict),
    )


def _layers(config: Mapping[str, Any], layers: int) -> Iterator[CacheLayer]:
    kinds = config.get("layer_types")
    kinds = kinds if isinstance(kinds, list) and len(kinds) == layers else [""] * layers
    if not any(kinds) and any(config.get(key) for key in _STATES):
        kinds = ["a state"] * layers
    window = _window(config)
    shared = min(layers, _optional(config, "num_kv_shared_layers", _MAX_LAYERS) or 0)
    if shared == layers:
        raise _impossible("num_kv_shared_layers")
    for index, kind in enumerate(map(_word, kinds[: layers - shared])):
        if kind and kind not in _FULL | _WINDOWED:
            raise BadModelFolder(
                tr(
                    "Layers of the kind {kind} keep no cache; what vLLM keeps for them is not known here.",
                    kind=kind,
                ),
                tr("Start vLLM once: its log says how large its cache is and how many requests have room."),
            )
        yield _layer(
            config, window if kind in _WINDOWED or (not kind and _looks_back(config, index)) else None
        )


def _layer(config: Mapping[str, Any], window: int | None) -> CacheLayer:
    latent = _optional(config, "kv_lora_rank", 1 << 20)
    if latent:
        return CacheLayer(
            1, latent + (_optional(config, "qk_rope_head_dim", 1 << 16) or 0), window, latent=True
        )
    heads = _count(config, "num_attention_heads", 1 << 16)
    own = _optional(config, "head_dim", 1 << 16) or _count(config, "hidden_size", 1 << 24) // heads
    if not own:
        raise _impossible("hidden_size")
    keys = _optional(config, "num_key_value_heads", 1 << 16) or heads
    if window is None:  # models whose layers without a window have heads of another size
        own = _optional(config, "global_head_dim", 1 << 16) or own
        keys = _optional(config, "num_global_key_value_heads", 1 << 16) or keys
    return CacheLayer(keys, 2 * own, window)


def _window(config: Mapping[str, Any]) -> int | None:
    if config.get("use_sliding_window") is False:
        return None
    return _optional(config, "sliding_window", _MOST) or _optional(config, "attention_chunk_size", _MOST)


def _looks_back(config: Mapping[str, Any], index: int) -> bool:
    """Where the kinds of layers are not listed: Gemma's patterns, else all of them."""
    pattern = _optional(config, "sliding_window_pattern", _MAX_LAYERS)
    if config.get("model_type") == "gemma2":
        pattern = 2
    return pattern is None or (index + 1) % pattern != 0


def _trained(config: Mapping[str, Any]) -> int:
    longest = _count(config, "max_position_embeddings", _MOST)
    rope = config.get("rope_scaling") or config.get("rope_parameters")
    if isinstance(rope, dict) and _word(rope.get("rope_type") or rope.get("type")) in _LONGER:
        factor, original = rope.get("factor"), _optional(rope, "original_max_position_embeddings", _MOST)
        if isinstance(factor, int | float) and 1 <= factor <= 1024:
            return min(_MOST, int((original or longest) * factor))
    return longest


def _weights(folder: Path, layers: int) -> int:
    """Bytes of all tensors that are loaded: those of drafts behind the last layer are not."""
    index = _document(folder / "model.safetensors.index.json", _MAX_INDEX)
    found = index.get("weight_map") if index is not None else None
    listed = sorted({str(name) for name in found.values()}) if isinstance(found, dict) else []
    files = [folder / name for name in listed if Path(name).name == name]
    if not files:
        files = sorted(folder.glob("*.safetensors"))[:_MAX_FILES]
        named = [file for file in files if not file.name.startswith("consolidated")]
        files = named or files
    if files and all(map(os.path.isfile, files)):  # false for what no file can be called, too
        return sum(_tensor_bytes(file, layers) for file in files)
    total = index.get("metadata") if index is not None else None
    if isinstance(total, dict) and (size := _optional(total, "total_size", 1 << 50)):
        return size
    raise BadModelFolder(
        tr("{folder} lists no safetensors files.", folder=_name(folder)),
        tr("Download the model's files there; config.json and model.safetensors.index.json are enough."),
    )


def _tensor_bytes(file: Path, layers: int) -> int:
    broken = BadModelFolder(
        tr("{file} is no whole safetensors file.", file=_name(file)), tr("Download the file again.")
    )
    try:
        with open_regular(file) as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _MAX_HEADER:
                raise broken
            header = _read(stream.read(length))
            size = stream.seek(0, 2) - 8 - length
    except (*UNREADABLE, struct.error):
        raise broken from None
    if not isinstance(header, dict):
        raise broken
    total = end = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(type(x) is int for x in offsets)):
            raise broken
        first, last = offsets
        if not 0 <= first <= last <= size:
            raise broken
        end = max(end, last)
        block = _BLOCK.search(name)
        if block is None or int(block[1]) < layers:
            total += (last - first) // (2 if tensor.get("dtype") == "F32" else 1)
    if end != size:
        raise broken
    return total


def _document(file: Path, most: int) -> dict[str, Any] | None:
    try:
        document = _read(read_small(file, most))
    except UNREADABLE:
        return None
    return document if isinstance(document, dict) else None


def _read(raw: bytes) -> Any:
    """Raises ValueError and RecursionError for what is no document, or one that would fill the memory."""
    return read_json(raw, _MAX_NODES)


def _word(value: object) -> str:
    return clean_text(value, 40) if isinstance(value, str) else "" if value in (None, "") else "?"


def _optional(config: Mapping[str, Any], key: str, most: int) -> int | None:
    value = config.get(key)
    return value if type(value) is int and 0 < value <= most else None


def _count(config: Mapping[str, Any], key: str, most: int) -> int:
    value = _optional(config, key, most)
    if value is None:
        raise _impossible(key)
    return value


def _impossible(key: str) -> BadModelFolder:
    return BadModelFolder(
        tr("config.json says no {key} that can be true.", key=key), tr("Download the file again.")
    )


def _name(path: Path) -> str:
    return clean_text(path.name or str(path), 80)
