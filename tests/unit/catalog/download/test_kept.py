"""Downloads that wait: listed with what is here, given up without harm to others."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.download import Puller, forget_download, kept_downloads
from wattlight.catalog.installed import local_manifest
from wattlight.catalog.registry import RegistryProblem, read_address
from wattlight.domain.values import Problem
from wattlight.web import Web

CHANCE = random.Random(2)
WEIGHTS, OTHERS = CHANCE.randbytes(2_000_000), CHANCE.randbytes(1_500_000)


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as registry:
        registry.faults.bytes_per_s = 2e6
        yield registry


def begin(name: str, folder: Path, have: int) -> None:
    stop = Event()
    for state in Puller(Web(os.environ)).pull(name, folder, stop):
        if state.completed_bytes >= have:
            stop.set()


def test_what_waits_is_listed_with_its_bytes(registry: LoopbackRegistry, tmp_path: Path) -> None:
    assert kept_downloads(tmp_path) == ()
    first = registry.add("first", WEIGHTS)
    begin(first, tmp_path, 700_000)
    (kept,) = kept_downloads(tmp_path)
    assert kept.model == str(read_address(first))
    assert 700_000 <= kept.have_bytes < 2_000_000 < kept.total_bytes
    begin(registry.add("second", OTHERS), tmp_path, 400_000)
    assert len(kept_downloads(tmp_path)) == 2
    registry.faults.bytes_per_s = None
    begin(first, tmp_path, 10_000_000)
    assert [known.model for known in kept_downloads(tmp_path)] != [kept.model]


def test_one_given_up_leaves_nothing_and_the_other_its_own(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    first, second = registry.add("first", WEIGHTS), registry.add("second", OTHERS)
    begin(first, tmp_path, 700_000)
    begin(second, tmp_path, 400_000)
    forget_download(tmp_path, first)
    (kept,) = kept_downloads(tmp_path)
    assert kept.model == str(read_address(second))
    assert kept.have_bytes >= 400_000
    forget_download(tmp_path, second)
    forget_download(tmp_path, second)
    assert not (tmp_path / "wattlight-parts").exists()


def test_a_file_that_both_need_stays_with_the_other(registry: LoopbackRegistry, tmp_path: Path) -> None:
    first, second = registry.add("first", WEIGHTS), registry.add("second", WEIGHTS)
    begin(first, tmp_path, 700_000)
    begin(second, tmp_path, 900_000)
    forget_download(tmp_path, first)
    assert kept_downloads(tmp_path)[0].have_bytes >= 900_000


def test_one_under_way_is_not_given_up(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("first", WEIGHTS)
    states = Puller(Web(os.environ)).pull(name, tmp_path, Event())
    while next(states).completed_bytes < 300_000:
        pass
    with pytest.raises(Problem) as caught:
        forget_download(tmp_path, name)
    assert caught.value.code == "already_pulled"
    registry.faults.bytes_per_s = None
    assert list(states)[-1].done
    assert local_manifest(tmp_path, read_address(name)) is not None


def test_parts_of_an_older_version_go_when_the_newer_is_begun(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    begin(registry.add("first", WEIGHTS), tmp_path, 700_000)
    before = {file.name for file in (tmp_path / "wattlight-parts").glob("*.part")}
    begin(registry.add("first", OTHERS), tmp_path, 300_000)
    after = {file.name for file in (tmp_path / "wattlight-parts").glob("*.part")}
    assert before
    assert after
    assert not before & after


@pytest.mark.parametrize(
    "note", [b"", b"[]", b'{"model": "a b", "layers": {}}', b'{"model": "x", "layers": 3}']
)
def test_a_torn_note_is_as_if_absent(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "wattlight-parts").mkdir()
    (tmp_path / "wattlight-parts" / "model-0123456789abcdef.json").write_bytes(note)
    assert kept_downloads(tmp_path) == ()


def test_a_pull_that_fetched_nothing_leaves_nothing(registry: LoopbackRegistry, tmp_path: Path) -> None:
    name = registry.add("first", WEIGHTS)
    registry.faults.blob_status = 404
    with pytest.raises(RegistryProblem):
        begin(name, tmp_path, 1)
    assert not (tmp_path / "wattlight-parts").exists()


def test_an_update_removes_what_only_the_older_version_used(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    registry.faults.bytes_per_s = None
    name = registry.add("first", WEIGHTS)
    begin(name, tmp_path, 10**9)
    begin(registry.add("keeps", OTHERS), tmp_path, 10**9)
    begin(registry.add("first", OTHERS), tmp_path, 10**9)
    sizes = [file.stat().st_size for file in (tmp_path / "blobs").iterdir()]
    assert len(WEIGHTS) not in sizes
    assert len(OTHERS) in sizes


def test_an_update_removes_nothing_where_a_manifest_cannot_be_read(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    registry.faults.bytes_per_s = None
    name = registry.add("first", WEIGHTS)
    begin(name, tmp_path, 10**9)
    torn = tmp_path / "manifests" / "somewhere" / "library" / "torn" / "latest"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(b'{"layers":')
    begin(registry.add("first", OTHERS), tmp_path, 10**9)
    assert len(WEIGHTS) in [file.stat().st_size for file in (tmp_path / "blobs").iterdir()]
