"""Two loaded models of one name, and one whose files are gone: told apart and unloaded for what they are."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.i18n import activate
from wattlight.viewmodels.running import running_views
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import MenuEntry, tray_view

NOW = RunningModel("mistral:7b", "new", 5 << 30, 5 << 30, 8192)
BEFORE = replace(NOW, digest="old", context_length=4096)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene_with(installed: bool, *running: RunningModel) -> Scene:
    scene = made_up_day.evening()
    models = (InstalledModel("mistral:7b", "new", 4 << 30),) if installed else ()
    server = replace(scene.host.server, installed=models, running=running)
    return replace(scene, state=replace(scene.state, hosts=(replace(scene.host, server=server),)))


def flat(entries: tuple[MenuEntry, ...]) -> list[MenuEntry]:
    return [found for entry in entries for found in (entry, *flat(entry.children))]


def test_both_are_shown_and_each_goes_by_itself() -> None:
    scene = scene_with(True, BEFORE, NOW)
    first, second = running_views(scene)
    assert "an earlier version, still loaded" in first.facts
    assert "earlier" not in second.facts
    assert first.unload.command == Command(Verb.UNLOAD, "mistral:7b", text="old")
    assert second.unload.command == Command(Verb.UNLOAD, "mistral:7b")
    assert not first.keep.enabled
    assert first.keep.why_not
    assert second.keep.enabled
    lines = flat(tray_view(scene).menu)
    assert len([e for e in lines if e.text.startswith("mistral:7b – an earlier version")]) == 1
    assert {e.command.text for e in lines if e.command and e.command.verb is Verb.UNLOAD} == {"", "old"}
    keeps = [e for e in lines if e.command and e.command.verb in {Verb.KEEP, Verb.RELEASE} and not e.children]
    assert all(e.command and e.command.model == "mistral:7b" for e in keeps)
    assert scene.running("mistral:7b") == NOW


def test_one_that_was_removed_is_said_to_be_and_cannot_be_kept() -> None:
    scene = scene_with(False, BEFORE)
    (view,) = running_views(scene)
    assert "removed from the disk, still loaded" in view.facts
    assert not view.keep.enabled
    lines = flat(tray_view(scene).menu)
    assert any("removed from the disk" in e.text for e in lines)
    (keep,) = (e for e in lines if e.text == "Keep loaded")
    assert not keep.enabled
    assert not any(e.command and e.command.verb is Verb.KEEP and e.enabled for e in lines)


def test_all_of_them_gone_leaves_no_empty_menu() -> None:
    lines = flat(tray_view(scene_with(False, BEFORE, NOW)).menu)
    assert not [e for e in lines if e.text == "Keep loaded"]
    assert [e for e in lines if e.text == "Unload now"]
