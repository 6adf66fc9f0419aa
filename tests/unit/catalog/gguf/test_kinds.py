"""Files that are no language model are named; unknown types, empty tensors and split models are read."""

import struct
from pathlib import Path
from typing import Any

import pytest

from fakes import fit_truth, gguf_writer
from fakes.gguf_writer import shape_from_bytes, text, value
from wattlight.catalog.gguf import BadModelFile, NotALanguageModel, projector_file_bytes, shape_from_file
from wattlight.domain.fit import Confidence, explain, fit, prepare
from wattlight.domain.values import Device, MachineProfile

GIB = 1 << 30
RAW = fit_truth.raw_shapes()["tiny-llama"]
CARD = Device("a", "Card", "cuda", 8 * GIB, 8 * GIB)
PC = MachineProfile("pc", "linux", 32 * GIB, 24 * GIB, devices=(CARD,))


def written(kv: dict[str, Any], tensors: list[tuple[str, tuple[int, ...], str]]) -> bytes:
    return gguf_writer.header({"kv": kv, "tensors": tensors}, vocabulary=0)


def plain(name: str) -> list[tuple[str, tuple[int, ...], str]]:
    return [(name, (64, 64), "F32")]


OTHERS = {
    "importance by its keys": (
        written({"imatrix.chunk_count": 4}, plain("blk.0.attn_q.weight.in_sum2")),
        "importance data",
    ),
    "importance by its type": (written({"general.type": "imatrix"}, plain("blk.0.x.counts")), "imatrix"),
    "adapter by its tensors": (
        written({**RAW["kv"], "general.base_model.0.name": "Tiny"}, plain("blk.0.attn_q.weight.lora_a")),
        "adapter",
    ),
    "adapter by its type": (written({**RAW["kv"], "general.type": "adapter"}, plain("x")), "adapter"),
    "adapter by its keys": (written({**RAW["kv"], "adapter.type": "lora"}, plain("x")), "adapter"),
    "control vector": (
        written(
            {"general.architecture": "controlvector", "controlvector.layer_count": 4}, plain("direction.1")
        ),
        "control vector",
    ),
    "projector by its type": (written({"general.type": "mmproj"}, plain("v.blk.0.x")), "projector"),
    "draft": (written({"general.architecture": "eagle3", "eagle3.block_count": 1}, plain("fc")), "draft"),
    "video": (written({"general.architecture": "wan"}, plain("blocks.0.ffn")), "images or video"),
    "pictures without an architecture": (
        written({}, plain("model.diffusion_model.input_blocks.0.0.weight")),
        "images or video",
    ),
    "pictures under a stranger's name": (
        written({"general.architecture": "newpaint"}, plain("double_blocks.0.img_attn.qkv.weight")),
        "images or video",
    ),
    "speech": (written({"general.architecture": "wavtokenizer-dec"}, plain("token_embd")), "speech"),
    "a type of its own": (written({**RAW["kv"], "general.type": "tokenizer"}, plain("x")), "'tokenizer'"),
    "vocabulary": (written(RAW["kv"], []), "vocabulary"),
    "unheard of": (
        written({"general.architecture": "zorbl", "zorbl.block_count": 2}, RAW["tensors"]),
        "architecture zorbl",
    ),
}


@pytest.mark.parametrize("case", sorted(OTHERS))
def test_what_is_no_language_model_is_named(case: str) -> None:
    data, words = OTHERS[case]
    with pytest.raises(NotALanguageModel) as caught:
        shape_from_bytes(data)
    assert words in caught.value.message
    assert "ownload" not in str(caught.value)
    assert caught.value.next_step.endswith(".")


def test_the_model_of_an_adapter_is_named() -> None:
    with pytest.raises(NotALanguageModel) as caught:
        shape_from_bytes(OTHERS["adapter by its tensors"][0])
    assert "Tiny" in caught.value.next_step


def raw_file(*tensors: tuple[str, tuple[int, ...], int, int]) -> bytes:
    """A llama of the rows (name, dims, number of the type, offset)."""
    keys = RAW["kv"]
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    out += b"".join(text(key) + value(item) for key, item in keys.items())
    for name, dims, number, offset in tensors:
        out += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        out += struct.pack("<IQ", number, offset)
    return out + b"\0" * (-len(out) % 32)


