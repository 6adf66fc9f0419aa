"""The table of system libraries: complete for the Qt in use, right names, all missing ones at once."""

import struct
import sys
from pathlib import Path

import pytest
from bootstrap_parts import libraries, system_packages
from bootstrap_parts.libraries import Library, PackageManager

APT = PackageManager("apt", ("apt-get", "update"), ("apt-get", "install", "--no-install-recommends"))
PACMAN = PackageManager("pacman", (), ("pacman", "-S", "--needed"))
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
    listed = {library.soname for group in libraries.GROUPS.values() for library in group}
    assert needed - listed == set(), "Qt needs libraries that the bootstrap does not check"
    assert listed - needed == set(), "the bootstrap checks libraries that Qt does not need"


@linux_only
def test_all_missing_libraries_are_named_at_once() -> None:
    there = Library("libc.so.6", "libc6", "glibc", "glibc")
    absent = [Library(f"libnot-there-{n}.so.1", f"lib{n}", "x", "y") for n in range(3)]
    assert libraries.missing((there, *absent)) == tuple(absent)


def test_platforms_choose_their_libraries() -> None:
    assert set(libraries.wanted(())) == set(libraries.CORE)
    assert set(libraries.wanted(("xcb",))) == {*libraries.CORE, *libraries.XCB}
    assert set(libraries.wanted(("wayland", "xcb"))) == {*libraries.CORE, *libraries.XCB, *libraries.WAYLAND}


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ("glibc 2.36", None),
        ("glibc 2.34", None),
        ("glibc 2.31", "2.34"),
        (None, "musl"),
        ("musl 1.2", "musl"),
    ],
)
def test_the_c_library_is_judged(says: str | None, words: str | None) -> None:
    problem = libraries.glibc_problem(says)
    assert (problem is None) == (words is None)
    assert words is None or (problem is not None and words in problem)


def test_everything_missing_is_one_command() -> None:
    tools = tuple(t for t in system_packages.TEST_TOOLS if t.program in {"Xvfb", "git"})
    lacking = system_packages.gather(libraries.XCB[:2] + libraries.CORE[:2], tools, True, APT)
    assert lacking.packages[0].startswith("python3") and lacking.packages[0].endswith("venv")
    assert lacking.packages[1:] == ("libx11-xcb1", "libxcb1", "libglib2.0-0", "git", "xvfb")
    error = system_packages.demand(lacking, APT, "python3 packaging/bootstrap.py run --system")
    assert "libX11-xcb.so.1" in error.message
    assert "ensurepip" in error.message
    assert "sudo apt-get install --no-install-recommends python3" in error.next_step
    assert "--system" in error.next_step


def test_other_package_managers_have_their_own_names() -> None:
    lacking = system_packages.gather(libraries.XCB, (), False, PACMAN)
    assert "xcb-util-cursor" in lacking.packages
    assert len(set(lacking.packages)) == len(lacking.packages)


def test_an_unknown_package_manager_still_gets_the_list() -> None:
    lacking = system_packages.gather(libraries.WAYLAND, (), False, None)
    error = system_packages.demand(lacking, None, "")
    assert "libwayland-cursor.so.0" in error.message
    assert "package manager" in error.next_step


def test_system_packages_are_installed_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(system_packages, "install", lambda *given: calls.append(given))
    monkeypatch.setattr(system_packages, "package_manager", lambda: APT)
    with pytest.raises(system_packages.StepError):
        system_packages.settle(libraries.XCB, (), False, False, "again")
    assert not calls
    assert system_packages.settle(libraries.XCB, (), False, True, "again")
    assert len(calls) == 1
    assert not system_packages.settle((), (), False, True, "again")
