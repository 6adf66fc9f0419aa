"""The power chart, prepared: stacked layers in unit coordinates, named gaps, ticks, what each moment says."""

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from wattlight.domain.energy import LEARNED, LEARNED_REST
from wattlight.domain.power import MachineSample
from wattlight.domain.state import HistoryPoint, HostState
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import (
    apart,
    clock_time,
    day_and_month,
    day_name,
    duration,
    interval,
    joined,
    kwh,
    number,
    tr,
    watts,
)

from .figures import reasons_text, total_now

SPAN_S = 600
"""Seconds the chart shows."""
DAY_S = 86_400
BREAK_S = 12.0
"""Two points further apart than this are not joined (twice the hidden beat and a little)."""
HIGHEST_W = 1e5
"""A reading above 100 kW is no reading of a computer."""
MIN_GAP = 0.004
"""Narrower gaps are not drawn apart, as a share of the width."""


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """One device or part of the chart. ``role`` picks the colour, ``pattern`` what fills it: "" (plain),
    ``hatch``, ``dots`` or ``lines``."""

    device_id: str
    label: str
    role: str
    now_text: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class ChartLayer:
    """One series in one run: lower and upper edge, 0 is the axis and 1 the top of the chart."""

    series: int
    bottoms: tuple[float, ...]
    tops: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ChartRun:
    """Points that may be joined by lines; ``xs`` from 0 (oldest) to 1 (now)."""

    xs: tuple[float, ...]
    layers: tuple[ChartLayer, ...]


