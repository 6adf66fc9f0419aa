"""Fault 27: archives that want out, and archives that are too much."""

import io
import os
import stat
import sys
import tarfile
import tracemalloc
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.release_server import member, server_archive, tar_zst
from fakes.systems import needs_modes
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.managed.unpacking import unpack

DEVICE = tarfile.TarInfo("null")
DEVICE.type, DEVICE.devmajor, DEVICE.devminor = tarfile.CHRTYPE, 1, 3


def try_unpack(tmp_path: Path, data: bytes, limit: int = 1_000_000) -> Path:
    archive, into = tmp_path / "archive", tmp_path / "in" / "to"
    tmp_path.mkdir(exist_ok=True)
    archive.write_bytes(data)
    into.mkdir(parents=True)
    unpack(archive, into, limit, Event())
    return into


def outside(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir()) + sorted(p.name for p in (tmp_path / "in").iterdir())


@needs_modes
def test_a_good_archive(tmp_path: Path) -> None:
    into = try_unpack(tmp_path, server_archive())
    assert (into / "bin" / "ollama").stat().st_mode & 0o777 == 0o755
    assert (into / "lib/ollama/libggml.so").read_bytes() == b"library" * 1000
    assert (into / "lib/ollama/cuda/libggml.so").read_bytes() == b"library" * 1000


class WindowsDisk:
    """``os`` of Windows: only who may write can bring a file to the disk; folders cannot be opened."""

    name, O_RDONLY, O_RDWR = "nt", os.O_RDONLY, os.O_RDWR

    def __init__(self) -> None:
        self.flags: dict[int, int] = {}
        self.brought = 0

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        if path.is_dir():
            raise PermissionError(13, "Permission denied")
        handle = os.open(path, flags, mode)
        self.flags[handle] = flags
        return handle

    def fsync(self, handle: int) -> None:
        if not self.flags[handle] & os.O_RDWR:
            raise OSError(9, "Bad file descriptor")
        self.brought += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def test_files_are_brought_to_the_disk_on_windows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = WindowsDisk()
    monkeypatch.setattr("wattlight.runtime.managed.unpacking.os", disk)
    into = try_unpack(tmp_path, server_archive())
    files = [path for path in into.rglob("*") if path.is_file() and not path.is_symlink()]
    assert disk.brought == len(files) == 2


@needs_modes
def test_setuid_is_dropped(tmp_path: Path) -> None:
    into = try_unpack(tmp_path, tar_zst(member("x", b"x", 0o6755), member("y", b"y", 0o7644)))
    assert not (into / "x").stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
    assert (into / "y").stat().st_mode & 0o777 == 0o644


LINK = tarfile.SYMTYPE
EVIL: dict[str, list[Any]] = {
    "dots": [member("../evil", b"x")],
    "dots inside": [member("a/../../evil", b"x")],
    "absolute": [member("/tmp/evil", b"x")],
    "backslash": [member("..\\evil", b"x")],
    "drive": [member("C:evil", b"x")],
    "link out": [member("a", kind=LINK, link="../evil"), member("a/b", b"x")],
    "absolute link": [member("a", kind=LINK, link="/etc/passwd")],
    "link deep out": [member("d/e/a", kind=LINK, link="../../../evil")],
    "link through a link": [
        member("p/q/a", kind=LINK, link="../.."),
        member("b", kind=LINK, link="p/q/a/.."),
    ],
    "write through a link": [
        member("d/", kind=tarfile.DIRTYPE),
        member("l", kind=LINK, link="d"),
        member("l/x", b"x"),
    ],
    "file over link": [member("l", kind=LINK, link="d"), member("l", b"x")],
    "twice": [member("x", b"x"), member("x", b"y")],
    "folder over file": [member("x", b"x"), member("x/y", b"y")],
    "hard link out": [member("h", kind=tarfile.LNKTYPE, link="../evil")],
    "hard link to nothing": [member("h", kind=tarfile.LNKTYPE, link="etc/passwd")],
    "hard link to a link": [member("l", kind=LINK, link="x"), member("h", kind=tarfile.LNKTYPE, link="l")],
    "device": [(DEVICE, b"")],
    "fifo": [member("f", kind=tarfile.FIFOTYPE)],
    "no name": [member("./", b"x")],
    "long name": [member("x" * 2000, b"x")],
}


@pytest.mark.parametrize("name", EVIL)
def test_fault_27_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and name in {"write through a link", "file over link"}:
        pytest.skip("links need a right on Windows that accounts do not have")
    with pytest.raises(RuntimeProblem) as caught:
        try_unpack(tmp_path, tar_zst(*EVIL[name]))
    assert caught.value.code == "bad_archive"
    assert outside(tmp_path) == ["archive", "in", "to"]
    assert not Path("/tmp/evil").exists()


