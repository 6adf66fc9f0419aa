"""A pull survives a server that goes away for a while, and its progress never goes back."""

import threading
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fakes.fake_ollama import FakeOllama
from wattlight.domain.pulls import PullState
from wattlight.domain.values import Problem
from wattlight.runtime import OllamaServer, RuntimeProblem
from wattlight.services.models import run_pull, unlisted
from wattlight.services.models.pulls import Throttle


class Script:
    """A server whose pulls go as written: numbers are progress, an error ends the try."""

    def __init__(self, *tries: list[int | Problem]) -> None:
        self._tries = iter(tries)

    def pull(self) -> Iterator[PullState]:
        for item in next(self._tries):
            if isinstance(item, Problem):
                raise item
            yield PullState("m", "pulling", item, 1000, done=item == 1000)


BEGUN = PullState("m")
CUT = RuntimeProblem("Cut.", "Again.", "cut_stream")
FULL = RuntimeProblem("Full.", "Make room.", "no_room")


def follow(*tries: list[int | Problem]) -> tuple[list[PullState], list[float], Problem | None]:
    seen: list[PullState] = []
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    ticks = iter(range(100_000))
    script = Script(*tries)
    problem = run_pull(
        script.pull, BEGUN, seen.append, threading.Event(), clock=lambda: float(next(ticks)), wait=wait
    )
    return seen, waits, problem


def test_fault_11_a_server_that_restarts_during_a_pull() -> None:
    seen, waits, problem = follow([100, 600, CUT], [CUT], [300, 700, 1000])
    assert problem is None
    assert waits == [1.0, 2.0]
    marks = [state.completed_bytes for state in seen]
    assert marks == sorted(marks)
    assert seen[-1].done
    assert any(state.status == "waiting for the server" for state in seen)


def test_a_stall_is_tried_again_and_an_earlier_start_is_never_gone_behind() -> None:
    seen: list[PullState] = []
    script = Script([10, RuntimeProblem("Stalled.", "", "stalled")], [700, 1000])
    waits: list[float] = []
    earlier = PullState("m", completed_bytes=300, total_bytes=1000)
    wait = lambda seconds: bool(waits.append(seconds))  # noqa: E731 - one line
    assert run_pull(script.pull, earlier, seen.append, threading.Event(), wait=wait) is None
    assert waits == [1.0]
    assert min(state.completed_bytes for state in seen) == 300


def test_it_gives_up_when_nothing_comes_any_more() -> None:
    seen, waits, problem = follow([10, CUT], *[[CUT]] * 10)
    assert problem is CUT
    assert len(waits) == 5
    assert seen[-1].error == "Cut. Again."


def test_other_errors_and_a_server_that_never_was_are_not_tried_again() -> None:
    assert follow([10, FULL])[1] == []
    assert follow([RuntimeProblem("Nobody.", "", "no_server")])[1] == []


def test_a_cancel_while_waiting_for_the_server() -> None:
    seen: list[PullState] = []
    script = Script([10, CUT])
    assert run_pull(script.pull, BEGUN, seen.append, threading.Event(), wait=lambda _: True) is None
    assert seen[-1].cancelled


def test_a_real_connection_that_breaks(fake: FakeOllama, server: OllamaServer) -> None:
    fake.offer("a")
    fake.pulling.cut_at = 0.5

    def wait(_: float) -> bool:
        fake.pulling.cut_at = None
        return False

    seen: list[PullState] = []
    begin = lambda: server.pull("a")  # noqa: E731 - one line
    assert run_pull(begin, BEGUN, seen.append, threading.Event(), wait=wait) is None
    assert seen[-1].done


@given(st.lists(st.floats(0, 0.3), max_size=200))
def test_merging_passes_at_most_ten_a_second_and_always_the_last(gaps: list[float]) -> None:
    now = 0.0
    passed: list[tuple[float, int]] = []
    merged: Throttle[int] = Throttle(lambda value: passed.append((now, value)), lambda: now)
    for number, gap in enumerate(gaps):
        now += gap
        merged.offer(number)
    between = [b[0] - a[0] for a, b in pairwise(passed)]
    assert all(gap >= 0.1 for gap in between)
    merged.flush()
    if gaps:
        assert passed[-1][1] == len(gaps) - 1
    assert [value for _, value in passed] == sorted(value for _, value in passed)


def test_a_value_of_another_kind_is_passed_on_at_once() -> None:
    passed: list[str] = []
    merged: Throttle[str] = Throttle(passed.append, lambda: 0.0)
    for text, kind in (("pulling 1", True), ("pulling 2", False), ("verifying", True)):
        merged.offer(text, now=kind)
    assert passed == ["pulling 1", "verifying"]
    merged.flush()
    assert passed == ["pulling 1", "verifying"]


def test_what_the_list_lacks_is_not_installed(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("there")
    fake.install("127.0.0.1:5055/library/tiny:q4")
    quiet = threading.Event()
    assert unlisted(server, "THERE:latest", True, quiet) is None
    assert unlisted(server, "http://127.0.0.1:5055/library/tiny:q4", True, quiet) is None
    assert unlisted(server, "library/there", True, quiet) is None, "written out as the registry has it"
    seen, unseen = (unlisted(server, "gone:7b", at_hand, quiet) for at_hand in (True, False))
    assert seen is not None and seen.code == "not_listed"
    assert "'wattlight pull gone:7b --repair'" in seen.next_step
    assert unseen is not None and "--repair" not in unseen.next_step
