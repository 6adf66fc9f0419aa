"""A pull of our own: whole, in parallel, slowed, stopped, continued, from a copy, and what is in the way."""

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fakes.loopback_registry import LoopbackRegistry
from fakes.systems import needs_letters
from wattlight.catalog.download import Puller, fetching, is_writable, parts
from wattlight.catalog.download.fetching import FIRST, Connections
from wattlight.catalog.installed import blob_file, local_manifest
from wattlight.catalog.registry import RegistryProblem, read_address
from wattlight.domain.pulls import PullState
from wattlight.domain.values import Problem
from wattlight.web import RateLimit, Web

WEIGHTS = random.Random(7).randbytes(3_000_001)


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as registry:
        yield registry


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WAITS_S", (0.01,))
    monkeypatch.setattr(parts, "CHUNK_BYTES", 500_000)
    monkeypatch.setattr(parts, "SPLIT_BYTES", 100_000)
    monkeypatch.setattr(parts, "PIECE_BYTES", 65_536)
    monkeypatch.setattr(fetching, "PIECE_BYTES", 65_536)


def pull(name: str, folder: Path, stop: Event | None = None, **more: Any) -> list[PullState]:
    patience_s = more.pop("patience_s", 2.0)
    return list(Puller(Web(os.environ), patience_s=patience_s).pull(name, folder, stop or Event(), **more))


def is_whole(name: str, folder: Path, weights: bytes = WEIGHTS) -> bool:
    """Whether the model lies there as a server wants it, and nothing else does."""
    manifest = local_manifest(folder, read_address(name))
    assert manifest is not None
    files = {layer.kind: blob_file(folder, layer.digest) for layer in manifest.layers}
    assert files["model"].read_bytes() == weights
    assert files["template"].read_bytes() == b"{{ .Prompt }}"
    return sorted(path.name for path in folder.iterdir()) == ["blobs", "manifests"]


