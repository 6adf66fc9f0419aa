"""The table of system libraries: complete for the Qt in use, right names, all missing ones at once."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from bootstrap_parts import needs
from bootstrap_parts.needs import Need, PackageManager
from bootstrap_parts.say import StepError

from fakes.systems import needs_posix

APT = PackageManager("apt", ("apt-get", "update"), ("apt-get", "install", "--no-install-recommends"), "-y")
PACMAN = PackageManager("pacman", (), ("pacman", "-S", "--needed"), "--noconfirm")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the table is for Linux")

# What Wattlight loads of Qt: these modules and plugins; the wheel holds many more that need much more.
USED = (
    "QtCore.abi3.so",
    "QtGui.abi3.so",
    "QtWidgets.abi3.so",
    "QtDBus.abi3.so",
    "QtNetwork.abi3.so",
    "QtSvg.abi3.so",
    "Qt/plugins/platforms/libqxcb.so",
    "Qt/plugins/platforms/libqwayland.so",
    "Qt/plugins/wayland-graphics-integration-client/libqt-plugin-wayland-egl.so",
    "Qt/plugins/wayland-shell-integration/libxdg-shell.so",
    "Qt/plugins/wayland-decoration-client/libbradient.so",
    "Qt/plugins/platforminputcontexts/libibusplatforminputcontextplugin.so",
    "Qt/plugins/platforms/libqoffscreen.so",
    "Qt/plugins/imageformats/libqsvg.so",
    "Qt/plugins/iconengines/libqsvgicon.so",
    "Qt/plugins/xcbglintegrations/libqxcb-glx-integration.so",
    "Qt/plugins/xcbglintegrations/libqxcb-egl-integration.so",
    "Qt/plugins/tls/libqopensslbackend.so",
)
# Part of every glibc or GCC system.
SYSTEM = {
    "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1", "libstdc++.so.6", "libgcc_s.so.1", "libresolv.so.2",
}  # fmt: skip


def needed_of(path: Path) -> set[str]:
    """The NEEDED names of a 64-bit little-endian ELF file."""
    data = path.read_bytes()
    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    heads = [struct.unpack_from("<IIQQQQQQ", data, start + i * size) for i in range(count)]
    loads = [(vaddr, offset, filesz) for kind, _, offset, vaddr, _, filesz, _, _ in heads if kind == 1]

    def at(address: int) -> int:
        return next(o + address - v for v, o, n in loads if v <= address < v + n)

    _, _, offset, _, _, length, _, _ = next(head for head in heads if head[0] == 2)
    entries = list(struct.iter_unpack("<QQ", data[offset : offset + length]))
    strings = at(next(value for tag, value in entries if tag == 5))
    return {
        data[strings + value : data.index(b"\0", strings + value)].decode()
        for tag, value in entries
        if tag == 1
    }


def closure_of(wheel: Path, names: tuple[str, ...]) -> set[str]:
    """All outside libraries that the files named and the wheel's own files behind them need."""
    own = {path.name: path for path in wheel.rglob("*.so*")}
    own |= {path.name: path for path in (wheel.parent / "shiboken6").glob("*.so*")}
    todo, seen, outside = [wheel / name for name in names if (wheel / name).is_file()], set(), set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in needed_of(path):
            if name in own:
                todo.append(own[name])
            else:
                outside.add(name)
    return outside


@linux_only
def test_the_table_is_what_the_installed_qt_needs() -> None:
    pyside = pytest.importorskip("PySide6")
    wheel = Path(pyside.__file__).parent
    needed = closure_of(wheel, USED) - SYSTEM
    listed = {library.name for group in needs.GROUPS.values() for library in group}
    assert needed - listed == set(), "Qt needs libraries that the bootstrap does not check"
    assert listed - needed == set(), "the bootstrap checks libraries that Qt does not need"


@linux_only
def test_all_missing_libraries_are_named_at_once() -> None:
    there = Need("libc.so.6", "libc6", "glibc", "glibc")
    absent = [Need(f"libnot-there-{n}.so.1", f"lib{n}", "x", "y") for n in range(3)]
    assert needs.missing((there, *absent)) == tuple(absent)


