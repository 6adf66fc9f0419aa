"""Who draws it in words: the heaviest first, and a sum that is the measured figure."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes import made_up_day
from wattlight.domain.energy import OTHERS, ByProgram, ProgramsNow
from wattlight.i18n import activate
from wattlight.viewmodels.programs import program_lines, programs_view
from wattlight.viewmodels.scene import Scene


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def drawn_by(programs: ProgramsNow | None, **host: object) -> Scene:
    scene = made_up_day.evening()
    changed = replace(scene.host, programs=programs, **host)
    return replace(scene, state=replace(scene.state, hosts=(changed,)))


NOW = ByProgram({"game": 250_000, "ollama": 12_000, "firefox": 900}, idle=38_000, rest=4_000)
TODAY = ByProgram({"ollama": 900_000_000, "game": 3_600_000}, idle=800_000_000, rest=10_000_000)
SINCE = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)


def test_not_the_model_the_game() -> None:
    view = programs_view(drawn_by(ProgramsNow(NOW, TODAY, SINCE)))
    assert view is not None
    assert view.table.rows == (
        ("game", "250 W", "1.0 Wh"),
        ("models (ollama)", "12 W", "0.25 kWh"),
        ("firefox", "0.9 W", "0 Wh"),
        ("computer at rest", "38 W", "0.22 kWh"),
        ("system and what cannot be seen", "4.0 W", "2.8 Wh"),
        ("measured parts together", "305 W", "0.48 kWh"),
    )
    assert view.table.quiet_rows == {3, 4, 5}
    assert "±40%" in view.note
    assert "since 8:05" in view.note.replace("\u202f", " ")


def test_todays_money_by_program_sums_to_that_of_the_measured_parts() -> None:
    cost = ByProgram({"ollama": 90_000, "game": 360, "firefox": 0}, idle=80_000, rest=1_000)
    view = programs_view(drawn_by(ProgramsNow(NOW, TODAY, SINCE, cost)))
    assert view is not None
    assert view.table.headings == ("Program", "Now", "Today", "Cost today")
    told = {row[0]: row[3] for row in view.table.rows}
    assert told["models (ollama)"] == "€0.09" and told["game"] == "< €0.01" and told["firefox"] == "€0.00"
    assert told["computer at rest"] == "€0.080" and told["measured parts together"] == "€0.17"
    lines = program_lines(NOW, TODAY, cost)
    assert sum(line.micro or 0 for line in lines[:-1]) == lines[-1].micro == cost.total
    many = program_lines(
        ByProgram({f"p{i}": i for i in range(30)}), ByProgram(), ByProgram({f"p{i}": 10 for i in range(30)})
    )
    assert sum(line.micro or 0 for line in many[:-1]) == many[-1].micro == 300


def test_an_idle_level_that_is_not_known_is_said() -> None:
    view = programs_view(drawn_by(ProgramsNow(ByProgram(undivided=50_000))))
    assert view is not None
    assert view.table.rows[0] == ("not divided yet", "50 W", "")
    assert "idle level of some parts is not known" in view.note


def test_many_programs_are_a_few_lines_that_still_sum() -> None:
    programs = {f"p{i:02}": 1000 * (i + 1) for i in range(30)}
    today = {"p00": 10**9, OTHERS: 5}
    lines = program_lines(ByProgram(programs, rest=7), ByProgram(today))
    assert [line.name for line in lines[:3]] == ["p29", "p28", "p27"]
    assert "p00" in {line.name for line in lines}
    assert len(lines) == 12
    assert sum(line.now_mw for line in lines[:-1]) == lines[-1].now_mw == sum(programs.values()) + 7
    assert sum(line.today_mj or 0 for line in lines[:-1]) == lines[-1].today_mj == 10**9 + 5


def test_without_a_sensor_or_a_look_there_is_nothing() -> None:
    assert programs_view(drawn_by(None)) is None
    assert programs_view(drawn_by(ProgramsNow(NOW), sample=None)) is None


def test_a_hostile_name_is_cleaned() -> None:
    lines = program_lines(ByProgram({"two\nlines\u202e": 5}))
    assert "\n" not in lines[0].name
    assert "\u202e" not in lines[0].name