def test_fault_27_a_bomb_is_stopped_at_its_size(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        try_unpack(tmp_path, tar_zst(member("zeros", b"\0" * 50_000_000), level=19), limit=1_000_000)
    assert "larger than it may be" in caught.value.message
    written = sum(p.stat().st_size for p in (tmp_path / "in").rglob("*") if p.is_file())
    assert written < 4_000_000


def test_fault_27_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.runtime.managed.unpacking.MAX_MEMBERS", 10)
    with pytest.raises(RuntimeProblem):
        try_unpack(tmp_path, tar_zst(*(member(str(n)) for n in range(11))))


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_fault_26_a_truncated_archive(tmp_path: Path, keep: float) -> None:
    data = tar_zst(member("a", os.urandom(200_000)), member("b", os.urandom(200_000)))
    cut = data[: int(keep * len(data)) if 0 < keep < 1 else int(keep)]
    with pytest.raises(RuntimeProblem) as caught:
        try_unpack(tmp_path, cut)
    assert caught.value.code == "bad_archive"


def test_something_else_than_an_archive(tmp_path: Path) -> None:
    with pytest.raises(RuntimeProblem):
        try_unpack(tmp_path, b"<html>")


def test_a_window_that_would_take_too_much_memory(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(RuntimeProblem):
        try_unpack(tmp_path, data.compress(b"x" * 1000) + data.flush())


def test_a_cancel(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(server_archive())
    cancel = Event()
    cancel.set()
    with pytest.raises(RuntimeProblem) as caught:
        unpack(archive, tmp_path, 1_000_000, cancel)
    assert caught.value.code == "cancelled"


NAMES = st.sampled_from(["a", "b", "a/b", "../x", "a/../b", "/x", ".", "l", "l/x", "..", "a//b", "./a"])
KINDS = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
)


@given(st.lists(st.tuples(NAMES, KINDS, NAMES | st.sampled_from(["../..", "../../..", "l/.."])), max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fault_27_no_combination_gets_out(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, bytes, str]]
) -> None:
    root = tmp_path_factory.mktemp("any")
    data = tar_zst(*(member(n, b"x" if k == tarfile.REGTYPE else b"", kind=k, link=t) for n, k, t in members))
    try:
        try_unpack(root, data)
    except RuntimeProblem:
        pass
    assert outside(root) == ["archive", "in", "to"]
    into = (root / "in" / "to").resolve()
    for path in into.rglob("*"):
        if path.is_symlink():
            assert Path(os.path.realpath(path)).is_relative_to(into), path.readlink()


def sparse(kind: str) -> bytes:
    """An archive of a few bytes whose one file would be a gigabyte of holes."""
    entry = tarfile.TarInfo("big")
    if kind == "gnu":
        entry.type, entry.size = tarfile.GNUTYPE_SPARSE, 0
        block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
        block[386:398] = block[398:410] = b"00000000000\0"
        block[483:495] = b"%011o\0" % (1 << 30)
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return zstandard.compress(bytes(block) + bytes(1024))
    entry.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(1 << 30), "GNU.sparse.map": "0,0"}
    return zstandard.compress(entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024))


@pytest.mark.parametrize("kind", ["gnu", "pax"])
def test_fault_27_holes_are_not_written(tmp_path: Path, kind: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        try_unpack(tmp_path, sparse(kind), 1 << 20)
    assert caught.value.code == "bad_archive"
    assert sum(p.stat().st_size for p in (tmp_path / "in").rglob("*") if p.is_file()) == 0


def with_records(size: int, kind: str) -> bytes:
    """A good archive whose second entry has ``size`` bytes of records of its own."""
    raw = io.BytesIO()
    fmt = tarfile.PAX_FORMAT if kind == "pax" else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=raw, mode="w", format=fmt) as tar:
        tar.addfile(tarfile.TarInfo("first"))
        if kind == "pax":
            entry = tarfile.TarInfo("second")
            entry.pax_headers = {"comment": "x" * size}
        else:
            entry = tarfile.TarInfo("d/" * (size // 2))
        tar.addfile(entry)
    return zstandard.compress(raw.getvalue())


@pytest.mark.parametrize("kind", ["pax", "gnu"])
def test_fault_27_records_of_an_entry_are_bounded(tmp_path: Path, kind: str) -> None:
    """tarfile keeps them in memory whole: 700 MiB of them took 2 GiB."""
    data = with_records(64 << 20, kind)
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeProblem) as caught:
            try_unpack(tmp_path, data, 1 << 30)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code == "bad_archive"
    assert try_unpack(tmp_path / "small", with_records(600, kind), 1 << 30)
