"""Predictions beside what came of them, speed runs, savings, comparisons with everyday life."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes import made_up_day
from wattlight.domain.answers import CapAdvice
from wattlight.domain.command import Verb
from wattlight.domain.fit import Verdict
from wattlight.domain.learning import Comparison, LoadKey
from wattlight.domain.state import RunningModel, TaskState
from wattlight.i18n import activate
from wattlight.services.costs import CapNote, LastWeek, MonthCosts
from wattlight.viewmodels.activity import busy_actions
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.running import loads_note, loads_table
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.words import everyday_text

GIB = 1 << 30
AT = datetime(2026, 11, 23, 20, tzinfo=UTC)
RUNNING = RunningModel("qwen3:8b", "aa11", round(5.5 * GIB), round(5.5 * GIB), 8192)
LOAD = Comparison(
    AT, "qwen3:8b", "aa11", LoadKey("0.33.0", "RTX", "qwen3"), 8192, "f16", Verdict.FULL_GPU,
    round(5.7 * GIB), round(5.6 * GIB), round(5.6 * GIB), round(5.72 * GIB), "driver, by process", None,
    RUNNING.size_bytes, RUNNING.size_vram_bytes,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(*loads: Comparison, running: RunningModel = RUNNING) -> Scene:
    made = made_up_day.evening()
    server = replace(made.host.server, running=(running,))
    state = replace(made.state, hosts=(replace(made.host, server=server),))
    return replace(made, state=state, extras=replace(made.extras, loads=loads))


def test_the_running_model_says_predicted_used_and_reported() -> None:
    view = now_view(scene(LOAD))
    (line,) = view.running
    assert view.memory is not None
    assert "predicted" not in view.memory.summary
    assert line.memory == "predicted 5.7, uses 5.7, Ollama reports 5.5 GiB"


def test_a_load_that_is_not_there_any_more_says_nothing() -> None:
    other = replace(RUNNING, size_bytes=6 * GIB)
    assert now_view(scene(LOAD, running=other)).running[0].memory == ""
    assert now_view(scene()).running[0].memory == ""


def test_without_an_accelerator_the_servers_figure_is_compared() -> None:
    cpu = replace(LOAD, predicted_used_bytes=0, used_bytes=None, reported_vram_bytes=0, verdict=Verdict.CPU)
    (line,) = now_view(scene(cpu, running=replace(RUNNING, size_vram_bytes=0))).running
    assert line.memory == "predicted 5.6, Ollama reports 5.5 GiB"


def test_all_loads_stand_in_a_table_and_disturbed_ones_teach_nothing() -> None:
    disturbed = replace(LOAD, disturbed="other_program")
    made = scene(LOAD, disturbed)
    table = loads_table(made)
    assert table.rows[0] == (
        "qwen3:8b · Nov 23, 2026",
        "8,192",
        "5.70 GiB",
        "5.72 GiB",
        "5.50 GiB",
        "+0.02 GiB",
    )
    assert table.rows[1][-1] == "–"
    assert "disturbed" in table.rows[1][0]
    assert table.quiet_rows == {1}
    assert loads_note(made).startswith("1 of 2 loads")
    assert loads_table(scene()).rows == ()
    assert "compared here" in loads_note(scene())


def test_a_speed_can_be_measured_where_it_is_only_estimated() -> None:
    made = scene()
    fits = tuple(
        replace(f, measured_tokens_per_s=None, tokens_low=50.0, tokens_high=90.0) for f in made.extras.fits
    )
    estimated = replace(made, extras=replace(made.extras, fits=fits))
    action = now_view(estimated).running[0].measure
    assert action is not None
    assert (action.command.verb, action.command.model) == (Verb.MEASURE, "qwen3:8b")
    assert now_view(made).running[0].measure is None
    detail = models_view(made, Filters(), "qwen3:8b").detail
    assert detail is not None
    assert detail.measure is not None
    assert detail.measure.enabled


def test_one_measurement_at_a_time_with_its_progress() -> None:
    made = scene()
    task = TaskState("measure", "qwen3:8b", made.now, fraction=0.4)
    busy = replace(made, state=replace(made.state, tasks=(task,)))
    (line,) = [b for b in busy_actions(busy) if "Measuring" in b.text]
    assert line.fraction == 0.4
    assert line.cancel is not None
    detail = models_view(busy, Filters(), "qwen3:8b").detail
    assert detail is not None
    assert detail.measure is not None
    assert not detail.measure.enabled


def test_a_power_limit_is_one_sentence() -> None:
    made = scene()
    advice = CapAdvice(280, 36_000_000, 72_000_000, 400_000, 800_000)
    costs = replace(made.extras.costs or MonthCosts(), caps=(CapNote("RTX 3090", advice),))
    capped = replace(made, extras=replace(made.extras, costs=costs))
    (text,) = cost_view(capped).savings
    assert text.startswith("A power limit of 280 W on RTX 3090 would save about €0.40–0.80 a month.")
    assert (
        "Published sweeps (RTX 3090, RTX 5060 Ti and others, 78-86 %) lost 1–7% of the speed of answers"
        in text
    )
    assert "measure before and after" in text
    assert cost_view(made).savings == ()


def test_why_last_week_is_missing_is_in_the_hint() -> None:
    made = scene()
    reason = "Nothing was recorded a week ago."
    costs = replace(made.extras.costs or MonthCosts(), last_week=LastWeek(None, reason))
    extras = replace(made.extras, costs=costs)
    assert reason in cost_view(replace(made, extras=extras)).today.hint


def test_energy_is_compared_with_everyday_life() -> None:
    assert everyday_text(1_512_000_000) == "About as much as boiling 4 l of water."
    assert everyday_text(None) == ""
    assert everyday_text(0) == ""
    assert "About as much as" in now_view(scene()).today.hint
