"""An installed model is asked of the server that has it, and looked up nowhere else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import fit_truth, gguf_writer
from fakes.fake_ollama import FakeOllama
from wattlight.catalog.installed import InstalledModels
from wattlight.catalog.registry import Registry, ShapeCache
from wattlight.catalog.shipped import load_catalog
from wattlight.domain.fit import Confidence, ContextSource, FitOptions, fit, prepare
from wattlight.domain.values import LOCAL_HOST, Device, MachineProfile, Problem
from wattlight.i18n import activate
from wattlight.runtime import choose_address, connect, parse_endpoint
from wattlight.services.current import Servers
from wattlight.services.factory import ServiceFactory
from wattlight.services.shapes import FoundShape, ShapeFinder, Source

GIB = 1 << 30
OLLAMA = "application/vnd.ollama.image"
CARD = Device("a", "Card", "cuda", 24 * GIB, 23 * GIB)
PC = MachineProfile("pc", "linux", 64 * GIB, 50 * GIB, devices=(CARD,))


class Nobody(Registry):
    """A registry that no one may ask."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def shape(self, name: str) -> Any:
        self.asked.append(name)
        raise Problem("The registry was asked.")


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    activate("en")
    with FakeOllama() as fake:
        yield fake


def finder(tmp_path: Path, fake: FakeOllama, registry: Registry | None = None) -> ShapeFinder:
    def listed(name: str) -> FoundShape | None:
        raise AssertionError(name)

    folder = InstalledModels((tmp_path / "models",), ShapeCache(tmp_path / "cache"))
    url = f"127.0.0.1:{fake.port}"
    return ShapeFinder(folder, registry or Nobody(), listed, lambda: connect(choose_address(url, ()), {}))


@pytest.mark.parametrize("model", ["llama31-8b", "gemma3-12b", "qwen35-9b", "gptoss20b"])
def test_what_the_server_tells_is_what_the_header_says(
    model: str, tmp_path: Path, ollama: FakeOllama
) -> None:
    raw = fit_truth.raw_shapes()[model]
    real = gguf_writer.shape_from_bytes(gguf_writer.header(raw))
    ollama.install("mine:latest", size=real.file_bytes + 900, family=real.architecture, shape=raw)
    found = finder(tmp_path, ollama).find("mine")
    assert (found.source, found.confidence) == (Source.SERVER, Confidence.HIGH)
    ask = FitOptions(context=8192)
    ours, theirs = fit(prepare(found.shape), PC, ask), fit(prepare(real), PC, ask)
    assert (ours.needed_bytes, ours.batch, ours.layers_on_gpu) == (
        theirs.needed_bytes, theirs.batch, theirs.layers_on_gpu,
    )  # fmt: skip


def test_long_lists_are_asked_for_only_where_they_are_missing(tmp_path: Path, ollama: FakeOllama) -> None:
    raw = fit_truth.raw_shapes()["llama31-8b"]
    layered = {**raw, "kv": {**raw["kv"], "llama.attention.head_count_kv": [8] * 32}}
    ollama.install("even:1b", size=5 * GIB, shape=raw)
    ollama.install("layered:1b", size=5 * GIB, shape=layered)
    find = finder(tmp_path, ollama)
    find.find("even:1b")
    assert [bool(r.body.get("verbose")) for r in ollama.requests if r.path == "/api/show"] == [False]
    shape = find.find("layered:1b").shape
    assert shape.metadata["llama.attention.head_count_kv"] == (8,) * 32
    assert [bool(r.body.get("verbose")) for r in ollama.requests if r.path == "/api/show"] == [
        False,
        False,
        True,
    ]


def test_nothing_installed_is_looked_up_publicly(tmp_path: Path, ollama: FakeOllama) -> None:
    ollama.install("mistral:latest", size=123_000_000, family="llama")
    registry = Nobody()
    find = finder(tmp_path, ollama, registry)
    with pytest.raises(Problem) as caught:
        find.find("mistral")
    assert caught.value.code == "no_shapes" and "0.1 GB, llama" in caught.value.message
    ollama.install("far:cloud", size=300, remote_host="https://ollama.com:443")
    find = finder(tmp_path, ollama, registry)
    with pytest.raises(Problem, match="takes no memory here"):
        find.find("far:cloud")
    assert registry.asked == []
    with pytest.raises(Problem, match="was asked"):
        find.find("stranger:1b")
    assert registry.asked == ["stranger:1b"]


