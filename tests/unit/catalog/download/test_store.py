"""The models folder: its rights, its drive, what others keep in it, and a drive that is full."""

import os
import random
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from fakes.loopback_registry import LoopbackRegistry
from fakes.systems import needs_open_names
from wattlight.catalog.download import Puller, is_writable, puller
from wattlight.catalog.download.store import ModelStore
from wattlight.catalog.installed import blob_file, local_manifest
from wattlight.catalog.registry import read_address
from wattlight.domain.values import Problem
from wattlight.web import Web

WEIGHTS = random.Random(8).randbytes(6_000_000)


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as registry:
        yield registry


def pull(name: str, folder: Path) -> None:
    assert list(Puller(Web(os.environ)).pull(name, folder, Event()))[-1].done


@pytest.mark.skipif(os.name != "posix", reason="rights of Unix")
@pytest.mark.parametrize(("shared", "umask"), [(0o755, 0o077), (0o2775, 0o022), (0o700, 0o000)])
def test_who_shares_the_folder_shares_what_comes(
    registry: LoopbackRegistry, tmp_path: Path, shared: int, umask: int
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    folder.chmod(shared)
    before = os.umask(umask)
    try:
        pull(registry.add("tiny", WEIGHTS), folder)
    finally:
        os.umask(before)
    for place in folder.rglob("*"):
        assert stat.S_IMODE(place.stat().st_mode) == (shared if place.is_dir() else 0o644), place


def test_what_the_server_keeps_of_its_own_pulls_is_left_alone(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    name = registry.add("tiny", WEIGHTS)
    (tmp_path / "blobs").mkdir()
    digest = f"sha256-{'0' * 64}"
    theirs = [tmp_path / "blobs" / f"{digest}-partial", tmp_path / "blobs" / f"{digest}-partial-0"]
    for file in theirs:
        file.write_bytes(b"theirs")
    pull(name, tmp_path)
    assert all(file.read_bytes() == b"theirs" for file in theirs)


def test_without_second_names_for_files_it_works_as_well(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    name = registry.add("tiny", WEIGHTS)
    pull(name, tmp_path)
    manifest = local_manifest(tmp_path, read_address(name))
    assert manifest is not None
    assert blob_file(tmp_path, manifest.of_kind("model")[0].digest).read_bytes() == WEIGHTS
    assert not (tmp_path / "wattlight-parts").exists()


@pytest.mark.parametrize("damage", ["cut", "longer", "zeros", "gone"])
def test_a_damaged_file_of_an_installed_model_is_made_whole(
    registry: LoopbackRegistry, tmp_path: Path, damage: str
) -> None:
    name = registry.add("tiny", WEIGHTS)
    pull(name, tmp_path)
    manifest = local_manifest(tmp_path, read_address(name))
    assert manifest is not None
    blob = blob_file(tmp_path, manifest.of_kind("model")[0].digest)
    match damage:
        case "cut":
            os.truncate(blob, 1000)
        case "longer":
            blob.write_bytes(WEIGHTS + b"x")
        case "gone":
            blob.unlink()
        case _:  # of the right size: hashed, since no model names it now
            shutil.rmtree(tmp_path / "manifests")
            blob.write_bytes(bytes(len(WEIGHTS)))
    pull(name, tmp_path)
    assert blob.read_bytes() == WEIGHTS
    assert not (tmp_path / "wattlight-parts").exists()


@needs_open_names
def test_a_manifest_that_cannot_be_written_leaves_the_old_version(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = registry.add("tiny", WEIGHTS[:9000])
    pull(name, tmp_path)
    old = local_manifest(tmp_path, read_address(name))
    registry.add("tiny", WEIGHTS)
    fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if (tmp_path / "blobs").stat().st_nlink and _is_a_manifest(handle):
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Problem) as caught:
            pull(name, tmp_path)
    assert caught.value.code == "no_room"
    assert local_manifest(tmp_path, read_address(name)) == old
    sent = registry.sent_bytes
    pull(name, tmp_path)
    assert registry.sent_bytes == sent, "all of it was here"
    assert local_manifest(tmp_path, read_address(name)) != old


def _is_a_manifest(handle: int) -> bool:
    name = Path(f"/proc/self/fd/{handle}")
    return name.exists() and "manifests" in str(name.readlink()) and not name.is_dir()


class Mounted:
    """A small drive of its own."""

    def __init__(self, place: Path, size: str) -> None:
        self.place = place
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting is not allowed here")

    def release(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], capture_output=True, check=False)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Mounted]:
    mounted = Mounted(tmp_path / "drive", "8m")
    yield mounted
    mounted.release()


@pytest.mark.skipif(os.name != "posix", reason="mounts a drive in memory")
def test_a_drive_that_really_runs_full(
    registry: LoopbackRegistry, drive: Mounted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it is looked at; then another program takes the room that was there."""
    kept = registry.add("kept", WEIGHTS[:100_000])
    name = registry.add("tiny", WEIGHTS)
    with pytest.raises(Problem) as caught:
        pull(name, drive.place)
    assert caught.value.code == "no_room", "8 MiB are too few for 6 MB and the reserve"
    monkeypatch.setattr(puller, "RESERVE_BYTES", 0)
    pull(kept, drive.place)
    other = drive.place / "other program"
    monkeypatch.setattr(ModelStore, "free_bytes", lambda _: 10**9)
    other.write_bytes(b"x" * 4_000_000)
    with pytest.raises(Problem) as caught:
        pull(name, drive.place)
    assert caught.value.code == "no_room"
    assert caught.value.next_step
    assert local_manifest(drive.place, read_address(kept)) is not None
    assert local_manifest(drive.place, read_address(name)) is None
    other.unlink()
    registry.sent_bytes = 0
    pull(name, drive.place)
    assert registry.sent_bytes < len(WEIGHTS) - 1_000_000, "what had come was kept"


@pytest.mark.skipif(os.name != "posix", reason="mounts a drive in memory")
def test_a_folder_whose_files_lie_on_another_drive_is_the_servers(drive: Mounted, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    assert is_writable(folder)
    (folder / "blobs").symlink_to(drive.place)
    assert not is_writable(folder)