def test_platforms_choose_their_libraries() -> None:
    assert set(needs.wanted(())) == set(needs.CORE)
    assert set(needs.wanted(("xcb",))) == {*needs.CORE, *needs.XCB}
    assert set(needs.wanted(("wayland", "xcb"))) == {*needs.CORE, *needs.XCB, *needs.WAYLAND}


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (("glibc", "2.36"), None),
        (("glibc", "2.34"), None),
        (("glibc", "2.31"), "glibc 2.31; Qt needs 2.34"),
        (("", ""), "musl"),
        (("musl", "1.2"), "musl"),
    ],
)
def test_the_c_library_is_judged(says: tuple[str, str], words: str | None) -> None:
    problem = needs.glibc_problem(*says)
    assert (problem is None) == (words is None)
    assert words is None or (problem is not None and words in problem)


def test_everything_missing_is_one_command() -> None:
    tools = tuple(t for t in needs.TEST_TOOLS if t.name in {"Xvfb", "git"})
    lacking = (needs.venv_need(), *needs.XCB[:2], *needs.CORE[:2], *tools)
    packages = APT.packages(lacking)
    assert packages[0].startswith("python3") and packages[0].endswith("venv")
    assert packages[1:] == ("libx11-xcb1", "libxcb1", "libglib2.0-0", "git", "xvfb")
    error = needs.demand(lacking, APT, "python3 packaging/bootstrap.py run --system")
    assert "libX11-xcb.so.1" in error.message
    assert "ensurepip" in error.message
    assert "sudo apt-get update && sudo apt-get install --no-install-recommends python3" in error.next_step
    assert "--system" in error.next_step


def test_other_package_managers_have_their_own_names() -> None:
    packages = PACMAN.packages(needs.XCB)
    assert "xcb-util-cursor" in packages
    assert len(set(packages)) == len(packages)


def test_an_unknown_package_manager_still_gets_the_list() -> None:
    error = needs.demand(needs.WAYLAND, None, "")
    assert "libwayland-cursor.so.0" in error.message
    assert "package manager" in error.next_step


def test_system_packages_are_installed_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(needs, "install", lambda *given: calls.append(given))
    monkeypatch.setattr(needs, "package_manager", lambda: APT)
    with pytest.raises(StepError):
        needs.settle(needs.XCB, False, "again")
    assert not calls
    assert needs.settle(needs.XCB, True, "again")
    assert len(calls) == 1
    assert not needs.settle((), True, "again")


@needs_posix
@pytest.mark.parametrize(("root", "sudo"), [(True, True), (False, True), (False, False)])
def test_how_system_packages_are_installed(
    root: bool, sudo: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(needs.shutil, "which", lambda tool: f"/usr/bin/{tool}" if sudo else None)

    def run(command: tuple[str, ...], **given: object) -> "subprocess.CompletedProcess[str]":
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    if not (root or sudo):
        with pytest.raises(StepError, match="there is no sudo") as caught:
            needs.install(("git",), APT)
        line = "apt-get update && apt-get install --no-install-recommends git"
        assert caught.value.next_step == f"Run as root: {line}"
        assert not ran
        return
    needs.install(("git",), APT)
    before = () if root else ("sudo",)
    assert ran == [(*before, *APT.refresh), (*before, *APT.install, "-y", "git")]
    assert "$ " + " ".join(ran[0]) in capsys.readouterr().err, "it says what it does"


@needs_posix
def test_a_package_manager_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 100))
    with pytest.raises(StepError, match="'apt-get update' failed with code 100") as caught:
        needs.install(("git",), APT)
    assert "last lines above" in caught.value.next_step


@linux_only
def test_a_python_without_ctypes_leaves_the_question_to_the_trial_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert needs.missing((Need("libnot-there.so.1", "a", "d", "p"),)) == ()


@pytest.mark.parametrize(
    ("link", "package"),
    [
        (f"/usr/bin/python3.{sys.version_info[1]}", "python3-venv"),
        ("/usr/bin/python3.99", f"python3.{sys.version_info[1]}-venv"),
    ],
)
def test_the_package_of_venv_follows_the_python(
    link: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python beside the system's own needs the package of its own number."""
    monkeypatch.setattr(os.path, "realpath", lambda path: link)
    assert needs.venv_need().apt == package
