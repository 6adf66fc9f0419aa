"""What is chosen for single models is remembered, and done at once where the model is loaded."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.domain.command import Command, Verb
from wattlight.settings import Alias, ModelWish, ServerAddress, Settings, load_settings

from .test_application import Standing


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        server.install("qwen3:4b", trained_context=40960)
        server.install("gemma3:1b")
        yield server


@pytest.fixture
def standing(fake: FakeOllama, tmp_path: Path) -> Iterator[Standing]:
    made = Standing(tmp_path, Settings(servers=(ServerAddress(url=fake.url),), context_length=2048))
    made.app.start()
    until(lambda: bool(made.services.hub.state.local.server.installed))
    yield made
    made.app.stop()


def test_a_chosen_context_is_used_from_now_on(standing: Standing, fake: FakeOllama) -> None:
    standing.app.do(Command(Verb.USE_CONTEXT, "qwen3:4b", number=16384))
    standing.app.do(Command(Verb.LOAD, "qwen3:4b"))
    standing.app.do(Command(Verb.LOAD, "gemma3:1b"))
    until(lambda: len(fake.loads) == 2)
    assert [context for _, context in fake.loads] == [16384, 2048]
    assert load_settings(standing.path).settings.models == (ModelWish("qwen3:4b", 16384),)


def test_a_loaded_model_is_loaded_again_with_it_and_undone(standing: Standing, fake: FakeOllama) -> None:
    fake.start("qwen3:4b", context=2048)
    standing.app.do(Command(Verb.REFRESH))
    until(lambda: bool(standing.services.hub.state.local.server.running))
    standing.app.do(Command(Verb.USE_CONTEXT, "qwen3:4b", number=32768))
    until(lambda: fake.loads == [("qwen3:4b", 32768)])
    until(lambda: standing.services.hub.state.local.server.running[0].context_length == 32768)
    standing.app.do(Command(Verb.USE_CONTEXT, "qwen3:4b"))
    until(lambda: fake.loads[-1] == ("qwen3:4b", 2048))
    assert standing.now.models == ()


def test_how_long_one_stays_is_remembered_beside_its_context(standing: Standing, fake: FakeOllama) -> None:
    standing.app.do(Command(Verb.USE_CONTEXT, "gemma3:1b", number=1024))
    standing.app.do(Command(Verb.KEEP, "gemma3:1b", text="15m"))
    until(lambda: fake.loads == [("gemma3:1b", 1024)])
    assert standing.now.models == (ModelWish("gemma3:1b", 1024, "15m"),)
    standing.app.do(Command(Verb.RELEASE, "gemma3:1b"))
    until(lambda: standing.now.models == (ModelWish("gemma3:1b", 1024),))
    until(lambda: [r.body["keep_alive"] for r in fake.requests if r.path == "/api/generate"][-1] == "5m")


def test_the_name_that_follows_is_turned_on_and_off(standing: Standing, fake: FakeOllama) -> None:
    fake.start("gemma3:1b")
    standing.app.do(Command(Verb.REFRESH))
    until(lambda: bool(standing.services.hub.state.local.server.running))
    standing.change(alias=Alias(on=True))
    until(lambda: "current:latest" in fake.installed_names)
    until(lambda: load_settings(standing.path).settings.alias.model == "gemma3:1b")
    standing.change(alias=replace(standing.now.alias, on=False))
    until(lambda: "current:latest" not in fake.installed_names)


def test_a_model_of_its_own_with_that_context(standing: Standing, fake: FakeOllama) -> None:
    standing.app.do(Command(Verb.TAG_CONTEXT, "qwen3:4b", number=8192))
    until(lambda: "qwen3:4b-8k" in fake.installed_names)
    standing.app.do(Command(Verb.SWITCH, "qwen3:4b-8k"))
    until(lambda: bool(standing.services.hub.state.notices))
    standing.app.do(Command(Verb.TAG_CONTEXT, "qwen3:4b", number=8192))
    until(lambda: any(t.error for t in standing.services.hub.state.tasks))
    assert "There is a model qwen3:4b-8k already." in str(standing.services.hub.state.tasks[0].error)


def test_the_name_carries_the_context_and_each_change_of_it(standing: Standing, fake: FakeOllama) -> None:
    standing.change(alias=Alias(on=True))
    standing.app.do(Command(Verb.SWITCH, "qwen3:4b"))
    until(lambda: "current:latest" in fake.installed_names)

    def carried() -> int | None:
        made = [r.body["parameters"]["num_ctx"] for r in fake.requests if r.path == "/api/create"]
        return made[-1] if made else None

    until(lambda: carried() == 2048)
    until(lambda: standing.now.alias.context_length == 2048)
    standing.app.do(Command(Verb.USE_CONTEXT, "qwen3:4b", number=16384))
    until(lambda: carried() == 16384)
    until(lambda: standing.now.alias.context_length == 16384)
    standing.app.do(Command(Verb.USE_CONTEXT, "gemma3:1b", number=1024))
    standing.app.do(Command(Verb.USE_CONTEXT, "qwen3:4b"))
    until(lambda: carried() == 2048)
    until(lambda: standing.now.alias.context_length == 2048)
    standing.change(context_length=4096)
    until(lambda: carried() == 4096)


def test_a_wished_cache_is_remembered_beside_the_rest(standing: Standing) -> None:
    standing.app.do(Command(Verb.USE_CONTEXT, "gemma3:1b", number=1024))
    standing.app.do(Command(Verb.USE_CACHE, "gemma3:1b", text="q8_0"))
    until(lambda: standing.now.models == (ModelWish("gemma3:1b", 1024, kv_type="q8_0"),))
    until(lambda: load_settings(standing.path).settings.models == standing.now.models)
    standing.app.do(Command(Verb.USE_CONTEXT, "gemma3:1b"))
    until(lambda: standing.now.models == (ModelWish("gemma3:1b", kv_type="q8_0"),))
    standing.app.do(Command(Verb.USE_CACHE, "gemma3:1b"))
    until(lambda: standing.now.models == ())
