"""The queue of downloads: one at a time, in an order of one's own, paused, resumed, and after a restart."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from wattlight.domain.pulls import PullState, QueuedPull, Waiting
from wattlight.domain.values import LOCAL_HOST
from wattlight.runtime import OllamaServer, RuntimeProblem
from wattlight.services.models import PullBook, PullGuard, PullQueue, TaskEnd
from wattlight.settings import PullSettings

from .test_verifying import store

EVENING = datetime(2026, 11, 24, 18, tzinfo=UTC)


@dataclass
class Following:
    """A queue over a file, what it tells, and what the world around it is like."""

    server: OllamaServer
    file: Path
    folders: tuple[Path, ...] = ()
    settings: PullSettings = field(default_factory=PullSettings)
    now: datetime = EVENING
    opens: datetime | None = None
    metered: bool | None = None
    awake: list[str] = field(default_factory=list)
    pulls: list[tuple[PullState, ...]] = field(default_factory=list)
    ends: list[TaskEnd] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.queue = self.made()

    def made(self) -> PullQueue:
        """Another queue over the same file, as after a restart."""
        guard = PullGuard(lambda _: self.folders, awake=self._keep)
        self.queue = PullQueue(
            PullBook(self.file),
            {LOCAL_HOST: self.server},
            guard,
            lambda pulls: self._heard(self.pulls, pulls),
            lambda end: self._heard(self.ends, end),
            settings=lambda: self.settings,
            opens=lambda _: self.opens,
            metered=lambda: self.metered,
            now=lambda: self.now,
        )
        return self.queue

    def _keep(self, why: str) -> Any:
        self.awake.append(why)
        return nullcontext()

    def _heard(self, kept: list[Any], what: Any) -> None:
        with self.changed:
            kept.append(what)
            self.changed.notify_all()

    def wait(self, true: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, 15), self.pulls[-1:]

    def wait_ends(self, count: int = 1) -> TaskEnd:
        self.wait(lambda: len(self.ends) >= count)
        return self.ends[count - 1]

    @property
    def shown(self) -> dict[str, PullState]:
        return {pull.model: pull for pull in self.pulls[-1]} if self.pulls else {}


@pytest.fixture
def following(server: OllamaServer, tmp_path: Path) -> Iterator[Following]:
    made = Following(server, tmp_path / "data" / "pulls.json")
    yield made
    assert made.queue.close(5)


def test_a_pull_is_followed_to_its_end(fake: FakeOllama, following: Following) -> None:
    fake.offer("a")
    following.queue.pull("a")
    end = following.wait_ends()
    assert (end.kind, end.problem, end.cancelled) == ("pull", None, False)
    states = [pulls[0] for pulls in following.pulls if pulls]
    assert [s.completed_bytes for s in states] == sorted(s.completed_bytes for s in states)
    assert any(state.done for state in states)
    assert following.pulls[-1] == ()
    assert fake.installed_names == ["a:latest"]
    assert following.awake == ["downloading a"]


def held(fake: FakeOllama, *names: str) -> None:
    """Models whose downloads wait in the middle."""
    for name in names:
        fake.offer(name)
    fake.pulling.steps = 100
    fake.pulling.gate = threading.Semaphore(2)


def let_go(fake: FakeOllama, abandoned: int = 0) -> None:
    """Nothing waits any more, once so many were seen to be abandoned."""
    for _ in range(1000):
        if len(fake.abandoned_pulls) >= abandoned:
            break
        time.sleep(0.01)
    gate, fake.pulling.gate = fake.pulling.gate, None
    assert gate is not None
    gate.release(1000)


def test_the_second_waits_for_the_first_and_the_order_can_be_changed(
    fake: FakeOllama, following: Following
) -> None:
    held(fake, "a", "b", "c")
    for name in ("a", "b", "c", "b"):
        following.queue.pull(name)
    following.wait(lambda: following.shown["a"].completed_bytes)
    assert [(p.model, p.waiting) for p in following.pulls[-1]] == [
        ("a", Waiting.NOT),
        ("b", Waiting.TURN),
        ("c", Waiting.TURN),
    ]
    following.queue.move("c", -1)
    let_go(fake)
    following.wait_ends(3)
    assert [end.model for end in following.ends] == ["a", "c", "b"]


def test_a_paused_one_keeps_its_parts_and_lets_the_next_one_go(
    fake: FakeOllama, following: Following
) -> None:
    held(fake, "a", "b")
    following.queue.pull("a")
    following.wait(lambda: following.shown and following.shown["a"].completed_bytes)
    following.queue.pull("b")
    following.queue.pause("a:latest")
    following.wait(lambda: following.shown["a"].waiting is Waiting.PAUSED)
    let_go(fake, abandoned=1)
    following.wait(lambda: any(end.model == "b" and not end.cancelled for end in following.ends))
    kept = following.shown["a"]
    assert kept.waiting is Waiting.PAUSED and kept.completed_bytes > 0
    assert fake.parts["a:latest"] >= kept.completed_bytes
    following.queue.look()
    following.queue.pull("a")
    following.wait(lambda: "a:latest" in fake.installed_names and following.pulls[-1] == ())


def test_cancelled_it_is_forgotten_and_a_switch_is_not_blocked(
    fake: FakeOllama, following: Following
) -> None:
    held(fake, "a")
    following.queue.pull("a")
    following.queue.pull("a")
    following.wait(lambda: following.shown["a"].completed_bytes)
    following.queue.cancel("a")
    assert following.wait_ends().cancelled
    assert following.pulls[-1] == ()
    assert sum(request.path == "/api/pull" for request in fake.requests) == 1
    assert PullBook(following.file).read() == ()


def test_a_failed_pull_stays_until_it_is_forgotten_or_tried_again(
    fake: FakeOllama, following: Following
) -> None:
    following.queue.pull("nosuch")
    assert following.wait_ends().problem is not None
    assert following.shown["nosuch"].error is not None
    following.made().look()
    following.wait(lambda: following.shown["nosuch"].error), "after a restart too"
    following.queue.cancel("nosuch")
    assert following.pulls[-1] == ()
    fake.offer("nosuch")
    following.queue.pull("nosuch")
    assert following.wait_ends(2).problem is None


def test_fault_13_what_ran_and_what_waited_goes_on_after_a_restart(
    fake: FakeOllama, following: Following
) -> None:
    held(fake, "a", "b", "c")
    following.queue.pull("a")
    following.wait(lambda: following.shown and following.shown["a"].completed_bytes)
    following.queue.pull("b")
    following.queue.pull("c")
    following.queue.pause("c")
    assert following.queue.close(5)
    had = next(entry for entry in PullBook(following.file).read() if entry.model == "a")
    assert had.completed_bytes > 0
    let_go(fake, abandoned=1)
    fake.pulling.steps = 4
    following.pulls.clear()
    following.made().look()
    following.wait(lambda: set(fake.installed_names) == {"a:latest", "b:latest"})
    following.wait(lambda: [p.model for p in following.pulls[-1]] == ["c"])
    marks = [p.completed_bytes for pulls in following.pulls for p in pulls if p.model == "a"]
    assert min(marks) >= had.completed_bytes, "it never shows less than before"


def test_it_runs_in_its_hours_alone(fake: FakeOllama, following: Following) -> None:
    held(fake, "a")
    following.settings = PullSettings(hours="22-5")
    following.opens = EVENING + timedelta(hours=4)
    following.queue.pull("a")
    following.wait(lambda: following.shown["a"].waiting is Waiting.HOURS)
    assert following.shown["a"].waits_until == EVENING + timedelta(hours=4)
    assert not any(request.path == "/api/pull" for request in fake.requests)
    following.opens = None
    following.queue.look()
    following.wait(lambda: following.shown["a"].completed_bytes)
    following.opens = EVENING + timedelta(days=1)
    following.queue.look()
    following.wait(lambda: following.shown["a"].waiting is Waiting.HOURS)
    assert following.shown["a"].completed_bytes > 0
    following.settings, following.opens = PullSettings(), None
    let_go(fake, abandoned=1)
    following.queue.look()
    following.wait(lambda: fake.installed_names == ["a:latest"])


@pytest.mark.parametrize(
    ("rule", "metered", "waits"), [(True, True, True), (True, None, False), (False, True, False)]
)
def test_a_metered_connection_is_waited_out_where_that_is_wanted(
    fake: FakeOllama, following: Following, rule: bool, metered: bool | None, waits: bool
) -> None:
    fake.offer("a")
    following.settings, following.metered = PullSettings(not_metered=rule), metered
    following.queue.pull("a")
    if waits:
        following.wait(lambda: following.shown["a"].waiting is Waiting.METERED)
        following.metered = False
        following.queue.look()
    assert following.wait_ends().problem is None


def test_a_lost_connection_is_tried_again_by_itself_and_later_each_time(
    fake: FakeOllama, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.services.models.pulls.WAITS_S", ())
    fake.offer("a")
    fake.pulling.cut_at = 0.5
    following.queue.pull("a")
    pauses = []
    for _ in range(3):
        following.wait(lambda: following.shown["a"].waiting is Waiting.RETRY)
        until = following.shown["a"].waits_until
        assert until is not None
        pauses.append((until - following.now) // timedelta(minutes=1))
        following.now = until
        if len(pauses) == 3:
            fake.pulling.cut_at = None
        following.pulls.clear()
        following.queue.look()
    assert following.wait_ends().problem is None
    assert pauses == [1, 2, 5], "nothing more came"
    assert len(following.ends) == 1


def test_where_nothing_ever_came_a_lost_server_is_a_clear_end(tmp_path: Path) -> None:
    from wattlight.runtime import connect
    from wattlight.settings import ServerAddress

    made = Following(connect(ServerAddress(url="http://127.0.0.1:9"), {}), tmp_path / "pulls.json")
    made.queue.pull("a")
    problem = made.wait_ends().problem
    assert problem is not None and problem.code == "no_server"
    assert made.queue.close(5)


def test_fault_13_one_of_an_earlier_run_waits_for_the_server_that_starts_later(
    fake: FakeOllama, tmp_path: Path
) -> None:
    from wattlight.runtime import connect
    from wattlight.settings import ServerAddress

    file = tmp_path / "pulls.json"
    PullBook(file).change(lambda _: (QueuedPull("a"),))
    made = Following(connect(ServerAddress(url="http://127.0.0.1:9"), {}), file)
    made.queue.look()
    made.wait(lambda: made.shown and made.shown["a"].waiting is Waiting.RETRY)
    assert made.ends == []
    assert made.queue.close(5)


def test_a_server_that_ends_before_the_first_byte_is_tried_again(
    fake: FakeOllama, following: Following
) -> None:
    fake.offer("a")
    following.server = Cut()  # type: ignore[assignment]
    following.made().pull("a")
    following.wait(lambda: following.shown and following.shown["a"].waiting is Waiting.RETRY)
    assert following.ends == []
    assert all(pull.error is None for pulls in following.pulls for pull in pulls), "not for a moment"


class Cut:
    """A server that is killed while it answers."""

    url = "http://127.0.0.1:9"

    def __getattr__(self, _name: str) -> Any:
        def asked(*_: object) -> Any:
            raise RuntimeProblem("The connection broke off.", "Try again.", "cut_stream")

        return asked


def test_fault_66_a_pull_that_says_success_but_kept_damaged_files(
    fake: FakeOllama, following: Following, tmp_path: Path
) -> None:
    files = store(tmp_path / "m", "registry.example/me/a:latest")
    files["template"].write_bytes(b"damaged")
    following.folders = (tmp_path / "m",)
    fake.offer("registry.example/me/a")
    following.queue.pull("registry.example/me/a")
    problem = following.wait_ends().problem
    assert problem is not None and problem.code == "damaged_layers"
    shown = following.shown["registry.example/me/a"]
    assert "template" in (shown.error or "") and shown.damaged
    assert not any(pull.done for pulls in following.pulls for pull in pulls)


def test_fault_66_after_a_digest_mismatch_every_file_is_hashed(
    fake: FakeOllama, following: Following, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wattlight.services.models.guard.SMALL_BYTES", 10)
    store(tmp_path / "m", "registry.example/me/a:latest")["model"].write_bytes(b"damaged")
    following.folders = (tmp_path / "m",)
    fake.offer("registry.example/me/a")
    following.queue.pull("registry.example/me/a")
    assert following.wait_ends(1).problem is None
    fake.pulling.error_at, fake.pulling.error = (
        0.9,
        "digest mismatch, file must be downloaded again: want x, got y",
    )
    following.queue.pull("registry.example/me/a")
    assert following.wait_ends(2).problem is not None
    fake.pulling.error_at = None
    following.queue.pull("registry.example/me/a")
    problem = following.wait_ends(3).problem
    assert problem is not None and problem.code == "damaged_layers"


def test_a_pull_that_the_list_does_not_show_is_an_error(fake: FakeOllama, following: Following) -> None:
    fake.offer("tiny", size=1000)
    fake.faults["/api/tags"] = lambda handler: handler.json(200, {"models": []})
    following.queue.pull("tiny")
    problem = following.wait_ends(1).problem
    assert problem is not None and problem.code == "not_listed"
    assert "does not list it" in (following.shown["tiny"].error or "")


def test_what_another_process_writes_counts(fake: FakeOllama, following: Following) -> None:
    held(fake, "a", "b")
    following.queue.pull("a")
    following.wait(lambda: following.shown and following.shown["a"].completed_bytes)
    verb = PullBook(following.file)
    verb.change(lambda queue: (*queue, QueuedPull("b")))
    verb.change(lambda queue: tuple(q for q in queue if q.model != "a"))
    following.queue.look()
    assert following.wait_ends().cancelled
    let_go(fake, abandoned=1)
    following.wait(lambda: fake.installed_names == ["b:latest"])


def test_an_error_of_our_own_ends_one_download_and_the_next_one_comes(
    fake: FakeOllama, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.offer("b")
    real = PullGuard.run

    def run(self: PullGuard, server: Any, pull: QueuedPull, *rest: Any) -> Any:
        if pull.model == "a":
            raise ZeroDivisionError
        return real(self, server, pull, *rest)

    monkeypatch.setattr(PullGuard, "run", run)
    following.queue.pull("a")
    following.queue.pull("b")
    problem = following.wait_ends(1).problem
    assert problem is not None and problem.code == "internal"
    assert following.wait_ends(2).problem is None
