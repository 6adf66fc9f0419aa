"""Random damage to every recorded machine: nothing raises, nothing unknown is reported as 0."""

import io
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.probe_clock import ProbeClock
from wattlight.cli import Output
from wattlight.cli.verb_hardware import hardware_document, hardware_lines
from wattlight.cli.verb_power import power_document, power_lines
from wattlight.probes import open_prober

WORDS = (
    *(b"", b"\n", b"garbage\n", b"NaN\n", b"nan\n", b"-1\n", b"65535000000\n", b"0x\n", b"1e400\n", b"1,5\n"),
    *(b"18446744073709551615\n", b"99999999999999999999999\n", b"\x00\x00\x00", b"\xff" * 300),
    *(b"\xe2\x80\xae\x1b[31m\n", b"a" * 100_000),
)
NEVER_ZERO = ("power_w", "_w", "_total", "_c", "limit", "total")
"""Endings of keys whose 0 would mean "unknown": nothing awake draws 0 W, is 0 degrees or has 0 bytes."""


def damage(chance: random.Random, tree: dict[str, Any]) -> dict[str, Any]:
    """A copy of the tree with some files broken or gone."""
    broken = dict(tree)
    for path in chance.sample(sorted(tree), k=min(len(tree), chance.choice((1, 2, 5, 20)))):
        if chance.random() < 0.2:
            del broken[path]
        elif chance.random() < 0.2:
            raw = broken[path] if isinstance(broken[path], bytes) else str(broken[path]).encode()
            raw = bytearray(raw or b"x")
            for _ in range(chance.randint(1, 6)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            broken[path] = bytes(raw)
        else:
            broken[path] = chance.choice(WORDS)
    return broken


def numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from numbers(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, float(value)


def check(document: dict[str, Any]) -> None:
    for key, value in numbers(document):
        assert math.isfinite(value) and value >= (-100 if key.endswith("_c") else 0), (key, value)
        if key.endswith(NEVER_ZERO) and not key.startswith(("swap", "llm", "gtt")):
            assert value != 0, (key, value)
        if key.endswith("_w"):
            assert value <= 5000, (key, value)
        if key.endswith("_pct"):
            assert value <= 100, (key, value)


def one(seed: int, folder: Path) -> None:
    chance = random.Random(seed)
    name = chance.choice(sorted(trees.T))
    samples = trees.T[name]["samples"]
    roots = []
    for sub in sorted(samples):
        root = trees.write_tree(folder / f"{seed}{sub}", damage(chance, samples[sub]))
        if chance.random() < 0.3:
            file = chance.choice([p for p in root.rglob("*") if p.is_file()])
            file.chmod(0)
        roots.append(root)
    clock = ProbeClock()
    gpu = FakeGpu(
        slot="000f:01:00.0" if "gb10" in name else "0000:01:00.0",
        power_mw=chance.choice((0, 11_170, 65_535_000)),
        faults={chance.choice(("memory", "slot", "all", "none")): chance.choice((1, 3, 15, 999, -1))},
    )
    prober = open_prober(roots[0], clock=clock, now=clock.now, nvml=lambda: FakeNvmlApi(gpu))
    try:
        for root in [*roots, roots[-1]]:
            prober.move(root)
            sample, report = prober.sample(), prober.report()
            assert not report.slow_sensors
            document = hardware_document(report)
            assert "does not answer" not in json.dumps(document), (seed, name)
            check(document)
            check(power_document(sample))
            hardware_lines(report)
            power_lines(sample)
            Output(io.StringIO(), True).document(document)
            prober.profile()
            clock.step(chance.choice((0, 0.5, 1, 40, 10_000)))
    finally:
        prober.close()


@pytest.mark.parametrize("seed", range(0, 200, 20))
def test_two_hundred_damaged_machines(seed: int, tmp_path: Path) -> None:
    for each in range(seed, seed + 20):
        one(each, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_ten_thousand_damaged_machines(tmp_path: Path) -> None:
    import shutil

    for seed in range(10_000):
        one(1000 + seed, tmp_path / str(seed))
        shutil.rmtree(tmp_path / str(seed))
