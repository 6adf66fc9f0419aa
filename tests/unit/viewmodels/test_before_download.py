"""Questions before a download: whose registry it is, a metered connection; and the offer to repair."""

from dataclasses import replace

import pytest

from fakes import first_run_scenes, made_up_day
from wattlight.catalog.registry import read_address
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import PullState
from wattlight.viewmodels.activity import notice_views
from wattlight.viewmodels.before_download import asked_before_download
from wattlight.viewmodels.first_run import first_run_view

FOREIGN = "registry.example/me/model:1b"
DAMAGED = PullState(
    "a:1b", error="a:1b was pulled, but damaged files of it were kept (template).", damaged=True
)
DISMISS = Command(Verb.CANCEL_PULL, "a:1b")


def test_another_registry_is_asked_about_and_once() -> None:
    scene = made_up_day.evening()
    asked = asked_before_download(scene, Command(Verb.PULL, FOREIGN), None)
    assert asked.question == (
        f"{FOREIGN} comes from registry.example, not from Ollama's own library. Download {FOREIGN} anyway?"
    )
    assert asked.confirm == "Download anyway"
    answered = Command(Verb.PULL, FOREIGN, asked=True)
    assert asked_before_download(scene, answered, None) == answered


@pytest.mark.parametrize(
    "name", ["llama3.2:3b", "someone/model", f"{read_address('x').host}/library/a:1b", "-odd name-", ""]
)
def test_ollamas_own_registry_and_names_that_cannot_be_are_not_asked_about(name: str) -> None:
    assert asked_before_download(made_up_day.evening(), Command(Verb.PULL, name), None).question == ""


def test_other_commands_are_not_asked_about() -> None:
    assert asked_before_download(made_up_day.evening(), Command(Verb.LOAD, FOREIGN), True).question == ""


def test_a_metered_connection_is_asked_about_in_the_same_question() -> None:
    asked = asked_before_download(made_up_day.evening(), Command(Verb.PULL, FOREIGN), True)
    assert "not from Ollama's own library. This is a metered connection. Download" in asked.question


def test_a_question_of_its_own_is_asked_last_and_nothing_is_left_out() -> None:
    large = Command(Verb.PULL, "qwen3.6:27b", "It is slow here. Install it anyway?", "Install anyway")
    asked = asked_before_download(made_up_day.evening(), large, True)
    assert asked.question == (
        "This is a metered connection, and qwen3.6:27b is 17.4 GB. It is slow here. Install it anyway?"
    )
    assert asked.confirm == "Install anyway"


def test_fault_66_the_banner_offers_to_repair() -> None:
    scene = made_up_day.evening()
    scene = replace(scene, state=replace(scene.state, pulls=(DAMAGED,)))
    notice = next(n for n in notice_views(scene) if n.dismiss == DISMISS)
    assert notice.text == DAMAGED.error
    (repair,) = notice.actions
    assert repair.text == "Repair…"
    assert repair.command.verb is Verb.REPAIR
    assert "Remove the damaged files of a:1b" in repair.command.question
    ordinary = replace(scene, state=replace(scene.state, pulls=(PullState("a:1b", error="cut"),)))
    again = next(n for n in notice_views(ordinary) if n.dismiss == DISMISS).actions[0]
    assert (again.text, again.command.verb) == ("Try again", Verb.PULL)


def test_fault_66_in_the_first_run() -> None:
    page = first_run_view(first_run_scenes.with_pull(first_run_scenes.scene("try"), DAMAGED))
    assert page.problem_actions[0].command.verb is Verb.REPAIR
