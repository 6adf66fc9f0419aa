"""``wattlight fit``: document against its schema, another computer, every kind of answer and mistake."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes import fit_truth, gguf_writer
from fakes.blob_registry import BlobRegistry
from wattlight.catalog.installed import InstalledModels
from wattlight.catalog.registry import Registry, RegistryProblem, ShapeCache
from wattlight.catalog.shipped import load_catalog
from wattlight.cli import run
from wattlight.domain.advice import estimate_shape
from wattlight.domain.fit import Confidence
from wattlight.domain.state import RunningModel
from wattlight.domain.values import Device, MachineProfile, Problem
from wattlight.i18n import activate
from wattlight.paths import Places
from wattlight.services.shapes import FoundShape, ShapeFinder, Source
from wattlight.settings import Settings
from wattlight.web import Web

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "desktop" / "schemas" / "fit.json").read_text(encoding="utf-8"))
GIB = 1 << 30


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


class Server:
    def __init__(self, running: tuple[RunningModel, ...] | None) -> None:
        self._running = running

    def running(self) -> tuple[RunningModel, ...]:
        if self._running is None:
            raise Problem("No server.", "Start one.")
        return self._running


class Shop:
    """A workshop on a desktop with one 8 GiB card."""

    def __init__(
        self, root: Path, running: tuple[RunningModel, ...] | None = None, free_gib: float = 7.5
    ) -> None:
        self.environ: dict[str, str] = {}
        self.places = Places(root, root, root, root, root)
        self._server = Server(running)
        self._free = int(free_gib * GIB)

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()

    def server(self, host: str | None = None) -> Server:
        return self._server

    def machine_profile(self) -> MachineProfile:
        card = Device("g", "RTX 3070", "cuda", 8 * GIB, self._free, bandwidth_gbs=448)
        return MachineProfile("desk", "linux", 32 * GIB, 24 * GIB, devices=(card,))

    def shape_finder(self) -> ShapeFinder:
        cache = ShapeCache(self.places.cache / "shapes")
        installed = InstalledModels((self.places.data / "models",), cache)
        return ShapeFinder(installed, Registry(cache, Web({})), self._listed)

    def _listed(self, name: str) -> FoundShape | None:
        if not name.endswith("known:8b"):
            return None
        shape = fit_truth.shape("llama31-8b")
        return FoundShape(name, shape, Source.CATALOGUE, Confidence.MEDIUM, date(2026, 8, 21))


def call(words: list[str], shop: Shop) -> tuple[int, str]:
    out = io.StringIO()
    code = run(["fit", *words], shop, out)  # type: ignore[arg-type]
    return code, out.getvalue()


def document(words: list[str], shop: Shop) -> dict[str, Any]:
    code, text = call([*words, "--json"], shop)
    found: dict[str, Any] = json.loads(text)
    assert code == 0, found
    jsonschema.validate(found, SCHEMA)
    return found


def write(root: Path, model: str) -> str:
    path = root / f"{model}.gguf"
    gguf_writer.write_sparse(fit_truth.raw_shapes()[model], path, vocabulary=1000)
    return str(path)


def machine(root: Path, **changes: Any) -> str:
    profile = {
        "schema": 1,
        "name": "other",
        "ram_total_bytes": 64 * GIB,
        "ram_available_bytes": 56 * GIB,
    } | changes
    path = root / "machine.json"
    path.write_text(json.dumps(profile))
    return str(path)


def card(gib: int, name: str = "card") -> dict[str, Any]:
    free = gib * GIB - (500 << 20)
    return {
        "id": name,
        "name": name,
        "backend": "cuda",
        "memory_total_bytes": gib * GIB,
        "memory_free_bytes": free,
    }


@pytest.mark.parametrize("model", sorted(fit_truth.raw_shapes()))
def test_every_shape_gives_a_sound_document(tmp_path: Path, model: str) -> None:
    answer = document([write(tmp_path, model), "--context", "4096"], Shop(tmp_path))
    assert answer["source"] == "file"
    assert answer["confidence"] == "high" or answer["verdict"] == "partial_gpu"
    parts = [sum(v for k, v in use.items() if k != "name") for use in answer["devices"]]
    assert answer["gpu_bytes"] == sum(parts)
    assert answer["host_bytes"] == sum(answer["host"].values())
    assert 0 <= answer["layers_on_gpu"] <= answer["layers_total"]


def test_every_option(tmp_path: Path) -> None:
    words = [
        write(tmp_path, "llama31-8b"),
        "--machine",
        machine(tmp_path, devices=[card(24, "a"), card(24, "b")]),
    ]
    words += ["--context", "8192", "--kv-type", "q8_0", "--parallel", "2", "--batch", "256"]
    answer = document([*words, "--flash-attention", "on", "--gpu-layers", "20", "--spread"], Shop(tmp_path))
    assert (answer["batch"], answer["kv_type"], answer["parallel"]) == (256, "q8_0", 2)
    assert (answer["layers_on_gpu"], answer["verdict"]) == (20, "partial_gpu")
    assert [use["name"] for use in answer["devices"]] == ["a", "b"]
    assert answer["machine"] == "other"


def test_it_does_not_fit_is_an_answer(tmp_path: Path) -> None:
    words = [
        write(tmp_path, "llama33-70b"),
        "--machine",
        machine(tmp_path, ram_total_bytes=16 * GIB, ram_available_bytes=6 * GIB),
    ]
    answer = document(words, Shop(tmp_path))
    assert answer["verdict"] == "no"
    assert answer["largest_full_gpu_context"] == {"f16": None, "q8_0": None, "q4_0": None}
    assert answer["tokens_per_second"]["mid"] is None
    code, text = call(words, Shop(tmp_path))
    assert code == 0
    assert "does not fit" in text


def test_the_largest_context_by_cache_type(tmp_path: Path) -> None:
    found = document([write(tmp_path, "llama31-8b")], Shop(tmp_path))["largest_full_gpu_context"]
    assert found["f16"] < found["q8_0"] < found["q4_0"]


def test_a_longer_context_than_trained_is_cut(tmp_path: Path) -> None:
    answer = document([write(tmp_path, "gemma2-9b"), "--context", "32768"], Shop(tmp_path))
    assert (answer["context"], answer["context_asked"]) == (8192, 32768)
    assert any("trained for 8,192 tokens" in reason for reason in answer["reasons"])


def test_the_difference_to_what_the_server_reports_is_said(tmp_path: Path) -> None:
    words = [
        write(tmp_path, "gemma3-12b"),
        "--context",
        "32768",
        "--machine",
        machine(tmp_path, devices=[card(24)]),
    ]
    answer = document(words, Shop(tmp_path))
    assert answer["reported_vram_bytes"] < answer["gpu_bytes"] - GIB
    assert any("the server will report" in reason for reason in answer["reasons"])


@pytest.fixture
def registry() -> Iterator[BlobRegistry]:
    with BlobRegistry() as fake:
        yield fake


def test_a_name_from_a_registry(tmp_path: Path, registry: BlobRegistry) -> None:
    raw = fit_truth.raw_shapes()["llama31-8b"]
    header = gguf_writer.header(raw, vocabulary=1000)
    name = registry.add("llama", header, len(header) + gguf_writer.data_size(raw))
    answer = document([name, "--context", "8192"], Shop(tmp_path))
    assert (answer["source"], answer["verdict"], answer["confidence"]) == ("registry", "full_gpu", "high")


def test_without_network_the_catalogue_answers_with_its_date(tmp_path: Path) -> None:
    with BlobRegistry() as gone:
        port = gone.port()
    name = f"127.0.0.1:{port}/library/known:8b"
    answer = document([name], Shop(tmp_path))
    assert (answer["source"], answer["catalogue_date"]) == ("catalogue", "2026-08-21")
    assert answer["confidence"] == "medium"
    code, text = call([name], Shop(tmp_path))
    assert code == 0
    assert "Aug 21, 2026" in text
    assert "cannot be reached" in text


@pytest.mark.parametrize("code", ["proxy", "tls", "offline", "registry_busy"])
def test_whatever_keeps_the_registry_away_the_catalogue_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RegistryProblem("It is kept away.", "Look at the network.", code)

    monkeypatch.setattr(Registry, "shape", refuse)
    exit_code, text = call(["127.0.0.1:9/library/known:8b"], Shop(tmp_path))
    assert exit_code == 0
    assert "It is kept away." in text and "Aug 21, 2026" in text


def test_a_rounded_size_and_another_models_shape_are_said(tmp_path: Path) -> None:
    class Listed(Shop):
        def _listed(self, name: str) -> FoundShape | None:
            match = load_catalog().find(name.rpartition("/")[2])
            assert match is not None and match.entry.layout is not None
            estimate = estimate_shape(match.entry, match.tag, match.entry.layout)
            return FoundShape(name, estimate.shape, Source.CATALOGUE, estimate.confidence, date(2026, 8, 21))

    with BlobRegistry() as gone:
        port = gone.port()
    name = f"127.0.0.1:{port}/library/starling-lm:7b"
    answer = document([name], Listed(tmp_path))
    assert (answer["size_exact"], answer["stand_in"]) == (False, "mistral:7b")
    assert answer["tokens_per_second"]["confidence"] in {"medium", "low"}
    assert any("mistral:7b" in reason for reason in answer["reasons"])
    _, text = call([name], Listed(tmp_path))
    assert "~3." in text and "mistral:7b" in text


def test_a_loaded_model_in_the_way_is_counted_apart(tmp_path: Path) -> None:
    loaded = (RunningModel("other:7b", "d", 5 * GIB, 5 * GIB),)
    answer = document(
        [write(tmp_path, "llama31-8b"), "--context", "4096"], Shop(tmp_path, loaded, free_gib=2.5)
    )
    assert answer["verdict"] == "partial_gpu"
    assert answer["if_unloaded"]["models"] == ["other:7b"]
    assert answer["if_unloaded"]["verdict"] == "full_gpu"
    text = call([write(tmp_path, "llama31-8b"), "--context", "4096"], Shop(tmp_path, loaded, free_gib=2.5))[1]
    assert "With other:7b unloaded: all on GPU." in text


def test_text_for_a_person(tmp_path: Path) -> None:
    code, text = call([write(tmp_path, "llama31-8b"), "--context", "8192"], Shop(tmp_path))
    assert code == 0
    assert "all on GPU" in text
    assert "33 of 33" in text
    assert "tokens/s" in text
    assert "GiB" in text
    assert not [line for line in text.splitlines() if len(line) > 200]


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "ends within"), (b"PK\x03\x04" * 9, "packed file"), (None, "cannot be read")]
)
def test_files_that_are_no_models(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "bad.gguf"
    if content is not None:
        path.write_bytes(content)
    code, text = call([str(path), "--json"], Shop(tmp_path))
    error = json.loads(text)["error"]
    assert code == 1
    assert words in error["message"]
    assert error["next"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["m", "--context", "0"],
        ["m", "--context", "many"],
        ["m", "--kv-type", "q3"],
        ["m", "--parallel", "-1"],
        ["m", "--gpu-layers", "-5"],
        ["m", "--flash-attention", "maybe"],
        ["m", "n"],
    ],
)
def test_wrong_use(tmp_path: Path, words: list[str]) -> None:
    code, text = call([*words, "--json"], Shop(tmp_path))
    assert code == 2
    assert json.loads(text)["error"]["code"] == "wrong_use"


def seeing(folder: Path, architecture: str, **kv: int) -> str:
    raw = fit_truth.raw_shapes()["tiny-llama"]
    named = {key.replace("llama.", f"{architecture}."): item for key, item in raw["kv"].items()}
    named |= {"general.architecture": architecture, **{f"{architecture}.{key}": n for key, n in kv.items()}}
    gguf_writer.write_sparse({**raw, "kv": named}, folder / f"{architecture}.gguf")
    return str(folder / f"{architecture}.gguf")


def test_a_projector_is_counted_where_it_is_given(tmp_path: Path) -> None:
    model, shop = seeing(tmp_path, "qwen3vl"), Shop(tmp_path)
    words = [model, "--context", "4096"]
    answer = document(words, shop)
    assert answer["projector_bytes"] == 0
    assert any("a file of its own" in said for said in answer["reasons"])
    tensors = [("v.patch_embd.weight", [1024, 1024], "F16")]
    mmproj = tmp_path / "vision-mmproj-F16.gguf"
    size = gguf_writer.write_sparse({"kv": {"general.architecture": "clip"}, "tensors": tensors}, mmproj)
    assert any("vision-mmproj-F16.gguf lies beside it" in said for said in document(words, shop)["reasons"])
    answer = document([*words, "--projector", str(mmproj)], shop)
    assert answer["projector_bytes"] == size and not any("not counted" in said for said in answer["reasons"])
    assert answer["needed_bytes"] == answer["gpu_bytes"] + answer["host_bytes"] + size
    code, text = call([*words, "--projector", model, "--json"], shop)
    assert code == 1 and "holds no projector" in json.loads(text)["error"]["message"]


def test_a_model_that_does_not_see_needs_no_projector(tmp_path: Path) -> None:
    for file in (seeing(tmp_path, "gemma3", block_count=26), seeing(tmp_path, "qwen3")):
        answer = document([file, "--context", "4096"], Shop(tmp_path))
        assert not any("projector" in said for said in answer["reasons"])


def test_nothing_is_called_asked_that_was_not(tmp_path: Path) -> None:
    model = write(tmp_path, "llama31-8b")
    words = [model, "--machine", machine(tmp_path, devices=[card(48)])]
    answer = document(words, Shop(tmp_path))
    assert (answer["context_asked"], answer["context_source"]) == (None, "server_default")
    _, text = call(words, Shop(tmp_path))
    assert "(asked" not in text and "the server's default" in text
    small = [model, "--machine", machine(tmp_path, devices=[card(6)], server={"context_length": 60000})]
    _, text = call(small, Shop(tmp_path))
    assert text.splitlines()[0].startswith(f"{model} on other: all on GPU up to "), "what fits comes first"


def test_models_that_are_loaded_before_it(tmp_path: Path) -> None:
    """Two small ones fit one card together; the larger card is needed for two large ones."""
    words = ["known:8b", "--with", "known:8b", "--context", "4096", "--machine"]
    big = machine(tmp_path, devices=[card(48)])
    found = document([*words, big], Shop(tmp_path))["together"]
    assert found["fits"]
    assert [item["room"] for item in found["models"]] == ["fits", "fits"]
    assert found["used_bytes"] < found["total_bytes"] == 48 * GIB
    code, text = call([*words, big], Shop(tmp_path))
    assert code == 0
    assert "known:8b and known:8b fit together: " in text
    assert " of 48.0 GiB." in text
    small = machine(tmp_path, devices=[card(8)])
    found = document([*words, small], Shop(tmp_path))["together"]
    assert not found["fits"]
    assert found["models"][1]["room"] == "partly"
    text = call([*words, small], Shop(tmp_path))[1]
    assert "known:8b does not fit beside known:8b: Ollama unloads what it needs room for." in text
    assert "are missing." in text
    none = document(["known:8b", "--machine", big], Shop(tmp_path))
    assert none["together"] is None


def test_one_before_it_that_is_not_known_is_one_sentence(tmp_path: Path) -> None:
    code, text = call(["known:8b", "--with", str(tmp_path / "gone.gguf")], Shop(tmp_path))
    assert code != 0
    assert "Traceback" not in text
