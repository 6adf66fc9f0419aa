"""A month of a made-up computer as a trace, with everything that goes wrong, and the sums known by a
second, plain way of counting.

The oracle shares no code with the meter: it walks the rows pair by pair with exact fractions, looks at the
wall clock of every minute for the price, and adds up.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo


@dataclass
class Oracle:
    """What the trace amounts to: by key of each kind, exact energy; money; gaps; observed seconds."""

    energy: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    money: dict[str, dict[str, Fraction]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Fraction))
    )
    gaps: set[tuple[str, datetime, datetime, str]] = field(default_factory=set)
    observed_s: int = 0
    total_mj: int = 0


TARIFF: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "periods": [
        {
            "from": "2026-01-01",
            "to": "2026-04-01",
            "price_per_kwh": "0.3917",
            "bands": [
                {"days": ["sat", "sun"], "start": "22:00", "end": "06:00", "price_per_kwh": "0.2803"},
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "17:10", "end": "20:30",
                 "price_per_kwh": "0.4551"},
                {"start": "02:15", "end": "03:45", "price_per_kwh": "0.1999"},
            ],
        },
        {"from": "2026-04-01", "to": "2026-10-20", "price_per_kwh": "0.4211"},
        {
            "from": "2026-10-20",
            "price_per_kwh": "0.4399",
            "bands": [{"start": "01:00", "end": "03:00", "price_per_kwh": "-0.0123"}],
        },
    ],
}  # fmt: skip


def make_rows(start: datetime, days: int, beat_s: int, seed: int) -> list[dict[str, Any]]:
    """Three devices: a counter that resets, a gauge, and a gauge that sometimes reads nothing.

    Counters stand still or rise evenly while nobody reads them, so that a bridged gap divides without a
    rest and by-day sums are the same for every way of dividing.
    """
    dice = random.Random(seed)
    rows: list[dict[str, Any]] = []
    counter, model, left = 1_000_000, "", 0
    at, end = start, start + timedelta(days=days)
    while at < end:
        if left <= 0:
            model = dice.choice(["", "", "qwen3:8b", "gemma3:27b"])
            left = dice.randrange(20, 400)
        left -= 1
        tokens = dice.randrange(0, 300) if model and dice.random() < 0.5 else 0
        watts = dice.randrange(18, 30) if not model else dice.randrange(40, 330)
        rows.append(
            {"at": at, "device": "gpu0", "power_w": f"{watts}.5", "counter_mj": counter, "model": model,
             "tokens": tokens}
        )  # fmt: skip
        rows.append(
            {"at": at, "device": "cpu", "power_w": f"{dice.randrange(5, 90)}", "counter_mj": "",
             "model": model, "tokens": ""}
        )  # fmt: skip
        if dice.random() > 0.02:
            rows.append(
                {"at": at + timedelta(seconds=3), "device": "nvme", "power_w": f"{dice.randrange(2, 9)}.25",
                 "counter_mj": "", "model": "", "tokens": ""}
            )  # fmt: skip
        fate = dice.random()
        step = beat_s
        if fate < 0.0015:  # asleep, or the recorder was killed
            step = beat_s * dice.randrange(30, 1500)
        counter += step * watts * 1000
        if 0.0015 < fate < 0.0025:  # the driver was loaded anew
            counter = dice.randrange(0, 1000)
        at += timedelta(seconds=step)
    return rows


def to_csv(rows: list[dict[str, Any]]) -> str:
    """The rows as a trace file."""
    lines = ["time_utc,device,power_w,counter_mj,model,tokens"]
    for row in rows:
        stamp = row["at"].strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(
            f"{stamp},{row['device']},{row['power_w']},{row['counter_mj']},{row['model']},{row['tokens']}"
        )
    return "\n".join(lines) + "\n"


def price_of(wall: datetime, tariff: dict[str, Any]) -> Fraction | None:
    """Price of a wall-clock moment, by the words of the tariff file."""
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    day, clock = wall.date().isoformat(), f"{wall:%H:%M}"
    for period in tariff["periods"]:
        if not period["from"] <= day < period.get("to", "9999"):
            continue
        for band in period.get("bands", []):
            days = band.get("days", names)
            today, yesterday = names[wall.weekday()] in days, names[wall.weekday() - 1] in days
            if band["start"] < band["end"]:
                if today and band["start"] <= clock < band["end"]:
                    return Fraction(band["price_per_kwh"])
            elif (today and clock >= band["start"]) or (yesterday and clock < band["end"]):
                return Fraction(band["price_per_kwh"])
        return Fraction(period["price_per_kwh"])
    return None


def count(rows: list[dict[str, Any]], tariff: dict[str, Any]) -> Oracle:
    """Add the trace up, the plain way."""
    zone = ZoneInfo(tariff["timezone"])
    oracle = Oracle()
    moments: set[int] = set()
    prices: dict[int, tuple[Fraction, str, str]] = {}
    for device in sorted({row["device"] for row in rows}):
        mine = [row for row in rows if row["device"] == device]
        counted = any(row["counter_mj"] != "" for row in mine)
        distances = [seconds(a, b) for a, b in pairwise(mine)]
        limit = max(3 * median(distances), 10)
        for a, b in pairwise(mine):
            distance = seconds(a, b)
            if counted:
                energy = b["counter_mj"] - a["counter_mj"]
                if energy < 0:
                    oracle.gaps.add((device, a["at"], b["at"], "counter reset"))
                    continue
            elif distance > limit:
                oracle.gaps.add((device, a["at"], b["at"], "no reading"))
                continue
            else:
                exact = (Fraction(a["power_w"]) + Fraction(b["power_w"])) * distance * 500
                assert exact.denominator == 1, "the trace is made so that every interval is whole mJ"
                energy = int(exact)
            first = int(a["at"].timestamp())
            if distance <= limit:
                moments.update(range(first, first + distance))
            oracle.total_mj += energy
            book(oracle, a["model"] or "base", device, first, distance, energy, prices, zone, tariff)
    oracle.observed_s = len(moments)
    return oracle


def book(
    oracle: Oracle,
    model: str,
    device: str,
    first: int,
    distance: int,
    energy: int,
    prices: dict[int, tuple[Fraction, str, str]],
    zone: ZoneInfo,
    tariff: dict[str, Any],
) -> None:
    """Spread the energy over the minutes, the latest taking the rest."""
    at, left = first, energy
    while at < first + distance:
        edge = min((at // 60 + 1) * 60, first + distance)
        upto = energy * (edge - first) // distance
        part = upto - (energy - left)
        left -= part
        minute = at // 60
        if minute not in prices:
            wall = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)
            price = price_of(wall, tariff)
            assert price is not None
            hour = wall.replace(minute=0).isoformat()
            prices[minute] = (price, wall.date().isoformat(), hour)
        price, day, hour = prices[minute]
        for kind, key in (("model", model), ("device", device), ("day", day), ("hour", hour)):
            oracle.energy[kind][key] += part
            oracle.money[kind][key] += part * price
        at = edge


def seconds(a: dict[str, Any], b: dict[str, Any]) -> int:
    """Whole seconds between two rows."""
    return int((b["at"] - a["at"]).total_seconds())