def test_a_file_of_that_name_but_of_another_server_does_not_count(tmp_path: Path, ollama: FakeOllama) -> None:
    raw = fit_truth.raw_shapes()["llama31-8b"]
    ollama.install("llama3.1:8b", size=5 * GIB, shape=raw)
    folder = tmp_path / "models/manifests/registry.ollama.ai/library/llama3.1"
    folder.mkdir(parents=True)
    digest = "sha256:" + "0" * 64
    (folder / "8b").write_text(
        json.dumps(
            {"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": digest, "size": 9}]}
        )
    )
    blobs = tmp_path / "models/blobs"
    blobs.mkdir()
    gguf_writer.write_sparse(fit_truth.raw_shapes()["tiny-llama"], blobs / digest.replace(":", "-"))
    assert finder(tmp_path, ollama).find("llama3.1:8b").source is Source.SERVER
    ollama.close()
    assert finder(tmp_path, ollama).find("llama3.1:8b").source is Source.INSTALLED


def test_what_the_model_sets_is_its_context(tmp_path: Path, ollama: FakeOllama) -> None:
    words = 'num_ctx                        12288\nstop                           "num_ctx 5"'
    ollama.install("set:1b", size=5 * GIB, shape=fit_truth.raw_shapes()["llama31-8b"], parameters=words)
    shape = finder(tmp_path, ollama).find("set:1b").shape
    result = fit(prepare(shape), PC)
    assert (result.context, result.context_source) == (12288, ContextSource.MODEL)
    asked = fit(prepare(shape), PC, FitOptions(context=4096))
    assert (asked.context, asked.context_source) == (4096, ContextSource.ASKED)


def test_a_projector_and_unknown_types_make_it_less_sure(tmp_path: Path, ollama: FakeOllama) -> None:
    raw = fit_truth.raw_shapes()["llama31-8b"]
    new = {**raw, "tensors": [(n, d, "Q9_X" if n == "output.weight" else t) for n, d, t in raw["tensors"]]}
    ollama.install("new:1b", size=5 * GIB, shape=new)
    found = finder(tmp_path, ollama).find("new:1b")
    assert found.confidence is Confidence.MEDIUM and found.shape.unknown_types == ("Q9_X",)
    assert sum(t.size_bytes for t in found.shape.tensors) == pytest.approx(5 * GIB, abs=1 << 16)
    ollama.extra_fields = {"projector_info": {"general.architecture": "clip"}}
    whole = sum(t.size_bytes for t in fit_truth.shape("llama31-8b").tensors)
    ollama.install("sees:1b", size=whole + GIB, shape=raw)
    shape = finder(tmp_path, ollama).find("sees:1b").shape
    assert shape.vision and shape.projector_bytes == pytest.approx(GIB, abs=1 << 16)


@pytest.mark.parametrize(
    ("model", "remote", "host"),
    [
        ("gpt-oss:120b-cloud", None, "Ollama's cloud"),
        ("mine:latest", "https://box.invalid:443", "box.invalid"),
        ("kimi:cloud", "https://ollama.com:443", "ollama.com"),
        ("odd:latest", "http://[::1", "http://[::1"),
    ],
)
def test_a_model_of_the_cloud_has_nothing_to_fit(
    tmp_path: Path, ollama: FakeOllama, model: str, remote: str | None, host: str
) -> None:
    if remote:
        ollama.install(model, size=400, remote_host=remote)
    nobody = Nobody()
    with pytest.raises(Problem) as caught:
        finder(tmp_path, ollama, nobody).find(model)
    assert caught.value.code == "cloud_model"
    assert f"{model} runs at {host}" in caught.value.message
    assert nobody.asked == []


def alike(tmp_path: Path, fake: FakeOllama) -> FoundShape:
    """What is found where the catalogue may stand in."""
    folder = InstalledModels((tmp_path / "models",), ShapeCache(tmp_path / "cache"))

    def listed(name: str) -> FoundShape | None:
        raise AssertionError(name)

    def server() -> Any:
        return connect(choose_address(f"127.0.0.1:{fake.port}", ()), {})

    return ShapeFinder(folder, Nobody(), listed, server, load_catalog).find("mine")


