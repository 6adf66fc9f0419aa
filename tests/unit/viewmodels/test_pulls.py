"""Downloads in words: rows, the short form beside other work, the tray's line, wishes that are typed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import LayerState, PullState, Waiting
from wattlight.i18n import activate
from wattlight.settings import PullSettings
from wattlight.viewmodels.activity import busy_actions
from wattlight.viewmodels.model_choices import Filters
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.pulls import (
    pull_settings_view,
    pull_views,
    understood_hours,
    understood_limit,
    understood_source,
)
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import IconState, icon_state, tray_view

GB = 10**9
MOVING = PullState(
    "a:27b",
    "pulling ab",
    5 * GB,
    17 * GB,
    12e6,
    layers=(
        LayerState("cd", 700, 700),
        LayerState("ef", GB, GB),
        LayerState("01", GB // 2, GB),
        LayerState("ab", 3 * GB, 15 * GB, 10e6),
    ),
    by_us=True,
)
TURN = PullState("b:7b", "waiting", 0, 4 * GB, waiting=Waiting.TURN)
PAUSED = PullState("c:1b", "waiting", GB, 2 * GB, waiting=Waiting.PAUSED)


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene(*pulls: PullState) -> Scene:
    made = made_up_day.evening()
    return replace(made, state=replace(made.state, pulls=pulls, tasks=()))


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ")


def verbs(shown: Scene, at: int) -> list[tuple[Verb, int | None]]:
    return [(action.command.verb, action.command.number) for action in pull_views(shown)[at].actions]


def test_a_row_tells_how_far_how_fast_and_how_long_in_all_and_of_each_file() -> None:
    view = pull_views(scene(MOVING))[0]
    assert plain(view.text) == "Installing a:27b · 5.0 GB of 17.0 GB · 12.0 MB/s · about 16 min left"
    assert [plain(line) for line in view.files] == [
        "ab · 3.0 GB of 15.0 GB · 10.0 MB/s · about 20 min left",
        "01 · 0.5 GB of 1.0 GB",
        "2 files are here",
    ]
    assert view.fraction == 5 / 17
    assert view.cancel == Command(Verb.CANCEL_PULL, "a:27b")


@pytest.mark.parametrize(
    ("waiting", "after", "words"),
    [
        (Waiting.TURN, None, "waits for its turn"),
        (Waiting.PAUSED, None, "paused"),
        (Waiting.HOURS, 3, "waits until "),
        (Waiting.METERED, None, "waits for a connection that is not metered"),
        (Waiting.RETRY, 1, "connection lost, tried again at "),
    ],
)
def test_why_one_waits(waiting: Waiting, after: int | None, words: str) -> None:
    shown = scene(TURN)
    until = None if after is None else shown.now + timedelta(hours=after)
    text = pull_views(scene(replace(TURN, waiting=waiting, waits_until=until)))[0].text
    assert text.startswith(f"b:7b · {words}")


def test_files_are_told_where_there_are_several_and_it_runs() -> None:
    many = replace(MOVING, layers=tuple(LayerState(f"{n}", n, 30) for n in range(12)))
    lines = pull_views(scene(many))[0].files
    assert len(lines) == 9
    assert lines[0].startswith("0 · ")
    assert lines[-1] == "4 more files to come"
    assert pull_views(scene(replace(MOVING, layers=MOVING.layers[:1])))[0].files == ()
    assert pull_views(scene(replace(MOVING, waiting=Waiting.PAUSED)))[0].files == ()
    assert busy_actions(scene(MOVING))[0].files == ()


def test_what_can_be_done_about_each() -> None:
    shown = scene(MOVING, TURN, PAUSED)
    assert verbs(shown, 0) == [(Verb.PAUSE_PULL, None)]
    assert verbs(shown, 1) == [(Verb.MOVE_PULL, 1), (Verb.PAUSE_PULL, None)], "never before what runs"
    assert verbs(shown, 2) == [(Verb.MOVE_PULL, -1), (Verb.RESUME_PULL, None)]


def test_the_models_page_has_all_of_them_and_other_places_the_first_and_their_number() -> None:
    shown = scene(PAUSED, TURN, MOVING)
    everywhere = busy_actions(shown)
    assert [view.key for view in everywhere] == ["pull a:27b", "pulls"]
    assert everywhere[1].text == "2 more downloads in the queue"
    assert [action.command.verb for action in everywhere[1].actions] == [Verb.OPEN_MODELS]
    assert [action.command.verb for action in everywhere[0].actions] == [Verb.PAUSE_PULL]
    page = models_view(shown, Filters(), "")
    assert [view.key for view in page.downloads] == ["pull c:1b", "pull b:7b", "pull a:27b"]


@pytest.mark.parametrize(
    ("pulls", "line", "verb", "icon"),
    [
        ((MOVING,), "Installing a:27b, 29% – pause", Verb.PAUSE_PULL, IconState.LOADING),
        ((TURN, MOVING), "Installing a:27b, 29%, 1 more – pause", Verb.PAUSE_PULL, IconState.LOADING),
        ((PAUSED,), "c:1b, 50% – resume", Verb.RESUME_PULL, None),
    ],
)
def test_the_tray_has_one_line_for_all(
    pulls: tuple[PullState, ...], line: str, verb: Verb, icon: IconState | None
) -> None:
    shown = scene(*pulls)
    found = [(e.text, e.command) for e in tray_view(shown).menu if e.text.endswith(("pause", "resume"))]
    assert [(plain(text), command.verb if command else None) for text, command in found] == [(line, verb)]
    assert (icon_state(shown) is IconState.LOADING) is (icon is not None)


def test_wishes_as_they_are_typed() -> None:
    none = PullSettings()
    assert understood_limit("5", none)[0].limit_bytes_per_s == 5_000_000
    assert understood_limit("40 Mbit/s", none)[0].limit_bytes_per_s == 5_000_000
    assert understood_limit("  ", PullSettings(7_000_000)) == (none, "")
    assert understood_limit("fast", none)[1].startswith("Type the limit as a number")
    assert understood_hours("night", "", none)[0].hours == "night"
    assert understood_hours("own", "22-5", none)[0].hours == "22:00-05:00"
    assert understood_hours("own", "late", none)[1] == "Type two times, like 23:00-06:00."
    assert understood_source("", PullSettings(source="/x")) == (none, "")
    assert understood_source("ftp://x", none)[1] != ""


def test_the_card_shows_what_was_wished() -> None:
    shown = scene()
    shown = replace(shown, state=replace(shown.state, metered=False))
    wished = PullSettings(5_000_000, "22:00-05:00", "/mnt/models", True)
    view = pull_settings_view(replace(shown, settings=replace(shown.settings, pulls=wished)))
    assert (view.limit, view.time, view.own_hours) == ("5", "own", "22:00-05:00")
    assert (view.source, view.not_metered) == ("/mnt/models", True)
    at_night = replace(shown.settings, pulls=PullSettings(None, "night"))
    night = pull_settings_view(replace(shown, settings=at_night))
    assert (night.limit, night.time, night.own_hours) == ("", "night", "")


def test_where_it_is_not_known_whether_a_connection_is_metered_there_is_no_switch() -> None:
    shown = scene()
    view = pull_settings_view(
        replace(shown, settings=replace(shown.settings, pulls=PullSettings(not_metered=True)))
    )
    assert view.not_metered is None
    assert view.not_metered_note == "This computer does not tell whether its connection is a metered one."
    known = pull_settings_view(replace(shown, state=replace(shown.state, metered=True)))
    assert (known.not_metered, known.not_metered_note) == (False, "")
