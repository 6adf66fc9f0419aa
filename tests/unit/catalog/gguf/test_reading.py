"""Headers read right: versions, sparse and cut files, kept and dropped keys, a second opinion."""

import struct
import sys
from pathlib import Path

import pytest

from fakes import fit_truth, gguf_writer
from fakes.gguf_writer import shape_from_bytes
from wattlight.catalog.gguf import BadModelFile, shape_from_chunks, shape_from_file
from wattlight.catalog.gguf.window import REMOTE

MODELS = sorted(fit_truth.raw_shapes())
SMALL = fit_truth.raw_shapes()["tiny-llama"]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_a_header_gives_the_shape_it_was_written_from(model: str, version: int) -> None:
    raw = fit_truth.raw_shapes()[model]
    shape = shape_from_bytes(gguf_writer.header(raw, version, vocabulary=5000))
    expected = fit_truth.shape(model)
    assert shape.architecture == expected.architecture
    assert shape.tensors == expected.tensors
    for key, value in expected.metadata.items():
        assert shape.metadata[key] == (pytest.approx(value) if isinstance(value, float) else value)
    assert not [key for key in shape.metadata if key.startswith("tokenizer.ggml.t")]


def test_a_sparse_file_is_read_with_its_true_size(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    size = gguf_writer.write_sparse(fit_truth.raw_shapes()["llama31-8b"], path, merges=1000)
    shape = shape_from_file(path)
    assert shape.file_bytes == size
    if sys.platform != "win32":  # it tells no blocks
        assert path.stat().st_blocks * 512 < 20_000_000
    assert len(shape.tensors) == 292


def test_a_file_of_nothing_but_a_header_gets_the_size_its_tensors_need(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    head = gguf_writer.header(SMALL)
    path.write_bytes(head)
    assert shape_from_file(path).file_bytes == len(head) + gguf_writer.data_size(SMALL)


def test_reading_stops_with_the_chunk_in_which_the_table_ends() -> None:
    data = gguf_writer.header(SMALL) + b"w" * 4096
    taken = 0

    def chunks():  # type: ignore[no-untyped-def]
        nonlocal taken
        for at in range(0, len(data), 512):
            taken = at + 512
            yield data[at : at + 512]

    shape_from_chunks(chunks(), len(data) + gguf_writer.data_size(SMALL), REMOTE)
    assert taken <= len(gguf_writer.header(SMALL)) + 512


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_the_size_of_chunks_does_not_matter(size: int) -> None:
    data = gguf_writer.header(SMALL, merges=700)
    chunks = (data[at : at + size] for at in range(0, len(data), size))
    assert shape_from_chunks(chunks, 1 << 40, REMOTE).tensors == shape_from_bytes(data).tensors


def test_long_and_empty_strings_of_a_tokenizer_are_passed_over() -> None:
    raw = {**SMALL, "kv": {**SMALL["kv"], "tokenizer.x": ["", "a" * 70, "b" * 300, "c" * 70000] * 600}}
    assert shape_from_bytes(gguf_writer.header(raw)).tensors == fit_truth.shape("tiny-llama").tensors


def test_a_size_below_the_tensors_is_a_lie() -> None:
    with pytest.raises(BadModelFile, match="tensors need"):
        shape_from_chunks(iter((gguf_writer.header(SMALL),)), 1000, REMOTE)


def test_the_gguf_package_agrees(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    path = tmp_path / "model.gguf"
    gguf_writer.write_sparse(fit_truth.raw_shapes()["qwen3next-80b"], path, vocabulary=2000)
    reader = gguf.GGUFReader(path)
    shape = shape_from_file(path)
    assert [t.name for t in reader.tensors] == [t.name for t in shape.tensors]
    for theirs, ours in zip(reader.tensors, shape.tensors, strict=True):
        assert tuple(int(d) for d in theirs.shape) == ours.dims
        assert theirs.tensor_type.name == ours.type_name
        assert int(theirs.n_bytes) == ours.size_bytes
        assert int(theirs.data_offset) == ours.offset + shape.data_offset


def test_the_gguf_package_knows_the_same_types() -> None:
    gguf = pytest.importorskip("gguf")
    from wattlight.domain.shape import TYPE_BY_NAME

    for name, kind in TYPE_BY_NAME.items():
        if hasattr(gguf.GGMLQuantizationType, name):
            theirs = gguf.GGMLQuantizationType[name]
            ours = (kind.number, kind.block, kind.block_bytes)
            assert (int(theirs), *gguf.GGML_QUANT_SIZES[theirs]) == ours


def test_a_projector_is_told_apart() -> None:
    raw = {**SMALL, "kv": {"general.architecture": "clip"}}
    with pytest.raises(BadModelFile, match="projector"):
        shape_from_bytes(gguf_writer.header(raw))


def test_a_part_of_a_split_model_is_told_apart() -> None:
    raw = {**SMALL, "kv": {**SMALL["kv"], "split.count": 4}}
    with pytest.raises(BadModelFile, match="one of 4 parts"):
        shape_from_bytes(gguf_writer.header(raw))


@pytest.mark.parametrize(
    ("version", "words"), [(1, "version 1"), (3 << 24, "big-endian"), (77, "version 77")]
)
def test_other_versions_are_named(version: int, words: str) -> None:
    data = b"GGUF" + struct.pack("<IQQ", version, 0, 0)
    with pytest.raises(BadModelFile, match=words):
        shape_from_bytes(data)
