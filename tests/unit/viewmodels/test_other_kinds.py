"""Faces of servers of other kinds: what one cannot do is not offered, or greyed with the reason."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.domain.command import Verb
from wattlight.domain.servers import (
    InstalledModel,
    RunningModel,
    ServerKind,
    ServerState,
    ServerStatus,
    name_digest,
)
from wattlight.i18n import activate
from wattlight.viewmodels.machine import server_text
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.model_detail import detail_view
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.running import running_views
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.server_setup import server_step
from wattlight.viewmodels.small_window import small_window_view
from wattlight.viewmodels.tray import MenuEntry, tray_view
from wattlight.viewmodels.words import server_trouble


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene_of(
    kind: ServerKind, *loaded: str, status: ServerStatus = ServerStatus.READY, **facts: object
) -> Scene:
    """A server of ``kind`` with the models one and two, of which ``loaded`` are loaded."""
    scene = made_up_day.evening()
    server = ServerState(
        "http://127.0.0.1:8000",
        status,
        "1.2.3",
        tuple(InstalledModel(name, name_digest(name), 0) for name in ("one", "two")),
        tuple(
            replace(RunningModel(name, name_digest(name), 0, 0, 4096), **facts)  # type: ignore[arg-type]
            for name in loaded
        ),
        kind=kind,
    )
    host = replace(scene.host, server=server, slow=())
    return replace(scene, state=replace(scene.state, hosts=(host,), tasks=(), pulls=()))


def lines(scene: Scene) -> list[MenuEntry]:
    return list(tray_view(scene).menu)


def verbs(scene: Scene) -> set[Verb]:
    found = [*lines(scene), *(child for line in lines(scene) for child in line.children)]
    return {line.command.verb for line in found if line.command is not None}


def test_the_menu_of_ollama_offers_all() -> None:
    assert {Verb.UNLOAD, Verb.SWITCH} <= verbs(scene_of(ServerKind.OLLAMA, "one"))


def test_the_menu_of_a_router_switches_and_unloads_but_keeps_nothing() -> None:
    scene = scene_of(ServerKind.LLAMA_ROUTER, "one")
    assert {Verb.UNLOAD, Verb.SWITCH} <= verbs(scene)
    assert not verbs(scene) & {Verb.KEEP, Verb.RELEASE}
    first = next(line for line in lines(scene) if line.text.startswith("one"))
    assert first.text == "one – location not reported"
    assert first.checked


@pytest.mark.parametrize("kind", [ServerKind.LLAMA_CPP, ServerKind.VLLM])
def test_a_server_with_one_model_offers_no_switch(kind: ServerKind) -> None:
    scene = scene_of(kind, "one")
    assert not verbs(scene) & {Verb.UNLOAD, Verb.SWITCH, Verb.KEEP}
    assert [line.text for line in lines(scene) if line.text.startswith(("one", "two"))] == [
        "one – location not reported",
        "two",
    ]
    assert small_window_view(scene).others == ()
    assert small_window_view(scene).more_text == ""


def test_who_claims_to_sleep_is_shown_loaded_with_its_claim() -> None:
    scene = scene_of(ServerKind.VLLM, "one", said_asleep=True)
    assert any(line.text.endswith("says it sleeps") and line.checked for line in lines(scene))


def test_buttons_are_greyed_with_the_reason() -> None:
    (view,) = running_views(scene_of(ServerKind.VLLM, "one"))
    assert not view.unload.enabled
    assert view.unload.why_not == "vLLM keeps its model until it is stopped."
    assert not view.keep.enabled
    assert "kept" not in view.facts
    detail = detail_view(scene_of(ServerKind.LM_STUDIO), "two")
    assert detail.main is not None
    assert detail.main.enabled
    remove = next(action for action in detail.others if action.command.verb is Verb.REMOVE)
    assert (remove.enabled, remove.why_not) == (False, "LM Studio cannot be told to delete a model.")


def test_a_model_is_not_installed_where_nothing_is_downloaded() -> None:
    scene = scene_of(ServerKind.LLAMA_ROUTER)
    assert scene.extras.offers
    main = detail_view(scene, scene.extras.offers[0].model).main
    assert main is not None
    assert (main.command.verb, main.enabled) == (Verb.PULL, False)
    assert "cannot be told to download" in main.why_not
    assert models_view(scene_of(ServerKind.LLAMA_ROUTER), Filters()).find_updates is None


def test_a_model_of_another_computer_names_it() -> None:
    scene = scene_of(ServerKind.LITELLM)
    far = InstalledModel("cloud", name_digest("cloud"), 0, remote_host="far.example")
    host = replace(scene.host, server=replace(scene.host.server, installed=(far,)))
    scene = replace(scene, state=replace(scene.state, hosts=(host,)))
    assert detail_view(scene, "cloud").why == "Runs on far.example; your text leaves this computer."


def test_the_program_is_named() -> None:
    assert server_text(scene_of(ServerKind.VLLM)) == "vLLM 1.2.3 on this computer"
    assert server_step(scene_of(ServerKind.LM_STUDIO)).title == "LM Studio 1.2.3 is running"
    assert server_trouble(ServerStatus.SILENT, ServerKind.VLLM) == "vLLM does not answer"
    silent = scene_of(ServerKind.LLAMA_CPP, status=ServerStatus.SILENT)
    assert "llama.cpp is not running." in detail_view(silent, "two").main.why_not  # type: ignore[union-attr]
