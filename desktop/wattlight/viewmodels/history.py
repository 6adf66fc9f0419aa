"""Longer spans, prepared: the chart of a day, a week, a month or a year, and its table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import History, HistorySlot, HistorySpan
from wattlight.domain.energy import State
from wattlight.domain.values import Quality, from_us
from wattlight.i18n import (
    clock_time,
    day_and_month,
    day_name,
    duration,
    kwh,
    month_name,
    short_date,
    tr,
    watts,
)

from .chart import (
    MIN_GAP,
    SPAN_S,
    ChartGap,
    ChartLayer,
    ChartMark,
    ChartRun,
    ChartSeries,
    PowerChartView,
    gap_name,
    nice_ticks,
    power_chart,
)
from .scene import Scene
from .words import NO_TABLE, TableView

LATEST = ""
"""The span of the last ten minutes."""
NEAR = 0.045
"""Ticks nearer than this to the right end would run into its text."""

_ORDER = (State.BASE, State.PARKED, State.ACTIVE, State.MIXED, State.UNATTRIBUTED)
_ROLES = {
    State.BASE: "base",
    State.PARKED: "parked",
    State.ACTIVE: "active",
    State.MIXED: "mixed",
    State.UNATTRIBUTED: "undecided",
}
Part = tuple[State, str]
"""A state, and how its energy is known: "" (measured) or the name of the pattern."""


def _sureness(quality: Quality) -> str:
    return {Quality.ESTIMATED: "lines", Quality.LEARNED: "dots"}.get(quality, "")


def _label(part: Part) -> str:
    state, sureness = part
    name = {
        State.BASE: tr("computer itself"),
        State.PARKED: tr("loaded, idle"),
        State.ACTIVE: tr("models working"),
        State.MIXED: tr("beside another program"),
        State.UNATTRIBUTED: tr("not divided"),
    }[state]
    known = {"lines": tr("{part}, estimated"), "dots": tr("{part}, learned")}.get(sureness, "{part}")
    return known.format(part=name)


@dataclass(frozen=True, slots=True)
class SpanChoice:
    """A span that can be chosen; ``command`` asks for what it shows."""

    name: str
    text: str
    command: Command


def span_choices() -> tuple[SpanChoice, ...]:
    texts = (
        (LATEST, tr("10 minutes")),
        (HistorySpan.DAY.value, tr("24 hours")),
        (HistorySpan.WEEK.value, tr("7 days")),
        (HistorySpan.MONTH.value, tr("30 days")),
        (HistorySpan.YEAR.value, tr("Year")),
    )
    return tuple(SpanChoice(n, text, Command(Verb.SHOW_HISTORY, text=n)) for n, text in texts)


def chart_of(scene: Scene, span: str = LATEST) -> PowerChartView:
    """The chart of a span, out of what is known of it."""
    zone = scene.state.zone or scene.zone
    if span == LATEST:
        return power_chart(scene.host, scene.now, zone)
    history = scene.extras.history
    title = _title(span)
    if history is None or history.span != span:
        return PowerChartView(title, empty_text=tr("Reading the records…"))
    return history_chart(history, title)


def _title(span: str) -> str:
    return {
        HistorySpan.DAY.value: tr("Power, last 24 hours"),
        HistorySpan.WEEK.value: tr("Power, last 7 days"),
        HistorySpan.MONTH.value: tr("Power, last 30 days"),
        HistorySpan.YEAR.value: tr("Power, mean of each day of the last year"),
    }[span]


def history_chart(history: History, title: str) -> PowerChartView:
    """Steps of mean power, stacked by what it was for; a slot without records is a gap."""
    slots = [_parts(slot) if slot.covered_us else {} for slot in history.slots]
    present = {part for parts in slots for part, mj in parts.items() if mj > 0}
    order = sorted(present, key=lambda part: (_ORDER.index(part[0]), part[1]))
    if not order:
        return PowerChartView(title, empty_text=tr("Nothing was recorded in this time."))
    totals = {part: sum(parts.get(part, 0) for parts in slots) for part in order}
    series = tuple(
        ChartSeries(
            "/".join(part), _label(part), _ROLES[part[0]], kwh(totals[part]), part[1] or _own_pattern(part[0])
        )
        for part in order
    )
    marks = _marks(history, slots, order)
    covered = [i for i, slot in enumerate(history.slots) if slot.covered_us]
    means = [sum(w or 0.0 for w in marks[i].watts) for i in covered]
    scale, y_ticks = nice_ticks(max(means))
    return PowerChartView(
        title,
        series,
        tuple(_runs(history, marks, scale)),
        tuple(_gaps(history)),
        y_ticks,
        tuple(_x_ticks(history)),
        _description(history, means),
        marks=marks,
        steps=True,
        zone=history.zone,
    )


def _own_pattern(state: State) -> str:
    return "hatch" if state in {State.PARKED, State.UNATTRIBUTED} else ""


def _parts(slot: HistorySlot) -> dict[Part, int]:
    """mJ by part; less than nothing (energy given back) has no height."""
    parts: dict[Part, int] = {}
    for (state, quality), mj in slot.energy.items():
        part = state, _sureness(quality)
        parts[part] = parts.get(part, 0) + max(0, mj)
    return parts


def _marks(
    history: History, slots: Sequence[dict[Part, int]], order: Sequence[Part]
) -> tuple[ChartMark, ...]:
    start, length = _span_of(history)
    marks = []
    for slot, parts in zip(history.slots, slots, strict=True):
        power: tuple[float | None, ...] = tuple(slot.watts(parts.get(part, 0)) for part in order)
        if not slot.covered_us:
            power = (None,) * len(order)
        middle = (slot.start_us + slot.end_us) / 2
        seconds = (slot.end_us - slot.start_us) / 1e6
        marks.append(
            ChartMark(
                (middle - start) / length, from_us(slot.start_us), power, seconds, slot.covered_us / 1e6,
                slot.reason,
            )
        )  # fmt: skip
    return tuple(marks)


def _span_of(history: History) -> tuple[int, int]:
    start = history.slots[0].start_us
    return start, history.slots[-1].end_us - start


def _runs(history: History, marks: Sequence[ChartMark], scale: float) -> Iterable[ChartRun]:
    """Neighbouring slots as steps: each stands from its beginning to its end."""
    start, length = _span_of(history)
    run: list[int] = []
    for index in range(len(marks) + 1):
        if index < len(marks) and history.slots[index].covered_us:
            run.append(index)
            continue
        if run:
            edges = [(history.slots[i].start_us, history.slots[i].end_us) for i in run]
            xs = tuple((edge - start) / length for pair in edges for edge in pair)
            yield ChartRun(xs, _stack([marks[i].watts for i in run], scale))
        run = []


def _stack(power: Sequence[tuple[float | None, ...]], scale: float) -> tuple[ChartLayer, ...]:
    layers = []
    base = [0.0] * len(power)
    for series in range(len(power[0])):
        tops = [low + (w[series] or 0.0) / scale for low, w in zip(base, power, strict=True)]
        if tops != base:
            layers.append(ChartLayer(series, _twice(base), _twice(tops)))
        base = tops
    return tuple(layers)


def _twice(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(value for value in values for _ in range(2))


def _gaps(history: History) -> Iterable[ChartGap]:
    start, length = _span_of(history)
    begun: HistorySlot | None = None
    last: HistorySlot | None = None
    for slot in (*history.slots, None):
        same = slot is not None and begun is not None and slot.reason == begun.reason
        if begun is not None and last is not None and (slot is None or slot.covered_us or not same):
            left, right = (begun.start_us - start) / length, (last.end_us - start) / length
            if right - left >= MIN_GAP:
                yield ChartGap(left, right, gap_name(begun.reason) if begun.reason else tr("not recorded"))
            begun = None
        if slot is not None and not slot.covered_us:
            begun, last = begun or slot, slot


def _x_ticks(history: History) -> Iterable[tuple[float, str]]:
    start, length = _span_of(history)
    zone, span = history.zone, history.span
    ticks: list[tuple[float, str]] = []
    for slot in history.slots:
        at = from_us(slot.start_us).astimezone(zone)
        x, midnight = (slot.start_us - start) / length, not (at.hour or at.minute)
        if span is HistorySpan.DAY and at.hour % 4 == 0 and not at.minute:
            ticks.append((x, clock_time(at, zone)))
        elif span is HistorySpan.WEEK and midnight:
            ticks.append((min(1.0, x + 43_200e6 / length), day_name(at.date())))
        elif span is HistorySpan.MONTH and midnight and at.day % 5 == 1 and at.day < 30:
            ticks.append((x, day_and_month(at.date())))
        elif span is HistorySpan.YEAR and at.day == 1:
            ticks.append((x, month_name(at.date())))
    end = [(1.0, tr("now"))] if span is HistorySpan.DAY else []
    return [*(tick for tick in ticks if tick[0] <= 1.0 - NEAR or not end), *end]


def _description(history: History, means: Sequence[float]) -> str:
    covered_s = sum(slot.covered_us for slot in history.slots) / 1e6
    energy = sum(slot.energy_mj for slot in history.slots)
    return tr(
        "{energy} in {time} that were recorded; lowest {low}, highest {high}.",
        energy=kwh(energy),
        time=duration(covered_s),
        low=watts(min(means)),
        high=watts(max(means)),
    )


def chart_table(scene: Scene, span: str = LATEST) -> TableView:
    """The chart's data as a table, newest first: minutes of the last ten, hours of a day, days, months."""
    view = chart_of(scene, span)
    if view.empty:
        return NO_TABLE
    groups: dict[object, list[ChartMark]] = {}
    for mark in view.marks:
        groups.setdefault(_row_of(mark.at.astimezone(view.zone), span), []).append(mark)
    headings = (tr("Time"), tr("Mean power"), *(s.label for s in view.series), tr("Recorded"))
    rows = []
    for marks in reversed(groups.values()):
        known = [m for m in marks if any(w is not None for w in m.watts)]
        weights = [m.covered_s or 1.0 for m in known]
        means: list[float | None] = [
            sum((m.watts[i] or 0.0) * w for m, w in zip(known, weights, strict=True)) / sum(weights)
            if known
            else None
            for i in range(len(view.series))
        ]
        total = sum(m or 0.0 for m in means) if known else None
        recorded = sum(m.covered_s for m in known) if span else len(known) * SPAN_S / max(1, len(view.marks))
        rows.append(
            (_row_text(marks[0], view.zone, span), _power(total), *map(_power, means), duration(recorded))
        )
    return TableView(headings, tuple(rows))


