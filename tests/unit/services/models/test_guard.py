"""Who fetches a model, what is looked at before, and what a download of our own keeps and shows."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.loopback_registry import LoopbackRegistry
from fakes.systems import needs_colons
from wattlight.catalog.download import Puller
from wattlight.catalog.installed import lying_in
from wattlight.catalog.registry import Registry, ShapeCache
from wattlight.domain.pulls import PullState, QueuedPull
from wattlight.domain.state import InstalledModel
from wattlight.runtime import OllamaServer
from wattlight.services.models import PullGuard
from wattlight.services.models import guard as guard_module
from wattlight.web import RateLimit, Web

WEIGHTS = bytes(range(256)) * 4096 * 3


class FolderServer:
    """Lists what lies in a folder, as a server that keeps its models there."""

    url = "http://127.0.0.1:1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def installed(self, _cancel: object = None) -> tuple[InstalledModel, ...]:
        return tuple(InstalledModel(name, digest, 1) for name, digest in lying_in(self.folder).items())

    def pull(self, model: str, _cancel: object = None) -> Iterator[PullState]:
        self.asked.append(model)
        yield PullState(model, "success", done=True)


@pytest.fixture(autouse=True)
def _as_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries here have ports of their own; what Windows makes of that has a test of its own."""
    monkeypatch.setattr(guard_module, "COLON_REFUSED", False)


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    for name in ("blobs", "manifests"):
        (made / name).mkdir(parents=True)
    return made


def guarded(folder: Path, tmp_path: Path, ours: bool = True) -> PullGuard:
    web = Web({})
    asked = Registry(ShapeCache(tmp_path / "shapes"), web)
    return PullGuard(
        lambda _: (folder,), Puller(web), asked, is_ours=lambda _: ours, awake=lambda _: nullcontext()
    )


def run(guard: PullGuard, server: Any, pull: QueuedPull, **more: Any) -> tuple[Any, list[PullState]]:
    seen: list[PullState] = []
    return guard.run(server, pull, seen.append, more.pop("cancel", threading.Event()), **more), seen


@needs_colons
def test_into_a_folder_of_ours_we_fetch_ourselves(
    registry: LoopbackRegistry, folder: Path, tmp_path: Path
) -> None:
    name, server = registry.add("tiny", WEIGHTS), FolderServer(folder)
    problem, seen = run(guarded(folder, tmp_path), server, QueuedPull(name))
    assert problem is None and seen[-1].done
    assert server.asked == []
    assert all(state.by_us for state in seen if state.completed_bytes)
    assert list(lying_in(folder)) == [name]
    # now the list and the folder say the same, so it is his folder whoever started him
    other = registry.add("other", WEIGHTS[::-1])
    assert run(guarded(folder, tmp_path, ours=False), server, QueuedPull(other))[0] is None
    assert server.asked == []


@needs_colons
def test_where_it_is_not_sure_whose_folder_it_is_the_server_fetches(
    registry: LoopbackRegistry, folder: Path, tmp_path: Path
) -> None:
    name, server = registry.add("tiny", WEIGHTS), FolderServer(folder)
    guard = guarded(folder, tmp_path, ours=False)
    assert guard.own_folder(server, name) is None, "both empty proves nothing"  # type: ignore[arg-type]
    run(guarded(folder, tmp_path), server, QueuedPull(name))
    assert guard.own_folder(server, name) == folder  # type: ignore[arg-type]
    server.folder = tmp_path / "elsewhere"
    assert guard.own_folder(server, name) is None, "it lists nothing of what lies here"  # type: ignore[arg-type]
    server.folder = folder
    assert guard.own_folder(server, "gpt-oss:120b-cloud") is None  # type: ignore[arg-type]


@needs_colons
def test_a_limit_counts_at_once_and_a_stop_keeps_the_parts(
    registry: LoopbackRegistry, folder: Path, tmp_path: Path
) -> None:
    name, server, guard = registry.add("tiny", WEIGHTS), FolderServer(folder), guarded(folder, tmp_path)
    limit, cancel, seen = RateLimit(200_000), threading.Event(), []

    def publish(state: PullState) -> None:
        seen.append(state)
        if state.completed_bytes > 200_000:
            limit.bytes_per_s = 2_000_000
        if state.completed_bytes > 700_000:
            cancel.set()

    assert guard.run(server, QueuedPull(name), publish, cancel, limit) is None  # type: ignore[arg-type]
    assert lying_in(folder) == {}
    had = max(state.completed_bytes for state in seen)
    problem, again = run(guard, server, QueuedPull(name, completed_bytes=had))
    assert problem is None
    assert min(state.completed_bytes for state in again if not state.done) >= had


