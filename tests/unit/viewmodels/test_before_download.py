"""Questions before a download: whose registry it is, a network paid by volume; and the offer to repair."""

from dataclasses import replace

import pytest

from fakes import first_run_scenes, made_up_day
from wattlight.catalog.registry import read_address
from wattlight.domain.state import PullState
from wattlight.viewmodels import Command, Verb, asked_before_download, notice_views
from wattlight.viewmodels.first_run import first_run_view

FOREIGN = "registry.example/me/model:1b"
DAMAGED = PullState(
    "a:1b", error="a:1b was pulled, but damaged files of it were kept (template).", damaged=True
)


def test_another_registry_is_asked_about_and_once() -> None:
    scene = made_up_day.evening()
    asked = asked_before_download(scene, Command(Verb.PULL, FOREIGN), None)
    assert asked.question == f"Fetch {FOREIGN} from registry.example, which is not Ollama's own registry?"
    assert asked.confirm == "Fetch"
    answered = Command(Verb.PULL, FOREIGN, asked=True)
    assert asked_before_download(scene, answered, None) == answered


@pytest.mark.parametrize(
    "name", ["llama3.2:3b", "someone/model", f"{read_address('x').host}/library/a:1b", "-odd name-", ""]
)
def test_ollamas_own_registry_and_names_that_cannot_be_are_not_asked_about(name: str) -> None:
    assert asked_before_download(made_up_day.evening(), Command(Verb.PULL, name), None).question == ""


def test_other_commands_are_not_asked_about() -> None:
    assert asked_before_download(made_up_day.evening(), Command(Verb.LOAD, FOREIGN), True).question == ""


def test_a_network_paid_by_volume_is_asked_about_in_the_same_question() -> None:
    asked = asked_before_download(made_up_day.evening(), Command(Verb.PULL, FOREIGN), True)
    assert "not Ollama's own registry? This network is paid by volume" in asked.question


def test_fault_66_the_banner_offers_to_repair() -> None:
    scene = made_up_day.evening()
    scene = replace(scene, state=replace(scene.state, pulls=(DAMAGED,)))
    notice = next(n for n in notice_views(scene) if n.key == "pull a:1b")
    assert notice.text == DAMAGED.error
    (repair,) = notice.actions
    assert repair.text == "Repair…"
    assert repair.command.verb is Verb.REPAIR
    assert "Remove the damaged files of a:1b" in repair.command.question
    ordinary = replace(scene, state=replace(scene.state, pulls=(PullState("a:1b", error="cut"),)))
    again = next(n for n in notice_views(ordinary) if n.key == "pull a:1b").actions[0]
    assert (again.text, again.command.verb) == ("Try again", Verb.PULL)


def test_fault_66_in_the_first_run() -> None:
    page = first_run_view(first_run_scenes.with_pull(first_run_scenes.scene("try"), DAMAGED))
    assert page.problem_actions[0].command.verb is Verb.REPAIR
