"""CPU of the catalogue and of ``recommend``: loaded in under 30 ms, all ranked in 50 ms after that."""

import json
import time
from pathlib import Path

import pytest

from wattlight.catalog import load_catalog, load_editorial
from wattlight.domain.advice import KnownModels, Question, Use, recommend
from wattlight.domain.machine_file import parse_machine

MACHINES = Path(__file__).resolve().parents[1] / "data" / "machines"
LOAD_MS = 30.0
RECOMMEND_MS = 50.0
ROUNDS = 9


def cpu_ms(start: float) -> float:
    return (time.process_time() - start) * 1000


@pytest.mark.bench
def test_load() -> None:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        load_catalog()
        load_editorial()
        times.append(cpu_ms(start))
    print(f"load of catalogue and judgement: best {min(times):.1f} ms, worst {max(times):.1f} ms of CPU")
    assert min(times) < LOAD_MS


@pytest.mark.bench
@pytest.mark.parametrize("use", list(Use))
def test_recommend_cold(use: Use) -> None:
    """First answer of a fresh program, no model prepared yet; the worst machine counts."""
    catalog, editorial = load_catalog(), load_editorial()
    worst = ("", 0.0)
    for file in sorted(MACHINES.glob("*.json")):
        profile = parse_machine(json.loads(file.read_text(encoding="utf-8")))
        times = []
        for _ in range(ROUNDS):
            known = KnownModels(catalog, editorial)
            start = time.process_time()
            recommend(known, profile, Question(use))
            times.append(cpu_ms(start))
        worst = max(worst, (file.stem, min(times)), key=lambda item: item[1])
    print(f"recommend {use.value}, nothing prepared: worst {worst[1]:.1f} ms of CPU ({worst[0]})")
    assert worst[1] < RECOMMEND_MS


@pytest.mark.bench
def test_recommend_warm() -> None:
    """Every later answer of the same program."""
    known = KnownModels(load_catalog(), load_editorial())
    times = []
    profiles = [
        parse_machine(json.loads(file.read_text(encoding="utf-8")))
        for file in sorted(MACHINES.glob("*.json"))
    ]
    for profile in profiles:
        recommend(known, profile, Question())
    for profile in profiles:
        start = time.process_time()
        recommend(known, profile, Question())
        times.append(cpu_ms(start))
    print(f"recommend chat, models prepared: worst {max(times):.1f} ms of CPU over {len(times)} machines")
    assert max(times) < RECOMMEND_MS
