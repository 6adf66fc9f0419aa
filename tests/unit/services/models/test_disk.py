"""Only what still belongs to no model at the moment of removal is removed."""

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.model_folder import ModelFolder
from wattlight.catalog.disk import DiskProblem, FolderUse
from wattlight.catalog.download.parts import PartFile
from wattlight.catalog.registry import Layer
from wattlight.services.models import disk, disk_line, disk_use, orphan_lines, remove_orphans
from wattlight.store import MeterLock


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=2)


@pytest.fixture
def shelf(tmp_path: Path) -> ModelFolder:
    shelf = ModelFolder(tmp_path / "models")
    shelf.put("one:8b", b"w" * 5000)
    return shelf


@pytest.fixture
def lock(tmp_path: Path) -> MeterLock:
    return MeterLock(tmp_path / "models.lock")


def look(shelf: ModelFolder) -> FolderUse:
    (use,) = disk_use([shelf.path], later())
    return use


def code(work: Callable[[], object]) -> str | None:
    with pytest.raises(DiskProblem) as caught:
        work()
    return caught.value.code


def test_orphans_go_and_models_stay(shelf: ModelFolder, lock: MeterLock) -> None:
    lost, part = shelf.blob(b"lost"), shelf.part(b"p" * 90)
    removed = remove_orphans(look(shelf), lock, later)
    assert {file.path for file in removed.files} == {lost, part}
    assert removed.freed_bytes >= 4
    assert removed.left == ()
    assert (len(list((shelf.path / "blobs").iterdir())), lock.held) == (1, False)
    assert look(shelf).orphans == ()


def test_a_model_that_came_after_the_look_keeps_its_files(shelf: ModelFolder, lock: MeterLock) -> None:
    held, lost = shelf.blob(b"held"), shelf.blob(b"lost")
    listed = look(shelf)
    shelf.manifest("new:1b", b"held")
    removed = remove_orphans(listed, lock, later)
    assert (held.exists(), lost.exists()) == (True, False)
    assert [file.path for file in removed.files] == [lost]


def test_a_model_that_comes_between_two_files_keeps_its_own(
    shelf: ModelFolder, lock: MeterLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, held = shelf.blob(b"the larger one goes first"), shelf.blob(b"held")
    listed, unlink = look(shelf), Path.unlink
    monkeypatch.setattr(disk, "LOOK_AGAIN_S", -1.0)

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        shelf.manifest("new:1b", b"held")

    monkeypatch.setattr(Path, "unlink", unlinked)
    removed = remove_orphans(listed, lock, later)
    assert (first.exists(), held.exists()) == (False, True)
    assert [reason for _, reason in removed.left] == ["a model came that needs it"]


def test_a_list_that_is_torn_meanwhile_ends_it(
    shelf: ModelFolder, lock: MeterLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in (b"a", b"bb", b"ccc"):
        shelf.blob(text)
    listed, unlink = look(shelf), Path.unlink
    monkeypatch.setattr(disk, "LOOK_AGAIN_S", -1.0)

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        shelf.manifest("torn:1b").write_bytes(b'{"layers": [')

    monkeypatch.setattr(Path, "unlink", unlinked)
    removed = remove_orphans(listed, lock, later)
    assert (len(removed.files), len(removed.left)) == (1, 2)
    assert code(lambda: remove_orphans(listed, lock, later)) == "unsure"


def test_what_changed_after_the_look_is_left(shelf: ModelFolder, lock: MeterLock) -> None:
    part, other = shelf.part(b"p" * 90), shelf.blob(b"other")
    listed = look(shelf)
    part.write_bytes(b"a pull goes on")
    shelf.blob(b"came later")
    removed = remove_orphans(listed, lock, later)
    assert [file.path for file in removed.files] == [other]
    assert part.exists()


def test_never_while_a_pull_may_be_under_way(shelf: ModelFolder, lock: MeterLock, tmp_path: Path) -> None:
    lost = shelf.blob(b"lost")
    listed = look(shelf)
    assert code(lambda: remove_orphans(listed, lock, lambda: datetime.now(UTC))) == "pull_running"
    assert code(lambda: remove_orphans(listed, lock, later, lambda: True)) == "pull_running"
    other = MeterLock(tmp_path / "models.lock")
    assert other.acquire()
    assert code(lambda: remove_orphans(listed, lock, later)) == "pull_running"
    other.release()
    assert lost.exists()
    assert len(remove_orphans(listed, lock, later).files) == 1


def test_parts_of_our_own_pulls_go_but_not_while_one_is_held(shelf: ModelFolder, lock: MeterLock) -> None:
    parts = shelf.path / "wattlight-parts"
    parts.mkdir()
    layer = Layer("model", f"sha256:{'d' * 64}", 90)
    (parts / f"sha256-{'d' * 64}.part").write_bytes(b"p" * 90)
    (parts / f"sha256-{'d' * 64}.json").write_text('{"size": 90, "done": [[0, 40]]}')
    part = PartFile(parts, layer)
    lost = shelf.blob(b"lost")
    listed = look(shelf)
    assert len(listed.orphans) == 4
    assert code(lambda: remove_orphans(listed, lock, later)) == "pull_running"
    assert lost.exists()
    part.close()
    assert len(remove_orphans(look(shelf), lock, later).files) == 4
    assert list(parts.iterdir()) == []


def test_a_folder_that_goes_away(
    shelf: ModelFolder, lock: MeterLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.blob(b"lost")
    shelf.blob(b"lost too")
    listed = look(shelf)
    unlink = Path.unlink

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        shutil.rmtree(shelf.path, ignore_errors=True)

    monkeypatch.setattr(Path, "unlink", unlinked)
    removed = remove_orphans(listed, lock, later)
    assert (len(removed.files), len(removed.left)) == (1, 1)
    assert code(lambda: remove_orphans(listed, lock, later)) == "no_folder"


def test_what_the_system_refuses_is_said(
    shelf: ModelFolder, lock: MeterLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.blob(b"lost")
    listed = look(shelf)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refused)
    (left,) = remove_orphans(listed, lock, later).left
    assert left[1] == "Operation not permitted"


def test_ten_thousand_files_go_quickly(shelf: ModelFolder, lock: MeterLock) -> None:
    for n in range(60):
        shelf.put(f"m:{n}", b"%d" % n)
    many = 1_000 if sys.platform == "win32" else 10_000  # to make them takes minutes there
    for n in range(many):
        (shelf.path / "blobs" / f"sha256-{n:064x}").touch()
    listed = look(shelf)
    began = time.process_time()
    assert len(remove_orphans(listed, lock, later).files) == many
    assert time.process_time() - began < 8


def test_words(shelf: ModelFolder, tmp_path: Path) -> None:
    assert disk_line(disk_use([tmp_path / "none"], later())) == ""
    shelf.put("two:1b", b"x" * 400_000_000)
    assert disk_line([look(shelf)]) == "0.4 GB in 2 models"
    shelf.blob(b"y" * 3_000_000)
    shelf.part(b"p" * 80)
    use = look(shelf)
    assert disk_line([use]) == "0.4 GB in 2 models, 3.0 MB belong to none"
    lines = orphan_lines(use, most=1)
    assert "3.0 MB  file of a model that is gone" in lines[0]
    assert lines[1].startswith("and 1 more")
    link = tmp_path / "link"
    link.symlink_to(shelf.path)
    assert len(disk_use([shelf.path, link], later())) == 1
