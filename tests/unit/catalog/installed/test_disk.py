"""Which files of a server's folder belong to models, and which to none."""

import os
import sys
import time
from pathlib import Path

import pytest

from fakes.model_folder import HOST, ModelFolder
from wattlight.catalog.disk import GRACE_S, DiskProblem, FolderUse, digests_in_use, folder_use
from wattlight.catalog.download.kept import kept_downloads, note_download
from wattlight.catalog.installed import PARTS
from wattlight.catalog.registry import Layer

LATER_S = 2 * GRACE_S
posix = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX has it")


@pytest.fixture
def shelf(tmp_path: Path) -> ModelFolder:
    shelf = ModelFolder(tmp_path / "models")
    shelf.put("one:8b", b"w" * 5000, b"licence")
    shelf.put("two:1b", b"v" * 300, b"licence")
    return shelf


def look(shelf: ModelFolder, after_s: float = LATER_S) -> FolderUse:
    use = folder_use(shelf.path, time.time() + after_s)
    assert use is not None
    return use


def names(use: FolderUse) -> list[str]:
    return [file.path.name for file in use.orphans]


def test_a_shared_file_counts_once_and_frees_nothing(shelf: ModelFolder) -> None:
    use = look(shelf)
    assert [(m.name, m.size_bytes, m.freed_bytes) for m in use.models] == [
        ("one:8b", 5007, 5000),
        ("two:1b", 307, 300),
    ]
    assert (use.used_bytes, use.loose, use.unsure, use.busy_until_s) == (5307, (), "", None)
    shelf.manifest("copy:8b", b"w" * 5000, b"licence")
    assert [m.freed_bytes for m in look(shelf).models] == [0, 0, 300]
    assert look(shelf).used_bytes == 5307


def test_files_that_no_model_names_are_told_the_largest_first(shelf: ModelFolder) -> None:
    small, large = shelf.blob(b"old" * 10), shelf.blob(b"older" * 900)
    part, piece = shelf.part(b"p" * 4_000), shelf.part(b"p" * 900, "-12")
    use = look(shelf)
    assert names(use)[0] == large.name
    assert set(names(use)) == {small.name, large.name, part.name, piece.name}
    assert {file.path.name: file.kind for file in use.orphans}[part.name] == "part"
    assert use.used_bytes == 5307


@posix
def test_a_part_takes_what_has_arrived(shelf: ModelFolder) -> None:
    shelf.part(b"p" * 5_000_000)
    assert look(shelf).orphan_bytes < 100_000


def test_a_file_that_changed_lately_may_be_part_of_a_pull(shelf: ModelFolder) -> None:
    shelf.blob(b"first layer, which is whole")
    assert look(shelf, GRACE_S - 60).busy_until_s is not None
    assert look(shelf, GRACE_S + 60).busy_until_s is None
    odd = shelf.path / "blobs" / "sha256-381938"  # what a client sends before a model is made of it
    odd.touch()
    assert look(shelf, 60).busy_until_s is not None


@posix
def test_a_copied_file_with_an_old_date_is_young(shelf: ModelFolder) -> None:
    restored = shelf.blob(b"from a backup, its list comes last")
    os.utime(restored, (1e9, 1e9))
    assert look(shelf, 60).busy_until_s is not None


@pytest.mark.parametrize("torn", [b"", b'{"layers": [{"dige', b"[]", b'{"layers": [{"digest": "sha256:0"}]}'])
def test_a_list_that_cannot_be_read_makes_nothing_an_orphan(shelf: ModelFolder, torn: bytes) -> None:
    lost = shelf.blob(b"of the torn one, perhaps")
    shelf.manifest("three:3b").write_bytes(torn)
    use = look(shelf)
    assert use.orphans == ()
    assert "three:3b is damaged" in use.unsure
    assert lost in [file.path for file in use.loose]
    with pytest.raises(DiskProblem, match="damaged"):
        digests_in_use(shelf.path)


def test_every_digest_a_list_names_is_in_use(shelf: ModelFolder) -> None:
    """As lists of other versions name files: in a field that is not known here, with another sign."""
    held = shelf.blob(b"named elsewhere")
    file = shelf.manifest("new:1b")
    file.write_text(f'{{"layers": [], "draft": {{"from": "/somewhere/{held.name}"}}}}')
    assert look(shelf).orphans == ()
    itself = shelf.blob(file.read_bytes())
    assert itself.name not in names(look(shelf))


def test_a_way_of_keeping_lists_that_is_not_known_makes_nothing_an_orphan(shelf: ModelFolder) -> None:
    shelf.blob(b"lost")
    (shelf.path / "manifests-v3").mkdir()
    assert "not known" in look(shelf).unsure
    (shelf.path / "manifests-v3").rmdir()
    (shelf.path / "manifests" / HOST / "library" / "one" / "deep").mkdir()
    assert look(shelf).orphans == ()


