"""A copy that is nearer, in every form that people have one; and what a registry's pass may be asked from."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event

import pytest

from fakes.loopback_registry import LoopbackRegistry
from fakes.scripted_server import Line, ScriptedServer
from wattlight.catalog.download import Puller, read_place
from wattlight.catalog.installed import blob_file, local_manifest
from wattlight.catalog.registry import ModelPages, RegistryProblem, read_address
from wattlight.domain.values import Problem
from wattlight.web import Web

WEIGHTS = random.Random(9).randbytes(2_000_001)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def share(folder: Path) -> Iterator[str]:
    """A folder over HTTP as Python's own server gives it: without ranges."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as registry:
        yield registry


@pytest.fixture
def near(registry: LoopbackRegistry, tmp_path: Path) -> Path:
    """The models folder of another computer."""
    name = registry.add("tiny", WEIGHTS)
    list(Puller(Web(os.environ)).pull(name, tmp_path / "near", Event()))
    return tmp_path / "near"


def pulled(registry: LoopbackRegistry, folder: Path, place: str) -> int:
    """Pull the model with a copy at hand; how many bytes the registry gave nevertheless."""
    name, before = registry.add("tiny", WEIGHTS), registry.sent_bytes
    assert list(Puller(Web(os.environ)).pull(name, folder, Event(), source=read_place(place)))[-1].done
    manifest = local_manifest(folder, read_address(name))
    assert manifest is not None
    assert blob_file(folder, manifest.of_kind("model")[0].digest).read_bytes() == WEIGHTS
    return registry.sent_bytes - before


def test_a_share_of_the_folder(registry: LoopbackRegistry, near: Path, tmp_path: Path) -> None:
    with share(near) as url:
        assert pulled(registry, tmp_path / "here", url) == 0


def test_a_share_of_the_blobs_alone(registry: LoopbackRegistry, near: Path, tmp_path: Path) -> None:
    with share(near / "blobs") as url:
        assert pulled(registry, tmp_path / "here", url + "/") == 0


def test_the_folder_itself_by_each_of_its_names(
    registry: LoopbackRegistry, near: Path, tmp_path: Path
) -> None:
    assert pulled(registry, tmp_path / "one", str(near)) == 0
    assert pulled(registry, tmp_path / "two", str(near / "blobs")) == 0


def test_another_registry(registry: LoopbackRegistry, tmp_path: Path) -> None:
    with LoopbackRegistry() as mirror:
        mirror.add("tiny", WEIGHTS)
        assert pulled(registry, tmp_path, f"http://127.0.0.1:{mirror.port}") == 0
        assert mirror.sent_bytes >= len(WEIGHTS)


def test_one_that_lies_breaks_off_or_is_gone_costs_nothing_but_time(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    with LoopbackRegistry() as mirror:
        mirror.add("tiny", WEIGHTS)
        url = f"http://127.0.0.1:{mirror.port}"
        mirror.faults.wrong_bytes = True
        assert pulled(registry, tmp_path / "lies", url) > len(WEIGHTS)
        mirror.faults.wrong_bytes = False
        mirror.faults.cut_after = 500_000
        assert pulled(registry, tmp_path / "breaks", url) < len(WEIGHTS)
    assert pulled(registry, tmp_path / "gone", url) > len(WEIGHTS)


@pytest.mark.parametrize(
    "place", ["", "ftp://here", "nowhere/at/all", "http://", "http://a/?x=1", "http://u:p@a"]
)
def test_what_is_no_place_is_refused(place: str) -> None:
    with pytest.raises(Problem) as caught:
        read_place(place)
    assert caught.value.code == "bad_source"
    assert "u:p" not in str(caught.value)


def pages(name: str) -> ModelPages:
    return ModelPages(Web(os.environ), read_address(name))


def test_a_token_is_asked_for_once_and_goes_to_the_registry_alone(registry: LoopbackRegistry) -> None:
    name = registry.add("tiny", b"x" * 5000)
    registry.faults.token = "secret"
    asked = pages(name)
    asked.manifest(100_000)
    asked.manifest(100_000)
    manifest = asked.manifest(100_000)
    assert manifest == registry.manifest("tiny")
    assert [path for _, _, path in registry.requests if path.startswith("/token")] == [
        "/token?service=made+up&scope=pull"
    ]
    assert registry.leaked == []


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Basic realm=x",
        'Bearer realm="http://example.invalid/token"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://user:word@example.invalid/"',
        'Bearer service="no realm"',
        "Bearer " + "x" * 9000,
    ],
)
def test_a_challenge_that_leads_elsewhere_or_nowhere_is_a_refusal(challenge: str) -> None:
    head = f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n".encode()

    def answer(line: Line) -> None:
        line.request()
        line.send(head)

    with ScriptedServer(answer) as server, pytest.raises(RegistryProblem) as caught:
        pages(f"127.0.0.1:{server.port}/library/tiny").manifest(1000)
    assert caught.value.code == "sign_in"
