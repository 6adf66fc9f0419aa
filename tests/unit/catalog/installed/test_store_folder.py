"""Models already on disk are read where the server keeps them."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from fakes import fit_truth, gguf_writer
from wattlight.catalog.gguf import BadModelFile
from wattlight.catalog.installed import InstalledModels, models_folders
from wattlight.catalog.registry import ShapeCache

RAW = fit_truth.raw_shapes()["tiny-llama"]
HOST = "registry.ollama.ai"
DRAFT = (
    gguf_writer.header(
        {
            "kv": {
                "general.architecture": "gemma4-assistant",
                "gemma4-assistant.block_count": 1,
                "gemma4-assistant.embedding_length": 32,
            },
            "tensors": [["blk.0.attn_q.weight", [32, 32], "F16"]],
        }
    )
    + b"\0" * 4096
)


def put(
    folder: Path,
    data: bytes,
    config: bytes = b'{"model_family": "llama"}',
    parts: tuple[tuple[str, bytes], ...] = (),
) -> None:
    layers = []
    files = [(config, "config"), (data, "application/vnd.ollama.image.model")]
    files += [(raw, f"application/vnd.ollama.image.{kind}") for kind, raw in parts]
    for raw, kind in files:
        digest = sha256(raw).hexdigest()
        blob = folder / "blobs" / f"sha256-{digest}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(raw)
        layers.append({"mediaType": kind, "digest": f"sha256:{digest}", "size": len(raw)})
    manifest = folder / "manifests" / HOST / "library" / "tiny" / "1b"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"config": layers[0], "layers": layers[1:]}))


def models(folder: Path) -> InstalledModels:
    return InstalledModels((folder,), ShapeCache(folder / "cache"))


def test_an_installed_model(tmp_path: Path) -> None:
    put(tmp_path, gguf_writer.header(RAW))
    shape = models(tmp_path).shape("tiny:1b")
    assert shape is not None
    assert shape.tensors == fit_truth.shape("tiny-llama").tensors
    assert shape.family == "llama"
    assert models(tmp_path).shape("tiny:1b") == shape


def test_what_is_not_installed(tmp_path: Path) -> None:
    assert models(tmp_path).shape("tiny:1b") is None


def test_a_damaged_file(tmp_path: Path) -> None:
    put(tmp_path, b"GGUF" + b"\xff" * 200)
    with pytest.raises(BadModelFile):
        models(tmp_path).shape("tiny:1b")


def test_a_damaged_manifest_counts_as_not_installed(tmp_path: Path) -> None:
    put(tmp_path, gguf_writer.header(RAW))
    (tmp_path / "manifests" / HOST / "library" / "tiny" / "1b").write_text("{")
    assert models(tmp_path).shape("tiny:1b") is None


def test_where_models_are_kept() -> None:
    assert models_folders({"OLLAMA_MODELS": "/m", "HOME": "/h"}) == (Path("/m"),)
    assert models_folders({"HOME": "/h"})[0] == Path("/h/.ollama/models")


def test_an_installed_model_with_a_draft(tmp_path: Path) -> None:
    parts = (("draft", DRAFT), ("params", b'{"draft_num_predict": 2}'))
    put(tmp_path, gguf_writer.header(RAW), parts=parts)
    shape = models(tmp_path).shape("tiny:1b")
    assert shape is not None
    assert shape.draft is not None
    assert (shape.draft.architecture, shape.draft_length) == ("gemma4-assistant", 2)
    (tmp_path / "blobs" / f"sha256-{sha256(DRAFT).hexdigest()}").unlink()
    unread = InstalledModels((tmp_path,), ShapeCache(tmp_path / "empty"))
    assert unread.shape("tiny:1b") is None