def test_lists_of_newer_servers_count_too(shelf: ModelFolder) -> None:
    """There the list is a file among the others, and has a second name in its place."""
    held, lost = shelf.blob(b"newer"), shelf.blob(b"lost")
    text = shelf.manifest("new:1b", b"newer").read_bytes()
    (shelf.path / "manifests" / HOST / "library" / "new" / "1b").unlink()
    listed = shelf.blob(text)
    place = shelf.path / "manifests-v2" / HOST / "library" / "new" / "1b"
    place.parent.mkdir(parents=True)
    os.link(listed, place)
    use = look(shelf)
    assert [file.path for file in use.orphans] == [lost]
    assert use.models[0].name == "new:1b"
    assert use.models[0].size_bytes == len(b"newer") + len(text)
    assert held.exists()


def test_parts_of_our_own_pulls_belong_to_none(shelf: ModelFolder) -> None:
    parts = shelf.path / PARTS
    parts.mkdir()
    name = f"sha256-{'d' * 64}"
    for end in (".part", ".json", ".lock"):
        (parts / f"{name}{end}").write_bytes(b"x" * 9)
    whole = parts / f"sha256-{'e' * 64}"
    whole.write_bytes(b"waits")
    os.link(whole, shelf.path / "blobs" / whole.name)  # the computer was switched off in between
    (parts / "notes").touch()
    use = look(shelf)
    assert {(file.path.name, file.kind) for file in use.orphans} == {
        *((f"{name}{end}", "part") for end in (".part", ".json", ".lock")),
        (whole.name, "part"),
        (whole.name, "file"),
    }
    assert [file.path.name for file in use.loose if file.kept] == ["notes"]
    assert look(shelf, 60).busy_until_s is not None


def test_what_a_download_of_our_own_waits_for_is_no_orphan(shelf: ModelFolder) -> None:
    parts = shelf.path / PARTS
    parts.mkdir()
    layer = Layer("model", f"sha256:{'d' * 64}", 5000)
    note_download(parts, "late:8b", (layer,))
    (parts / f"sha256-{'d' * 64}.part").write_bytes(b"x" * 5000)
    (parts / f"sha256-{'d' * 64}.json").write_text('{"size": 5000, "done": [[0, 1200]]}')
    lost = parts / f"sha256-{'e' * 64}.part"
    lost.write_bytes(b"y")
    use = folder_use(shelf.path, time.time() + LATER_S, kept_downloads(shelf.path))
    assert use is not None
    assert [file.path for file in use.orphans] == [lost]
    assert [(item.model, item.have_bytes, item.total_bytes) for item in use.waiting] == [
        ("late:8b", 1200, 5000)
    ]


def test_without_lists_nothing_is_an_orphan(shelf: ModelFolder) -> None:
    (shelf.path / "manifests").rename(shelf.path / "kept-elsewhere")
    use = look(shelf)
    assert (use.models, use.orphans) == ((), ())
    assert use.unsure


def test_what_desktops_leave_is_no_list(shelf: ModelFolder) -> None:
    (shelf.path / "manifests" / HOST / ".DS_Store").write_bytes(b"\0\1")
    (shelf.path / "blobs" / ".DS_Store").write_bytes(b"\0\1")
    assert look(shelf).unsure == ""
    assert look(shelf).loose == ()


@posix
def test_links_and_odd_names_are_left(shelf: ModelFolder, tmp_path: Path) -> None:
    blobs = shelf.path / "blobs"
    (tmp_path / "far").write_bytes(b"x")
    (blobs / f"sha256-{'a' * 64}").symlink_to(tmp_path / "far")
    (blobs / f"sha256-{'b' * 64}").mkdir()
    (blobs / "notes.txt").touch()
    (blobs / f"sha256-{'C' * 64}").touch()
    os.link(shelf.blob(b"shared by hand"), tmp_path / "second name")
    ahead = shelf.blob(b"from a clock that was wrong")
    os.utime(ahead, (time.time() + 1e7,) * 2)
    use = look(shelf)
    assert use.orphans == ()
    assert sorted(file.kept for file in use.loose) == [
        "a link",
        "has a second name elsewhere",
        "its date lies ahead",
        "not a file",
        "not named like a file of a model",
        "not named like a file of a model",
    ]
    assert use.busy_until_s is None


@posix
def test_a_link_in_place_of_the_files_may_be_shared(shelf: ModelFolder, tmp_path: Path) -> None:
    other = ModelFolder(tmp_path / "other")
    (other.path / "blobs").rmdir()
    (other.path / "blobs").symlink_to(shelf.path / "blobs")
    assert look(other).orphans == ()
    assert "others may share" in look(other).unsure


@posix
def test_another_accounts_files(shelf: ModelFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.blob(b"lost")
    mine = (shelf.path / "blobs").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    use = look(shelf)
    assert len(use.orphans) == 1
    assert "account that the server runs as" in use.not_ours


def test_no_folder_and_one_that_cannot_be_entered(
    shelf: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert folder_use(shelf.path / "nowhere", 0) is None

    def gone(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "scandir", gone)
    with pytest.raises(DiskProblem, match="Input/output error"):
        folder_use(shelf.path, 0)


def test_ten_thousand_files_are_looked_at_quickly(shelf: ModelFolder) -> None:
    blobs = shelf.path / "blobs"
    many = 1_000 if sys.platform == "win32" else 10_000  # to make them takes minutes there
    for n in range(many):
        (blobs / f"sha256-{n:064x}").touch()
    began = time.process_time()
    assert len(look(shelf).orphans) == many
    assert time.process_time() - began < 2
