"""Keeps the managed server running, but not at any price: three restarts in a minute, then it stays down."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from wattlight import StartThread, start_thread
from wattlight.i18n import tr
from wattlight.web import Endpoint

from ..problems import RuntimeProblem
from .process import ManagedProcess, Running, ServerLog

MAX_RESTARTS = 3
WITHIN_S = 60.0
LOG_LINES = 50


class RestartPolicy:
    """Allows so many restarts in so many seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._restarts: deque[float] = deque()

    def may_restart(self) -> bool:
        """True, and counted, when there were fewer than three in the last minute."""
        now = self._clock()
        while self._restarts and now - self._restarts[0] >= WITHIN_S:
            self._restarts.popleft()
        if len(self._restarts) >= MAX_RESTARTS:
            return False
        self._restarts.append(now)
        return True


class Supervisor:
    """A thread that starts (or adopts) the managed server, starts it again when it crashes, and ends it.

    ``on_up`` gets the address each time it is up; ``on_down`` gets the problem when it stays down, with the
    last lines of its log as ``server_text``. Both are called on the thread. It sleeps while the server runs.
    """

    def __init__(
        self,
        process: ManagedProcess,
        log: ServerLog,
        on_up: Callable[[Endpoint], None],
        on_down: Callable[[RuntimeProblem], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._process = process
        self._log = log
        self._on_up = on_up
        self._on_down = on_down
        self._policy = RestartPolicy(clock)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._running: Running | None = None
        self._thread: threading.Thread | None = None

    def start(self, binary: Path, more: Mapping[str, str] | None = None, port: int | None = None) -> None:
        """Begin, on a free port unless one is named; returns at once."""
        if self._thread is None:
            environ = dict(more or {})
            self._thread = self._start("wattlight-managed", lambda: self._run(binary, environ, port))

    def stop(self, timeout_s: float = 12.0) -> bool:
        """End the server and the thread; True when both have ended."""
        self._stopping.set()
        with self._lock:
            running = self._running
        ended = True if running is None else self._process.stop(running)
        if self._thread is not None:
            self._thread.join(timeout_s)
            ended = ended and not self._thread.is_alive()
        return ended

    def _run(self, binary: Path, more: dict[str, str], port: int | None) -> None:
        adopted = self._process.adopt()
        while not self._stopping.is_set():
            try:
                running = adopted or self._process.start(binary, self._stopping, more, port)
            except RuntimeProblem as problem:
                if problem.code == "cancelled" or self._stopping.is_set():
                    return
                if not self._policy.may_restart():
                    self._give_up(problem)
                    return
                continue
            adopted = None
            with self._lock:
                self._running = running
            if self._stopping.is_set():
                self._process.stop(running)
                return
            self._on_up(running.endpoint)
            self._process.wait_for_end(running)
            with self._lock:
                self._running = None
            if not self._stopping.is_set() and not self._policy.may_restart():
                self._give_up(None)
                return

    def _give_up(self, cause: RuntimeProblem | None) -> None:
        lines = self._log.last_lines(LOG_LINES)
        problem = RuntimeProblem(
            tr("The managed Ollama stopped again and again, so it is not started any more."),
            tr("Its log is {file}; going back to the version before may help.", file=self._log.file),
            "server_crashes",
            "\n".join(lines) or None,
        )
        problem.__cause__ = cause
        self._on_down(problem)
