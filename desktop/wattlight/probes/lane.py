"""Runs the probes of one tick on one worker thread; one that hangs delays nobody else."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

from wattlight import StartThread, start_thread

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

STOP_WAIT_S = 2.0
NO_ANSWER = "no answer"


@dataclass(slots=True)
class _Round(Generic[T]):
    """The jobs given to a thread together, and what has come of them."""

    jobs: list[tuple[str, Callable[[], T]]]
    done: dict[str, T] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    at: str | None = None
    since_s: float = 0.0
    finished: threading.Event = field(default_factory=threading.Event)
    abandoned: bool = False


class ProbeExecutor(Generic[T]):
    """One worker thread for all probes.

    A job that has not answered by its deadline keeps that thread to itself; the jobs behind it run on a new
    one at once. From then on the slow job runs beside the rounds and its answer is used in the round after:
    nobody waits for it again. Threads are daemons: a hung driver does not keep the program from ending.
    """

    def __init__(self, name: str = "probes", start: StartThread = start_thread) -> None:
        self._name = name
        self._begin = start
        self._queue: SimpleQueue[_Round[T] | None] | None = None
        self._slow: dict[str, _Round[T]] = {}
        self._threads: list[threading.Thread] = []

    @property
    def slow(self) -> tuple[str, ...]:
        """Keys of the jobs that have missed a deadline."""
        return tuple(self._slow)

    def run(
        self, jobs: Mapping[str, Callable[[], T]], deadline_s: float
    ) -> tuple[dict[str, T], dict[str, str]]:
        """Run all jobs; ``(results, reasons of those without one)``.

        Takes at most ``deadline_s`` longer for a job that hangs for the first time, and nothing later.
        """
        results: dict[str, T] = {}
        reasons: dict[str, str] = {}
        for key in [key for key in self._slow if key in jobs]:
            self._take_slow(key, jobs[key], results, reasons)
        todo = [(key, job) for key, job in jobs.items() if key not in self._slow]
        while todo:
            round_ = _Round(todo)
            self._give(round_)
            hung = self._wait(round_, deadline_s)
            results.update(round_.done)
            reasons.update(round_.failed)
            if hung is None:
                break
            reasons[hung] = NO_ANSWER
            todo = todo[[key for key, _ in todo].index(hung) + 1 :]
        return results, reasons

    def close(self) -> None:
        """Stop the worker; a hung thread is left behind after :data:`STOP_WAIT_S`."""
        if self._queue is not None:
            self._queue.put(None)
        self._queue = None
        for thread in self._threads:
            thread.join(STOP_WAIT_S)
        self._threads.clear()
        self._slow.clear()

    def _wait(self, round_: _Round[T], deadline_s: float) -> str | None:
        """Wait for the round; the key of a job that hangs, None when all have ended."""
        wait_s = deadline_s
        while not round_.finished.wait(wait_s):
            hung, wait_s = round_.at, deadline_s - (monotonic() - round_.since_s)
            if hung is None or wait_s > 0:
                wait_s = max(wait_s, 0.001)
                continue
            round_.abandoned = True
            self._slow[hung] = round_
            if self._queue is not None:
                self._queue.put(None)
            self._queue = None
            return hung
        return None

    def _take_slow(
        self, key: str, job: Callable[[], T], results: dict[str, T], reasons: dict[str, str]
    ) -> None:
        before = self._slow[key]
        if key in before.done:
            results[key] = before.done[key]
        elif key in before.failed:
            reasons[key] = before.failed[key]
        else:
            reasons[key] = NO_ANSWER
            return
        self._slow[key] = _Round([(key, job)])
        queue: SimpleQueue[_Round[T] | None] = SimpleQueue()
        queue.put(self._slow[key])
        queue.put(None)
        self._start(queue)

    def _give(self, round_: _Round[T]) -> None:
        if self._queue is None:
            self._queue = SimpleQueue()
            self._start(self._queue)
        self._queue.put(round_)

    def _start(self, queue: "SimpleQueue[_Round[T] | None]") -> None:
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(self._begin(self._name, lambda: _work(queue)))


def _work(queue: "SimpleQueue[_Round[T] | None]") -> None:
    while (round_ := queue.get()) is not None:
        for key, job in round_.jobs:
            round_.since_s = monotonic()
            round_.at = key
            try:
                round_.done[key] = job()
            except Exception as error:  # noqa: BLE001 - one failing probe must not end the others
                _LOG.debug("probe %s failed", key, exc_info=True)
                round_.failed[key] = type(error).__name__
            except BaseException as error:  # the thread ends: nobody waits for this round any more
                left = [name for name, _ in round_.jobs if name not in round_.done]
                round_.failed |= dict.fromkeys(left, type(error).__name__)
                round_.finished.set()
                raise
            if round_.abandoned:
                return
        round_.finished.set()
