"""From what the keeper says of our own copy to the section in Settings, and from its buttons back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.program import Services
from wattlight.domain.state import RunningModel, ServerState, ServerStatus, ServerWays, SetupFacts
from wattlight.domain.values import Problem
from wattlight.runtime import Endpoint
from wattlight.services.serving import KeeperNews

ENDPOINT = Endpoint("http", "127.0.0.1", 1)


class FakeKeeper:
    """Has 0.34.0 in use; 0.35.0 is listed. Starts and fetches nothing."""

    made: "FakeKeeper"

    def __init__(self, _data: Path, _state: Path, _env: Any, _list: str, news: KeeperNews, **_: Any) -> None:
        FakeKeeper.made = self
        self.news = news
        self.calls: list[str] = []
        self.current, self.previous, self.due = "0.34.0", None, False
        self.tended: list[tuple[RunningModel, ...]] = []

    def ways(self) -> ServerWays:
        return ServerWays(
            managed=self.current,
            version="0.35.0",
            download_bytes=1_400_000_000,
            disk_bytes=3_500_000_000,
            newer=self.current == "0.34.0",
            previous=self.previous,
            restart_due=self.due,
        )

    def start(self) -> None:
        self.news.up(ENDPOINT)

    def install(self) -> None:
        self.calls.append("install")
        self.current, self.previous, self.due = "0.35.0", "0.34.0", True
        self.news.setup_ended(None)

    def go_back(self) -> None:
        self.calls.append("go_back")
        self.current, self.previous, self.due = "0.34.0", "0.35.0", True
        self.news.setup_ended(None)

    def tend(self, running: tuple[RunningModel, ...]) -> None:
        self.tended.append(running)
        if self.due and not running:
            self.due = False
            self.news.up(None)
            self.news.up(ENDPOINT)

    def close(self) -> bool:
        return True


class Told(Services):
    """The services, and a way to wait for facts."""

    def facts(self, true: Callable[[SetupFacts], bool]) -> SetupFacts:
        return self.wait(lambda state: true(state.setup)).setup


def seen(*running: RunningModel) -> ServerState:
    return ServerState("x", status=ServerStatus.READY, version="0.34.0", running=running)


def managed(facts: SetupFacts) -> tuple[str | None, str | None, bool, bool] | None:
    ways = facts.ways
    return None if ways is None else (ways.managed, ways.previous, ways.newer, ways.restart_due)


def test_offered_postponed_while_a_model_is_loaded_and_reversible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.services.first_run.guide.ManagedServer", FakeKeeper)
    told = Told(tmp_path)
    setting_up = told.guide()
    setting_up.start_server()
    facts = told.facts(lambda facts: facts.server_is_ours and facts.ways is not None)
    assert managed(facts) == ("0.34.0", None, True, False)
    assert facts.ways is not None
    assert facts.ways.fetch_bytes == 1_400_000_000
    keeper = FakeKeeper.made
    assert keeper.calls == [], "nothing before a click"

    setting_up.install_server()
    told.facts(lambda facts: managed(facts) == ("0.35.0", "0.34.0", False, True) and facts.setup is None)
    model = RunningModel("a", "d", 1, 1)
    setting_up.server_seen(seen(model))
    assert keeper.tended == [(model,)]
    assert keeper.due
    setting_up.server_seen(seen())
    told.facts(lambda facts: managed(facts) == ("0.35.0", "0.34.0", False, False) and facts.server_is_ours)

    setting_up.go_back()
    facts = told.facts(lambda f: managed(f) == ("0.34.0", "0.35.0", True, True) and f.setup is None)
    assert keeper.calls == ["install", "go_back"]
    assert facts.ways is not None
    assert facts.ways.fetch_bytes == 0, "it is still there"

    keeper.current, keeper.previous = "0.35.0", "0.34.0"
    keeper.news.down(Problem("It stopped again and again.", "See its log.", "server_crashes"))
    facts = told.facts(lambda f: bool(f.server_error) and managed(f) == ("0.35.0", "0.34.0", False, True))
    assert not facts.server_is_ours
    assert setting_up.close()
