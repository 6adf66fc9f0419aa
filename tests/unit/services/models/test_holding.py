"""What the server really holds: removed and replaced models that are still loaded are shown and unloaded."""

from dataclasses import replace

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.domain.servers import ServerPart
from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.runtime import OllamaServer, RuntimeProblem
from wattlight.services.models import (
    Standing,
    by_own_names,
    point_alias,
    standing,
    switch,
    unload,
    unload_all,
)
from wattlight.settings import Alias

ON = Alias(on=True)
LOADED = RunningModel("phi4:14b", "d1", 10, 10, 4096)


def replaced(fake: FakeOllama, name: str = "phi4:14b") -> tuple[str, str]:
    """A model that came in another version while it was loaded, and is loaded again; the digests of both."""
    fake.install(name, digest="1" * 64, weights="old")
    fake.start(name)
    fake.install(name, digest="2" * 64, weights="new")
    fake.start(name)
    return "1" * 64, "2" * 64


def held(server: OllamaServer) -> list[tuple[str, str]]:
    return [(m.name, m.digest) for m in server.running()]


@pytest.mark.parametrize(
    ("digest", "installed", "is_now"),
    [
        ("d1", InstalledModel("phi4:14b", "d1", 1), Standing.INSTALLED),
        ("d2", InstalledModel("phi4:14b", "d1", 1), Standing.REPLACED),
        ("", InstalledModel("phi4:14b", "d1", 1), Standing.INSTALLED),
        ("d1", None, Standing.REMOVED),
    ],
)
def test_how_it_stands(digest: str, installed: InstalledModel | None, is_now: Standing) -> None:
    assert standing(replace(LOADED, digest=digest), installed) is is_now


def test_of_two_of_one_name_the_one_asked_for_goes(fake: FakeOllama, server: OllamaServer) -> None:
    old, new = replaced(fake)
    fake.install("kept-copy", weights="old")  # what still leads to the old weights
    unload(server, "phi4:14b", digest=old)
    assert held(server) == [("phi4:14b", new)]
    fake.start("kept-copy")
    server.unload("phi4:14b")
    assert fake.running_names == ["kept-copy:latest"]


def test_what_nothing_leads_to_is_said_and_the_rest_stays(fake: FakeOllama, server: OllamaServer) -> None:
    old, new = replaced(fake)
    fake.install("other", weights="elsewhere")
    fake.start("other")
    with pytest.raises(RuntimeProblem) as caught:
        unload(server, "phi4:14b", digest=old)
    assert caught.value.code == "deleted_still_loaded"
    assert held(server)[:2] == [("phi4:14b", old), ("phi4:14b", new)]
    assert "other:latest" in fake.running_names


def test_a_removed_model_goes_by_another_name_of_its_weights(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("phi4:14b")
    server.copy("phi4:14b", "twin")
    server.load("phi4:14b")
    server.remove("phi4:14b")
    assert unload_all(server).kept == ()
    assert fake.running_names == []


def test_a_switch_to_a_model_takes_its_old_version_away(fake: FakeOllama, server: OllamaServer) -> None:
    replaced(fake)
    fake.install("keeps-old", weights="old")
    result = switch(server, "phi4:14b", lambda *_: False)
    assert held(server) == [("phi4:14b", "2" * 64)]
    assert result.kept == ()
    assert fake.loads == [], "the version that is installed stays as it was loaded"


def test_what_a_client_loaded_by_the_alias_is_not_loaded_again_by_a_switch_to_it(
    fake: FakeOllama, server: OllamaServer
) -> None:
    fake.install("phi4:14b")
    alias = point_alias(server, ON, "phi4:14b", 3072)
    server.load("current")
    count = len(fake.loads)

    def own(it: OllamaServer, running: tuple[RunningModel, ...]) -> tuple[RunningModel, ...]:
        return by_own_names(running, it.installed(), alias)

    switch(server, "phi4:14b", lambda *_: False, context_length=3072, own_names=own)
    assert len(fake.loads) == count == 1
    assert fake.loads[0][1] == 3072


def test_a_new_entry_is_looked_up_before_it_is_called_removed(fake: FakeOllama, server: OllamaServer) -> None:
    before = server.state()
    fake.install("phi4:14b")
    fake.start("phi4:14b")
    now = server.state(before, part=ServerPart.LOADED)
    assert [m.name for m in now.installed] == ["phi4:14b"]
    asked = len(fake.requests)
    server.state(now, part=ServerPart.LOADED)
    assert [r.path for r in fake.requests[asked:]] == ["/api/ps"]
    server.remove("phi4:14b")
    gone = server.state(now)
    asked = len(fake.requests)
    server.state(gone, part=ServerPart.LOADED)
    assert [r.path for r in fake.requests[asked:]] == ["/api/ps"], (
        "one that stays removed is not asked for again"
    )
