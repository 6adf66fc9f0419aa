"""Three weeks of a made-up computer as a trace: what the pictures of the README are drawn from.

python tests/data/november.py > november.csv
wattlight replay november.csv --tariff tests/data/traces/november.json

A card and a processor with energy counters, read every minute and, in the last ten minutes, every two
seconds. Counters begin anew with every start of the computer; at noon it sleeps now and then, and the
counters bridge that. The model is written in the rows of the card only: both models lie on it wholly.
The numbers come from a seed; nothing here was measured.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

GPU, CPU = "NVIDIA GeForce RTX 4090", "AMD Ryzen 9 7900X"
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 22, 5, tzinfo=ZONE).astimezone(UTC)
"""When the pictures are taken: the last row."""
LAST_DAY = 23
FINE_S = 600
"""The last ten minutes are read every two seconds."""
KEPT_MINUTES = 60
QWEN, GPT = "qwen3:8b", "gpt-oss:20b"


@dataclass(frozen=True)
class Habit:
    """How a model behaves on the card: watts while idle and at work, tokens a second."""

    parked_w: float
    active_w: float
    tokens_per_s: float


HABITS = {QWEN: Habit(31.6, 318.0, 118.0), GPT: Habit(34.2, 274.0, 171.0)}
BASE_W, CPU_W, CPU_BUSY_W = 9.4, 19.5, 33.0
LAST_BURSTS = ((125, 235), (252, 363), (392, 492))
"""Seconds of work within the last ten minutes."""


@dataclass
class Minute:
    """What the computer does from one row to the next: the model, the busy share, asleep or not."""

    at: datetime
    model: str = ""
    busy: float = 0.0
    asleep: bool = False
    seconds: int = 60


def plan(day: int, dice: random.Random) -> list[Minute]:
    """One day from start to end: idle times, sessions with a model, the hour it is kept after them."""
    start = datetime(2026, 11, day, 8, dice.randrange(0, 50), tzinfo=ZONE)
    weekend = start.weekday() >= 5
    end = NOW if day == LAST_DAY else start.replace(hour=21 + dice.randrange(0, 3), minute=dice.randrange(60))
    length = round((end - start).total_seconds() / 60)
    minutes = [Minute(start.astimezone(UTC) + timedelta(minutes=i)) for i in range(length)]
    at, load = dice.randrange(20, 120), dice.choice((0.3, 0.6, 1.0, 1.0, 1.3, 2.6))
    for _ in range(dice.randrange(1, 3) if weekend else dice.randrange(2, 5)):
        model = QWEN if dice.random() < 0.62 else GPT
        at = session(minutes, at, model, round(dice.randrange(12, 80) * load), dice) + dice.randrange(15, 110)
    if day == LAST_DAY:
        for minute in minutes[-75:]:
            minute.model = QWEN
        for minute in minutes[-70:-12]:
            minute.busy = dice.choice((0.0, 0.0, 0.35, 0.8, 1.0))
    if dice.random() < 0.35:
        sleep(minutes, dice)
    return minutes


def session(minutes: list[Minute], at: int, model: str, work: int, dice: random.Random) -> int:
    """``work`` minutes in bursts, then kept loaded; the minute after it."""
    busy = False
    for minute in minutes[at : at + work]:
        busy = dice.random() < (0.8 if busy else 0.3)
        minute.model, minute.busy = model, dice.uniform(0.3, 1.0) if busy else 0.0
    for minute in minutes[at + work : at + work + KEPT_MINUTES]:
        minute.model = model
    return at + work + KEPT_MINUTES


def sleep(minutes: list[Minute], dice: random.Random) -> None:
    """An hour or so asleep at a time without a model."""
    free = [i for i in range(len(minutes) - 90) if not any(m.model for m in minutes[i : i + 70])]
    if free:
        at = dice.choice(free)
        for minute in minutes[at + 1 : at + dice.randrange(35, 65)]:
            minute.asleep = True


def fine(minutes: list[Minute]) -> list[Minute]:
    """The last ten minutes in steps of two seconds."""
    first = NOW - timedelta(seconds=FINE_S)
    kept = [m for m in minutes if m.at < first]
    steps = [Minute(first + timedelta(seconds=s), QWEN, seconds=2) for s in range(0, FINE_S + 1, 2)]
    for step in steps:
        second = (step.at - first).total_seconds()
        step.busy = float(any(left <= second < right for left, right in LAST_BURSTS))
    return kept + steps


def rows() -> Iterator[str]:
    """The lines of the trace."""
    yield "time_utc,device,power_w,counter_mj,model,tokens"
    dice = random.Random(20261123)
    for day in range(1, LAST_DAY + 1):
        minutes = plan(day, dice)
        yield from written(fine(minutes) if day == LAST_DAY else minutes, dice)


def written(minutes: list[Minute], dice: random.Random) -> Iterator[str]:
    """Two lines for each step that is not slept through; counters start near zero."""
    gpu_mj, cpu_mj, tokens = dice.randrange(2_000), dice.randrange(2_000), 0
    for minute in minutes:
        gpu_mw, cpu_mw = draw(minute, dice)
        if minute.asleep:
            continue
        stamp = minute.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"{stamp},{GPU},{gpu_mw / 1000},{gpu_mj},{minute.model},{tokens or ''}"
        yield f"{stamp},{CPU},{cpu_mw / 1000},{cpu_mj},,"
        gpu_mj += gpu_mw * minute.seconds
        cpu_mj += cpu_mw * minute.seconds
        habit = HABITS.get(minute.model)
        tokens = round(habit.tokens_per_s * minute.busy * minute.seconds) if habit else 0


def draw(minute: Minute, dice: random.Random) -> tuple[int, int]:
    """Milliwatts of the card and of the processor."""
    habit = HABITS.get(minute.model)
    rest = BASE_W if habit is None else habit.parked_w
    top = rest if habit is None else habit.active_w
    shake = 0.6 + 8 * minute.busy
    gpu = rest + (top - rest) * minute.busy + dice.uniform(-shake, shake)
    cpu = CPU_W + (CPU_BUSY_W - CPU_W) * minute.busy + dice.uniform(-0.8, 0.8) * (1 + 2 * minute.busy)
    return round(gpu * 1000), round(cpu * 1000)


def trace() -> str:
    """The whole trace as a file."""
    return "\n".join(rows()) + "\n"


if __name__ == "__main__":
    sys.stdout.write(trace())
