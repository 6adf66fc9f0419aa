"""Downloads: resumable, capped, hashed; whatever comes instead of the file is told apart and thrown away."""

import errno
import threading
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fakes.release_server import ReleaseServer, server_archive
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.managed import Artefact, Fetcher, FetchProgress, fetching

DATA = bytes(range(256)) * 4000


def fetcher(
    folder: Path, waits: list[float] | None = None, cancelled: bool = False, **environ: str
) -> Fetcher:
    def wait(_: Event, seconds: float) -> bool:
        if waits is not None:
            waits.append(seconds)
        return cancelled

    return Fetcher(folder, environ, wait=wait)


def problem_of(page: ReleaseServer, folder: Path, **environ: str) -> RuntimeProblem:
    artefact = page.add("a.tar.zst", DATA)
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(folder, **environ).fetch(artefact, Event())
    assert caught.value.next_step
    assert not (folder / artefact.sha256).exists()
    return caught.value


def test_a_file_is_fetched_once(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    seen: list[FetchProgress] = []
    path = fetcher(tmp_path).fetch(artefact, Event(), seen.append)
    assert path.read_bytes() == DATA
    assert seen[-1].done_bytes == seen[-1].total_bytes == len(DATA)
    assert fetcher(tmp_path).fetch(artefact, Event()) == path
    assert len(page.requests) == 1
    assert [p.name for p in tmp_path.iterdir()] == [artefact.sha256]


def test_fault_26_a_short_file_is_gone_on_with(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    page.faults.cut_after = 300_000
    waits: list[float] = []
    assert fetcher(tmp_path, waits).fetch(artefact, Event()).read_bytes() == DATA
    assert [range_ for _, range_ in page.requests] == [
        "", "bytes=300000-", "bytes=600000-", "bytes=900000-",
    ]  # fmt: skip
    assert waits == [1.0, 1.0, 1.0]


def test_a_part_of_an_earlier_run_is_gone_on_with(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    (tmp_path / f"{artefact.sha256}.part").write_bytes(DATA[:500])
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA
    assert page.requests == [("/a.tar.zst", "bytes=500-")]


@pytest.mark.parametrize("held", [b"mine", DATA[:500]])
def test_a_link_in_the_place_of_a_part_is_not_written_through(
    page: ReleaseServer, tmp_path: Path, held: bytes
) -> None:
    artefact, other, folder = page.add("a.tar.zst", DATA), tmp_path / "other", tmp_path / "downloads"
    folder.mkdir()
    other.write_bytes(held)
    (folder / f"{artefact.sha256}.part").symlink_to(other)
    fetched = fetcher(folder).fetch(artefact, Event())
    assert fetched.read_bytes() == DATA and not fetched.is_symlink()
    assert other.read_bytes() == held


def test_a_page_without_ranges_begins_again(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    (tmp_path / f"{artefact.sha256}.part").write_bytes(b"x" * 500)
    page.faults.no_ranges = True
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA


def test_fault_26_wrong_bytes_are_thrown_away(page: ReleaseServer, tmp_path: Path) -> None:
    page.faults.wrong_byte = True
    assert problem_of(page, tmp_path).code == "wrong_hash"
    assert list(tmp_path.iterdir()) == []


def test_fault_26_a_damaged_part_is_thrown_away(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    (tmp_path / f"{artefact.sha256}.part").write_bytes(b"x" * 500)
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path).fetch(artefact, Event())
    assert caught.value.code == "wrong_hash"
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA


def test_a_file_that_is_too_long_is_not_kept(page: ReleaseServer, tmp_path: Path) -> None:
    page.faults.extra = b"x" * 10_000_000
    assert problem_of(page, tmp_path).code == "wrong_hash"
    assert list(tmp_path.iterdir()) == []


def test_fault_26_a_web_page_instead_of_the_file(page: ReleaseServer, tmp_path: Path) -> None:
    page.faults.login_page = True
    assert problem_of(page, tmp_path).code == "login_page"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "artefact_moved"), (410, "artefact_moved"), (511, "login_page"), (500, "release_unreachable")],
)
def test_an_artefact_that_moved_and_other_answers(
    page: ReleaseServer, tmp_path: Path, status: int, code: str
) -> None:
    page.faults.status = status
    assert problem_of(page, tmp_path).code == code


def test_a_redirect_is_followed_where_it_is_safe(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    page.kept.files["/moved"] = DATA
    page.faults.redirect = "/moved"
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA


@pytest.mark.parametrize(
    "target",
    ["http://far.example/x", "ftp://far.example/x", "file:///etc/passwd", "http://u:p@127.0.0.1/", ""],
)
def test_a_redirect_that_is_not_safe_is_refused(page: ReleaseServer, tmp_path: Path, target: str) -> None:
    page.faults.redirect = target
    assert problem_of(page, tmp_path).code == "bad_redirect"


def test_redirects_in_a_circle_end(page: ReleaseServer, tmp_path: Path) -> None:
    page.faults.redirect = "/again"
    assert problem_of(page, tmp_path).code == "bad_redirect"
    assert len(page.requests) == 6


def test_nothing_comes_any_more(tmp_path: Path) -> None:
    with ReleaseServer() as gone:
        artefact = gone.add("a.tar.zst", DATA)
    waits: list[float] = []
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path, waits).fetch(artefact, Event())
    assert caught.value.code == "release_unreachable"
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_cancel_keeps_what_has_arrived(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    page.faults.gate = threading.Semaphore(3)
    cancel = Event()

    def hear(progress: FetchProgress) -> None:
        if progress.done_bytes > 100_000:
            cancel.set()

    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path).fetch(artefact, cancel, hear)
    assert caught.value.code == "cancelled"
    assert (tmp_path / f"{artefact.sha256}.part").stat().st_size > 100_000


def test_a_cancel_while_waiting_for_another_try(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", DATA)
    page.faults.cut_after = 10
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path, cancelled=True).fetch(artefact, Event())
    assert caught.value.code == "cancelled"


def test_a_full_disk_is_said(page: ReleaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wattlight.runtime.managed.fetching._sync", full)
    assert problem_of(page, tmp_path).code == "no_room"


def test_a_folder_that_cannot_be_written(page: ReleaseServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert problem_of(page, tmp_path / "file" / "folder").code == "no_folder"


def test_loopback_is_fetched_past_the_proxy(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = page.add("a.tar.zst", server_archive())
    folder = fetcher(tmp_path, http_proxy="http://127.0.0.1:9").fetch(artefact, Event())
    assert folder.is_file()


def roughly(page: ReleaseServer, about_bytes: int = 900_000) -> Artefact:
    """A listed file whose exact size is not known."""
    return replace(page.add("a.tar.zst", DATA), size_bytes=None, about_bytes=about_bytes)


@pytest.mark.parametrize("no_length", [False, True])
def test_a_file_of_unknown_size_is_taken_by_its_hash(
    page: ReleaseServer, tmp_path: Path, no_length: bool
) -> None:
    page.faults.no_length = no_length
    seen: list[FetchProgress] = []
    assert fetcher(tmp_path).fetch(roughly(page), Event(), seen.append).read_bytes() == DATA
    assert len(page.requests) == 1
    assert seen[-1].done_bytes == seen[-1].total_bytes == len(DATA)
    assert seen[0].total_bytes == (900_000 if no_length else len(DATA))


def test_a_file_of_unknown_size_is_gone_on_with(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = roughly(page)
    page.faults.cut_after = 700_000
    assert fetcher(tmp_path, []).fetch(artefact, Event()).read_bytes() == DATA
    assert [range_ for _, range_ in page.requests] == ["", "bytes=700000-"]


def test_a_whole_part_of_unknown_size_needs_no_new_download(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = roughly(page)
    (tmp_path / f"{artefact.sha256}.part").write_bytes(DATA)
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA
    assert page.requests == [("/a.tar.zst", f"bytes={len(DATA)}-")]


def test_a_wrong_part_of_unknown_size_is_begun_again(page: ReleaseServer, tmp_path: Path) -> None:
    artefact = roughly(page)
    (tmp_path / f"{artefact.sha256}.part").write_bytes(b"x" * len(DATA))
    assert fetcher(tmp_path).fetch(artefact, Event()).read_bytes() == DATA
    assert [range_ for _, range_ in page.requests] == [f"bytes={len(DATA)}-", ""]


@pytest.mark.parametrize("no_length", [False, True])
@pytest.mark.parametrize("fault", ["wrong_byte", "too_long", "too_short"])
def test_a_wrong_file_of_unknown_size_is_thrown_away(
    page: ReleaseServer, tmp_path: Path, fault: str, no_length: bool
) -> None:
    artefact = roughly(page)
    page.faults.no_length = no_length
    page.faults.wrong_byte = fault == "wrong_byte"
    if fault == "too_long":
        page.faults.extra = b"x" * 1_000_000
    elif fault == "too_short":
        page.kept.files["/a.tar.zst"] = DATA[:-1]
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path).fetch(artefact, Event())
    assert caught.value.code == "wrong_hash"
    assert list(tmp_path.iterdir()) == []
    assert len(page.requests) == 1


def test_of_an_endless_file_twice_the_rough_size_is_taken_at_most(
    page: ReleaseServer, tmp_path: Path
) -> None:
    page.faults.extra = b"x" * 30_000_000
    seen: list[FetchProgress] = []
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path).fetch(roughly(page, 1_000_000), Event(), seen.append)
    assert caught.value.code == "wrong_hash"
    assert seen[-1].done_bytes <= 2_000_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("fault", "code"), [("status", "artefact_moved"), ("login_page", "login_page")])
def test_a_file_of_unknown_size_that_moved(
    page: ReleaseServer, tmp_path: Path, fault: str, code: str
) -> None:
    artefact = roughly(page)
    setattr(page.faults, fault, 404 if fault == "status" else True)
    with pytest.raises(RuntimeProblem) as caught:
        fetcher(tmp_path).fetch(artefact, Event())
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["²", "①", "-1", "", "x", "1.5", "9" * 400])
def test_numbers_in_the_head_that_are_none(value: str) -> None:
    class Said:
        def header(self, _name: str) -> str:
            return value

    said: Any = Said()
    assert fetching._range_start(said) is None
