"""Trees, a clock that stands still, and a prober that is closed after the test."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.probe_clock import ProbeClock as Clock
from wattlight.probes import Prober, open_prober

_OF_TREES = """
test_amd test_battery test_corruption test_environment test_intel test_memory test_nvidia test_nvml_stub
test_other_programs test_processor_drivers test_prober test_rapl test_reader test_server_switches test_trees
"""
collect_ignore = [f"{name}.py" for name in _OF_TREES.split()] if sys.platform == "win32" else []
"""Paths of the trees hold ``:``, which Windows cannot store, and ``os.pread`` reads them."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tree {path: content}; content without its line end."""
    if sys.platform == "win32":
        pytest.skip("recorded Linux trees, read by os.pread")
    made = iter(range(1000))

    def make(tree: dict[str, Any], unreadable: tuple[str, ...] = (), at: Path | None = None) -> Path:
        folder = at or tmp_path / f"tree{next(made)}"
        folder.mkdir(parents=True, exist_ok=True)
        return trees.write_tree(folder, trees.nl(tree), unreadable)

    return make


@pytest.fixture
def known_tree(tmp_path: Path) -> Callable[[str], tuple[Path, Path | None]]:
    """Writes one of the ten; its first and second sample."""

    def make(name: str) -> tuple[Path, Path | None]:
        tree = trees.T[name]
        for sub, files in tree["samples"].items():
            trees.write_tree(tmp_path / name / sub, files, tree.get("unreadable", ()))
        samples = sorted(tree["samples"])
        first = tmp_path / name / samples[0]
        return first, tmp_path / name / samples[1] if len(samples) > 1 else None

    return make


@pytest.fixture
def open_tree(clock: Clock) -> Iterator[Callable[..., Prober]]:
    """Opens probers on trees and closes them at the end."""
    opened: list[Prober] = []

    def make(root: Path, **options: Any) -> Prober:
        prober = open_prober(root, clock=clock, now=clock.now, **options)
        opened.append(prober)
        return prober

    yield make
    for prober in opened:
        prober.close()
