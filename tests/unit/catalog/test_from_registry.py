"""A release bakes exact shapes in: headers are read through the registry client, the rest stays as it was."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fakes import fit_truth, gguf_writer
from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.shipped import parse_catalog
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import Confidence, prepare
from wattlight.domain.shape import ShapeSource

ROOT = Path(__file__).resolve().parents[3]
CATALOG = ROOT / "resources" / "catalog"
RAW = fit_truth.raw_shapes()["tiny-llama"]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The builder, working on copies."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    spec = importlib.util.spec_from_file_location("catalog_build", ROOT / "packaging" / "catalog_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("models.json", "shapes.json"):
        (tmp_path / name).write_bytes((CATALOG / name).read_bytes())
    monkeypatch.setattr(module, "TARGET", tmp_path / "models.json")
    monkeypatch.setattr(module, "SHAPES", tmp_path / "shapes.json")
    return module


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_headers_become_the_shipped_shapes(
    build: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = gguf_writer.header(RAW)
    weights = header + bytes(gguf_writer.data_size(RAW))
    with LoopbackRegistry() as registry:
        registry.add("qwen2.5", weights)
        host = f"127.0.0.1:{registry.port}"
        args = ["--from-registry", host, "--only", "qwen2.5:7b", "phi4:14b"]
        assert build.main(args) == 1
    said = capsys.readouterr().out
    assert "qwen2.5:7b: 39 tensors" in said
    assert "phi4:14b: kept as it was" in said

    catalog = parse_catalog(read(tmp_path / "models.json"), read(tmp_path / "shapes.json"))
    match = catalog.find("qwen2.5:7b")
    assert match is not None and match.entry.layout is not None
    assert match.entry.model_bytes == len(weights)
    estimate = estimate_shape(match.entry, match.tag, match.entry.layout)
    assert estimate.confidence is Confidence.HIGH
    assert estimate.shape.source is ShapeSource.HEADER
    real = gguf_writer.shape_from_bytes(weights)
    ours, theirs = prepare(estimate.shape), prepare(real)
    assert sum(t.size_bytes for t in estimate.shape.tensors) == sum(t.size_bytes for t in real.tensors)
    assert ours.weights_bytes == pytest.approx(theirs.weights_bytes, rel=1e-4)
    assert ours.weights("cuda", 512).experts == theirs.weights("cuda", 512).experts
    assert ours.cache("f16", True, 512) == theirs.cache("f16", True, 512)

    alike = catalog.find("qwen2.5-coder:7b")
    assert alike is not None and alike.entry.layout is not None
    assert alike.entry.layout.number("block_count") == 28  # was like qwen2.5:7b, keeps what it was
    assert build.main(["--check"]) == 0


def test_the_shapes_are_canonical() -> None:
    text = (CATALOG / "shapes.json").read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("catalog_build", ROOT / "packaging" / "catalog_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    document = json.loads(text)
    assert module.shapes_text(document) == text
    listed = {
        entry["model"]
        for entry in json.loads((CATALOG / "models.json").read_text(encoding="utf-8"))["entries"]
    }
    assert {item["model"] for item in document["shapes"]} == listed
