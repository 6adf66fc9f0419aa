"""The worker thread: one hung job delays nobody, late answers count, nothing is left running."""

import threading
from time import monotonic

import pytest

from wattlight.probes.lane import NO_ANSWER, ProbeExecutor


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name == "lane-test"}


def test_all_jobs_run_on_one_thread() -> None:
    lane: ProbeExecutor[str] = ProbeExecutor("lane-test")
    jobs = {str(n): lambda: threading.current_thread().name + str(threading.get_ident()) for n in range(8)}
    first, _ = lane.run(jobs, 2.0)
    second, _ = lane.run(jobs, 2.0)
    assert len(set(first.values()) | set(second.values())) == 1
    assert threading.current_thread().name not in first["0"]
    lane.close()
    assert not names()


def test_a_failing_job_is_named_and_the_others_run() -> None:
    lane: ProbeExecutor[int] = ProbeExecutor("lane-test")

    def fail() -> int:
        raise ValueError("x")

    results, reasons = lane.run({"a": lambda: 1, "b": fail, "c": lambda: 3}, 2.0)
    assert results == {"a": 1, "c": 3} and reasons == {"b": "ValueError"}
    lane.close()


def test_a_hung_job_delays_the_others_once_and_never_again() -> None:
    lane: ProbeExecutor[int] = ProbeExecutor("lane-test")
    free = threading.Event()
    answers = iter([7, 8])

    def hang() -> int:
        free.wait(20)
        return next(answers)

    jobs = {"a": lambda: 1, "hung": hang, "b": lambda: 2}
    start = monotonic()
    results, reasons = lane.run(jobs, 0.1)
    assert results == {"a": 1, "b": 2} and reasons == {"hung": NO_ANSWER} and lane.slow == ("hung",)
    assert monotonic() - start < 5
    start = monotonic()
    for _ in range(50):
        results, reasons = lane.run(jobs, 0.1)
        assert results == {"a": 1, "b": 2} and reasons == {"hung": NO_ANSWER}
    assert monotonic() - start < 4, "fifty rounds take no fifty deadlines"
    assert len(names()) <= 2

    free.set()
    deadline = monotonic() + 10
    while "hung" not in results and monotonic() < deadline:
        results, reasons = lane.run(jobs, 1.0)
    assert results["hung"] == 7, "the late answer is used"
    lane.close()
    assert not names()


def test_two_hung_jobs() -> None:
    lane: ProbeExecutor[int] = ProbeExecutor("lane-test")
    free = threading.Event()

    def hang() -> int:
        free.wait(20)
        return 0

    results, reasons = lane.run({"x": hang, "a": lambda: 1, "y": hang, "b": lambda: 2}, 0.1)
    assert results == {"a": 1, "b": 2} and set(reasons) == {"x", "y"}
    free.set()
    lane.close()
    assert not names()


@pytest.mark.parametrize("rounds", [1, 20])
def test_closing_ends_the_thread(rounds: int) -> None:
    lane: ProbeExecutor[int] = ProbeExecutor("lane-test")
    for _ in range(rounds):
        lane.run({"a": lambda: 1}, 1.0)
    lane.close()
    assert not names()
    assert lane.run({"a": lambda: 1}, 1.0)[0] == {"a": 1}, "it can be used again"
    lane.close()
