"""A folder in safetensors form: what is read, and one sentence for whatever is no such folder."""

import json
import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from wattlight.catalog.safetensors import BadModelFolder, read_model_folder

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 4,
    "hidden_size": 512,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def write_file(file: Path, tensors: dict[str, tuple[str, int]], cut: int = 0) -> None:
    """Tensors by name: type and bytes; the data is a hole."""
    header, at = {}, 0
    for name, (kind, size) in tensors.items():
        header[name] = {"dtype": kind, "shape": [size], "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps({**header, "__metadata__": {"format": "pt"}}).encode()
    file.write_bytes(struct.pack("<Q", len(raw)) + raw)
    os.truncate(file, 8 + len(raw) + at - cut)


def folder(root: Path, config: dict[str, Any], size: int = 1000) -> Path:
    (root / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_file(root / "model.safetensors", {"model.layers.0.mlp.weight": ("BF16", size)})
    return root


def test_heads_and_weights(tmp_path: Path) -> None:
    model = read_model_folder(folder(tmp_path, LLAMA))
    assert (model.architecture, model.weights_bytes, model.context_trained) == (
        "LlamaForCausalLM",
        1000,
        4096,
    )
    assert [(x.heads, x.values, x.window) for x in model.layers] == [(2, 128, None)] * 4


def test_latent_attention_keeps_one_row(tmp_path: Path) -> None:
    config = LLAMA | {"kv_lora_rank": 512, "qk_rope_head_dim": 64}
    layer = read_model_folder(folder(tmp_path, config)).layers[0]
    assert (layer.heads, layer.values, layer.latent) == (1, 576, True)
    assert layer.heads_on_one_of(8) == 1


@pytest.mark.parametrize(
    ("more", "windows"),
    [
        ({"sliding_window": 100}, [100, 100, 100, 100]),
        ({"sliding_window": 100, "use_sliding_window": False}, [None] * 4),
        ({"sliding_window": 100, "sliding_window_pattern": 2}, [100, None, 100, None]),
        ({"sliding_window": 100, "model_type": "gemma2"}, [100, None, 100, None]),
        (
            {
                "sliding_window": 100,
                "layer_types": ["full_attention", *["sliding_attention"] * 3],
                "num_kv_shared_layers": 1,
            },
            [None, 100, 100],
        ),
    ],
)
def test_windows(tmp_path: Path, more: dict[str, Any], windows: list[int | None]) -> None:
    assert [x.window for x in read_model_folder(folder(tmp_path, LLAMA | more)).layers] == windows


def test_the_text_part_of_a_model_that_sees(tmp_path: Path) -> None:
    config = {
        "architectures": ["AnyForConditionalGeneration"],
        "text_config": LLAMA,
        "vision_config": {"a": 1},
    }
    model = read_model_folder(folder(tmp_path, config))
    assert model.sees
    assert len(model.layers) == 4


def test_full_precision_is_halved_and_drafts_are_not_loaded(tmp_path: Path) -> None:
    root = folder(tmp_path, LLAMA)
    write_file(
        root / "model.safetensors",
        {
            "model.embed.weight": ("F32", 800),
            "model.layers.3.a": ("I8", 50),
            "model.layers.4.a": ("BF16", 70),
        },
    )
    assert read_model_folder(root).weights_bytes == 400 + 50


def test_files_of_the_index_count_and_copies_beside_them_do_not(tmp_path: Path) -> None:
    root = folder(tmp_path, LLAMA)
    write_file(root / "consolidated.safetensors", {"a": ("BF16", 999)})
    assert read_model_folder(root).weights_bytes == 1000
    write_file(root / "part.safetensors", {"a": ("BF16", 20)})
    index = {"metadata": {"total_size": 5}, "weight_map": {"a": "part.safetensors"}}
    (root / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert read_model_folder(root).weights_bytes == 20
    (root / "part.safetensors").unlink()
    assert read_model_folder(root).weights_bytes == 5


@pytest.mark.parametrize(
    ("rope", "trained"),
    [
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}, 8192),
        ({"type": "linear", "factor": 2}, 8192),
        ({"rope_type": "llama3", "factor": 8.0}, 4096),
        ({"rope_type": "yarn", "factor": 1e9}, 4096),
        ("yarn", 4096),
    ],
)
def test_the_context_it_was_trained_for(tmp_path: Path, rope: object, trained: int) -> None:
    assert read_model_folder(folder(tmp_path, LLAMA | {"rope_scaling": rope})).context_trained == trained


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "writes text"),
        ({"architectures": None}, "writes text"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"num_attention_heads": True}, "num_attention_heads"),
        ({"max_position_embeddings": "4096"}, "max_position_embeddings"),
        ({"mamba_d_state": 16}, "keep no cache"),
        ({"layer_types": ["full_attention", *["linear_attention"] * 3]}, "linear_attention"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(BadModelFolder, match=said):
        read_model_folder(folder(tmp_path, LLAMA | more))


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"architectures": 3}'])
def test_a_config_of_any_kind_of_nonsense(tmp_path: Path, raw: bytes) -> None:
    root = folder(tmp_path, LLAMA)
    (root / "config.json").write_bytes(raw)
    with pytest.raises(BadModelFolder):
        read_model_folder(root)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 9) + b'{"a": 12}',
        struct.pack("<Q", 33) + b'{"a": {"data_offsets": [0, -16]}}',
        struct.pack("<Q", 31) + b'{"a": {"data_offsets": [0, 5]}}',
    ],
)
def test_a_file_of_any_kind_of_nonsense(tmp_path: Path, raw: bytes) -> None:
    root = folder(tmp_path, LLAMA)
    (root / "model.safetensors").write_bytes(raw)
    with pytest.raises(BadModelFolder, match="no whole safetensors file"):
        read_model_folder(root)


