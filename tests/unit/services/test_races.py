"""Two threads at once: order of states, one server, one alarm, one writer, and no calls under a lock."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from unit.services.serving.test_keeper import Heard, keeper, put_program
from unit.services.test_budget_watch import Alarms, cost, watch
from wattlight.domain.state import AppState, TaskState
from wattlight.domain.values import HostId
from wattlight.services.hub import StateHub
from wattlight.services.models import ModelTasks
from wattlight.services.passthrough import TokenWriter
from wattlight.services.serving import keeper as keeper_module


def at_once(*work: Callable[[], object]) -> None:
    """All of them, each on a thread."""
    threads = [threading.Thread(target=what) for what in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_states_reach_listeners_in_order_and_are_numbered() -> None:
    hub = StateHub(AppState(hosts=()))
    heard: list[AppState] = []
    inside, other_done = threading.Event(), threading.Event()

    def listen(state: AppState) -> None:
        if state.paused and not inside.is_set():
            inside.set()
            other_done.wait(20)
        heard.append(state)

    hub.subscribe(listen)

    def later() -> None:
        inside.wait(20)
        hub.update(lambda state: replace(state, paused=False))
        other_done.set()

    at_once(lambda: hub.update(lambda state: replace(state, paused=True)), later)
    assert [state.paused for state in heard] == [True, False]
    assert [state.number for state in heard] == [1, 2]


def test_changes_of_tasks_are_told_in_order_and_under_no_lock() -> None:
    told: list[tuple[TaskState, ...]] = []
    inside, other_done = threading.Event(), threading.Event()
    tasks: ModelTasks

    def changed(now: tuple[TaskState, ...]) -> None:
        if not inside.is_set():
            inside.set()
            assert other_done.wait(20), "another thread waited for the lock while this was told"
        told.append(now)

    def fail(_host: object) -> Any:
        raise AssertionError("no server is asked")

    tasks = ModelTasks({}, fail, changed, lambda _end: None)

    def later() -> None:
        inside.wait(20)
        tasks.load("b", host=HostId("nowhere"))
        other_done.set()

    at_once(lambda: tasks.load("a", host=HostId("nowhere")), later)
    assert [len(now) for now in told[:2]] == [1, 2]
    assert tasks.close()


def test_two_threads_start_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    class Slow:
        """A supervisor that takes long to be made."""

        def __init__(self, *_: object, **__: object) -> None:
            time.sleep(0.05)  # lets the other thread come to the same place
            made.append(self)

        def start(self, *_: object) -> None:
            """Nothing."""

        def stop(self) -> bool:
            return True

    monkeypatch.setattr(keeper_module, "Supervisor", Slow)
    put_program(tmp_path)
    ours = keeper(tmp_path, Heard(), "")
    at_once(ours.start, ours.start)
    assert len(made) == 1
    assert ours.close()
    ours.start()  # an installation that came through only now
    assert len(made) == 1, "nothing is started after the end: nobody would end it"


def test_a_budget_is_told_once_by_two_threads(tmp_path: Path) -> None:
    alarms = Alarms()
    looked = watch(tmp_path, alarms)
    read, both = looked._read, threading.Barrier(2)

    def slow() -> tuple[str, ...]:
        told = read()
        try:
            both.wait(0.2)
        except threading.BrokenBarrierError:
            pass
        return told

    looked._read = slow  # type: ignore[method-assign]
    day = date(2026, 11, 24)
    at_once(*[lambda: looked.look(day, cost(500_000), cost(500_000))] * 2)
    assert len(alarms) == 1


def test_two_requests_at_once_start_one_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    start = threading.Thread.start

    def counted(thread: threading.Thread) -> None:
        if thread.name == "wattlight-tokens":
            started.append(thread)
            time.sleep(0.05)  # lets the other thread come to the same place
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", counted)
    ours = TokenWriter(None, gather_s=0)  # type: ignore[arg-type]  # nothing is written
    at_once(*[lambda: ours.take(None)] * 2)  # type: ignore[arg-type]  # only that a thread begins
    assert len(started) == 1
    assert ours.stop()
