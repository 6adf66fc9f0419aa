"""From what the keeper says of our own copy to the section in Settings, and from its buttons back."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wattlight.bootstrap.setting_up import SettingUp, SettingUpParts
from wattlight.bootstrap.workshop import LocalWorkshop
from wattlight.domain.state import AppState, HostState, RunningModel, ServerState, ServerStatus, SetupFacts
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.runtime import Endpoint, MovableServer, OllamaServer
from wattlight.runtime.managed import Artefact, Release
from wattlight.services.serving import KeeperNews, Ways
from wattlight.settings import Settings

ARTEFACT = Artefact("linux", "amd64", "", "http://127.0.0.1:1/x", "0" * 64, 1_400_000_000, 3_500_000_000)
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

    def ways(self) -> Ways:
        release = Release("0.35.0", (ARTEFACT,))
        return Ways(None, self.current, release, previous=self.previous, restart_due=self.due)

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


class Told:
    """The facts as they come."""

    def __init__(self) -> None:
        self.facts = SetupFacts()
        self.changed = threading.Condition()

    def publish(self, facts: SetupFacts) -> None:
        with self.changed:
            self.facts = facts
            self.changed.notify_all()

    def wait(self, true: Callable[[SetupFacts], bool]) -> SetupFacts:
        with self.changed:
            assert self.changed.wait_for(lambda: true(self.facts), 20), self.facts
            return self.facts


def seen(*running: RunningModel) -> ServerState:
    return ServerState("x", status=ServerStatus.READY, version="0.34.0", running=running)


def managed(facts: SetupFacts) -> tuple[str | None, str | None, bool, bool] | None:
    ways = facts.ways
    return None if ways is None else (ways.managed, ways.previous, ways.newer, ways.restart_due)


def test_offered_postponed_while_a_model_is_loaded_and_reversible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.bootstrap.setting_up.ServerKeeper", FakeKeeper)
    told, remembered = Told(), []
    settings = Settings(start_server=False)
    state = AppState(hosts=(HostState(LOCAL_HOST, "here", seen()),))
    parts = SettingUpParts(
        workshop=LocalWorkshop({"WATTLIGHT_HOME": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}),
        server=MovableServer(OllamaServer(ENDPOINT)),
        state=lambda: state,
        settings=lambda: settings,
        change_settings=lambda change: remembered.append(change(settings)),
        publish=told.publish,
        answers=lambda: pytest.fail("no prompt is tried"),
        tap=None,  # type: ignore[arg-type]
        count=lambda _use: None,
        delete_records=lambda: None,
        refresh=lambda: None,
        notify=lambda _kind, _text: None,
    )
    setting_up = SettingUp(parts)
    setting_up.start()
    facts = told.wait(lambda facts: facts.server_is_ours and facts.ways is not None)
    assert managed(facts) == ("0.34.0", None, True, False)
    assert facts.ways is not None
    assert facts.ways.fetch_bytes == 1_400_000_000
    keeper = FakeKeeper.made
    assert keeper.calls == [], "nothing before a click"

    setting_up.guide.install_server()
    told.wait(lambda facts: managed(facts) == ("0.35.0", "0.34.0", False, True) and facts.setup is None)
    assert remembered == [], "an update leaves it as it is whether the server is started with the program"
    model = RunningModel("a", "d", 1, 1)
    setting_up.server_seen(seen(model))
    assert keeper.tended == [(model,)]
    assert keeper.due
    setting_up.server_seen(seen())
    told.wait(lambda facts: managed(facts) == ("0.35.0", "0.34.0", False, False) and facts.server_is_ours)

    setting_up.guide.go_back()
    facts = told.wait(lambda f: managed(f) == ("0.34.0", "0.35.0", True, True) and f.setup is None)
    assert keeper.calls == ["install", "go_back"]
    assert facts.ways is not None
    assert facts.ways.fetch_bytes == 0, "it is still there"

    keeper.current, keeper.previous = "0.35.0", "0.34.0"
    keeper.news.down(Problem("It stopped again and again.", "See its log.", "server_crashes"))
    facts = told.wait(lambda f: bool(f.server_error) and managed(f) == ("0.35.0", "0.34.0", False, True))
    assert not facts.server_is_ours
    assert setting_up.close()
