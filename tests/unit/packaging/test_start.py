"""The first file must speak on any old Python; the rest is for a new one."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from bootstrap import wanted_python


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 15), (3, 8, 18), (3, 10, 13)])
def test_an_old_python_is_told_which_one_is_needed(version: tuple[int, int, int]) -> None:
    said = wanted_python(version)
    assert said is not None
    assert "3.11" in said
    assert f"{version[0]}.{version[1]}" in said


def test_a_new_python_is_welcome() -> None:
    assert wanted_python((3, 11, 0)) is None
    assert wanted_python((4, 0, 0)) is None


def test_the_first_file_keeps_to_the_grammar_of_python_3_4(packaging_folder: Path) -> None:
    source = (packaging_folder / "bootstrap.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]


def test_the_bootstrap_needs_the_standard_library_alone(packaging_folder: Path) -> None:
    files = [packaging_folder / "bootstrap.py", *sorted((packaging_folder / "bootstrap_parts").glob("*.py"))]
    foreign = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            foreign |= {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign == {"bootstrap_parts"}


def test_there_is_no_init_file_in_the_packaging_folder(packaging_folder: Path) -> None:
    """It would hide the library called ``packaging`` from pip and pytest."""
    assert not (packaging_folder / "__init__.py").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["test", "--help"]])
def test_help_is_there(packaging_folder: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-I", str(packaging_folder / "bootstrap.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "usage: python3 packaging/bootstrap.py" in done.stdout
