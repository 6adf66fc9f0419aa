"""One pull from beginning to end, with another try when the connection breaks."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event

from wattlight.domain.state import PullState
from wattlight.domain.values import clean_text
from wattlight.runtime import ModelServer, RuntimeProblem

from .merging import Throttle

BROKEN = frozenset({"cut_stream", "no_server", "silent_server"})
"""After these a pull is tried again: a server that is restarted or updated comes back."""
WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)


def run_pull(
    server: ModelServer,
    model: str,
    publish: Callable[[PullState], None],
    cancel: Event,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], bool] | None = None,
) -> RuntimeProblem | None:
    """Pull ``model``; every state goes to ``publish``, at most ten a second, the last one always.

    The last state is ``done``, ``cancelled`` or has an ``error``; with an error the problem is returned too.
    ``wait`` waits so many seconds and returns True when cancelled.
    """
    waits = iter(WAITS_S)
    pause = wait or cancel.wait
    merged = Throttle(publish, clock)
    last = PullState(clean_text(model), status="pulling manifest")
    while True:
        begun_with = last.completed_bytes
        try:
            for state in _onward(server.pull(model, cancel), last):
                merged.offer(state, now=state.status != last.status)
                last = state
            merged.flush()
            return None
        except RuntimeProblem as problem:
            failure = problem
        if last.completed_bytes > begun_with:
            waits = iter(WAITS_S)
        delay = next(waits, None) if failure.code in BROKEN and last.completed_bytes else None
        if delay is None:
            publish(replace(last, error=str(failure), bytes_per_s=None))
            return failure
        publish(replace(last, status="waiting for the server", bytes_per_s=None))
        if pause(delay):
            publish(replace(last, cancelled=True, bytes_per_s=None))
            return None


def _onward(states: Iterator[PullState], last: PullState) -> Iterator[PullState]:
    """States of a new try, never behind those of the one before."""
    total, completed = last.total_bytes, last.completed_bytes
    for state in states:
        completed = max(completed, state.completed_bytes)
        total = total if state.total_bytes is None else max(state.total_bytes, completed)
        yield replace(state, completed_bytes=completed, total_bytes=total)
