"""Text files that a person names."""

import os
import sys
import threading
from pathlib import Path

import pytest

from fakes.systems import DESKTOP, needs_links, needs_modes
from wattlight.domain.values import Problem
from wattlight.paths import free_name, make_folder, open_own, read_text, replacing, write_whole


class Refused(Problem):
    """The family of these tests."""


def test_text_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for raw in (b"a,b\n", b"\xef\xbb\xbfa,b\n"):
        file.write_bytes(raw)
        assert read_text(file, 100, Refused) == "a,b\n"


@pytest.mark.parametrize(
    ("raw", "words"), [(None, "cannot be read"), (b"x" * 11, "too large"), (b"\xff\xfe", "is not text")]
)
def test_what_cannot_be_read_is_one_sentence_of_the_family(
    tmp_path: Path, raw: bytes | None, words: str
) -> None:
    hidden = "\u202e" if sys.platform == "win32" else "\x1b"  # no control characters in names there
    file = tmp_path / f"a{hidden}.csv"
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(Refused, match=words) as caught:
        read_text(file, 10, Refused)
    assert caught.value.next_step
    assert hidden not in caught.value.message


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_text(Path("a\0b"), 10, Refused)


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/random", "link", "/dev/tty"])
def test_pipes_and_devices_are_neither_waited_for_nor_read_without_end(tmp_path: Path, kind: str) -> None:
    file = Path(kind)
    if kind == "pipe":
        os.mkfifo(file := tmp_path / "pipe")
    elif kind == "link":
        (file := tmp_path / "trace.csv").symlink_to("/dev/urandom")
    with pytest.raises(Refused, match="cannot be read"):
        read_text(file, 1 << 34, Refused)


def test_a_link_in_the_place_of_a_file_of_ours_is_not_written_through(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "x.part"
    other.write_bytes(b"not ours")
    for append in (False, True):
        file.unlink(missing_ok=True)
        file.symlink_to(other)
        with open_own(file, append) as stream:
            stream.write(b"ours")
        assert file.read_bytes() == b"ours" and not file.is_symlink()
    assert other.read_bytes() == b"not ours"


def test_what_has_the_name_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"before")
    with pytest.raises(KeyError), replacing(file) as part:
        part.write_bytes(b"half")
        assert file.read_bytes() == b"before"
        raise KeyError
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"before"]
    with replacing(file) as part:
        part.write_bytes(b"after")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"after"]


@needs_links
def test_every_name_that_is_kept_is_another(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        name = free_name(tmp_path / "a.bad")
        name.symlink_to("nowhere")
        names.append(name.name)
    assert names == ["a.bad", "a.bad-2", "a.bad-3"]


def test_the_next_of_a_thousand_kept_files_is_found_with_few_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"a.bad", *(f"a.bad-{n}" for n in range(2, 1001))}
    looks: list[str] = []

    def lexists(path: Path) -> bool:
        looks.append(path.name)
        return path.name in there

    monkeypatch.setattr(os.path, "lexists", lexists)
    assert free_name(tmp_path / "a.bad").name == "a.bad-1001"
    assert len(looks) < 25
    there -= {"a.bad-5", "a.bad-700"}  # somebody removed some
    assert free_name(tmp_path / "a.bad").name not in there


@needs_modes
def test_every_folder_that_is_made_is_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "a" / "b" / "c")
        write_whole(tmp_path / "x" / "y" / "z.json", b"{}")
    finally:
        os.umask(before)
    modes = {p.relative_to(tmp_path).as_posix(): p.stat().st_mode & 0o777 for p in tmp_path.rglob("*")}
    assert {mode for name, mode in modes.items() if not name.endswith(".json")} == {0o700}
    assert len(modes) == 6 and modes["x/y/z.json"] == 0o600
    make_folder(tmp_path / "a" / "b")  # it is there
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "x/y/z.json")
    # the mode that mkdir takes is not that of the folders above, which the umask alone decides about
    made_otherwise = [
        f.name for f in DESKTOP.rglob("*.py") if "parents=True" in f.read_text(encoding="utf-8")
    ]
    assert made_otherwise == []


@pytest.mark.parametrize(("refusals", "takes"), [(2, True), (9, False)])
def test_a_file_that_somebody_reads_is_replaced_as_soon_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int, takes: bool
) -> None:
    """As on Windows, where a reader, or a virus scanner, holds it for a moment."""
    file = tmp_path / "jobs.csv"
    file.write_bytes(b"before")
    left, real = [refusals], Path.replace

    def busy(part: Path, target: Path) -> Path:
        if left[0] > 0:
            left[0] -= 1
            raise PermissionError(13, "Access is denied")
        return real(part, target)

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr("wattlight.paths._PAUSES_S", (0.01, 0.01, 0.01))
    if takes:
        write_whole(file, b"after")
    else:
        with pytest.raises(PermissionError):
            write_whole(file, b"after")
    assert file.read_bytes() == (b"after" if takes else b"before")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform != "win32", reason="other systems replace files that are open")
def test_windows_replaces_a_file_once_its_reader_is_done(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(b"before")
    with file.open("rb") as stream:
        threading.Timer(0.3, stream.close).start()
        write_whole(file, b"after")
    assert file.read_bytes() == b"after"
