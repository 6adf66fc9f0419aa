"""The card of the server's own settings as it is shown: where, what differs, and what comes next."""

from dataclasses import replace
from pathlib import Path

import pytest

from fakes import made_up_day
from wattlight.domain.command import Verb
from wattlight.domain.server_variables import KNOWN, VARIABLES
from wattlight.i18n import activate
from wattlight.services.server_settings import ChangePlan, SettingsPlace, StartedBy, plan
from wattlight.services.server_variables import VariableRow, VariablesNow
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.server_variables import (
    editor_view,
    shown_only,
    understood_variable,
    variables_view,
)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


FILE = Path("/home/anna/.config/systemd/user/ollama.service.d/wattlight.conf")
SERVICE = SettingsPlace(StartedBy.USER_SERVICE, FILE)


def scene_with(place: SettingsPlace, **facts: object) -> Scene:
    rows = facts.pop("rows", tuple(VariableRow(name) for name in KNOWN))
    now = VariablesNow(place, rows, **facts)  # type: ignore[arg-type]  # fields of it
    scene = made_up_day.evening()
    return replace(scene, extras=replace(scene.extras, variables=now))


def texts(scene: Scene) -> list[str]:
    return [action.text for action in variables_view(scene).actions]


def test_before_it_was_read_it_says_so() -> None:
    view = variables_view(made_up_day.evening())
    assert (view.about, view.lines, view.actions) == ("Reading…", (), ())
    assert len(view.names) == len(VARIABLES) == 27


def test_what_is_set_and_not_in_force_stands_out() -> None:
    rows = (
        VariableRow("OLLAMA_MAX_QUEUE", "64", "512"),
        VariableRow("OLLAMA_NUM_PARALLEL", None, "1"),
        VariableRow("OLLAMA_GPU_OVERHEAD", "0", ""),
    )
    queue, parallel, overhead = variables_view(scene_with(SERVICE, rows=rows, told=True)).lines
    assert (queue.ours, queue.now, queue.notable, queue.differs) == ("64", "512", True, True)
    assert (parallel.ours, parallel.notable, parallel.differs) == ("–", False, False)
    assert (overhead.now, overhead.notable) == ("nothing", True)


@pytest.mark.parametrize(
    ("place", "words", "restarts"),
    [
        (SERVICE, "wattlight.conf", True),
        (SettingsPlace(StartedBy.MANAGED), "Wattlight starts this server", True),
        (SettingsPlace(StartedBy.SYSTEM_SERVICE), "yours to type", False),
        (SettingsPlace(StartedBy.BY_HAND), "started by hand", False),
        (SettingsPlace(StartedBy.WINDOWS, in_registry=True), "in Windows", False),
        (SettingsPlace(StartedBy.LAUNCHD, Path("/a.plist")), "a.plist", False),
    ],
)
def test_where_they_are_set_is_said(place: SettingsPlace, words: str, restarts: bool) -> None:
    scene = scene_with(place, told=True)
    assert words in variables_view(scene).about
    assert ("Restart server" in texts(scene)) is restarts
    assert "not known" in variables_view(scene_with(place)).about
    assert len(shown_only(scene)) == 2


def test_the_diff_is_shown_before_anything_is_written() -> None:
    change = plan(SettingsPlace(StartedBy.USER_SERVICE, Path("/nowhere/x.conf")), {"OLLAMA_MAX_QUEUE": "7"})
    view = variables_view(scene_with(SERVICE, planned=change))
    assert '+Environment="OLLAMA_MAX_QUEUE=7"' in view.diff
    assert "@@" not in view.diff
    assert [a.text for a in view.actions] == ["Write", "Discard", "Restart server"]
    assert view.actions[0].primary
    assert view.commands == (), "the restart is a button here"


def test_commands_where_it_is_not_ours_and_nothing_where_it_is_set_so() -> None:
    place = SettingsPlace(StartedBy.SYSTEM_SERVICE)
    view = variables_view(scene_with(place, planned=plan(place, {"OLLAMA_MAX_QUEUE": "7"})))
    assert view.said == "These commands do it:"
    assert any("OLLAMA_MAX_QUEUE=7" in command for command in view.commands)
    assert [a.text for a in view.actions] == ["Discard"]
    assert variables_view(scene_with(SERVICE, planned=ChangePlan(SERVICE))).said == "It is set so already."


def test_a_restart_asks_where_models_are_loaded() -> None:
    scene = scene_with(SERVICE, restart_due=True)
    (restart,) = variables_view(scene).actions
    assert restart.primary
    assert restart.command.verb is Verb.RESTART_SERVER
    assert made_up_day.running().name in restart.command.question
    host = replace(scene.host, server=replace(scene.host.server, running=()))
    (restart,) = variables_view(replace(scene, state=replace(scene.state, hosts=(host,)))).actions
    assert restart.command.question == ""
    busy = replace(scene, setup=replace(scene.setup, starting=True))
    assert not variables_view(busy).actions[0].enabled


def test_each_variable_has_an_editor() -> None:
    scene = scene_with(SERVICE, rows=(VariableRow("OLLAMA_KV_CACHE_TYPE", "q8_0"),))
    for name in KNOWN:
        view = editor_view(scene, name)
        assert view.about.endswith(".")
        assert view.example
    kv = editor_view(scene, "OLLAMA_KV_CACHE_TYPE")
    assert ([c.value for c in kv.values], kv.value, kv.can_unset) == (["f16", "q8_0", "q4_0"], "q8_0", True)
    assert [c.value for c in editor_view(scene, "OLLAMA_NOPRUNE").values] == ["1", "0"]


def test_what_cannot_be_is_said_at_once() -> None:
    command, error = understood_variable("OLLAMA_LOAD_TIMEOUT", " 90s ")
    assert command is not None
    assert (command.verb, command.model, command.text, error) == (
        Verb.PLAN_VARIABLE,
        "OLLAMA_LOAD_TIMEOUT",
        "90s",
        "",
    )
    command, error = understood_variable("OLLAMA_LOAD_TIMEOUT", "soon")
    assert command is None
    assert "cannot be" in error
