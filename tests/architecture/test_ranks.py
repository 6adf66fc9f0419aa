"""The house: who may import whom, through which door, and which library belongs to which room."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from .house import HOUSE, SOURCE

RANK = {
    "__main__": 9,
    "bootstrap": 8,
    "ui": 7,
    "cli": 7,
    "viewmodels": 6,
    "services": 5,
    "probes": 4,
    "runtime": 4,
    "catalog": 4,
    "store": 4,
    "web": 3,
    "paths": 2,
    "settings": 3,
    "system": 3,
    "domain": 1,
    "i18n": 0,
}

OWNERS = {
    "PySide6": {"ui"},
    "shiboken6": {"ui"},
    "pynvml": {"probes"},
    "psutil": {"probes"},
    "ollama": {"runtime"},
    "httpx": {"runtime"},
    "sqlite3": {"store"},
    "platformdirs": {"paths"},
    "babel": {"i18n"},
    "gettext": {"i18n"},
    "tzlocal": {"i18n"},
    "jeepney": {"system"},
    "keyring": {"system"},
    "zstandard": {"runtime"},
    "argparse": {"cli"},
    "mcp": {"cli"},
    "paho": {"services"},
    "prometheus_client": {"services"},
}

FILE_DOORS = {"catalog", "domain", "services", "viewmodels"}
"""Rooms in which each file directly below is a subject of its own, and so a door as a package is."""


def room_of(file: Path) -> str:
    first = file.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def is_door(parts: list[str]) -> bool:
    """A package, a room that is one file, or a subject that is one file."""
    if SOURCE.joinpath(*parts, "__init__.py").is_file():
        return True
    alone = len(parts) == 1 or (len(parts) == 2 and parts[0] in FILE_DOORS)
    return alone and SOURCE.joinpath(*parts).with_suffix(".py").is_file()


ALL = list(HOUSE.trees.items())


def test_every_room_has_a_rank() -> None:
    rooms = {room_of(file) for file, _ in ALL} - {"__init__"}
    assert rooms <= set(RANK), f"rooms without a rank: {rooms - set(RANK)}"


def test_imports_go_down_through_doors() -> None:
    faults = []
    for file, _ in ALL:
        room = room_of(file)
        if room == "__init__":
            continue
        for item in HOUSE.imports_of(file):
            parts = item.module.split(".")
            if parts[0] != "wattlight" or len(parts) == 1:
                continue
            target = parts[1]
            where = f"{file.relative_to(SOURCE)}:{item.line}"
            if target == room:
                continue
            if RANK[target] >= RANK[room]:
                faults.append(f"{where}: {room} may not import {target}")
            if not is_door(parts[1:]):
                faults.append(f"{where}: {item.module} is not a door")
            for name in item.names:
                behind = SOURCE.joinpath(*parts[1:], f"{name}.py").is_file()
                if behind and not is_door([*parts[1:], name]):
                    faults.append(f"{where}: {item.module}.{name} is a file behind the door")
    assert not faults, "\n".join(faults)


def test_libraries_stay_with_their_owners() -> None:
    faults = []
    for file, _ in ALL:
        for item in HOUSE.imports_of(file):
            library = item.module.split(".")[0]
            if library in OWNERS and room_of(file) not in OWNERS[library]:
                faults.append(f"{file.relative_to(SOURCE)}:{item.line}: {library} in {room_of(file)}")
    assert not faults, "\n".join(faults)


def test_domain_needs_the_standard_library_alone() -> None:
    faults = []
    for file, _ in ALL:
        if room_of(file) != "domain":
            continue
        for item in HOUSE.imports_of(file):
            library = item.module.split(".")[0]
            if library != "wattlight" and library not in sys.stdlib_module_names:
                faults.append(f"{file.relative_to(SOURCE)}:{item.line}: {library}")
    assert not faults, "\n".join(faults)


def test_a_lazy_door_gives_all_it_names() -> None:
    lazy = [(file, tree) for file, tree in ALL if "lazy_door(" in file.read_text() and file.parent != SOURCE]
    assert len(lazy) > 3
    for file, tree in lazy:
        module = import_module(".".join(("wattlight", *file.relative_to(SOURCE).parent.parts)))
        (names,) = (
            {alias.name for line in node.body if isinstance(line, ast.ImportFrom) for alias in line.names}
            for node in tree.body
            if isinstance(node, ast.If)
        )
        wrong = [name for name in names if isinstance(getattr(module, name, module), ModuleType)]
        assert not wrong, f"{module.__name__}: {wrong}"
        with pytest.raises(AttributeError):
            _ = module.not_there


def test_no_drawer_modules() -> None:
    drawers = {"utils", "util", "helpers", "common", "misc", "manager"}
    assert not [str(f) for f, _ in ALL if f.stem in drawers or f.parent.name in drawers]


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["hardware", "--json"]])
def test_the_command_line_never_loads_qt(argv: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom wattlight.__main__ import main\n"
        f"try:\n    main({argv!r})\nexcept SystemExit:\n    pass\n"
        "bad=[m for m in sys.modules if m.startswith(('PySide6','shiboken6'))]\n"
        "sys.exit(f'Qt was loaded: {bad}' if bad else 0)"
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
