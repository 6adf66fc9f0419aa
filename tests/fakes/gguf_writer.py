"""Writes GGUF headers for tests: whole sparse files of true size, or just the header's bytes."""

import struct
from pathlib import Path
from typing import Any

from wattlight.catalog.gguf.header import read_header, shape_of
from wattlight.domain.shape import TYPE_BY_NAME, ModelShape

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def text(value: str) -> bytes:
    """A length-prefixed string."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(item: Any) -> bytes:
    """Type and value of a key."""
    if isinstance(item, bool):
        return struct.pack("<I?", BOOL, item)
    if isinstance(item, int):
        return struct.pack("<II", U32, item)
    if isinstance(item, float):
        return struct.pack("<If", F32, item)
    if isinstance(item, str):
        return struct.pack("<I", STRING) + text(item)
    kinds = [(str, STRING, text), (bool, BOOL, lambda x: struct.pack("<?", x))]
    kinds += [(float, F32, lambda x: struct.pack("<f", x)), (int, I32, lambda x: struct.pack("<i", x))]
    kind, pack = next((k, p) for t, k, p in kinds if item and isinstance(item[0], t))
    return struct.pack("<IIQ", ARRAY, kind, len(item)) + b"".join(map(pack, item))


def header(raw: dict[str, Any], version: int = 3, merges: int = 0, vocabulary: int | None = None) -> bytes:
    """The header of a raw shape {"kv", "tensors", "file_size"} with a dummy tokenizer of the right length."""
    vocab = vocabulary
    if vocab is None:
        vocab = next((dims[1] for name, dims, _ in raw["tensors"] if name == "token_embd.weight"), 0)
    keys = dict(raw["kv"])
    keys["general.alignment"] = 32
    keys["tokenizer.ggml.model"] = "gpt2"
    if vocab:
        keys["tokenizer.ggml.tokens"] = [f"t{i}" for i in range(vocab)]
        keys["tokenizer.ggml.token_type"] = [1] * vocab
    if merges:
        keys["tokenizer.ggml.merges"] = [f"t{i} t{i + 1}" for i in range(merges)]
    out = bytearray(b"GGUF" + struct.pack("<IQQ", version, len(raw["tensors"]), len(keys)))
    for key, item in keys.items():
        out += text(key) + value(item)
    offset = 0
    for name, dims, kind in raw["tensors"]:
        number, _, block, size = TYPE_BY_NAME[kind]
        out += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        out += struct.pack("<IQ", number, offset)
        count = size * dims[0] // block
        for dim in dims[1:]:
            count *= dim
        offset += (count + 31) // 32 * 32
    out += b"\0" * (-len(out) % 32)
    return bytes(out)


def data_size(raw: dict[str, Any]) -> int:
    """Bytes of the weights of a raw shape, each tensor padded to 32."""
    total = 0
    for _, dims, kind in raw["tensors"]:
        _, _, block, size = TYPE_BY_NAME[kind]
        count = size * dims[0] // block
        for dim in dims[1:]:
            count *= dim
        total += (count + 31) // 32 * 32
    return total


def write_sparse(raw: dict[str, Any], path: Path, **options: Any) -> int:
    """Write the model file of ``raw`` with true size and no weight data on disk; returns its size."""
    head = header(raw, **options)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + data_size(raw))
    return len(head) + data_size(raw)


def shape_from_bytes(data: bytes) -> ModelShape:
    """What is read of a model whose file begins with ``data`` and is as long as that says."""
    header = read_header(iter([data]))
    return shape_of(header, header.needed_bytes)
