"""Charts of longer spans: steps that are never joined over a gap, parts in words, the same as a table."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import HOUR_US, History, HistorySlot, HistorySpan, slot_edges
from wattlight.domain.energy import State
from wattlight.domain.values import Quality, from_us, to_us
from wattlight.i18n import activate
from wattlight.viewmodels.history import chart_of, chart_table, file_name, history_chart, span_choices
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.week_hours import week_hours_table, week_hours_view

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 23, 10, tzinfo=BERLIN)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def hour(number: int, covered: float = 1.0, reason: str = "", **watts: float) -> HistorySlot:
    """An hour of a day with watts by part (``base``, ``active_estimated`` …)."""
    start = to_us(START + timedelta(hours=number))
    energy = {}
    for name, power in watts.items():
        state, _, sure = name.partition("_")
        quality = Quality(sure) if sure else Quality.COUNTER
        energy[State(state), quality] = round(power * covered * 3_600_000)
    return HistorySlot(start, start + HOUR_US, energy, round(covered * HOUR_US), reason)


def test_each_slot_stands_from_its_beginning_to_its_end() -> None:
    view = history_chart(History(HistorySpan.DAY, BERLIN, (hour(0, base=50), hour(1, base=100))), "t")
    (run,) = view.runs
    assert run.xs == (0.0, 0.5, 0.5, 1.0)
    (layer,) = run.layers
    assert layer.tops[0] == layer.tops[1] == layer.tops[2] / 2
    assert view.y_ticks[-1][1] == "150 W"


def test_parts_stand_on_each_other_and_an_estimate_has_its_own_pattern() -> None:
    slots = (hour(0, base=30, base_estimated=20, parked=10, active=40, mixed=5, unattributed=5),)
    view = history_chart(History(HistorySpan.DAY, BERLIN, slots), "t")
    assert [(s.role, s.pattern, s.label) for s in view.series] == [
        ("base", "", "computer itself"),
        ("base", "lines", "computer itself, estimated"),
        ("parked", "hatch", "loaded, idle"),
        ("active", "", "models working"),
        ("mixed", "", "beside another program"),
        ("undecided", "hatch", "not divided"),
    ]
    layers = view.runs[0].layers
    assert [layer.bottoms for layer in layers[1:]] == [layer.tops for layer in layers[:-1]]
    said = view.said(0)
    assert said.startswith("Mon, Nov 23, 10:00")
    assert "110 W · 0.11 kWh: not divided 5.0 W, beside another program 5.0 W, models working 40 W" in said


def test_what_was_learned_is_told_from_what_was_estimated() -> None:
    slots = (hour(0, base=30, base_learned=20, active_learned=7),)
    view = history_chart(History(HistorySpan.DAY, BERLIN, slots), "t")
    assert [(s.pattern, s.label) for s in view.series] == [
        ("", "computer itself"),
        ("dots", "computer itself, learned"),
        ("dots", "models working, learned"),
    ]


def test_a_gap_is_a_gap_with_its_name() -> None:
    slots = (hour(0, base=9), hour(1, 0, "asleep"), hour(2, 0, "asleep"), hour(3, 0), hour(4, base=9))
    view = history_chart(History(HistorySpan.DAY, BERLIN, slots), "t")
    assert [run.xs[0] for run in view.runs] == [0.0, 0.8]
    assert [(g.label, g.start, g.end) for g in view.gaps] == [
        ("asleep", 0.2, 0.6),
        ("not recorded", 0.6, 0.8),
    ]
    assert view.said(1).endswith("asleep")
    assert view.said(3).endswith("no reading")


def test_half_an_hour_says_the_power_of_that_half() -> None:
    view = history_chart(History(HistorySpan.DAY, BERLIN, (hour(0, 0.5, base=80),)), "t")
    assert view.marks[0].watts == (80.0,)
    assert "80 W · 40 Wh" in view.said(0)


def with_history(history: History | None) -> Scene:
    scene = made_up_day.evening()
    return replace(scene, extras=replace(scene.extras, history=history))


def test_until_the_records_are_read_it_says_so() -> None:
    assert chart_of(with_history(None), "week").empty_text == "Reading the records…"
    assert chart_of(with_history(made_up_day.longer()), "week").empty
    nothing = History(HistorySpan.WEEK, BERLIN, (hour(0, 0),))
    assert chart_of(with_history(nothing), "week").empty_text == "Nothing was recorded in this time."


def test_the_choices_ask_for_what_they_show() -> None:
    names = [choice.name for choice in span_choices()]
    assert names == ["", *HistorySpan]
    assert span_choices()[2].command == Command(Verb.SHOW_HISTORY, text="week")
    assert file_name("", START.date()) == "wattlight-power-now-2026-11-23"


@pytest.mark.parametrize(
    ("span", "ticks"),
    [
        (HistorySpan.WEEK, ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon"]),
        (HistorySpan.MONTH, ["Oct 26", "Nov 1", "Nov 6", "Nov 11", "Nov 16", "Nov 21"]),
    ],
)
def test_ticks_stand_at_local_days(span: HistorySpan, ticks: list[str]) -> None:
    view = chart_of(with_history(made_up_day.longer(span)), span)
    assert [text for _, text in view.x_ticks] == ticks
    places = [x for x, _ in view.x_ticks]
    assert places == sorted(places)
    assert all(0 <= x <= 1 for x in places)


def test_a_table_has_a_row_for_each_hour_and_the_hour_that_comes_twice_has_two() -> None:
    now = datetime(2026, 10, 25, 12, tzinfo=UTC)
    view = chart_table(with_history(made_up_day.longer(HistorySpan.DAY, now)), "day")
    assert view.headings[:3] == ("Time", "Mean power", "computer itself")
    times = [row[0] for row in view.rows]
    assert sum(time.startswith("Sun, 2:00") for time in times) == 2
    assert len(times) == 24
    assert times[0].startswith("Sun, 12:00")
    assert view.rows[-1][-1] == "1 h 00"
    asleep = view.rows[times.index(next(t for t in times if t.startswith("Sun, 5:00")))]
    assert asleep[1:] == ("–", *["–"] * (len(view.headings) - 3), "0 s")


def test_the_table_has_the_energy_of_the_chart() -> None:
    history = made_up_day.longer(HistorySpan.MONTH)
    view = chart_table(with_history(history), "month")
    assert len(view.rows) == 30
    day = [s for s in history.slots if from_us(s.start_us).astimezone(BERLIN).date() == START.date()]
    covered = sum(slot.covered_us for slot in day)
    mean = sum(slot.energy_mj for slot in day) * 1000 / covered
    assert view.rows[0][:2] == ("Mon, Nov 23", f"{mean:.0f} W")
    assert view.rows[1][0] == "Sun, Nov 22"


def test_the_last_ten_minutes_are_a_table_of_minutes() -> None:
    view = chart_table(made_up_day.evening())
    assert len(view.rows) == 11
    assert view.headings == ("Time", "Mean power", "Ryzen 9 7900X", "RTX 4090", "Recorded")


def test_the_hours_of_the_week_name_the_busiest() -> None:
    scene = made_up_day.evening()
    view = week_hours_view(scene)
    assert len(view.shades) == len(view.spoken) == 168
    assert max(shade for shade in view.shades if shade is not None) == 1.0
    top = view.shades.index(1.0)
    assert view.description.endswith(view.spoken[top] + ".")
    assert view.spoken[3].endswith("not recorded")
    assert view.shades[3] is None
    table = week_hours_table(scene)
    assert len(table.rows) == 24
    assert table.rows[3][1:] == ("–",) * 7
    empty = replace(scene, extras=replace(scene.extras, week_hours=()))
    assert week_hours_view(empty).empty
    assert week_hours_table(empty).rows == ()


POWER = st.dictionaries(
    st.tuples(st.sampled_from(list(State)), st.sampled_from(list(Quality))),
    st.integers(-(10**9), 10**13),
    max_size=6,
)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(list(HistorySpan)),
    st.lists(st.tuples(POWER, st.floats(0, 1)), min_size=1, max_size=30),
)
def test_whatever_the_ledger_holds_everything_stays_on_the_chart(
    span: HistorySpan, drawn: list[tuple[dict[tuple[State, Quality], int], float]]
) -> None:
    activate("en")
    edges = slot_edges(span, to_us(START), BERLIN)
    slots = tuple(
        HistorySlot(start, end, drawn[i % len(drawn)][0], round((end - start) * drawn[i % len(drawn)][1]))
        for i, (start, end) in enumerate(pairwise(edges))
    )
    scene = with_history(History(span, BERLIN, slots))
    view = chart_of(scene, span)
    for run in view.runs:
        assert all(0.0 <= x <= 1.0 for x in run.xs)
        for layer in run.layers:
            assert len(layer.tops) == len(run.xs)
            assert all(math.isfinite(top) for top in layer.tops)
            assert all(-1e-9 <= low <= top <= 1.0 for low, top in zip(layer.bottoms, layer.tops, strict=True))
    assert all(view.said(index) for index in range(0, len(view.marks), 50))
    assert view.empty or chart_table(scene, span).rows
