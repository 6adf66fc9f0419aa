"""The whole computer where it is not measured: learned, or a range; the same words in every place."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes import made_up_day
from fakes.metering import part
from unit.viewmodels.test_pages import with_host
from wattlight.domain.command import Verb
from wattlight.domain.cost import CostRange, CostReport
from wattlight.domain.energy import LEARNED_REST
from wattlight.domain.power import LearnedFigure, MachineSample
from wattlight.domain.state import HistoryPoint
from wattlight.domain.values import LOCAL_HOST, to_us
from wattlight.i18n import activate
from wattlight.viewmodels.chart import power_chart
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.figures import undecided_text
from wattlight.viewmodels.first_run import first_run_view, machine_facts
from wattlight.viewmodels.machine import machine_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import settings_view
from wattlight.viewmodels.small_window import small_window_view
from wattlight.viewmodels.tray import headline, tray_view

NOV_12 = to_us(datetime(2026, 11, 12, 12, 0, tzinfo=UTC))
RANGE = CostRange(180_000_000, 540_000_000, 20_000, 60_000, "EUR", 7200.0)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def learned(**more: object) -> LearnedFigure:
    usual = LearnedFigure(23.2, 4.1, 14.2, 190.0, NOV_12, False, True)
    return replace(usual, **more)  # type: ignore[arg-type]


def laptop(figure: LearnedFigure | None, measured_w: float | None = None) -> Scene:
    """A laptop on mains: its counter read or closed, and what was learned of it."""
    closed = None if measured_w else "Only root may read it."
    cpu = part("cpu", measured_w, "cpu", name="Processor", reason=closed, estimate_w=(2.0, 12.0))
    battery = part("battery", None, "battery", name="Battery", reason="on mains")
    scene = made_up_day.no_sensor()
    sample = MachineSample(LOCAL_HOST, scene.now, 5.0, (cpu, battery), on_battery=False, learned=figure)
    return with_host(scene, sample=sample, history=(), today=None, month=None)


def test_a_learned_figure_says_how_sure_it_is_and_what_it_rests_on() -> None:
    scene = laptop(learned())
    power = now_view(scene).power
    assert (power.value, power.after) == ("23", "W")
    assert power.note == "± 4.1 W, whole computer, learned from 3 h 10 on battery, Nov 12"
    assert "13% of it is taken for the loss of the adapter" in power.hint
    assert "load and clock" in power.hint and "would not be in it" in power.hint
    assert headline(scene) == "about 23 W now"
    small = small_window_view(scene)
    assert small.power == replace(power, label=small.power.label)
    assert "learned from 3 h 10 on battery" in small.sure
    assert now_view(scene).not_measured is None and now_view(scene).better is None
    assert "about 23 W ± 4.1 W, learned from 3 h 10 on battery, Nov 12" in machine_view(scene).facts
    assert machine_view(scene).ways == ()
    assert ("Power", f"About 23 W {power.note}") in machine_facts(scene)


@pytest.mark.parametrize("measured_w", [None, 9.0])
def test_the_figure_in_the_icon_is_the_one_of_the_menu(measured_w: float | None) -> None:
    scene = laptop(learned(), measured_w)
    wanted = replace(scene, settings=replace(scene.settings, icon_figure="watts"))
    assert headline(wanted) == "about 23 W now"
    assert tray_view(wanted).figure == "23"


def test_measured_parts_stand_beside_it() -> None:
    power = now_view(laptop(learned(counter=True), 9.0)).power
    assert power.value == "23" and power.note.endswith("; 9.0 W of it measured")
    assert "processor's own counter" in power.hint


@pytest.mark.parametrize(
    ("figure", "said", "unsaid"),
    [
        (learned(screens=1), "A second screen or a dock is connected", "would not be"),
        (learned(at_mains=False), "brightness of the screen.", "adapter"),
    ],
)
def test_what_it_cannot_see(figure: LearnedFigure, said: str, unsaid: str) -> None:
    hint = now_view(laptop(figure)).power.hint
    assert said in hint and unsaid not in hint


def test_the_chart_shows_the_rest_with_a_pattern_of_its_own() -> None:
    scene = laptop(learned(), 9.0)
    points = (HistoryPoint(scene.now, (("cpu", 9.0), (LEARNED_REST, 14.2)), None),)
    chart = power_chart(with_host(scene, history=points).host, scene.now)
    known = {s.label: (s.role, s.now_text, s.pattern) for s in chart.series}
    assert known["rest, learned"] == ("learned", "14 W", "dots")
    assert known["Processor"] == ("cpu", "9.0 W", "")


def with_range(scene: Scene) -> Scene:
    empty = CostReport(0, None, currency="EUR", span_s=7200, estimated=RANGE)
    return with_host(scene, today=empty, month=empty)


def test_the_last_resort_is_a_range_in_every_place() -> None:
    scene = with_range(laptop(None))
    assert headline(scene) == "Computer €0.02–0.06 today, estimated · 6–26 W (estimated) now"
    now, small, cost = now_view(scene), small_window_view(scene), cost_view(scene)
    for figure in (now.today, small.cost, cost.today):
        assert (figure.label, figure.before, figure.value) == ("Computer today", "€", "0.02–0.06")
        assert figure.note == "whole computer, estimated from rated power and load"
        assert figure.hint.startswith("To make it exact: unplug the charger")
    assert now.month.label == "Computer in November"
    assert (now.power.value, now.power.after) == ("6–26", "W")
    assert now.better is not None and now.better.command.verb is Verb.OPEN_MACHINE
    assert "unplug the charger for half an hour" in now.power.hint
    assert "To make it exact" in small.sure
    power = dict(machine_facts(scene))["Power"]
    assert power.startswith("6–26 W, estimated") and "unplug the charger" in power


def test_without_a_price_the_range_is_energy_and_on_a_desktop_the_way_is_another() -> None:
    scene = laptop(None)
    sample = scene.host.sample
    assert sample is not None
    desktop = replace(sample, devices=sample.devices[:1])
    bare = replace(RANGE, low_micro=None, high_micro=None, currency=None)
    scene = with_host(scene, sample=desktop, today=CostReport(0, None, estimated=bare))
    assert (now_view(scene).today.value, now_view(scene).today.after) == ("0.05–0.15", "kWh")
    assert "wall plug in Settings" in now_view(scene).today.hint


def test_hours_without_a_sensor_are_told_beside_measured_ones_and_added_to_nothing() -> None:
    scene = made_up_day.evening()
    today = scene.host.today
    assert today is not None
    before = now_view(scene).today
    after = now_view(with_host(scene, today=replace(today, estimated=RANGE))).today
    assert (after.value, after.note) == (before.value, before.note)
    said = "In 2 h 00 nothing was measured; the computer took €0.02–0.06 then, estimated, which is in no sum."
    assert said in after.hint and "nothing was measured" not in before.hint


def test_idle_power_has_its_progress_until_then_a_dash() -> None:
    scene = made_up_day.evening()
    today = scene.host.today
    assert today is not None
    unknown = replace(today, models=replace(today.models, energy_mj=0), undecided=replace(today.models))
    for left, note in (
        (290, "idle power known in about 5 quiet minutes without a model"),
        (40, "idle power known in about a quiet minute without a model"),
        (None, "idle power not learned yet"),
    ):
        view = now_view(with_host(scene, today=replace(unknown, idle_left_s=left)))
        assert view.today.value == "–" and view.today.note.startswith(note)
    assert undecided_text(unknown)


def test_the_switch_is_on_by_default() -> None:
    scene = made_up_day.evening()
    assert settings_view(scene).estimates
    off = replace(scene.settings, meter=replace(scene.settings.meter, estimates=False))
    assert not settings_view(replace(scene, settings=off)).estimates


def test_the_first_run_ends_with_a_figure_and_one_click_to_a_better_one() -> None:
    view = first_run_view(laptop(None))
    assert view.step == "machine" and view.energy is None
    assert view.better is not None and view.better.command.verb is Verb.OPEN_MACHINE
    assert "6–26 W" in dict(view.facts)["Power"]
    assert first_run_view(laptop(learned())).better is None
    assert first_run_view(made_up_day.closed_counter()).better is None  # the counter's own button is there
