"""The name that follows the model in use: pointed, re-pointed, taken away, and never another's model."""

import threading

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.metering import Machine
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.runtime import OllamaServer
from wattlight.services.metering import Meter
from wattlight.services.models import ModelTasks, by_own_names, drop_alias, drop_with, point_alias
from wattlight.settings import Alias, Settings

from .test_tasks import Heard

ON = Alias(on=True)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def two(fake: FakeOllama) -> FakeOllama:
    fake.install("qwen3:4b")
    fake.install("gemma3:1b")
    return fake


def digest_of(server: OllamaServer, name: str) -> str | None:
    return next((m.digest for m in server.installed() if m.name == name), None)


def test_the_name_follows_each_switch(two: FakeOllama, server: OllamaServer) -> None:
    first = point_alias(server, ON, "qwen3:4b")
    assert (first.model, first.digest) == ("qwen3:4b", digest_of(server, "qwen3:4b"))
    second = point_alias(server, first, "gemma3:1b")
    assert digest_of(server, "current:latest") == second.digest == digest_of(server, "gemma3:1b")
    assert second.digest != first.digest


def test_a_model_of_that_name_that_is_not_ours_is_left(two: FakeOllama, server: OllamaServer) -> None:
    two.install("current", digest="f" * 64)
    for alias in (ON, Alias(True, digest="e" * 64)):  # never made by us; made by us and replaced since
        with pytest.raises(Problem) as caught:
            point_alias(server, alias, "qwen3:4b")
        assert caught.value.code == "alias_taken"
        assert drop_alias(server, alias).digest == ""
    assert digest_of(server, "current:latest") == "f" * 64


def test_what_stands_for_the_model_already_is_not_made_again(two: FakeOllama, server: OllamaServer) -> None:
    alias = point_alias(server, ON, "qwen3:4b")
    asked = [r.path for r in two.requests].count("/api/copy")
    assert point_alias(server, alias, "qwen3:4b") == alias
    assert [r.path for r in two.requests].count("/api/copy") == asked == 1
    # somebody else made the same copy: it serves, and does not become ours
    assert point_alias(server, ON, "qwen3:4b") == ON


def test_it_carries_the_context_that_the_model_is_loaded_with(two: FakeOllama, server: OllamaServer) -> None:
    alias = point_alias(server, ON, "gemma3:1b", 6144)
    assert (alias.base, alias.context_length) == (digest_of(server, "gemma3:1b"), 6144)
    server.load("gemma3:1b", context_length=6144)
    server.load("current")
    assert two.loads == [("gemma3:1b", 6144)], "what a client asks of it needs no other load"
    made = [r.path for r in two.requests].count("/api/create")
    assert point_alias(server, alias, "gemma3:1b", 6144) == alias
    assert [r.path for r in two.requests].count("/api/create") == made
    longer = point_alias(server, alias, "gemma3:1b", 8000)
    assert longer.digest != alias.digest
    plain = point_alias(server, longer, "gemma3:1b")
    assert (plain.digest, plain.context_length) == (digest_of(server, "gemma3:1b"), None)
    assert drop_with(server, longer, "gemma3:1b").digest == "", "it keeps the files, so it goes with them"


def test_one_of_that_name_is_not_overwritten_by_a_context_either(
    two: FakeOllama, server: OllamaServer
) -> None:
    two.install("current", digest="f" * 64)
    with pytest.raises(Problem) as caught:
        point_alias(server, ON, "qwen3:4b", 6144)
    assert caught.value.code == "alias_taken"
    assert digest_of(server, "current:latest") == "f" * 64


def test_what_is_loaded_by_a_name_with_a_context_bears_its_own(two: FakeOllama, server: OllamaServer) -> None:
    alias = point_alias(server, ON, "qwen3:4b", 6144)
    server.load("current")
    (model,) = by_own_names(server.running(), server.installed(), alias)
    assert (model.name, model.loaded_as) == ("qwen3:4b", "current:latest")
    assert model.digest == digest_of(server, "qwen3:4b")


@pytest.mark.parametrize("model", ["current", "Current:latest", "nosuch"])
def test_itself_and_the_unknown_change_nothing(two: FakeOllama, server: OllamaServer, model: str) -> None:
    assert point_alias(server, ON, model) == ON
    assert "current:latest" not in two.installed_names