def _power(value_w: float | None) -> str:
    return watts(value_w) if value_w is None or value_w >= 0.05 else tr("none")


def _row_of(at: datetime, span: str) -> object:
    """What the moments of one row share; the hour that an autumn night has twice makes two rows."""
    if span == LATEST:
        return at.hour, at.minute
    if span == HistorySpan.DAY:
        return at.date(), at.hour, at.utcoffset()
    return (at.year, at.month) if span == HistorySpan.YEAR else at.date()


def _row_text(mark: ChartMark, zone: tzinfo | None, span: str) -> str:
    at = mark.at.astimezone(zone)
    if span == LATEST:
        return clock_time(at, zone)
    if span == HistorySpan.DAY:
        return f"{day_name(at.date())}, {clock_time(at.replace(minute=0), zone)}"
    if span == HistorySpan.YEAR:
        return f"{month_name(at.date())} {at.year}"
    return f"{day_name(at.date())}, {day_and_month(at.date())}"


def file_name(span: str, today: date) -> str:
    """What a saved picture is called before the person names it."""
    return f"wattlight-power-{span or 'now'}-{today.isoformat()}"


def dated(today: date) -> str:
    """The line under a saved picture: it is looked at on another day."""
    return tr("Wattlight, {date}", date=short_date(today))
