"""What the guide makes of commands and of the news of the server that is ours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from wattlight.domain.state import HostContact, InstallState, PullState, ServerWays, SetupFacts
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.runtime import RuntimeProblem
from wattlight.services.benchmark import EnergyTap
from wattlight.services.first_run import GuideParts, SetupGuide
from wattlight.services.models import TaskEnd

NOW = datetime(2026, 11, 23, tzinfo=UTC)
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

    def restart_with(self, proxy: str) -> None:
        self._note(f"restart {proxy}")


@dataclass
class Made:
    """A guide and what came out of it."""

    guide: SetupGuide
    server: Server
    facts: list[SetupFacts]
    remembered: list[tuple[bool | None, str | None]]
    notices: list[tuple[str, str]]
    clock: list[float]

    def settle(self) -> None:
        """Wait for the errands."""
        assert self.guide.close(5.0)


@pytest.fixture
def made() -> Iterator[Made]:
    server = Server()
    facts: list[SetupFacts] = []
    remembered: list[tuple[bool | None, str | None]] = []
    notices: list[tuple[str, str]] = []
    clock = [0.0]

    def deleted() -> None:
        raise Problem("The records could not be deleted.", "Try again.", "x")

    nothing: Callable[[Any], None] = lambda _value: None  # noqa: E731
    parts = GuideParts(
        server=server,
        answers=lambda: pytest.fail("nothing is asked here"),
        tap=EnergyTap(),
        now=lambda: NOW,
        publish=facts.append,
        on_use=nothing,
        context=lambda: 4096,
        remember=lambda start, proxy: remembered.append((start, proxy)),
        contacts=lambda: (HostContact("a.example", "model", NOW),),
        delete_ledger=deleted,
        notify=lambda kind, text: notices.append((kind, text)),
        monotonic=lambda: clock[0],
    )
    guide = SetupGuide(parts, "DE", "http://proxy.example:3128")
    yield Made(guide, server, facts, remembered, notices, clock)
    guide.close(5.0)


def until(made: Made, what: Callable[[SetupFacts], bool]) -> None:
    """Errands run one after another: a look behind them is done after them."""
    gate = Event()
    made.guide._errands.submit(gate.set)
    assert gate.wait(5)
    assert what(made.guide.facts), made.guide.facts


def test_it_begins_with_what_is_known_of_this_computer(made: Made) -> None:
    assert made.guide.facts.country == "DE"
    assert made.guide.facts.proxy == "http://proxy.example:3128"
    made.guide.look()
    until(made, lambda facts: facts.ways == WAYS)


def test_a_start_is_remembered_and_told_until_the_server_is_up(made: Made) -> None:
    made.guide.start_server()
    assert made.guide.facts.starting
    until(made, lambda facts: facts.starting)
    assert made.server.calls == ["start"]
    assert made.remembered == [(True, None)]
    made.guide.server_up(True)
    assert made.guide.facts.server_is_ours
    assert not made.guide.facts.starting


def test_a_server_that_stays_down_shows_its_last_lines(made: Made) -> None:
    made.guide.start_server()
    log = "\n".join(f"line {n}" for n in range(80))
    made.guide.server_down(
        RuntimeProblem("It stopped again and again.", "See its log.", "server_crashes", log)
    )
    facts = made.guide.facts
    assert facts.server_error == "It stopped again and again. See its log."
    assert len(facts.server_log) == 50
    assert facts.server_log[-1] == "line 79"
    assert not facts.starting


def test_a_problem_of_the_keeper_is_told_like_one_of_the_server(made: Made) -> None:
    made.server.problem = Problem("There is not enough room.", "Free some.", "no_room")
    made.guide.start_server()
    until(made, lambda facts: facts.server_error == "There is not enough room. Free some.")


def test_an_installation_fails_is_cancelled_or_ends(made: Made) -> None:
    made.guide.install_server()
    assert made.guide.facts.setup is not None
    made.guide.setup_changed(InstallState("0.33.0", "fetching", 1, 10))
    made.guide.setup_ended(Problem("It is not the listed file.", "", "wrong_hash"))
    setup = made.guide.facts.setup
    assert setup is not None
    assert (setup.stage, setup.error) == ("failed", "It is not the listed file.")
    made.guide.install_server()
    made.guide.setup_ended(Problem("Cancelled.", "", "cancelled"))
    assert made.guide.facts.setup is None
    made.guide.install_server()
    made.guide.setup_ended(None)
    assert made.guide.facts.setup is None
    assert made.guide.facts.starting


def test_an_installer_that_was_opened_stays_so_until_a_server_is_there(made: Made) -> None:
    made.server.found = ServerWays(version="0.33.0", by_installer=True)
    made.guide.look()
    until(made, lambda facts: facts.ways == made.server.found)
    made.guide.install_server()
    made.guide.setup_changed(InstallState("0.33.0", "opened"))
    made.guide.setup_ended(None)
    until(made, lambda facts: facts.setup == InstallState("0.33.0", "opened") and not facts.starting)
    assert made.remembered == [], "what it installs starts by itself"
    made.guide.install_server()
    made.guide.setup_ended(Problem("Not signed.", "", "bad_signature"))
    until(made, lambda facts: facts.setup == InstallState("0.33.0", "failed", error="Not signed."))


def test_going_back_is_shown_while_it_is_tried_and_an_update_keeps_the_wish_to_start(made: Made) -> None:
    made.server.found = ServerWays(managed="0.34.0", previous="0.33.0", version="0.35.0", newer=True)
    made.guide.look()
    until(made, lambda facts: facts.ways == made.server.found)
    made.guide.go_back()
    assert made.guide.facts.setup == InstallState("0.33.0", "trying")
    made.guide.setup_ended(Problem("It does not run here.", "", "does_not_run"))
    made.guide.install_server()
    until(made, lambda facts: facts.setup == InstallState("0.35.0"))
    assert [call for call in made.server.calls if call != "ways"] == ["go back", "install"]
    assert made.remembered == []


def test_the_proxy_a_person_typed_is_kept_and_used(made: Made) -> None:
    made.guide.task_ended(TaskEnd("pull", "a", LOCAL_HOST, RuntimeProblem("x", "", "registry_unreachable")))
    assert made.guide.facts.pull_problem == "registry_unreachable"
    made.guide.use_proxy("http://p:1")
    until(made, lambda facts: facts.pull_problem is None)
    assert made.server.calls == ["restart http://p:1"]
    assert made.remembered == [(None, "http://p:1")]


def test_the_line_is_timed_by_the_first_download(made: Made) -> None:
    made.guide.pulls_changed((PullState("a", "", 1_000_000, 10**9),))
    made.clock[0] = 2.0
    made.guide.pulls_changed((PullState("a", "", 31_000_000, 10**9),))
    assert made.guide.facts.line_bytes_per_s == 15_000_000


def test_privacy_is_read_and_a_failed_delete_is_said(made: Made) -> None:
    made.guide.refresh_privacy()
    made.guide.delete_ledger()
    until(made, lambda facts: facts.contacts == (HostContact("a.example", "model", NOW),))
    assert made.notices == [("ledger", "The records could not be deleted. Try again.")]
