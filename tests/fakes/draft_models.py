"""Models with speculative drafts, made from measured shapes without one, and files that draft."""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from fakes import fit_truth, gguf_writer
from wattlight.domain.fit import PreparedModel, prepare
from wattlight.domain.shape import MetadataValue, ModelShape, Tensor

Row = tuple[str, tuple[int, ...], str]


def made(architecture: str, keys: Mapping[str, MetadataValue], rows: list[Row]) -> ModelShape:
    """A shape from keys without their prefix and tensors without offsets."""
    tensors = tuple(Tensor(name, dims, kind) for name, dims, kind in rows)
    return ModelShape(
        architecture,
        {f"{architecture}.{key}": value for key, value in keys.items()},
        tensors,
        sum(t.size_bytes for t in tensors),
    )


def number(shape: ModelShape, key: str) -> int:
    value = shape.metadata[f"{shape.architecture}.{key}"]
    assert isinstance(value, int)
    return value


def block_of(shape: ModelShape, block: int) -> list[Row]:
    """A drafting block for ``shape`` as Qwen's files have it."""
    e, hd = number(shape, "embedding_length"), number(shape, "attention.head_count") * 256
    kd = number(shape, "attention.head_count_kv") * 256
    rows: list[Row] = [
        ("attn_norm", (e,), "F32"),
        ("post_attention_norm", (e,), "F32"),
        ("attn_q", (e, 2 * hd), "Q4_K"),
        ("attn_k", (e, kd), "Q4_K"),
        ("attn_v", (e, kd), "Q6_K"),
        ("attn_output", (hd, e), "Q4_K"),
        ("attn_q_norm", (256,), "F32"),
        ("attn_k_norm", (256,), "F32"),
        ("nextn.eh_proj", (2 * e, e), "Q8_0"),
        ("nextn.enorm", (e,), "F32"),
        ("nextn.hnorm", (e,), "F32"),
        ("nextn.shared_head_norm", (e,), "F32"),
    ]
    if f"{shape.architecture}.expert_count" in shape.metadata:
        experts, f = number(shape, "expert_count"), number(shape, "expert_feed_forward_length")
        rows += [
            ("ffn_gate_inp", (e, experts), "F32"),
            ("ffn_gate_exps", (e, f, experts), "Q4_K"),
            ("ffn_up_exps", (e, f, experts), "Q4_K"),
            ("ffn_down_exps", (f, e, experts), "Q6_K"),
            ("ffn_gate_shexp", (e, f), "Q4_K"),
            ("ffn_up_shexp", (e, f), "Q4_K"),
            ("ffn_down_shexp", (f, e), "Q6_K"),
        ]
    else:
        f = number(shape, "feed_forward_length")
        rows += [("ffn_gate", (e, f), "Q4_K"), ("ffn_up", (e, f), "Q4_K"), ("ffn_down", (f, e), "Q6_K")]
    return [(f"blk.{block}.{name}.weight", dims, kind) for name, dims, kind in rows]


def with_block(shape: ModelShape) -> ModelShape:
    """``shape`` with one drafting block after its last."""
    blocks = number(shape, "block_count")
    added = tuple(Tensor(*row) for row in block_of(shape, blocks))
    arch = shape.architecture
    return replace(
        shape,
        metadata={
            **shape.metadata,
            f"{arch}.block_count": blocks + 1,
            f"{arch}.nextn_predict_layers": 1,
            f"{arch}.context_length": 1 << 20,
        },
        tensors=tuple(map(_as_logged, shape.tensors)) + added,
        file_bytes=shape.file_bytes + sum(t.size_bytes for t in added),
    )


def _as_logged(tensor: Tensor) -> Tensor:
    """The logs are of models whose widest matrices all have six bits."""
    wide = tensor.name.endswith(("ffn_down.weight", "attn_v.weight")) and tensor.type_name == "Q4_K"
    return tensor._replace(offset=0, type_name="Q6_K" if wide else tensor.type_name)


def drafting(model: str, file: ModelShape | None = None) -> PreparedModel:
    """A model of the measured ones with a drafting block, and a draft file if one is given."""
    return prepare(replace(with_block(fit_truth.shape(model)), draft=file))


