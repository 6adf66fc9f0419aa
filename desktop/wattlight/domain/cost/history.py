"""What was drawn over a span, cut into slots as a chart shows them; and by the hours of a week.

Days are those of a zone: one on which clocks change has 23 or 25 hours, and slots begin anew at midnight.
"""

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ..energy import MINUTE_US, QUARTER_US, GapRow, State
from ..tariff import day_start_us, local_day
from ..values import Quality, from_us

HOUR_US = 4 * QUARTER_US
WEEKS = 8
"""How far back the hours of a week are looked at."""
LEAST_US = 30 * MINUTE_US
"""An hour of the week that was recorded for less than this is left empty."""


class HistorySpan(StrEnum):
    DAY = "day"
    """The last 24 hours."""
    WEEK = "week"
    """Today and the six days before."""
    MONTH = "month"
    """Today and the 29 days before."""
    YEAR = "year"
    """Today and the 364 days before."""


SLOT_US = {HistorySpan.DAY: 5 * MINUTE_US, HistorySpan.WEEK: QUARTER_US, HistorySpan.MONTH: HOUR_US}
"""Length of a slot; of a year it is a day."""
DAYS = {HistorySpan.WEEK: 7, HistorySpan.MONTH: 30, HistorySpan.YEAR: 365}


_COUNTED = {Quality.COUNTER, Quality.ESTIMATED}
"""Nothing but counters; an estimate of the way to the plug follows what they say."""


class Drawn(NamedTuple):
    """Energy in mJ in one state, known in one way, of a piece of time that begins at ``start_us``."""

    start_us: int
    state: State
    quality: Quality
    energy_mj: int


@dataclass(frozen=True, slots=True)
class HistorySlot:
    """One step of the chart.

    Attributes:
        energy: mJ by state and by how it is known.
        covered_us: the time in which it was drawn; 0 where nothing is known, and then ``reason`` names why
            ("asleep"), as far as the ledger tells.
    """

    start_us: int
    end_us: int
    energy: Mapping[tuple[State, Quality], int] = field(default_factory=dict)
    covered_us: int = 0
    reason: str = ""

    @property
    def energy_mj(self) -> int:
        return sum(self.energy.values())

    def watts(self, energy_mj: int) -> float:
        """Mean power over the time that is covered."""
        return energy_mj * 1000 / self.covered_us if self.covered_us else 0.0


@dataclass(frozen=True, slots=True)
class History:
    """A span in slots, in order of time and without holes between them."""

    span: HistorySpan
    zone: tzinfo
    slots: tuple[HistorySlot, ...] = ()


