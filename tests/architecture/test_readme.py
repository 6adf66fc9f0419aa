"""What the README of the house says about its files is so."""

import re
import sys
from inspect import CO_OPTIMIZED
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest

from wattlight.__main__ import main

from .house import HOUSE, SOURCE

DESKTOP = SOURCE.parent
README = (DESKTOP / "README.md").read_text(encoding="utf-8")
MACHINE = Path(__file__).resolve().parents[1] / "data" / "machines" / "card_24gib.json"


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


WAYS = dict(re.findall(r"^- \*\*(.+?)\*\*: (.*)$", section("Five ways through the house"), re.MULTILINE))
STEP = re.compile(r"`([a-z_/]+\.py)`(?: (→|⇢) (?=`))?")


def reached(file: str) -> set[str]:
    """The files that hold what a file imports, through doors."""
    names = set()
    for item in HOUSE.imports_of(SOURCE / file):
        for name in item.names:
            module = HOUSE.maker(item.module, name)
            if module in HOUSE.modules:
                names.add(HOUSE.name_of(HOUSE.modules[module]))
    return names


def test_there_are_five_ways() -> None:
    assert len(WAYS) == 5
    assert all(len(STEP.findall(way)) > 7 for way in WAYS.values())


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_the_files_of_a_way_are_there_and_know_each_other(way: str) -> None:
    steps = STEP.findall(way)
    missing = [file for file, _ in steps if not (SOURCE / file).is_file()]
    assert not missing
    apart = [
        f"{one} → {two}"
        for (one, sign), (two, _) in pairwise(steps)
        if sign == "→" and two not in reached(one) and one not in reached(two)
    ]
    assert not apart, "neither imports the other: " + ", ".join(apart)


def test_fit_really_goes_that_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATTLIGHT_HOME", str(tmp_path))
    entered = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_flags & CO_OPTIMIZED:
            entered.add(frame.f_code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        assert main(["fit", "llama3.1:8b", "--machine", str(MACHINE)]) == 0
    finally:
        sys.setprofile(before)
    assert [file for file, _ in STEP.findall(WAYS["Fit"]) if str(SOURCE / file) not in entered] == []


def test_what_to_touch_is_there() -> None:
    """Names in capitals stand for what is added: others like it are there."""
    lines = section("To add …, touch these two files").splitlines()
    rows = [line.split("|")[1:-1] for line in lines if "`" in line]
    assert len(rows) == 9
    for what, touch, along in rows:
        files = re.findall(r"`([\w/]+\.py)`", touch)
        assert len(files) == 2, what
        for name in re.findall(r"`([\w/-]+\.(?:py|md|json|svg))`", touch + along):
            pattern = re.sub(r"VENDOR|NAME", "*", name)
            roots = (SOURCE, DESKTOP, DESKTOP.parent, DESKTOP.parent / "resources")
            assert any(any(root.glob(pattern)) for root in roots), f"{what}: {name}"
        likes = [p for f in files for p in SOURCE.glob(re.sub(r"VENDOR|NAME", "*", f))]
        texts = "".join(p.read_text(encoding="utf-8") for p in likes)
        for name in re.findall(r"`(\w+)`", touch):
            assert re.search(rf"\b{name}\b", texts), f"{what}: {name}"


def test_what_the_answers_name_is_there() -> None:
    """The tests, and the verbs with their options."""
    answers = (DESKTOP / "ANSWERS.md").read_text(encoding="utf-8")
    tests = re.findall(r"`(tests/[a-z_/]+\.py)`", answers)
    assert len(tests) > 8
    assert [name for name in tests if not (DESKTOP.parent / name).is_file()] == []
    reference = (DESKTOP / "CLI.md").read_text(encoding="utf-8")
    for verb, rest in re.findall(r"`wattlight ([a-z-]+)([^`]*)`", answers):
        assert re.search(rf"^## {verb}$", reference, re.MULTILINE), verb
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in reference, option
