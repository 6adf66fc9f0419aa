"""Our own copy of Ollama on the page Settings: what is said of it and what is offered."""

from dataclasses import replace

import pytest

from fakes import first_run_scenes as scenes
from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstallState, ServerStatus, ServerWays, SetupFacts
from wattlight.i18n import activate
from wattlight.viewmodels.before_download import asked_before_download
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.server_setup import ServerCopyView, server_copy_view

NEWEST = ServerWays(
    managed="0.34.0", version="0.34.0", download_bytes=1_400_000_000, disk_bytes=4_900_000_000
)
NEWER = replace(NEWEST, version="0.35.0", newer=True)
UPDATED = replace(NEWEST, managed="0.35.0", version="0.35.0", previous="0.34.0")


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(ways: ServerWays | None, running: str = "0.34.0", **facts: object) -> Scene:
    made = scenes.with_facts(scenes.scene("machine"), ways=ways, server_is_ours=True)
    host = made.state.hosts[0]
    server = replace(host.server, version=running)
    made = replace(made, state=replace(made.state, hosts=(replace(host, server=server),)))
    return scenes.with_facts(made, **facts)


def view(ways: ServerWays, running: str = "0.34.0", **facts: object) -> ServerCopyView:
    made = server_copy_view(scene(ways, running, **facts))
    assert made is not None
    return made


def buttons(made: ServerCopyView) -> list[tuple[str, Verb]]:
    return [(a.text.replace("\u00a0", " "), a.command.verb) for a in made.actions]


def test_nothing_is_offered_where_no_copy_is_ours() -> None:
    assert server_copy_view(replace(scene(NEWER), setup=SetupFacts())) is None
    assert server_copy_view(scene(replace(NEWER, managed=None))) is None


@pytest.mark.parametrize("status", [s for s in ServerStatus if s is not ServerStatus.ABSENT])
def test_nothing_is_offered_for_a_server_that_is_not_ours(status: ServerStatus) -> None:
    made = scenes.with_server(scene(NEWER, server_is_ours=False), status)
    assert server_copy_view(made) is None


def test_the_newest_copy_offers_nothing() -> None:
    assert view(NEWEST) == ServerCopyView("Ollama 0.34.0, Wattlight's own copy")


def test_a_newer_listed_release_is_offered_with_its_size() -> None:
    made = view(NEWER)
    assert made.title == "Ollama 0.34.0, Wattlight's own copy"
    assert buttons(made) == [("Update to 0.35.0, 1.4 GB", Verb.INSTALL_SERVER)]
    assert made.actions[0].enabled
    about = view(replace(NEWER, download_is_exact=False))
    assert buttons(about)[0][0] == "Update to 0.35.0, about 1.4 GB"


def test_an_update_without_room_says_why_it_is_greyed() -> None:
    made = scene(NEWER)
    shown = server_copy_view(replace(made, extras=replace(made.extras, disk_free_bytes=10**9)))
    assert shown is not None
    assert not shown.actions[0].enabled
    assert shown.actions[0].why_not == "There is not enough disk space."


def test_a_running_update_shows_how_far_it_is_and_can_be_cancelled() -> None:
    made = view(NEWER, setup=InstallState("0.35.0", "fetching", 700_000_000, 1_400_000_000, 11e6))
    assert made.progress is not None
    assert made.progress.fraction == 0.5
    assert made.progress.text.replace("\u00a0", " ").startswith("Downloading · 0.7 GB of 1.4 GB · about")
    assert made.progress.cancel == Command(Verb.CANCEL_INSTALL)
    assert made.actions == (), "not twice at the same time"


def test_the_last_step_is_not_said_to_be_cancellable() -> None:
    progress = view(NEWER, setup=InstallState("0.35.0", "trying")).progress
    assert progress is not None
    assert progress.cancel is None


def test_a_failed_update_says_why_and_can_be_tried_again() -> None:
    made = view(NEWER, setup=InstallState("0.35.0", "failed", error="It is not the listed file. Try again."))
    assert made.problem == "It is not the listed file. Try again."
    assert made.progress is None
    assert buttons(made) == [("Update to 0.35.0, 1.4 GB", Verb.INSTALL_SERVER)]


def test_an_update_waits_for_loaded_models_and_says_what_runs_until_then() -> None:
    made = view(replace(UPDATED, restart_due=True))
    assert made.title == "Ollama 0.35.0, Wattlight's own copy"
    assert made.note == "Takes effect when no model is loaded. Until then, 0.34.0 keeps running."
    assert (
        view(replace(UPDATED, restart_due=True), running="").note == "Takes effect when no model is loaded."
    )


def test_nothing_is_to_come_when_the_version_in_use_is_the_one_that_runs() -> None:
    assert view(replace(NEWEST, previous="0.35.0", restart_due=True)).note == ""
    assert view(UPDATED, "0.35.0").note == ""


def test_the_version_before_can_be_gone_back_to_after_a_question() -> None:
    made = view(UPDATED, "0.35.0")
    assert buttons(made) == [("Go back to 0.34.0", Verb.GO_BACK)]
    command = made.actions[0].command
    assert command.question.startswith("Go back to Ollama 0.34.0?")
    assert command.confirm == "Go back"


def test_a_copy_that_does_not_come_up_offers_the_way_back() -> None:
    made = scene(UPDATED, server_is_ours=False, server_error="It stopped again and again.")
    shown = server_copy_view(scenes.with_server(made, ServerStatus.ABSENT))
    assert shown is not None
    assert shown.problem == "It stopped again and again."
    assert buttons(shown) == [("Go back to 0.34.0", Verb.GO_BACK)]


def test_a_version_that_was_gone_back_from_is_not_fetched_again() -> None:
    made = view(replace(NEWER, previous="0.35.0"))
    assert buttons(made) == [("Update to 0.35.0", Verb.INSTALL_SERVER)]
    command = Command(Verb.INSTALL_SERVER)
    assert asked_before_download(scene(replace(NEWER, previous="0.35.0")), command, True) == command
    assert "1.4" in asked_before_download(scene(NEWER), command, True).question


def test_the_vendors_installer_is_no_update_of_our_copy() -> None:
    assert view(replace(NEWER, by_installer=True)).actions == ()


def test_an_update_that_converts_the_models_asks_first() -> None:
    (action,) = view(replace(NEWER, version="0.41.0")).actions
    assert action.command.verb is Verb.INSTALL_SERVER
    assert "twice the disk" in action.command.question
    assert action.command.confirm == "Update"
    (plain,) = view(NEWER).actions
    assert not plain.command.question
    (later,) = view(replace(NEWER, managed="0.40.2", version="0.41.0"), running="0.40.2").actions
    assert not later.command.question, "it is done already"