def slot_edges(span: HistorySpan, now_us: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Where the slots of a span that ends now begin, and where the last one ends."""
    if span is HistorySpan.DAY:
        step = SLOT_US[span]
        end_us = -(-now_us // step) * step
        return tuple(range(end_us - 24 * HOUR_US, end_us + 1, step))
    today = local_day(now_us, zone)
    last = today + timedelta(days=1)
    days = [day_start_us(last - timedelta(days=i), zone) for i in range(DAYS[span], -1, -1)]
    if span is HistorySpan.YEAR:
        return tuple(days)
    step = SLOT_US[span]
    edges = [edge for left, right in pairwise(days) for edge in range(left, right, step)]
    past = [edge for edge in edges if edge < now_us]
    return (*past, min(past[-1] + step, days[-1]))


def history_slots(
    edges: tuple[int, ...],
    drawn: Iterable[Drawn],
    presence: Mapping[int, int],
    gaps: Iterable[GapRow] = (),
    known_us: tuple[int, int] | None = None,
) -> tuple[HistorySlot, ...]:
    """Put what was drawn into slots.

    A slot's mean power is over the time in which a device was observed. Where counters alone told the energy
    they bridge what was not observed: there it is over all of the slot but its gaps.

    Args:
        presence: milliseconds observed, by the start of a piece of time.
        known_us: the ledger's first moment, and now.
    """
    count = len(edges) - 1
    energy: list[dict[tuple[State, Quality], int]] = [{} for _ in range(count)]
    seen_us = [0] * count
    for piece in drawn:
        index = bisect.bisect_right(edges, piece.start_us) - 1
        if 0 <= index < count:
            key = piece.state, piece.quality
            energy[index][key] = energy[index].get(key, 0) + piece.energy_mj
    for start_us, milliseconds in presence.items():
        index = bisect.bisect_right(edges, start_us) - 1
        if 0 <= index < count:
            seen_us[index] += milliseconds * 1000
    away = _away(edges, gaps)
    first_us, now_us = known_us or (edges[0], edges[-1])
    slots = []
    for index, (start_us, end_us) in enumerate(pairwise(edges)):
        parts, covered_us = energy[index], min(seen_us[index], end_us - start_us)
        gone_us, reason = away.get(index, (0, ""))
        if not any(parts.values()):
            parts, covered_us = ({}, 0) if not covered_us else (parts, covered_us)
        elif not covered_us or {quality for _, quality in parts} <= _COUNTED:
            length_us = min(end_us, now_us) - max(start_us, first_us)
            covered_us = max(covered_us, length_us - gone_us, MINUTE_US)
        slots.append(HistorySlot(start_us, end_us, parts, covered_us, "" if covered_us else reason))
    return tuple(slots)


def _away(edges: tuple[int, ...], gaps: Iterable[GapRow]) -> dict[int, tuple[int, str]]:
    """Microseconds of each slot in which some device was not read, and the reason of the longest gap."""
    found: dict[int, dict[tuple[int, int], str]] = {}
    for gap in gaps:
        first = max(0, bisect.bisect_right(edges, gap.start_us) - 1)
        last = min(len(edges) - 2, bisect.bisect_left(edges, gap.end_us) - 1)
        for index in range(first, last + 1):
            piece = max(gap.start_us, edges[index]), min(gap.end_us, edges[index + 1])
            if piece[0] < piece[1]:
                found.setdefault(index, {})[piece] = gap.reason
    away = {}
    for index, pieces in found.items():
        total_us, upto = 0, 0
        for left, right in sorted(pieces):
            total_us += max(0, right - max(left, upto))
            upto = max(upto, right)
        longest = max(pieces, key=lambda piece: piece[1] - piece[0])
        away[index] = total_us, pieces[longest]
    return away


@dataclass(frozen=True, slots=True)
class WeekHour:
    """An hour of the week (``day`` 0 is Monday): mean watts while it was recorded; None where it was not."""

    day: int
    hour: int
    watts: float | None
    models_watts: float | None
    covered_us: int


def week_hours(slots: Iterable[HistorySlot], zone: ZoneInfo) -> tuple[WeekHour, ...]:
    """The 168 hours of a week from slots of an hour at most; the hour that an autumn night has twice counts
    with both."""
    sums: dict[tuple[int, int], tuple[int, int, int]] = {}
    for slot in slots:
        if not slot.covered_us:
            continue
        local = from_us(slot.start_us).astimezone(zone)
        key = local.weekday(), local.hour
        all_mj, models_mj, covered_us = sums.get(key, (0, 0, 0))
        models = sum(mj for (state, _), mj in slot.energy.items() if state in {State.ACTIVE, State.PARKED})
        sums[key] = all_mj + slot.energy_mj, models_mj + models, covered_us + slot.covered_us
    made = []
    for day in range(7):
        for hour in range(24):
            all_mj, models_mj, covered_us = sums.get((day, hour), (0, 0, 0))
            if covered_us < LEAST_US:
                made.append(WeekHour(day, hour, None, None, covered_us))
                continue
            mean_w, models_w = (mj * 1000 / covered_us for mj in (all_mj, models_mj))
            made.append(WeekHour(day, hour, mean_w, models_w, covered_us))
    return tuple(made)