def test_a_source_that_is_nearer(registry: LoopbackRegistry, folder: Path, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    copy = tmp_path / "copy"
    (copy / "blobs").mkdir(parents=True)
    server = FolderServer(folder)
    wrong = run(guarded(folder, tmp_path), server, QueuedPull(name, source="nowhere at all"))[0]
    assert wrong.code == "bad_source"
    assert run(guarded(folder, tmp_path), server, QueuedPull(name, source=str(copy)))[0] is None, "lacks all"


@pytest.fixture
def theirs(fake: FakeOllama, server: OllamaServer, registry: LoopbackRegistry) -> tuple[OllamaServer, str]:
    """A server in another folder, and a model that it can pull."""
    name = registry.add("tiny", WEIGHTS)
    fake.offer(name, size=len(WEIGHTS))
    fake.install("proof-of-another-folder")
    return server, name


def test_fault_12_no_room_is_said_before_anything_is_fetched(
    theirs: tuple[OllamaServer, str],
    fake: FakeOllama,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, name = theirs
    monkeypatch.setattr("wattlight.services.models.guard._free_bytes", lambda _: 2_000_000)
    guard = guarded(folder, tmp_path, ours=False)
    problem, _ = run(guard, server, QueuedPull(name))
    assert problem.code == "no_room"
    assert "3.1 MB more on the disk, but only 2.0 MB are free" in problem.message
    assert not any(request.path == "/api/pull" for request in fake.requests)
    # what the server keeps of it needs no room a second time
    blob = folder / "blobs" / ("sha256-" + sha256(WEIGHTS).hexdigest() + "-partial")
    blob.write_bytes(WEIGHTS[:1_400_000])
    with blob.open("r+b") as stream:
        stream.truncate(len(WEIGHTS))
    needed = guard.needed(server, name)
    assert needed is not None and needed.need_bytes < 1_800_000 < needed.whole_bytes
    assert run(guard, server, QueuedPull(name))[0] is None


def test_its_whole_size_is_known_from_the_first_moment(
    theirs: tuple[OllamaServer, str], folder: Path, tmp_path: Path
) -> None:
    server, name = theirs
    _, seen = run(guarded(folder, tmp_path, ours=False), server, QueuedPull(name))
    totals = {state.total_bytes for state in seen if state.total_bytes}
    assert len(totals) == 1 and totals.pop() >= len(WEIGHTS)
    assert not any(state.by_us for state in seen)


def test_a_registry_that_we_cannot_reach_stops_nobody(
    fake: FakeOllama, server: OllamaServer, folder: Path, tmp_path: Path
) -> None:
    name = "127.0.0.1:9/library/far"
    fake.offer(name, size=1000)
    assert run(guarded(folder, tmp_path, ours=False), server, QueuedPull(name))[0] is None


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [(404, "unknown_model", False), (403, "sign_in", False), (429, "registry_busy", True)],
)
def test_what_a_registry_refuses_of_our_own_download(
    registry: LoopbackRegistry, folder: Path, tmp_path: Path, status: int, code: str, again: bool
) -> None:
    from wattlight.services.models.pull_queue import BUSY

    name, server = registry.add("tiny", WEIGHTS), FolderServer(folder)
    registry.faults.manifest_status = status
    problem, seen = run(guarded(folder, tmp_path), server, QueuedPull(name))
    assert problem.code == code and seen[-1].error == str(problem)
    assert (code in BUSY) is again
    assert lying_in(folder) == {}


def test_on_windows_a_model_of_a_registry_with_a_port_is_refused_before_anything_is_fetched(
    registry: LoopbackRegistry, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its manifest would lie below a folder HOST:PORT."""
    monkeypatch.setattr(guard_module, "COLON_REFUSED", True)
    name, server = registry.add("tiny", WEIGHTS), FolderServer(folder)
    problem, seen = run(guarded(folder, tmp_path), server, QueuedPull(name))
    assert problem is not None and problem.code == "port_in_name"
    assert "registry at a port of its own" in (seen[-1].error or "")
    assert (registry.requests, server.asked) == ([], [])
    server.url = "http://192.168.1.9:11434"
    run(guarded(folder, tmp_path, ours=False), server, QueuedPull(name))
    assert server.asked == [name], "another computer has a system of its own"
