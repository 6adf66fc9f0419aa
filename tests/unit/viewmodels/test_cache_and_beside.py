"""The type of the cache, the slider's own stop, and two models beside each other, as they are shown."""

from dataclasses import replace

import pytest

from fakes import made_up_day
from wattlight.domain.command import Command, Verb
from wattlight.i18n import activate
from wattlight.services.answers import BesideNote, ContextStep, FitNote
from wattlight.settings import ModelWish
from wattlight.viewmodels.cache_type import cache_actions, cache_name, cache_text
from wattlight.viewmodels.model_detail import detail_view
from wattlight.viewmodels.running import beside_command, running_views
from wattlight.viewmodels.scene import Scene

GIB = 1 << 30
NAME = "gemma3:12b"
"""Installed on the made-up day, and not loaded."""


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def scene_with(wish: ModelWish | None = None, name: str = NAME, **facts: object) -> Scene:
    scene = made_up_day.evening()
    known = scene.fit_of(name) or FitNote(name)
    note = replace(known, **facts)  # type: ignore[arg-type]  # fields of it
    others = tuple(fit for fit in scene.extras.fits if fit.model != name)
    settings = scene.settings if wish is None else scene.settings.with_wish(wish)
    return replace(scene, settings=settings, extras=replace(scene.extras, fits=(*others, note)))


def installed_name() -> str:
    scene = made_up_day.evening()
    return scene.switchable[0].name


def test_what_a_smaller_cache_would_free_and_the_wish_for_it() -> None:
    name = installed_name()
    scene = scene_with(None, name, kv_type="f16", eight_bit_frees_bytes=round(1.24 * GIB))
    assert cache_text(scene, name, scene.fit_of(name)) == "An 8-bit cache would free 1.2 GiB."
    (wish,) = cache_actions(scene, scene.installed(name), scene.fit_of(name))
    assert wish.command == Command(Verb.USE_CACHE, name, text="q8_0")
    assert "An 8-bit cache would free 1.2 GiB." in detail_view(scene, name).context_text
    assert wish in detail_view(scene, name).contexts


@pytest.mark.parametrize("frees", [None, 0, 10 << 20])
def test_nothing_is_offered_where_it_frees_next_to_nothing(frees: int | None) -> None:
    name = installed_name()
    scene = scene_with(None, name, kv_type="f16", eight_bit_frees_bytes=frees)
    assert cache_text(scene, name, scene.fit_of(name)) == ""
    assert cache_actions(scene, scene.installed(name), scene.fit_of(name)) == ()


def test_a_wish_says_what_it_needs_until_the_server_has_it() -> None:
    name = installed_name()
    wish = ModelWish(name, kv_type="q8_0")
    scene = scene_with(wish, name, kv_type="f16", eight_bit_frees_bytes=GIB)
    assert "OLLAMA_KV_CACHE_TYPE" in cache_text(scene, name, scene.fit_of(name))
    assert "16-bit cache" in cache_text(scene, name, scene.fit_of(name))
    offer, undo = cache_actions(scene, scene.installed(name), scene.fit_of(name))
    assert (offer.command.verb, offer.command.text) == (Verb.PLAN_CACHE, "q8_0")
    assert "OLLAMA_FLASH_ATTENTION=1" in offer.command.question
    assert undo.command == Command(Verb.USE_CACHE, name)
    done = scene_with(wish, name, kv_type="q8_0")
    assert cache_text(done, name, done.fit_of(name)) == ""
    assert [a.text for a in cache_actions(done, done.installed(name), done.fit_of(name))] == [
        "Any cache again"
    ]


def test_a_loaded_model_shows_a_cache_that_is_not_the_usual_one() -> None:
    name = made_up_day.running().name
    (usual,) = running_views(scene_with(None, name, kv_type="f16"))
    (smaller,) = running_views(scene_with(None, name, kv_type="q4_0"))
    assert "cache" not in usual.facts
    assert "4-bit cache" in smaller.facts
    assert cache_name("iq4_nl") == "cache of type iq4_nl"


def test_the_stop_at_the_most_is_named() -> None:
    name = installed_name()
    steps = tuple(
        ContextStep(length, verdict, 5 * GIB, length * 100_000, 0)
        for length, verdict in ((8192, "full_gpu"), (23552, "full_gpu"), (32768, "partial_gpu"))
    )
    scene = scene_with(None, name, steps=steps, largest_gpu_context=23_800, trained_context=131_072)
    texts = [choice.text for choice in detail_view(scene, name).choices]
    assert texts == ["8,192", "23,552, the most", "32,768"]
    assert "for each 1,000 tokens" in detail_view(scene, name).context_text


@pytest.mark.parametrize(
    ("room", "says", "asks"),
    [
        ("fits", "fit together: 18.2 of 24.0 GiB.", False),
        ("partly", "does not fit beside qwen3:8b: Ollama unloads what it needs room for.", True),
        ("crowded", "but Ollama estimates it larger", True),
        ("none", "does not fit beside qwen3:8b.", True),
    ],
)
def test_beside_what_is_loaded_the_fit_decides(room: str, says: str, asks: bool) -> None:
    name = installed_name()
    note = BesideNote(("qwen3:8b",), room, round(18.2 * GIB), 24 * GIB)
    scene = scene_with(None, name, beside=note)
    assert says in detail_view(scene, name).why
    assert bool(beside_command(scene, name).question) is asks