def test_a_file_that_is_cut_short_is_told(tmp_path: Path) -> None:
    root = folder(tmp_path, LLAMA)
    write_file(root / "model.safetensors", {"a": ("BF16", 1000)}, cut=1)
    with pytest.raises(BadModelFolder, match="no whole safetensors file"):
        read_model_folder(root)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = folder(tmp_path, LLAMA)
    (root / "model.safetensors").unlink()
    os.mkfifo(root / "model.safetensors")
    with pytest.raises(BadModelFolder):
        read_model_folder(root)


def test_names_of_files_stay_within_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "inner"
    root.mkdir()
    folder(root, LLAMA)
    write_file(tmp_path / "outside.safetensors", {"a": ("BF16", 77)})
    index = {"weight_map": {"a": "../outside.safetensors"}}
    (root / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert read_model_folder(root).weights_bytes == 1000


@pytest.mark.parametrize(
    "more",
    [
        {"layer_types": [["x"]] * 4},
        {"layer_types": [{"a": 1}] * 4},
        {"hidden_size": 4},
        {"num_kv_shared_layers": 4},
    ],
)
def test_values_of_another_kind_are_one_sentence(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(BadModelFolder):
        read_model_folder(folder(tmp_path, LLAMA | more))


def test_a_way_to_a_longer_context_of_another_kind_is_none(tmp_path: Path) -> None:
    config = LLAMA | {"rope_scaling": {"rope_type": ["yarn"], "factor": 4}}
    assert read_model_folder(folder(tmp_path, config)).context_trained == 4096


@pytest.mark.parametrize(
    "listed", [b'{"weight_map": {"a": "' + b"x" * 5000 + b'"}}', b'{"weight_map": {"a": "x\\u0000"}}']
)
def test_names_that_no_file_has_are_not_there(tmp_path: Path, listed: bytes) -> None:
    made = folder(tmp_path, LLAMA)
    (made / "model.safetensors.index.json").write_bytes(listed)
    with pytest.raises(BadModelFolder, match="lists no safetensors files"):
        read_model_folder(made)


def test_a_list_made_to_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    made = folder(tmp_path, LLAMA)
    (made / "model.safetensors.index.json").write_bytes(b'{"a": [' + b"[]," * 3_000_000 + b"[]]}")
    tracemalloc.start()
    assert read_model_folder(made).weights_bytes == 1000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20
