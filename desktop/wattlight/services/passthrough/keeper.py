"""Writes counted requests away, off the relay's thread."""

import contextlib
import logging
import queue
import threading
import time

from wattlight import StartThread, start_thread
from wattlight.domain.tokens import TokenUse
from wattlight.domain.values import Problem
from wattlight.store.jobs import LearningStore

MOST_WAITING = 10_000
GATHER_S = 5.0
"""Requests of so many seconds are written together."""


class TokenWriter:
    """One thread that sleeps until a request was counted. :meth:`take` never blocks.

    While the file cannot be written, requests wait (the oldest go when there are too many) and are written
    with the next ones.
    """

    def __init__(
        self, store: LearningStore, gather_s: float = GATHER_S, start: StartThread = start_thread
    ) -> None:
        self._start = start
        self._store = store
        self._gather_s = gather_s
        self._waiting: queue.SimpleQueue[TokenUse | None] = queue.SimpleQueue()
        self._kept: list[TokenUse] = []
        self._failing = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._ended = False

    def take(self, use: TokenUse) -> None:
        """Keep one request; any thread. The first one starts the thread, none after :meth:`stop` is kept."""
        with self._lock:
            if self._ended:
                return
            self._waiting.put(use)
            if self._thread is None:
                self._thread = self._start("wattlight-tokens", self._run)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Write what waits and end; True when the thread has ended."""
        with self._lock:
            self._ended = True
            thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._waiting.put(None)
        thread.join(timeout_s)
        return not thread.is_alive()

    def forget(self) -> None:
        """Delete what was written, and what waits.

        Raises:
            Problem: the file could not be changed.
        """
        with self._writing:
            with self._lock, contextlib.suppress(queue.Empty):
                while self._waiting.get_nowait() is not None:
                    continue
                self._waiting.put(None)  # it was told to end
            self._kept.clear()
            self._store.forget_tokens()

    def _run(self) -> None:
        going_on = True
        while going_on:
            going_on = self._gather()
            with self._writing:
                self._flush()

    def _gather(self) -> bool:
        """Wait for a request, then for those that follow soon; False when it is time to end."""
        use = self._waiting.get()
        end = time.monotonic() + self._gather_s
        while use is not None:
            self._kept.append(use)
            try:
                use = self._waiting.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return True
        return False

    def _flush(self) -> None:
        if not self._kept:
            return
        try:
            self._store.add_uses(self._kept)
        except Problem as problem:
            if not self._failing:
                logging.getLogger("wattlight").warning("token counts wait: %s", problem)
            self._failing = True
            del self._kept[:-MOST_WAITING]
            return
        self._failing = False
        self._kept = []