def test_a_model_is_pulled_whole_and_as_the_registry_names_it(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    states = pull(name, tmp_path)
    assert is_whole(name, tmp_path)
    assert states[-1].done
    assert states[-1].completed_bytes == states[-1].total_bytes
    counts = [state.completed_bytes for state in states]
    assert counts == sorted(counts)
    file = tmp_path / "manifests" / f"127.0.0.1:{registry.port}" / "library" / "tiny" / "latest"
    assert file.read_bytes() == registry.manifest("tiny")
    asked = [path for _, _, path in registry.requests if path.startswith("/storage/")]
    assert len(asked) >= 6, "in ranges"


def test_what_is_there_is_not_fetched_again(registry: LoopbackRegistry, tmp_path: Path) -> None:
    pull(registry.add("one", WEIGHTS), tmp_path)
    before = registry.sent_bytes
    name = registry.add("two", WEIGHTS)
    assert pull(name, tmp_path)[-1].done
    assert is_whole(name, tmp_path)
    assert registry.sent_bytes - before < 1000


def test_a_file_of_that_name_with_other_bytes_is_fetched_anew(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    pull(name, tmp_path)
    manifest = local_manifest(tmp_path, read_address(name))
    assert manifest is not None
    damaged = blob_file(tmp_path, manifest.of_kind("model")[0].digest)
    damaged.write_bytes(WEIGHTS[:-1] + b"?")
    pull(name, tmp_path)
    assert is_whole(name, tmp_path)


class Interrupted:
    """Pulls, and stops when so many bytes are here."""

    def __init__(self, registry: LoopbackRegistry, folder: Path, name: str) -> None:
        self.registry, self.folder, self.name = registry, folder, name

    def until(self, have: int) -> PullState:
        stop = Event()
        state = PullState(self.name)
        self.registry.faults.bytes_per_s = 2e6
        for state in Puller(Web(os.environ)).pull(self.name, self.folder, stop):
            if state.completed_bytes >= have:
                stop.set()
        self.registry.faults.bytes_per_s = None
        return state


def test_a_stopped_pull_goes_on_from_what_it_has(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    interrupted = Interrupted(registry, tmp_path, name)
    assert interrupted.until(1_000_000).cancelled
    assert interrupted.until(2_000_000).cancelled
    assert local_manifest(tmp_path, read_address(name)) is None
    assert pull(name, tmp_path)[1].completed_bytes >= 1_900_000
    assert is_whole(name, tmp_path)


def test_a_pull_that_is_closed_keeps_what_came(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    registry.faults.bytes_per_s = 6e6
    states = Puller(Web(os.environ)).pull(name, tmp_path, Event())
    while next(states).completed_bytes < 1_000_000:
        pass
    states.close()
    registry.faults.bytes_per_s = None
    begun = pull(name, tmp_path)[1]
    assert begun.completed_bytes >= 900_000
    assert is_whole(name, tmp_path)


@pytest.mark.parametrize("journal", [b"", b"{", b'{"size": 3000001, "done": [[0, 99999999]]}', b"[" * 5000])
def test_a_torn_journal_costs_its_layer_only(
    registry: LoopbackRegistry, tmp_path: Path, journal: bytes
) -> None:
    name = registry.add("tiny", WEIGHTS)
    Interrupted(registry, tmp_path, name).until(1_000_000)
    (file,) = (tmp_path / "wattlight-parts").glob("sha256-*.json")
    file.write_bytes(journal)
    assert pull(name, tmp_path)[-1].done
    assert is_whole(name, tmp_path)


def test_a_journal_that_names_bytes_that_never_came_is_found_out(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    Interrupted(registry, tmp_path, name).until(1_000_000)
    (file,) = (tmp_path / "wattlight-parts").glob("sha256-*.json")
    document = json.loads(file.read_text())
    part = file.with_suffix(".part")
    os.truncate(part, len(WEIGHTS))
    file.write_text(json.dumps(document | {"done": [[0, 2_500_000]]}))
    assert pull(name, tmp_path)[-1].done
    assert is_whole(name, tmp_path)


def test_a_limit_holds_and_may_be_changed(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    limit = RateLimit(1e6)
    begun_s = time.monotonic()
    for state in Puller(Web(os.environ)).pull(name, tmp_path, Event(), limit):
        if state.completed_bytes > 1_000_000 and limit.bytes_per_s is not None:
            assert time.monotonic() - begun_s > 0.8
            limit.bytes_per_s = None
    assert time.monotonic() - begun_s < 2.8, "three seconds by the limit alone"
    assert is_whole(name, tmp_path)


FAULTS: dict[str, dict[str, Any]] = {
    "drops": {"cut_after": 70_000},
    "refuses for a while": {"blob_errors": [500, 502, 503, 429, 500]},
    "asks to come later": {"blob_errors": [429], "retry_after": "1"},
    "knows no ranges": {"ignore_range": True},
    "new ETag with each answer": {"new_etags": True},
    "a token, renewed on the way": {"token": "abc", "uses": 8},
    "one wrong answer": {"wrong_answers": 1},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_completes_though_the_registry(registry: LoopbackRegistry, tmp_path: Path, fault: str) -> None:
    name = registry.add("tiny", WEIGHTS)
    for key, value in FAULTS[fault].items():
        setattr(registry.faults, key, list(value) if isinstance(value, list) else value)
    assert pull(name, tmp_path)[-1].done
    assert is_whole(name, tmp_path)
    assert registry.leaked == []


def test_without_ranges_a_stopped_pull_keeps_its_beginning(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    registry.faults.ignore_range = True
    assert Interrupted(registry, tmp_path, name).until(1_000_000).cancelled
    assert pull(name, tmp_path)[1].completed_bytes >= 900_000
    assert is_whole(name, tmp_path)


ENDS: list[tuple[dict[str, Any], str]] = [
    ({"wrong_bytes": True}, "digest_mismatch"),
    ({"blob_status": 404}, "unknown_model"),
    ({"blob_status": 403}, "sign_in"),
    ({"blob_status": 503}, "registry_busy"),
    ({"blob_status": 429, "retry_after": "3600"}, "registry_busy"),
    ({"blob_status": 500}, "registry"),
    ({"cut_after": 0}, "offline"),
    ({"short_by": 1000}, "offline"),
    ({"manifest_status": 429}, "registry_busy"),
]


@pytest.mark.parametrize(("faults", "code"), ENDS)
def test_it_ends_clearly_when(
    registry: LoopbackRegistry, tmp_path: Path, faults: dict[str, Any], code: str
) -> None:
    kept = registry.add("kept", WEIGHTS[:9999])
    pull(kept, tmp_path)
    name = registry.add("tiny", WEIGHTS)
    for key, value in faults.items():
        setattr(registry.faults, key, value)
    with pytest.raises(Problem) as caught:
        pull(name, tmp_path, patience_s=0.3)
    assert caught.value.code == code
    assert caught.value.next_step
    assert local_manifest(tmp_path, read_address(name)) is None
    assert is_whole(kept, tmp_path, WEIGHTS[:9999]) or (tmp_path / "wattlight-parts").is_dir()


def test_a_full_disk_is_said_and_what_came_is_kept(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = registry.add("tiny", WEIGHTS)
    with monkeypatch.context() as full:
        full.setattr("shutil.disk_usage", lambda _: _Usage(10_000_000))
        with pytest.raises(Problem, match=r"\d MB are needed, 10 MB are free") as caught:
            pull(name, tmp_path)
    assert caught.value.code == "no_room"
    write = parts.PartFile.write

    def runs_full(self: parts.PartFile, claim: parts.Claim, piece: memoryview) -> bool:
        if self.have_bytes > 1_000_000:
            raise OSError(28, "No space left on device")
        return write(self, claim, piece)

    with monkeypatch.context() as full:
        full.setattr(parts.PartFile, "write", runs_full)
        with pytest.raises(Problem) as caught:
            pull(name, tmp_path)
    assert caught.value.code == "no_room"
    assert pull(name, tmp_path)[1].completed_bytes >= 900_000
    assert is_whole(name, tmp_path)


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_two_of_us_do_not_fetch_one_layer(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    registry.faults.bytes_per_s = 6e6
    first = Puller(Web(os.environ)).pull(name, tmp_path, Event())
    while not next(first).completed_bytes:
        pass
    with pytest.raises(Problem) as caught:
        pull(name, tmp_path)
    assert caught.value.code == "already_pulled"
    assert list(first)[-1].done


def test_a_copy_that_is_nearer_gives_the_layers(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    near, here = tmp_path / "near", tmp_path / "here"
    pull(name, near)
    before = registry.sent_bytes
    assert pull(name, here, source=near)[-1].done
    assert is_whole(name, here)
    assert registry.sent_bytes == before


@pytest.mark.parametrize("copy", ["empty", "lies", "other size"])
def test_what_a_copy_lacks_or_lies_about_comes_from_the_registry(
    registry: LoopbackRegistry, tmp_path: Path, copy: str
) -> None:
    name = registry.add("tiny", WEIGHTS)
    near, here = tmp_path / "near", tmp_path / "here"
    pull(name, near)
    for file in (near / "blobs").iterdir():
        if copy == "empty":
            file.unlink()
        else:
            file.write_bytes(b"?" * (file.stat().st_size - (copy == "other size")))
    assert pull(name, here, source=near)[-1].done
    assert is_whole(name, here)


@needs_letters
def test_a_name_in_other_letters_is_the_same_model(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    pull(name, tmp_path)
    folder = tmp_path / "manifests" / f"127.0.0.1:{registry.port}" / "library"
    (folder / "tiny").rename(folder / "Tiny")
    pull(name, tmp_path)
    assert [path.name for path in folder.iterdir()] == ["Tiny"]


def test_a_manifest_of_newer_servers_is_replaced_where_it_is(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    file = tmp_path / "manifests-v2" / f"127.0.0.1:{registry.port}" / "library" / "tiny" / "latest"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}")
    pull(name, tmp_path)
    assert file.read_bytes() == registry.manifest("tiny")
    assert list((tmp_path / "manifests").iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours_is_not_writable(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    assert not is_writable(tmp_path / "models")


def test_a_model_without_files_is_refused(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", b"x")
    registry._content.manifests["tiny"] = b"{}"
    with pytest.raises(RegistryProblem) as caught:
        pull(name, tmp_path)
    assert caught.value.code == "no_model_file"


def test_each_file_is_told_with_its_speed(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("tiny", WEIGHTS)
    registry.faults.bytes_per_s = 2e6
    states = pull(name, tmp_path)
    assert states[-1].done
    assert sorted(layer.total_bytes for layer in states[-1].layers)[-1] == len(WEIGHTS)
    assert states[-1].layer is None, "all have come"
    moving = [state for state in states if state.layer is not None and state.layer.bytes_per_s]
    assert moving
    for state in moving:
        assert state.completed_bytes == sum(layer.completed_bytes for layer in state.layers)
        assert state.layer is not None
        assert 1e6 < (state.layer.bytes_per_s or 0) < 4e6


def connections(rates: list[float], first: int = FIRST, limited: bool = False) -> list[int]:
    """How many are wanted after each second in which so many bytes came."""
    worth, have, found = Connections(first, 0.0), 0.0, []
    for second, rate in enumerate(rates, 1):
        have += rate
        worth.wanted(second - 0.5, int(have - rate / 2), limited)
        found.append(worth.wanted(float(second), int(have), False))
    return found


def test_there_are_more_connections_only_where_they_make_it_faster() -> None:
    assert connections([2e6, 4e6, 8e6, 16e6, 16e6, 16e6]) == [4, 8, 16, 16, 8, 8]
    assert connections([12e6] * 4) == [4, 2, 2, 2], "the line is full"
    assert connections([12e6, 12e6, 5e6, 12e6, 30e6]) == [4, 2, 2, 2, 4], "and there is more room later"
    assert connections([0.0, 0.0, 3e6, 3e6]) == [2, 2, 4, 2], "nothing has come yet"
    assert connections([1e6] * 3, 1, limited=True) == [1, 1, 1]