def tiny(architecture: str = "qwen35", draft: ModelShape | None = None) -> ModelShape:
    """Eight blocks and a drafting one of 512 values with 16-bit weights."""
    e, f, vocabulary = 512, 1024, 4000
    rows: list[Row] = [
        ("token_embd.weight", (e, vocabulary), "F16"),
        ("output_norm.weight", (e,), "F32"),
        ("output.weight", (e, vocabulary), "F16"),
    ]
    for block in range(9):
        parts: list[Row] = [(f"ffn_{name}", (e, f), "F16") for name in ("gate", "up", "down")]
        parts += [("attn_norm", (e,), "F32"), ("post_attention_norm", (e,), "F32")]
        if block in {3, 7, 8}:
            parts += [("attn_q", (e, 1024), "F16"), ("attn_k", (e, 128), "F16"), ("attn_v", (e, 128), "F16")]
            parts += [("attn_output", (512, e), "F16"), ("attn_q_norm", (128,), "F32")]
            parts += [("attn_k_norm", (128,), "F32")]
        else:
            parts += [
                ("attn_qkv", (e, 1024), "F16"),
                ("attn_gate", (e, 512), "F16"),
                ("ssm_out", (e, e), "F16"),
            ]
        if block == 8:
            parts += [("nextn.eh_proj", (2 * e, e), "F16")]
            parts += [(f"nextn.{name}", (e,), "F32") for name in ("enorm", "hnorm", "shared_head_norm")]
        rows += [(f"blk.{block}.{name}.weight", dims, kind) for name, dims, kind in parts]
    shape = made(
        architecture,
        {
            "block_count": 9,
            "nextn_predict_layers": 1,
            "embedding_length": e,
            "feed_forward_length": f,
            "context_length": 1 << 18,
            "attention.head_count": 4,
            "attention.head_count_kv": 1,
            "attention.key_length": 128,
            "attention.value_length": 128,
            "full_attention_interval": 4,
            "ssm.conv_kernel": 4,
            "ssm.inner_size": 512,
            "ssm.state_size": 64,
            "ssm.group_count": 4,
        },
        rows,
    )
    return replace(shape, draft=draft)


def tiny_mixture() -> ModelShape:
    """:func:`tiny` with eight experts, of which two answer, and a shared one in each block."""
    base, e, f = tiny("qwen35moe"), 512, 256
    tensors = [tensor for tensor in base.tensors if ".ffn_" not in tensor.name]
    for block in range(9):
        rows: list[Row] = [("gate_inp", (e, 8), "F32"), ("gate_inp_shexp", (e,), "F32")]
        rows += [(f"{part}_exps", (e, f, 8), "F16") for part in ("gate", "up")]
        rows += [(f"{part}_shexp", (e, f), "F16") for part in ("gate", "up")]
        rows += [("down_exps", (f, e, 8), "F16"), ("down_shexp", (f, e), "F16")]
        tensors += [Tensor(f"blk.{block}.ffn_{name}.weight", dims, kind) for name, dims, kind in rows]
    sizes = {"expert_count": 8, "expert_used_count": 2, "expert_feed_forward_length": f}
    metadata = {**base.metadata, **{f"qwen35moe.{key}": value for key, value in sizes.items()}}
    return replace(base, metadata=metadata, tensors=tuple(tensors))


def dflash(window: int = 0, layers: int = 5, width: int = 5120, own_output: bool = False) -> ModelShape:
    """A DFlash file for a model of ``width`` values: it reads five of that model's layers."""
    rows: list[Row] = [("output_norm.weight", (width,), "F32")]
    if own_output:
        rows += [("token_embd.weight", (width, 248320), "Q4_K"), ("output.weight", (width, 248320), "Q6_K")]
    for block in range(layers):
        rows += [(f"blk.{block}.{name}.weight", (width, 1024), "Q4_K") for name in ("attn_k", "attn_v")]
        rows += [(f"blk.{block}.{name}.weight", (width, 4096), "Q4_K") for name in ("attn_q", "attn_output")]
    keys: dict[str, MetadataValue] = {
        "block_count": layers,
        "embedding_length": width,
        "feed_forward_length": 3 * width,
        "attention.head_count": 32,
        "attention.head_count_kv": 8,
        "attention.key_length": 128,
        "attention.value_length": 128,
        "target_layers": (1, 16, 31, 46, 61),
    }
    if window:
        keys["attention.sliding_window"] = window
        keys["attention.sliding_window_pattern"] = (*(True,) * (layers - 1), False)
    return made("dflash", keys, rows)


def raw_of(shape: ModelShape) -> dict[str, Any]:
    """The form in which :mod:`gguf_writer` takes a shape."""
    kv = {"general.architecture": shape.architecture, **shape.metadata}
    return {"kv": kv, "tensors": [[t.name, list(t.dims), t.type_name] for t in shape.tensors]}


def install(folder: Path, name: str, shape: ModelShape, length: int | None = None) -> None:
    """Put ``shape`` with its draft into a server's store, as sparse files; ``length`` as PARAMETER has it."""
    layers = []

    def blob(kind: str, data: bytes, size: int) -> None:
        digest = sha256(data).hexdigest()
        file = folder / "blobs" / f"sha256-{digest}"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.write(data)
            stream.truncate(size)
        media = f"application/vnd.ollama.image.{kind}"
        layers.append({"mediaType": media, "digest": f"sha256:{digest}", "size": size})

    for kind, part in (("model", shape), ("draft", shape.draft)):
        if part is not None:
            data = gguf_writer.header(raw_of(part), vocabulary=1000)
            blob(kind, data, len(data) + gguf_writer.data_size(raw_of(part)))
    if length is not None:
        data = json.dumps({"draft_num_predict": length}).encode()
        blob("params", data, len(data))
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / name / "latest"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"layers": layers}))