@dataclass(frozen=True, slots=True)
class ChartGap:
    """A span without readings, with its name."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A moment that can be pointed at: where it is, what time it was, watts of each series (None: not read).

    ``seconds`` is how long it lasted (0: a single reading), ``covered_s`` how much of that was recorded.
    """

    x: float
    at: datetime
    watts: tuple[float | None, ...]
    seconds: float = 0.0
    covered_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PowerChartView:
    """Everything the chart draws; the widget only scales it."""

    title: str
    series: tuple[ChartSeries, ...] = ()
    runs: tuple[ChartRun, ...] = ()
    gaps: tuple[ChartGap, ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    x_ticks: tuple[tuple[float, str], ...] = ()
    description: str = ""
    empty_text: str = ""
    marks: tuple[ChartMark, ...] = ()
    steps: bool = False
    """Means over spans, drawn as filled steps; else moments, joined by lines."""
    zone: tzinfo | None = None

    @property
    def empty(self) -> bool:
        return not self.series

    def nearest(self, x: float) -> int | None:
        """The mark nearest to a share of the width; None where there is none."""
        if not self.marks:
            return None
        right = bisect.bisect_left(self.marks, x, key=lambda mark: mark.x)
        around = range(max(0, right - 1), min(len(self.marks), right + 1))
        return min(around, key=lambda i: abs(self.marks[i].x - x))

    def said(self, index: int) -> str:
        """What a mark says: when, how much together, and the parts from the top down."""
        mark = self.marks[index]
        known = [(s.label, w) for s, w in zip(self.series, mark.watts, strict=True) if w]
        if all(w is None for w in mark.watts):
            return f"{self._when(mark)} · {gap_name(mark.reason)}"
        total = sum(w for _, w in known)
        parts = joined(f"{label} {watts(w)}" for label, w in reversed(known))
        energy = f" · {kwh(round(total * mark.covered_s * 1000))}" if mark.covered_s else ""
        return f"{self._when(mark)} · {watts(total)}{energy}" + (f": {parts}" if len(known) > 1 else "")

    def _when(self, mark: ChartMark) -> str:
        at = mark.at.astimezone(self.zone)
        if not mark.seconds:
            return f"{clock_time(at, self.zone)}:{at:%S}"
        if mark.seconds > DAY_S / 2:
            return tr("{weekday}, {day}", weekday=day_name(at.date()), day=day_and_month(at.date()))
        times = interval(*(clock_time(at + timedelta(seconds=s), self.zone) for s in (0.0, mark.seconds)))
        return tr(
            "{weekday}, {time}", weekday=day_name(at.date()), time=f"{day_and_month(at.date())}, {times}"
        )


@dataclass(frozen=True, slots=True)
class _ChartPoint:
    x: float
    watts: tuple[tuple[str, float], ...]
    reason: str


def power_chart(host: HostState, now: datetime, zone: tzinfo | None = None) -> PowerChartView:
    title = tr("Power, last 10 minutes")
    devices = host.sample.devices if host.sample else ()
    total = total_now(host.sample)
    estimated = {d.id for d in devices if d.power_w is not None and d.id not in total.counted}
    contained = total.inside | estimated
    points = _points(host.history, now, contained)
    series = _series(points, host.sample, contained)
    if not series:
        waiting = tr("The chart begins with the first reading of a power sensor.")
        return PowerChartView(title, empty_text=reasons_text(host.sample) or waiting)
    order = [s.device_id for s in series]
    top = max((sum(w for _, w in p.watts) for p in points), default=0.0)
    scale, y_ticks = nice_ticks(top)
    return PowerChartView(
        title,
        series,
        tuple(_runs(points, order, scale)),
        _gaps(points, series),
        y_ticks,
        _x_ticks(),
        _description(series, points),
        marks=tuple(_mark(point, order, now) for point in points),
        zone=zone,
    )


def _mark(point: "_ChartPoint", order: Sequence[str], now: datetime) -> ChartMark:
    at, known = now - timedelta(seconds=(1 - point.x) * SPAN_S), dict(point.watts)
    return ChartMark(point.x, at, tuple(known.get(ident) for ident in order), reason=point.reason)


def nice_ticks(top: float, unit: str = "W", wanted: int = 4) -> tuple[float, tuple[tuple[float, str], ...]]:
    """Axis length and its ticks (share of the axis, text) for values up to ``top``."""
    top = max(top * 1.04, 1.0)
    step = nice_step(top / wanted)
    steps = max(1, math.ceil(top / step))
    scale = steps * step
    digits = 0 if step >= 1 else 1
    return scale, tuple(
        (i * step / scale, apart(f"{number(i * step, digits)} {unit}")) for i in range(steps + 1)
    )


def nice_step(raw: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below ``raw``."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if power * m >= raw * 0.999)


def _points(history: Iterable[HistoryPoint], now: datetime, contained: frozenset[str]) -> list[_ChartPoint]:
    points = []
    for point in history:
        age = (now - point.at).total_seconds()
        if -2.0 <= age <= SPAN_S:
            known = tuple(
                (i, w)
                for i, w in point.power_w
                if w is not None and 0 <= w <= HIGHEST_W and i not in contained
            )
            points.append(_ChartPoint(min(1.0, 1 - age / SPAN_S), known, point.gap_reason or ""))
    return sorted(points, key=lambda p: p.x)


def _series(
    points: Sequence[_ChartPoint], sample: MachineSample | None, contained: frozenset[str]
) -> tuple[ChartSeries, ...]:
    ids = list(dict.fromkeys(i for p in points for i, _ in p.watts))
    devices = {d.id: d for d in sample.devices} if sample else {}
    ids += [i for i, d in devices.items() if d.power_w is not None and i not in ids and i not in contained]
    rank = {"cpu": 0, "system": 1, "battery": 1, "gpu": 2}
    ids.sort(key=lambda i: rank.get(devices[i].kind, 1) if i in devices else 1)
    gpus = 0
    series = []
    for ident in ids:
        device = devices.get(ident)
        kind = device.kind if device else "other"
        role = "cpu" if kind == "cpu" else "other"
        if kind == "gpu":
            role, gpus = ("gpu2" if gpus % 2 else "gpu"), gpus + 1
        name, now_w = clean_text(ident, 40), device.power_w if device else None
        if device:
            name = short_name(tr(device.name))
        elif ident in _LEARNED:
            learned = sample.learned if sample else None
            role, name = "learned", _LEARNED[ident]()
            now_w = learned.rest_w if learned else None
        series.append(ChartSeries(ident, name, role, watts(now_w), "dots" if role == "learned" else ""))
    return tuple(series)


_LEARNED = {
    LEARNED: lambda: tr("whole computer, learned"),
    LEARNED_REST: lambda: tr("rest, learned"),
}


def short_name(name: str) -> str:
    """A device name without its maker's words: "NVIDIA GeForce RTX 4090" is "RTX 4090"."""
    text = clean_text(name, 60)
    for word in ("NVIDIA ", "GeForce ", "AMD ", "Radeon(TM) ", "Intel(R) ", "(R)", "(TM)", "Corporation "):
        text = text.replace(word, "")
    return tr(text.strip()) or clean_text(name, 60)


def _runs(points: Sequence[_ChartPoint], order: Sequence[str], scale: float) -> Iterable[ChartRun]:
    run: list[_ChartPoint] = []
    for point in [*points, _ChartPoint(2.0, (), "end")]:
        joined = run and point.x - run[-1].x <= BREAK_S / SPAN_S
        same = run and {i for i, _ in point.watts} == {i for i, _ in run[-1].watts}
        if run and not (joined and same):
            yield _run(run, order, scale)
            run = []
        if point.watts:
            run.append(point)


def _run(points: Sequence[_ChartPoint], order: Sequence[str], scale: float) -> ChartRun:
    here = {i for i, _ in points[0].watts}
    base = [0.0] * len(points)
    layers = []
    for index, ident in enumerate(order):
        if ident not in here:
            continue
        tops = [b + dict(p.watts)[ident] / scale for b, p in zip(base, points, strict=True)]
        layers.append(ChartLayer(index, tuple(base), tuple(tops)))
        base = tops
    return ChartRun(tuple(p.x for p in points), tuple(layers))


def _gaps(points: Sequence[_ChartPoint], series: Sequence[ChartSeries]) -> tuple[ChartGap, ...]:
    """Whole gaps between two readings, and spans where one device alone gave nothing."""
    gaps: list[ChartGap] = []
    last: _ChartPoint | None = None
    reason = ""
    for point in points:
        if not point.watts:
            reason = point.reason or reason
            continue
        if last is not None and (reason or point.x - last.x > BREAK_S / SPAN_S):
            gaps.append(ChartGap(last.x, point.x, gap_name(reason)))
        last, reason = point, ""
    if last is not None and points and points[-1] is not last and reason:
        gaps.append(ChartGap(last.x, points[-1].x, gap_name(reason)))
    for item in series:
        gaps += _silent(points, item)
    return tuple(g for g in gaps if g.end - g.start >= MIN_GAP)


def _silent(points: Sequence[_ChartPoint], item: ChartSeries) -> Iterable[ChartGap]:
    start: float | None = None
    seen = False
    for point in points:
        if not point.watts:
            continue
        here = any(i == item.device_id for i, _ in point.watts)
        if seen and not here and start is None:
            start = point.x
        if here:
            if start is not None:
                yield ChartGap(start, point.x, tr("{name}: no reading", name=item.label))
            start, seen = None, True
    if start is not None:
        yield ChartGap(start, points[-1].x, tr("{name}: no reading", name=item.label))


def gap_name(reason: str) -> str:
    """The name of a gap as a person reads it."""
    known = {"asleep": tr("asleep"), "paused": tr("paused"), "no reading": tr("no reading")}
    return known.get(reason, clean_sentence(reason, 40) if reason else tr("no reading"))


def _x_ticks() -> tuple[tuple[float, str], ...]:
    middle = tuple((1 - m / 10, number(m)) for m in (8, 6, 4, 2))
    return ((0.0, tr("10 min ago")), *middle, (1.0, tr("now")))


def _description(series: Sequence[ChartSeries], points: Sequence[_ChartPoint]) -> str:
    now = joined(f"{s.label} {s.now_text}" for s in series)
    totals = [sum(w for _, w in p.watts) for p in points if p.watts]
    if not totals:
        return tr("Power now: {now}.", now=now)
    span = duration((points[-1].x - points[0].x) * SPAN_S)
    return tr(
        "Power over the last {span}: now {now}; lowest {low}, highest {high}.",
        span=span,
        now=now,
        low=watts(min(totals)),
        high=watts(max(totals)),
    )
