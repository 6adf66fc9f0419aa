"""The window that compares: what stands beside a model, the result, and what is under way."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel, TaskState
from wattlight.i18n import activate
from wattlight.services.benchmark import ComparedModel, SideBySide, Subject
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.side_by_side import compare_actions, compare_view, kept_version, others_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def scene_of(*models: InstalledModel, **state: object) -> Scene:
    activate("en")
    scene = made_up_day.evening()
    server = replace(scene.host.server, installed=models)
    host = replace(scene.host, server=server)
    return replace(scene, state=replace(scene.state, hosts=(host,), **state))


MODELS = (
    InstalledModel("aya:8b", "d5", 5, family="command"),
    InstalledModel("qwen3:8b", "d1", 5, family="qwen3"),
    InstalledModel("qwen3:8b-20261001", "d0", 5, family="qwen3"),
    InstalledModel("qwen3:4b", "d2", 5, family="qwen3"),
    InstalledModel("qwq:32b", "d3", 5, family="qwen3"),
    InstalledModel("current:latest", "d1", 5, family="qwen3"),
)


def side(subject: Subject, *answers: str) -> ComparedModel:
    return ComparedModel(subject, 100, 61.2, 0.3, 2.0, 0.1, None, 6 << 30, None, answers)


MADE = SideBySide(
    ("Why?",),
    side(Subject("qwen3:8b", "d1", "RTX", 1), "So."),
    side(Subject("qwen3:4b", "d2", "RTX", 1), "No."),
)


def test_the_version_that_was_kept_comes_first_then_alike_ones() -> None:
    scene = scene_of(*MODELS)
    assert others_of(scene, "qwen3:8b") == ("qwen3:8b-20261001", "qwen3:4b", "qwq:32b", "aya:8b")
    assert kept_version(scene, "qwen3:8b") == "qwen3:8b-20261001"
    assert kept_version(scene, "qwen3:4b") == ""
    (action,) = compare_actions(scene, "qwen3:8b")
    assert (action.text, action.command) == (
        "Compare with the old version…",
        Command(Verb.OPEN_COMPARE, "qwen3:8b"),
    )
    assert compare_actions(scene, "qwen3:4b")[0].text == "Compare…"
    assert compare_actions(scene_of(MODELS[0]), "aya:8b") == ()
    detail = models_view(scene, Filters(), "qwen3:8b").detail
    assert detail is not None
    assert detail.compares == (action,)


def test_the_result_of_this_model_is_shown() -> None:
    scene = scene_of(*MODELS)
    known = replace(scene, extras=replace(scene.extras, compared=MADE, prompts="Why?"))
    view = compare_view(known, "qwen3:8b")
    assert (view.kept, view.start.text, view.start.command.verb) == ("Why?", "Compare", Verb.COMPARE)
    assert view.rows[0] == ("", "qwen3:8b", "qwen3:4b")
    assert view.answers == (("Why?", "So.", "No."),)
    assert compare_view(known, "qwq:32b").rows == ()


@pytest.mark.parametrize(("error", "text"), [(None, "Stop 40%"), ("Nothing was kept.", "Compare")])
def test_while_it_is_measured_and_when_it_failed(error: str | None, text: str) -> None:
    task = TaskState("measure", "qwen3:8b", NOW, error=error, fraction=None if error else 0.4)
    view = compare_view(scene_of(*MODELS, tasks=(task,)), "qwen3:8b")
    assert view.start.text == text
    assert (view.start.command.verb is Verb.CANCEL_TASK) is (error is None)
    assert (view.hint == error) is (error is not None)
