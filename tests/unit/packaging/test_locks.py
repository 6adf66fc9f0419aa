"""The locked lists: all that pyproject asks for, every package with hashes, the same versions in all."""

import re
import tomllib
from pathlib import Path

import pytest

LISTS = ("requirements.lock", "requirements-test.lock", "requirements-bundle.lock")


def packages(path: Path) -> dict[str, set[str]]:
    """Name to versions; one name may have several versions for several Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^\s;\\]+)", path.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


@pytest.mark.parametrize("name", LISTS)
def test_every_package_is_pinned_with_hashes(packaging_folder: Path, name: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (packaging_folder / name).read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    assert all("==" in entry.split("\n")[0] and "--hash=sha256:" in entry for entry in entries)


def test_the_lists_hold_what_the_project_asks_for(packaging_folder: Path) -> None:
    project = tomllib.loads((packaging_folder.parent / "pyproject.toml").read_text())["project"]
    run = {normal(item) for item in project["dependencies"]}
    check = run | {normal(item) for item in project["optional-dependencies"]["test"]}
    hint = "run: python3 packaging/refresh_locks.py --keep"
    assert run - set(packages(packaging_folder / LISTS[0])) == set(), hint
    assert check - set(packages(packaging_folder / LISTS[1])) == set(), hint
    assert run - set(packages(packaging_folder / LISTS[2])) == set(), hint


@pytest.mark.parametrize("name", LISTS[1:])
def test_the_lists_agree(packaging_folder: Path, name: str) -> None:
    run, other = packages(packaging_folder / LISTS[0]), packages(packaging_folder / name)
    assert {key: other.get(key) for key in run} == run


@pytest.mark.parametrize("name", LISTS)
def test_no_list_names_a_place(packaging_folder: Path, name: str) -> None:
    """Where packages come from is the machine's own setting."""
    text = (packaging_folder / name).read_text()
    assert "://" not in text
    assert "--index" not in text
