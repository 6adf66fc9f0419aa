"""The words for a closed counter: why, for whom, what can be clicked, how it is taken back."""

from dataclasses import replace

import pytest

from fakes import first_run_scenes, made_up_day
from wattlight.domain.command import Verb
from wattlight.domain.state import EnergyAccess
from wattlight.viewmodels.energy_access import EnergyAccessView, energy_access_view
from wattlight.viewmodels.first_run import first_run_view
from wattlight.viewmodels.machine import machine_view


def shown(**access: object) -> EnergyAccessView:
    view = energy_access_view(made_up_day.closed_counter(**access))
    assert view is not None
    return view


def verbs(view: EnergyAccessView) -> list[Verb]:
    return [action.command.verb for action in view.actions]


def test_a_closed_counter_says_why_for_whom_and_how_it_is_taken_back() -> None:
    view = shown()
    assert verbs(view) == [Verb.ALLOW_ENERGY] and view.actions[0].primary and not view.commands
    for words in (
        "2020",
        "CVE-2020-8694",
        "every program of your account (anna)",
        "after a restart",
        "again",
    ):
        assert words in view.text
    assert view.pill.text == "closed" and not view.problem


def test_without_polkit_the_commands_stand_there_and_no_button() -> None:
    view = shown(by_click=False)
    assert view.actions == () and len(view.commands) == 2 and "in a terminal" in view.text
    opened = shown(by_click=False, closed=False, opened_for="anna")
    assert opened.actions == () and opened.commands[0].startswith("sudo chown root")


def test_an_open_counter_is_closed_by_the_same_place() -> None:
    view = shown(closed=False, opened_for="anna")
    assert (view.pill.text, verbs(view)) == ("open", [Verb.FORBID_ENERGY])


def test_half_done_is_said_with_both_ways_on() -> None:
    view = shown(opened_for="anna")
    assert "not in force" in view.text and verbs(view) == [Verb.ALLOW_ENERGY, Verb.FORBID_ENERGY]


def test_another_account_would_lose_it() -> None:
    view = shown(opened_for="bert")
    assert "closed for that one" in view.text and "bert" in view.text and verbs(view) == [Verb.ALLOW_ENERGY]
    scene = made_up_day.closed_counter(closed=False, opened_for="bert")
    assert energy_access_view(scene) is None, "root, or another rule: nothing of ours for this account"


def test_while_the_system_asks_nothing_can_be_clicked() -> None:
    view = shown(asking=True)
    assert view.actions == () and view.commands == () and "password" in view.text


def test_a_refusal_stays_beside_the_button() -> None:
    view = shown(problem="The question for the password was closed. Nothing was changed.")
    assert view.problem.endswith("Nothing was changed.") and view.actions


@pytest.mark.parametrize("hostile", ["<b>x</b>\x1b[2J", "a" * 500, "\u202eanna"])
def test_names_of_accounts_are_cleaned(hostile: str) -> None:
    view = shown(user=hostile, opened_for="other" + hostile)
    assert "\x1b" not in view.text and "\u202e" not in view.text and "a" * 60 not in view.text


def test_no_counter_no_row() -> None:
    scene = made_up_day.no_sensor()
    assert scene.state.energy_access == EnergyAccess()
    assert energy_access_view(scene) is None
    assert any("wattlight doctor" in way for way in machine_view(scene).ways)


def test_the_pages_have_it_and_the_terminal_is_not_named_beside_a_button() -> None:
    page = machine_view(made_up_day.closed_counter())
    assert page.energy is not None and page.ways == ()
    step = first_run_view(first_run_scenes.SCENES["machine-closed-counter"]())
    assert step.energy is not None and [a.primary for a in step.energy.actions] == [False], "an offer"
    other = first_run_scenes.scene("price")
    closed = replace(other, state=replace(other.state, energy_access=first_run_scenes.CLOSED))
    assert first_run_view(closed).energy is None, "only where the computer is shown"
