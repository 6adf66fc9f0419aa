"""Fault 66: files kept with wrong bytes are found, named, removed on consent and fetched again."""

import hashlib
import json
from pathlib import Path
from threading import Event

import pytest

from wattlight.runtime import RuntimeProblem
from wattlight.services.models import SMALL_BYTES, damage_problem, damaged_layers, remove_damaged

NAME = "127.0.0.1:5055/library/tiny:latest"


def blob(folder: Path, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / f"sha256-{digest}").write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def store(folder: Path, name: str = NAME) -> dict[str, Path]:
    """A folder of models with one model in it; its files by kind."""
    prefix = "application/vnd.ollama.image."
    layers = [
        {"mediaType": f"{prefix}{kind}", **blob(folder, data)}
        for kind, data in (("model", b"w" * 3_000_000), ("template", b"{{ .Prompt }}"), ("params", b"{}"))
    ]
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", **blob(folder, b"config")}
    host, namespace, rest = name.rsplit("/", 2)
    model, tag = rest.split(":")
    manifest = folder / "manifests" / host / namespace / model / tag
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "config": config, "layers": layers}))
    kinds = ("model", "template", "params", "config")
    files = [str(item["digest"]).replace(":", "-") for item in (*layers, config)]
    return {kind: folder / "blobs" / file for kind, file in zip(kinds, files, strict=True)}


def test_fault_66_a_whole_model_is_fine(tmp_path: Path) -> None:
    store(tmp_path)
    assert damaged_layers(NAME, (tmp_path,), Event()) == ()


@pytest.mark.parametrize("kind", ["model", "template", "params", "config"])
def test_fault_66_a_damaged_file_is_named_and_removed(tmp_path: Path, kind: str) -> None:
    file = store(tmp_path)[kind]
    data = bytearray(file.read_bytes())
    data[0] ^= 0xFF
    file.write_bytes(data)
    damaged = damaged_layers(NAME, (tmp_path / "elsewhere", tmp_path), Event())
    assert [(layer.kind, layer.file) for layer in damaged] == [(kind, file)]
    problem = damage_problem(NAME, damaged)
    assert kind in problem.message
    assert problem.code == "damaged_layers"
    remove_damaged(damaged)
    assert not file.exists()
    assert damaged_layers(NAME, (tmp_path,), Event()) == ()


def test_large_files_can_be_left_out(tmp_path: Path) -> None:
    file = store(tmp_path)["model"]
    file.write_bytes(b"x")
    assert damaged_layers(NAME, (tmp_path,), Event(), largest_bytes=1000) == ()
    assert len(damaged_layers(NAME, (tmp_path,), Event(), largest_bytes=SMALL_BYTES)) == 1


def test_what_is_not_here_or_unreadable_is_not_judged(tmp_path: Path) -> None:
    store(tmp_path)
    for name in ("nosuch:1b", "../../etc/passwd", "a\nb"):
        assert damaged_layers(name, (tmp_path,), Event()) == ()
    manifest = tmp_path / "manifests" / "127.0.0.1:5055" / "library" / "tiny" / "latest"
    manifest.write_text("{")
    assert damaged_layers(NAME, (tmp_path,), Event()) == ()
    assert damaged_layers(NAME, (), Event()) == ()


def test_a_cancel(tmp_path: Path) -> None:
    store(tmp_path)
    cancel = Event()
    cancel.set()
    with pytest.raises(RuntimeProblem) as caught:
        damaged_layers(NAME, (tmp_path,), cancel)
    assert caught.value.code == "cancelled"


def test_a_file_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = store(tmp_path)["template"]
    file.write_bytes(b"x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    damaged = damaged_layers(NAME, (tmp_path,), Event())
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RuntimeProblem) as caught:
        remove_damaged(damaged)
    assert caught.value.code == "not_yours"
    assert str(file) in caught.value.message
