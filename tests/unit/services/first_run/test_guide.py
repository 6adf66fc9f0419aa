"""What the guide makes of commands and of the news of the server that is ours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from fakes.program import Services, Uses
from wattlight.domain.pulls import PullState
from wattlight.domain.state import InstallState, ServerState, ServerStatus, ServerWays, SetupFacts
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.runtime import RuntimeProblem
from wattlight.services.benchmark import PowerHistory
from wattlight.services.first_run import SetupGuide
from wattlight.services.models import TaskEnd
from wattlight.settings import Settings

WAYS = ServerWays(version="0.33.0", download_bytes=5, disk_bytes=9)


@dataclass
class Server:
    """Notes what is asked of it."""

    calls: list[str] = field(default_factory=list)
    problem: Problem | None = None
    found: ServerWays = WAYS
    done: Event = field(default_factory=Event)

    def _note(self, what: str) -> None:
        self.calls.append(what)
        if self.problem is not None:
            raise self.problem

    def ways(self) -> ServerWays:
        self._note("ways")
        return self.found

    def start(self) -> None:
        self._note("start")

    def install(self) -> None:
        self._note("install")

    def cancel_install(self) -> None:
        self._note("cancel")

    def go_back(self) -> None:
        self._note("go back")

    def stop(self) -> bool:
        self._note("stop")
        return True

    def close(self) -> bool:
        return True


class Guide(SetupGuide):
    """A guide over a server that is only noted."""

    fake: Server

    def _peek(self) -> Any:
        return self.fake


class Made:
    """A guide and what came out of it."""

    def __init__(self, folder: Path) -> None:
        self.server = Server()
        self.clock = [0.0]
        self.services = Services(folder, environ={"HTTPS_PROXY": "http://proxy.example:3128"})
        s = self.services
        self.guide = Guide(
            s.factory,
            s.settings,
            s.hub,
            s.servers,
            PowerHistory(),
            cast("Any", Uses()),
            lambda: self.clock[0],
        )
        self.guide.fake = self.server

    @property
    def facts(self) -> SetupFacts:
        return self.services.hub.state.setup


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    made = Made(tmp_path)
    yield made
    assert made.guide.close(5.0)
    made.services.factory.jobs().close()


def until(made: Made, what: Callable[[SetupFacts], bool]) -> None:
    """Errands run one after another: a look behind them is done after them."""
    gate = Event()
    made.guide._errands.submit(gate.set)
    assert gate.wait(5)
    assert what(made.facts), made.facts


def test_it_begins_with_what_is_known_of_this_computer(made: Made) -> None:
    assert made.facts.country == "DE"
    assert made.facts.proxy == "http://proxy.example:3128"
    made.guide.look()
    until(made, lambda facts: facts.ways == WAYS)


def test_a_start_is_remembered_and_told_until_the_server_is_up(made: Made) -> None:
    made.guide.start_server()
    assert made.facts.starting
    until(made, lambda facts: facts.starting)
    assert made.server.calls == ["start"]
    made.guide.server_up(True)
    assert made.facts.server_is_ours
    assert not made.facts.starting


def test_a_server_that_stays_down_shows_its_last_lines(made: Made) -> None:
    made.guide.start_server()
    log = "\n".join(f"line {n}" for n in range(80))
    made.guide.server_down(
        RuntimeProblem("It stopped again and again.", "See its log.", "server_crashes", log)
    )
    facts = made.facts
    assert facts.server_error == "It stopped again and again. See its log."
    assert len(facts.server_log) == 50
    assert facts.server_log[-1] == "line 79"
    assert not facts.starting


def test_a_problem_of_the__told_like_one_of_the_server(made: Made) -> None:
    made.server.problem = Problem("There is not enough room.", "Free some.", "no_room")
    made.guide.start_server()
    until(made, lambda facts: facts.server_error == "There is not enough room. Free some.")


def test_an_installation_fails_is_cancelled_or_ends(made: Made) -> None:
    made.guide.install_server()
    assert made.facts.setup is not None
    made.guide.setup_changed(InstallState("0.33.0", "fetching", 1, 10))
    made.guide.setup_ended(Problem("It is not the listed file.", "", "wrong_hash"))
    setup = made.facts.setup
    assert setup is not None
    assert (setup.stage, setup.error) == ("failed", "It is not the listed file.")
    made.guide.install_server()
    made.guide.setup_ended(Problem("Cancelled.", "", "cancelled"))
    assert made.facts.setup is None
    made.guide.install_server()
    made.guide.setup_ended(None)
    assert made.facts.setup is None
    assert made.facts.starting


def test_an_installer_that_was_opened_stays_so_until_a_server_is_there(made: Made) -> None:
    made.server.found = ServerWays(version="0.33.0", by_installer=True)
    made.guide.look()
    until(made, lambda facts: facts.ways == made.server.found)
    made.guide.install_server()
    made.guide.setup_changed(InstallState("0.33.0", "opened"))
    made.guide.setup_ended(None)
    until(made, lambda facts: facts.setup == InstallState("0.33.0", "opened") and not facts.starting)
    made.guide.install_server()
    made.guide.setup_ended(Problem("Not signed.", "", "bad_signature"))
    until(made, lambda facts: facts.setup == InstallState("0.33.0", "failed", error="Not signed."))


def test_going_back_is_shown_while_it_is_tried_and_an_update_keeps_the_wish_to_start(made: Made) -> None:
    made.server.found = ServerWays(managed="0.34.0", previous="0.33.0", version="0.35.0", newer=True)
    made.guide.look()
    until(made, lambda facts: facts.ways == made.server.found)
    made.guide.go_back()
    assert made.facts.setup == InstallState("0.33.0", "trying")
    made.guide.setup_ended(Problem("It does not run here.", "", "does_not_run"))
    made.guide.install_server()
    until(made, lambda facts: facts.setup == InstallState("0.35.0"))
    assert [call for call in made.server.calls if call != "ways"] == ["go back", "install"]


def test_the_proxy_a_person_typed_is_kept_and_used(made: Made) -> None:
    made.guide.task_ended(TaskEnd("pull", "a", LOCAL_HOST, RuntimeProblem("x", "", "registry_unreachable")))
    assert made.facts.pull_problem == "registry_unreachable"
    made.guide.use_proxy("http://p:1")
    until(made, lambda facts: facts.pull_problem is None)
    assert made.server.calls == ["stop", "start"]
    assert made.guide._child_environ["HTTPS_PROXY"] == "http://p:1"


def test_the_line_is_timed_by_the_first_download(made: Made) -> None:
    made.guide.pulls_changed((PullState("a", "", 1_000_000, 10**9),))
    made.clock[0] = 2.0
    made.guide.pulls_changed((PullState("a", "", 31_000_000, 10**9),))
    assert made.facts.line_bytes_per_s == 15_000_000


def test_the_server_that_a_crash_left_behind_is_found_again(made: Made) -> None:
    made.guide.begin()
    until(made, lambda _: made.server.calls == [])
    state = made.services.factory.places.state
    state.mkdir(parents=True, exist_ok=True)
    (state / "managed-server.json").write_text("{}")
    made.guide.begin()
    until(made, lambda _: made.server.calls == ["start"])


def test_a_wish_to_start_is_carried_out_once_when_no_server_is_there(made: Made) -> None:
    made.services.settings.replace(replace(made.services.settings.value, start_server=True))
    for status in (ServerStatus.ABSENT, ServerStatus.READY, ServerStatus.ABSENT):
        made.guide.server_seen(ServerState("http://127.0.0.1:9", status))
    until(made, lambda _: made.server.calls == ["start"])


def test_privacy_is_read_and_hosts_of_downloads_are_noted(made: Made) -> None:
    made.guide.pulls_changed((PullState("registry.example/me/model", "", 0, None),))
    made.guide.read_contacts()
    until(
        made,
        lambda facts: [(c.host, c.reason) for c in facts.contacts or ()] == [("registry.example", "model")],
    )


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("", 11434),
        ("127.0.0.1:12000", 12000),
        ("localhost:12001", 12001),
        ("0.0.0.0:12002", 12002),
        ("http://192.0.2.7:12003", 11434),
    ],
)
def test_the_port_is_where_other_programs_expect_the_server(tmp_path: Path, host: str, port: int) -> None:
    services = Services(tmp_path, Settings(), environ={"OLLAMA_HOST": host})
    guide = services.guide()
    assert guide._expected_port() == port
    assert guide.close(20)
