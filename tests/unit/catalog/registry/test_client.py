"""Headers before the download: one ranged request, hung up in time, redirects and lies refused."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import draft_models, fit_truth, gguf_writer
from fakes.blob_registry import BlobRegistry
from wattlight.catalog.gguf import BadModelFile
from wattlight.catalog.registry import (
    Registry,
    RegistryProblem,
    RegistryUnreachable,
    ShapeCache,
)
from wattlight.web import Web

RAW = fit_truth.raw_shapes()["llama31-8b"]
HEADER = gguf_writer.header(RAW, vocabulary=60_000)
SIZE = len(HEADER) + gguf_writer.data_size(RAW)


@pytest.fixture
def fake() -> Iterator[BlobRegistry]:
    with BlobRegistry() as registry:
        yield registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(ShapeCache(tmp_path / "shapes"), Web(os.environ))


def blob_requests(fake: BlobRegistry) -> list[str]:
    return [r.server for r in fake.requests if "Range" in r.headers]


def test_a_header_is_read_from_storage_and_the_line_hung_up(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("llama", HEADER, SIZE, {"model_family": "llama", "file_type": "Q4_K_M"})
    shape = registry.shape(name)
    assert shape.tensors == fit_truth.shape("llama31-8b").tensors
    assert shape.file_bytes == SIZE
    assert shape.family == "llama"
    assert registry.described(name)[1].file_type == "Q4_K_M"
    assert blob_requests(fake) == ["registry", "storage"]
    assert fake.sent_bytes < 32 << 20


def test_nothing_that_could_authorise_goes_to_storage(fake: BlobRegistry, registry: Registry) -> None:
    registry.shape(fake.add("llama", HEADER, SIZE))
    for request in fake.requests:
        assert not {"authorization", "cookie"} & {key.lower() for key in request.headers}


def test_the_second_time_the_cache_answers(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("llama", HEADER, SIZE)
    first = registry.shape(name)
    fake.requests.clear()
    assert registry.shape(name) == first
    assert blob_requests(fake) == []


@pytest.mark.parametrize("damage", [b"", b"junk", b"x\x9c"])
def test_a_damaged_cache_file_is_as_if_absent(
    fake: BlobRegistry, registry: Registry, tmp_path: Path, damage: bytes
) -> None:
    name = fake.add("llama", HEADER, SIZE)
    first = registry.shape(name)
    for path in (tmp_path / "shapes").iterdir():
        path.write_bytes(damage)
    assert registry.shape(name) == first


def test_every_host_that_is_asked_is_told_once(fake: BlobRegistry, tmp_path: Path) -> None:
    hosts: list[str] = []
    asking = Registry(ShapeCache(tmp_path / "s"), Web({}, on_host=hosts.append))
    asking.shape(fake.add("llama", HEADER, SIZE))
    asked = list(dict.fromkeys(r.headers.get("Host", "").rpartition(":")[0] for r in fake.requests))
    assert hosts == asked
    assert hosts


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect(fake: BlobRegistry, registry: Registry, status: int) -> None:
    fake.conduct.redirect_status = status
    assert registry.shape(fake.add("llama", HEADER, SIZE)).architecture == "llama"


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://example.invalid/x",
        "http://127.example.invalid/x",
        "",
        "http://[",
        "https://127.0.0.1:1:1/",
        "data:text/plain,x",
    ],
)
def test_redirects_that_are_not_followed(fake: BlobRegistry, registry: Registry, target: str) -> None:
    name = fake.add("llama", HEADER, SIZE)
    fake.conduct.redirect_to = target
    with pytest.raises(RegistryProblem, match=r"cannot be followed|not answer properly"):
        registry.shape(name)


def test_a_registry_that_serves_by_itself(fake: BlobRegistry, registry: Registry) -> None:
    fake.conduct.direct = True
    registry.shape(fake.add("llama", HEADER, SIZE))
    assert blob_requests(fake) == ["registry"]


def test_a_server_that_ignores_the_range_is_cut_off(fake: BlobRegistry, registry: Registry) -> None:
    fake.conduct.ignore_range = True
    assert registry.shape(fake.add("llama", HEADER, SIZE)).file_bytes == SIZE
    assert fake.sent_bytes < 32 << 20


def test_another_part_of_the_file(fake: BlobRegistry, registry: Registry) -> None:
    fake.conduct.wrong_part = True
    with pytest.raises(RegistryProblem, match="another part"):
        registry.shape(fake.add("llama", HEADER, SIZE))


def test_a_packed_answer(fake: BlobRegistry, registry: Registry) -> None:
    fake.conduct.packed = True
    with pytest.raises(RegistryProblem, match="compresses"):
        registry.shape(fake.add("llama", HEADER, SIZE))


def test_redirects_in_a_circle(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("llama", HEADER, SIZE)
    fake.conduct.loops = True
    with pytest.raises(RegistryProblem, match="without end"):
        registry.shape(name)


def test_a_header_that_never_ends(fake: BlobRegistry, registry: Registry) -> None:
    start = b"GGUF" + (3).to_bytes(4, "little") + (9).to_bytes(8, "little") * 2
    start += (1).to_bytes(8, "little") + b"k" + (9).to_bytes(4, "little")
    start += (8).to_bytes(4, "little") + (1 << 26).to_bytes(8, "little")
    fake.conduct.ignore_range = True
    fake.conduct.endless = b"\1" + b"\0" * 7 + b"x"
    started = time.process_time()
    with pytest.raises(BadModelFile, match="does not end"):
        registry.shape(fake.add("endless", start, 1 << 40))
    assert time.process_time() - started < 4


def test_a_manifest_that_lies_about_the_size(fake: BlobRegistry, registry: Registry) -> None:
    with pytest.raises(BadModelFile, match="tensors need"):
        registry.shape(fake.add("small", HEADER, len(HEADER) + 1000))


def test_projector_and_adapters_are_counted(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("seeing", HEADER, SIZE, extra=(("projector", b"p" * 500), ("adapter", b"a" * 70)))
    shape = registry.shape(name)
    assert (shape.projector_bytes, shape.adapter_bytes, shape.vision) == (500, 70, True)


def test_a_cloud_stub(fake: BlobRegistry, registry: Registry) -> None:
    config = {"remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"}
    with pytest.raises(RegistryProblem, match="takes no memory here"):
        registry.shape(fake.add("cloud", b"", 0, config, kind="license"))


def test_a_safetensors_build(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("mlx", b"t" * 5000, 5000, {"model_format": "safetensors"}, kind="tensor")
    with pytest.raises(RegistryProblem, match="MLX"):
        registry.shape(name)


def test_an_unknown_model(fake: BlobRegistry, registry: Registry) -> None:
    with pytest.raises(RegistryProblem, match="has no model"):
        registry.shape(f"127.0.0.1:{fake.port()}/library/none:7b")


@pytest.mark.parametrize(
    ("status", "words"), [(401, "sign in"), (403, "sign in"), (429, "no more requests"), (500, "500")]
)
def test_answers_that_are_errors(fake: BlobRegistry, registry: Registry, status: int, words: str) -> None:
    name = fake.add("llama", HEADER, SIZE)
    fake.conduct.manifest_status = status
    with pytest.raises(RegistryProblem, match=words):
        registry.shape(name)


BAD_MANIFESTS: list[Any] = [
    b"",
    b"[]",
    b"{" * 100_000,
    {"layers": 4},
    {"layers": [1]},
    {"layers": [{"mediaType": "m", "digest": "sha256:../../x", "size": 1}]},
    {"layers": [{"mediaType": "m", "digest": "sha256:" + "a" * 64, "size": -1}]},
    {"layers": [{"mediaType": "m", "digest": "sha256:" + "a" * 64, "size": 1 << 60}]},
    {"layers": [{"mediaType": 7, "digest": "sha256:" + "a" * 64, "size": 1}]},
    {"layers": [{"digest": "x"}] * 30_000},
]


@pytest.mark.parametrize("manifest", BAD_MANIFESTS, ids=range(len(BAD_MANIFESTS)))
def test_manifests_that_make_no_sense(fake: BlobRegistry, registry: Registry, manifest: Any) -> None:
    raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    with pytest.raises(RegistryProblem, match="makes no sense"):
        registry.shape(fake.add_manifest("bad", raw))


def test_a_manifest_without_end(fake: BlobRegistry, registry: Registry) -> None:
    with pytest.raises(RegistryProblem, match="far more"):
        registry.shape(fake.add_manifest("long", b" " * (5 << 20)))


def test_a_damaged_config(fake: BlobRegistry, registry: Registry) -> None:
    name = fake.add("llama", HEADER, SIZE)
    for digest, data in fake.content.blobs.items():
        if b"model_format" in data and len(data) < 1000:
            fake.content.blobs[digest] = data.replace(b"gguf", b"gguX")
    with pytest.raises(RegistryProblem, match="damaged"):
        registry.shape(name)


def test_no_server() -> None:
    with BlobRegistry() as gone:
        port = gone.port()
    with pytest.raises(RegistryUnreachable):
        Registry(ShapeCache(Path("unused")), Web(os.environ)).shape(f"127.0.0.1:{port}/library/x:1b")


def test_a_proxy_in_the_environment_is_not_used_on_this_computer(
    fake: BlobRegistry, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert registry.shape(fake.add("llama", HEADER, SIZE)).architecture == "llama"


@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:9", "http://127.0.0.1:{port}"])
def test_a_proxy_that_is_in_the_way_is_named(fake: BlobRegistry, proxy: str) -> None:
    asking = Registry(ShapeCache(Path("unused")), Web({"https_proxy": proxy.format(port=fake.port())}))
    with pytest.raises(RegistryProblem, match="proxy") as caught:
        asking.shape("registry.example/library/x:1b")
    assert caught.value.code == "proxy"


def test_a_draft_is_read_beside_its_model(fake: BlobRegistry, registry: Registry) -> None:
    draft = draft_models.raw_of(draft_models.dflash(layers=2, width=4096))
    data = gguf_writer.header(draft)
    file = data + b"\0" * gguf_writer.data_size(draft)
    extra = (("draft", file), ("params", b'{"temperature": 0.7, "draft_num_predict": 6, "stop": ["x"]}'))
    name = fake.add("llama", HEADER, SIZE, extra=extra)
    shape = registry.shape(name)
    assert shape.draft is not None
    assert shape.draft.architecture == "dflash"
    assert shape.draft.file_bytes == len(file)
    assert shape.draft_length == 6
    fake.requests.clear()
    assert registry.shape(name) == shape
    assert blob_requests(fake) == []


@pytest.mark.parametrize("said", ["{", "[]", "{}", '{"draft_num_predict": "x"}', '{"draft_num_predict": -2}'])
def test_parameters_that_say_nothing_of_a_draft(fake: BlobRegistry, registry: Registry, said: str) -> None:
    embedded = draft_models.raw_of(draft_models.tiny("qwen35moe"))
    data = gguf_writer.header(embedded)
    size = len(data) + gguf_writer.data_size(embedded)
    shape = registry.shape(fake.add("tiny", data, size, extra=(("params", said.encode()),)))
    assert (shape.draft, shape.draft_length) == (None, None)
    shape = registry.shape(fake.add("tiny", data, size, extra=(("params", b'{"draft_num_predict": 3.0}'),)))
    assert (shape.draft, shape.draft_length) == (None, 3)


def test_parameters_are_not_asked_for_without_anything_that_drafts(
    fake: BlobRegistry, registry: Registry
) -> None:
    name = fake.add("llama", HEADER, SIZE, extra=(("params", b'{"draft_num_predict": 4}'),))
    assert registry.shape(name).draft_length is None
    assert len([r for r in fake.requests if r.server == "registry"]) == 3