@pytest.mark.parametrize(
    ("family", "parameters", "quant", "size", "blocks", "gib"),
    [
        ("llama", "8.03B", "Q4_K_M", 4_920_000_000, 32, 5.2),
        ("qwen3", "8.2B", "Q8_0", 8_710_000_000, 36, 9.3),
        ("gemma3", "999.89M", "Q4_K_M", 815_000_000, 26, 1.1),
        ("qwen3moe", "30.5B", "Q4_K_M", 18_556_000_000, 48, 18.3),
    ],
)
def test_a_server_that_tells_size_and_family_only(
    tmp_path: Path,
    ollama: FakeOllama,
    family: str,
    parameters: str,
    quant: str,
    size: int,
    blocks: int,
    gib: float,
) -> None:
    """The nearest model of the family stands in, named, rough, and scaled to the bytes that were told."""
    ollama.install("mine:latest", size=size, family=family, parameter_size=parameters, quantization=quant)
    ollama.extra_fields = {"model_info": {}}
    found = alike(tmp_path, ollama)
    assert (found.source, found.confidence) == (Source.SERVER, Confidence.LOW)
    assert "not its shapes" in found.notes[0] and family in found.notes[0]
    assert found.shape.stand_in
    assert found.shape.metadata[f"{family}.block_count"] == blocks
    result = fit(prepare(found.shape), PC, FitOptions(context=4096))
    assert result.needed_bytes / GIB == pytest.approx(gib, rel=0.08)
    assert result.uncertainty_bytes > result.needed_bytes // 20


def test_geometry_that_is_told_is_the_models_own(tmp_path: Path, ollama: FakeOllama) -> None:
    """Older servers tell the header without its tensors: no other model stands in, and the cache is exact."""
    raw = fit_truth.raw_shapes()["llama31-8b"]
    size = fit_truth.shape("llama31-8b").file_bytes
    narrow = {**raw["kv"], "llama.attention.head_count_kv": 4}
    ollama.install("mine:latest", size=size, parameter_size="", shape={"kv": narrow, "tensors": []})
    ollama.extra_fields = {"model_info": {**narrow, "general.parameter_count": 8_030_261_312}}
    found = alike(tmp_path, ollama)
    assert (found.shape.stand_in, found.confidence) == ("", Confidence.LOW)
    result = fit(prepare(found.shape), PC, FitOptions(context=8192))
    assert sum(use.kv_bytes for use in result.devices) == 8192 * 32 * 4 * 128 * 2 * 2
    assert result.needed_bytes == pytest.approx(size + (0.5 + 0.35) * GIB, rel=0.03)


@pytest.mark.parametrize(
    ("family", "parameters", "size"),
    [
        ("zebra", "8.0B", 5_000_000_000),
        ("llama", "", 5_000_000_000),
        ("llama", "many", 5_000_000_000),
        ("llama", "8.0B", 123_000_000),
        ("llama", "1.9T", 900_000_000_000),
    ],
)
def test_nothing_like_it_is_no_verdict(
    tmp_path: Path, ollama: FakeOllama, family: str, parameters: str, size: int
) -> None:
    ollama.install("mine:latest", size=size, family=family, parameter_size=parameters)
    ollama.extra_fields = {"model_info": {}}
    with pytest.raises(Problem) as caught:
        alike(tmp_path, ollama)
    assert caught.value.code == "no_shapes" and "no verdict" in caught.value.message


def test_a_draft_known_by_the_server_alone_is_named(tmp_path: Path, ollama: FakeOllama) -> None:
    raw = fit_truth.raw_shapes()["qwen35-9b"]
    whole = fit_truth.shape("qwen35-9b").file_bytes
    ollama.install("mine:latest", size=whole + 900_000_000, shape=raw)
    assert alike(tmp_path, ollama).notes == ()
    ollama.extra_fields = {"modelfile": "FROM /blobs/sha256-1\nDRAFT /blobs/sha256-2\n"}
    found = alike(tmp_path, ollama)
    assert found.confidence is Confidence.LOW
    assert "drafts with a file of its own (up to 0.9 GB)" in found.notes[0]
    ollama.extra_fields = {
        "modelfile": "FROM x\nDRAFT y\nPARAMETER draft_num_predict 0",
        "parameters": "draft_num_predict 0",
    }
    assert alike(tmp_path, ollama).notes == ()


def test_the_tray_asks_the_server_that_it_uses_now(tmp_path: Path) -> None:
    """One of its own may have moved away from where settings and environment say."""
    environ = {"WATTLIGHT_HOME": str(tmp_path), "OLLAMA_HOST": "http://127.0.0.1:9"}
    factory, servers = ServiceFactory(environ), Servers((), environ)
    with FakeOllama() as fake:
        servers.move(LOCAL_HOST, parse_endpoint(fake.url, "a test"))
        factory.servers = servers
        assert factory.server().url == fake.url
        assert "127.0.0.1:9" in factory.server("http://127.0.0.1:9").url