def test_a_type_from_the_future_is_as_large_as_its_room(tmp_path: Path) -> None:
    file = tmp_path / "new.gguf"
    start = raw_file(
        ("token_embd.weight", (64, 100), 0, 0),
        ("blk.0.attn_q.weight", (64, 64), 77, 25600),
        ("output.weight", (64, 100), 78, 27648),
    )
    file.write_bytes(start + b"\0" * (27648 + 4000))
    shape = shape_from_file(file)
    assert [t.size_bytes for t in shape.tensors] == [25600, 2048, 4000]
    model = prepare(shape)
    result = fit(model, PC)
    assert result.confidence is Confidence.LOW
    said = {reason.code: dict(reason.values) for reason in explain(model, PC, result)}
    assert said["unknown_types"]["types"] == "type 77, type 78"


def test_the_newest_types_are_known() -> None:
    shape = shape_from_bytes(
        raw_file(("a.weight", (128, 2), 41, 0), ("b.weight", (64, 3), 42, 64), ("c.weight", (4,), 0, 128))
    )
    assert [t.size_bytes for t in shape.tensors] == [36, 54, 16]
    assert not shape.unknown_types


def test_an_empty_tensor_and_a_single_number_are_no_damage() -> None:
    shape = shape_from_bytes(
        raw_file(
            ("token_embd.weight", (64, 100), 0, 0),
            ("empty", (0, 64), 0, 25600),
            ("none", (64, 0), 12, 25600),
            ("one", (), 0, 25600),
        )
    )
    assert [t.size_bytes for t in shape.tensors] == [25600, 0, 0, 4]
    assert fit(prepare(shape), PC).devices


def split(folder: Path, counts: tuple[int, ...]) -> list[Path]:
    """The tiny model in as many parts, with so many of its tensors each."""
    paths, start = [], 0
    total = len(RAW["tensors"])
    for number, count in enumerate(counts):
        kv = {"split.no": number, "split.count": len(counts), "split.tensors.count": total}
        rows = RAW["tensors"][start : start + count]
        path = folder / f"tiny-{number + 1:05d}-of-{len(counts):05d}.gguf"
        gguf_writer.write_sparse({"kv": {**RAW["kv"], **kv} if not number else kv, "tensors": rows}, path)
        paths.append(path)
        start += count
    return paths


@pytest.mark.parametrize("given", [0, 1, 2])
def test_all_parts_of_a_split_model_are_read(tmp_path: Path, given: int) -> None:
    total = len(RAW["tensors"])
    paths = split(tmp_path, (0, 5, total - 5))
    shape = shape_from_file(paths[given])
    assert [t.name for t in shape.tensors] == [name for name, _, _ in RAW["tensors"]]
    assert shape.file_bytes == sum(path.stat().st_size for path in paths)
    starts = [t.offset for t in shape.tensors]
    assert starts == sorted(set(starts))


def test_missing_parts_are_named(tmp_path: Path) -> None:
    paths = split(tmp_path, (3, 3, len(RAW["tensors"]) - 6))
    paths[1].unlink()
    with pytest.raises(BadModelFile, match=r"tiny-00002-of-00003\.gguf"):
        shape_from_file(paths[2])
    with pytest.raises(BadModelFile, match="name does not say"):
        shape_from_file(paths[0].rename(tmp_path / "other.gguf"))


def test_parts_of_two_builds_are_no_model(tmp_path: Path) -> None:
    paths = split(tmp_path, (3, len(RAW["tensors"]) - 4))
    with pytest.raises(BadModelFile, match="hold"):
        shape_from_file(paths[0])


def test_only_a_projector_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mmproj.gguf"
    gguf_writer.write_sparse({"kv": {"general.architecture": "clip"}, "tensors": plain("v.x")}, file)
    assert projector_file_bytes(file) == file.stat().st_size
    gguf_writer.write_sparse(RAW, tmp_path / "tiny.gguf")
    with pytest.raises(BadModelFile, match="no projector"):
        projector_file_bytes(tmp_path / "tiny.gguf")


@pytest.mark.parametrize(
    ("content", "sentence", "way"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS", "git lfs pull"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>Log in", "web page", "sign in"),
        (b"<HTML><BODY>502</BODY></HTML>", "web page", "Download it again"),
        (b"\x28\xb5\x2f\xfd" + bytes(60), "packed file", "Unpack"),
        (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl" + bytes(60), "PyTorch file", "GGUF build"),
        (struct.pack("<Q", 90) + b'{"__metadata__":{}}'.ljust(90), "safetensors file", "GGUF build"),
        (b"tjgg" + bytes(60), "before GGUF", "current build"),
        (b"%PDF-1.7" + bytes(60), "not a GGUF", "the name of a model"),
    ],
)
def test_what_else_a_file_is_and_what_to_do(tmp_path: Path, content: bytes, sentence: str, way: str) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(BadModelFile, match=sentence) as caught:
        shape_from_file(file)
    assert way in caught.value.next_step