def test_a_removed_model_takes_its_name_along(two: FakeOllama, server: OllamaServer) -> None:
    alias = point_alias(server, ON, "qwen3:4b")
    assert drop_with(server, alias, "gemma3:1b") == alias
    assert drop_with(server, alias, "qwen3:4b").digest == ""
    assert "current:latest" not in two.installed_names


def made_tasks(server: OllamaServer, heard: Heard, kept: list[Alias], settings: Settings) -> ModelTasks:
    return ModelTasks(
        {LOCAL_HOST: server},
        lambda _: lambda *_: False,
        heard.change,
        heard.end,
        settings=lambda: settings,
        on_alias=kept.append,
    )


def test_tasks_keep_up_with_settings_that_come_later(
    two: FakeOllama, server: OllamaServer, heard: Heard
) -> None:
    """Two switches in a row: the settings are written only after both."""
    kept: list[Alias] = []
    tasks = made_tasks(server, heard, kept, Settings(alias=ON))
    tasks.switch("qwen3:4b")
    tasks.switch("gemma3:1b")
    tasks.remove("gemma3:1b")
    for count in (1, 2, 3):
        assert heard.wait_ends(count).problem is None
    assert [a.model for a in kept] == ["qwen3:4b", "gemma3:1b", ""]
    assert two.installed_names == ["qwen3:4b"]
    tasks.close()


def test_a_taken_name_is_told_and_the_switch_stands(
    two: FakeOllama, server: OllamaServer, heard: Heard
) -> None:
    two.install("current", digest="f" * 64)
    tasks = made_tasks(server, heard, [], Settings(alias=ON))
    tasks.switch("qwen3:4b")
    end = heard.wait_ends()
    assert end.problem is None
    assert '"current" is a model that Wattlight did not make' in end.note
    assert two.running_names == ["qwen3:4b"]
    tasks.close()


def test_a_newer_version_takes_the_name_along(two: FakeOllama, server: OllamaServer, heard: Heard) -> None:
    alias = point_alias(server, ON, "qwen3:4b")
    kept: list[Alias] = []
    tasks = made_tasks(server, heard, kept, Settings(alias=alias))
    two.install("qwen3:4b", digest="a" * 64)
    tasks.follow_pull(server, "qwen3:4b", threading.Event())
    assert digest_of(server, "current:latest") == "a" * 64
    assert kept[-1].digest == "a" * 64
    tasks.close()


def test_off_it_is_never_made(two: FakeOllama, server: OllamaServer, heard: Heard) -> None:
    tasks = made_tasks(server, heard, [], Settings())
    tasks.switch("qwen3:4b")
    heard.wait_ends()
    assert "current:latest" not in two.installed_names
    tasks.close()


def test_what_is_loaded_by_the_name_is_booked_to_the_model(two: FakeOllama, server: OllamaServer) -> None:
    alias = point_alias(server, ON, "qwen3:4b")
    server.load("current")
    state = server.state()
    assert [m.name for m in state.running] == ["current:latest"], "as the server lists it"
    (model,) = by_own_names(state.running, state.installed, alias)
    assert (model.name, model.loaded_as) == ("qwen3:4b", "current:latest")
    rows = Meter(LOCAL_HOST)
    rows.process(Machine().look(), (model,))
    batch = rows.process(Machine().look(), (model,), tokens={"current": (5, 40)})
    assert {row.model for row in batch.rows if row.tokens_out} == {model.digest}
    point_alias(server, alias, "gemma3:1b")  # what was loaded by it before keeps the name of its own
    assert [m.name for m in by_own_names(server.running(), server.installed(), alias)] == ["qwen3:4b"]
    assert [m.name for m in by_own_names(state.running, (), alias)] == ["current:latest"]


def test_a_model_that_is_loaded_by_the_name_is_unloaded_before_it_is_removed(
    two: FakeOllama, server: OllamaServer, heard: Heard
) -> None:
    alias = point_alias(server, ON, "gemma3:1b", 6144)
    server.load("current")
    tasks = made_tasks(server, heard, [], Settings(alias=alias))
    tasks.remove("gemma3:1b")
    assert heard.wait_ends().problem is None
    assert two.running_names == []
    assert two.installed_names == ["qwen3:4b"]
    tasks.close()
