"""The queue of downloads: one at a time, in an order that can be changed, at the times that are wanted."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from wattlight import StartThread, start_thread
from wattlight.domain.pulls import PullState, QueuedPull, Waiting
from wattlight.domain.state import same_model
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import gb, tr
from wattlight.runtime import ModelServer
from wattlight.services.hub import InOrder
from wattlight.settings import PullSettings
from wattlight.web import RateLimit

from .guard import PullGuard
from .pull_book import PullBook, Queue
from .tasks import TaskEnd, unexpected
from .watch import SerialExecutor

SAVE_S = 5.0
LOOK_S = 1.0
"""While one runs, what other processes wrote into the queue is seen after so long."""
RETRIES = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10))
BUSY = frozenset(
    {"stalled", "server_busy", "registry_busy", "registry_limit", "already_pulled", "cut_stream"}
)
"""After these a pull is tried again by itself."""
GONE = frozenset({"no_server", "silent_server", "offline", "registry_unreachable", "registry_fault"})
"""After these too, once something of it has arrived or where it was asked for in an earlier run: else the
name or the address may be wrong."""


@dataclass(slots=True)
class _Running:
    entry: QueuedPull
    live: PullState
    limit: RateLimit
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Again:
    """A pull whose connection was lost: tried again at ``at``."""

    at: datetime
    tries: int
    had_bytes: int


class PullQueue:
    """Downloads what the book says. All methods return at once and may be called from any thread.

    ``on_change`` gets every download that is not over, in order, at most ten times a second each (a failed
    one stays until it is tried again or cancelled); ``on_end`` is called once for each that ends. Both are
    called on a worker thread or the caller's.

    Args:
        opens: when the hours of a text begin next; None: now.
        metered: whether the connection is a metered one, as far as that is known.
        pulled: is called with a model that has come, before its end is told.
    """

    def __init__(
        self,
        book: PullBook,
        servers: Mapping[HostId, ModelServer],
        guard: PullGuard,
        on_change: Callable[[tuple[PullState, ...]], None],
        on_end: Callable[[TaskEnd], None],
        *,
        settings: Callable[[], PullSettings] = PullSettings,
        opens: Callable[[str], datetime | None] = lambda _: None,
        metered: Callable[[], bool | None] = lambda: None,
        pulled: Callable[[ModelServer, str, threading.Event], None] = lambda *_: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._book = book
        self._servers = servers
        self._guard = guard
        self._changes: InOrder[tuple[PullState, ...]] = InOrder(on_change)
        self._on_end = on_end
        self._settings = settings
        self._opens = opens
        self._metered = metered
        self._pulled = pulled
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._earlier = {_key(entry) for entry in book.read()}
        self._running: _Running | None = None
        self._again: dict[tuple[HostId, str], _Again] = {}
        self._working = self._closed = False
        self._saved_at = self._looked_at = 0.0
        self._transfers = SerialExecutor("wattlight-pulls", start)

    def pull(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Download ``model`` when its turn comes; what waits, is paused or failed goes on now."""
        self._again.pop((host, clean_text(model)), None)
        self._change(lambda queue: with_pull(queue, QueuedPull(model, host)))

    def pause(self, model: str) -> None:
        """Stop for now; what has arrived is kept, also over restarts."""
        self._change(lambda queue: each(queue, model, lambda entry: replace(entry, paused=True)))

    def cancel(self, model: str) -> None:
        """Stop it, or forget one that failed; what has arrived stays on the disk."""
        self._change(lambda queue: tuple(entry for entry in queue if not is_of(entry, model)))

    def move(self, model: str, by: int) -> None:
        """Put it so many places further down, or up where ``by`` is less than zero."""
        self._change(lambda queue: moved(queue, model, by))

    def look(self) -> None:
        """Go on with what may run now, stop what may not any more. Called at each beat; cheap."""
        queue = self._book.read()
        with self._lock:
            if self._closed:
                return
            if self._running is not None:
                self._mind(self._running, queue)
            elif not self._working and self._next(queue) is not None:
                self._working = self._transfers.submit(self._work)
        self._tell(queue)

    def close(self, timeout_s: float = 1.0) -> bool:
        """Stop what runs, which the book keeps, and wait for the thread; True when it ended in time."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.cancel.set()
        return self._transfers.close(timeout_s)

    def _change(self, what: Callable[[Queue], Queue]) -> None:
        with self._lock:
            if self._closed:
                return
        self._book.change(what)
        self.look()

    def _mind(self, running: _Running, queue: Queue) -> None:
        """Stop it where it may not run any more; let a changed limit count at once."""
        entry = next((item for item in queue if _key(item) == _key(running.entry)), None)
        if entry is None or self._waits(entry)[0]:
            running.cancel.set()
        else:
            running.limit.bytes_per_s = self._limit(entry)

    def _limit(self, entry: QueuedPull) -> int | None:
        return entry.limit_bytes_per_s or self._settings().limit_bytes_per_s

    def _waits(self, entry: QueuedPull) -> tuple[Waiting, datetime | None]:
        """Why it may not run now, and until when."""
        if entry.paused:
            return Waiting.PAUSED, None
        again = self._again.get(_key(entry))
        if again is not None and self._now() < again.at:
            return Waiting.RETRY, again.at
        settings = self._settings()
        hours = entry.hours or settings.hours
        opens = self._opens(hours) if hours else None
        if opens is not None:
            return Waiting.HOURS, opens
        if settings.not_metered and self._metered():
            return Waiting.METERED, None
        return Waiting.NOT, None

    def _next(self, queue: Queue) -> QueuedPull | None:
        return next((entry for entry in queue if not entry.error and not self._waits(entry)[0]), None)

    def _work(self) -> None:
        try:
            while (running := self._begun()) is not None:
                self._run(running)
        finally:
            with self._lock:
                self._running, self._working = None, False
        self._tell(self._book.read())

    def _begun(self) -> _Running | None:
        """The next one that may run; None and the end of the work where there is none."""
        queue = self._book.read()
        with self._lock:
            entry = None if self._closed else self._next(queue)
            self._running, self._working = None, entry is not None
            if entry is not None:
                known = PullState(
                    clean_text(entry.model), "waiting", entry.completed_bytes, entry.total_bytes
                )
                self._running = _Running(entry, known, RateLimit(self._limit(entry)))
            return self._running

    def _run(self, running: _Running) -> None:
        entry, cancel = running.entry, running.cancel

        def publish(state: PullState) -> None:
            running.live = state
            if state.error:
                return  # what becomes of it is told at its end: most are tried again
            now = self._clock()
            if now - self._saved_at >= SAVE_S:
                self._saved_at = now
                self._remember(running)
            if now - self._looked_at >= LOOK_S:
                self._looked_at = now
                self.look()
            else:
                self._tell(self._book.read())

        problem: Problem | None = None
        self._tell(self._book.read())
        try:
            server = self._servers[entry.host]
            pull = replace(entry, source=entry.source or self._settings().source)
            problem = self._guard.run(server, pull, publish, cancel, running.limit)
            if problem is None and not cancel.is_set():
                self._pulled(server, entry.model, cancel)
        except Problem as caught:
            problem = None if caught.code == "cancelled" else caught
        except Exception as error:
            logging.getLogger("wattlight").exception("a download failed")
            problem = unexpected(error)
        self._end(running, problem)

    def _remember(self, running: _Running) -> None:
        """How far it is, for the next start and for other processes."""
        live = running.live
        self._book.change(
            lambda queue: tuple(
                replace(item, completed_bytes=live.completed_bytes, total_bytes=live.total_bytes)
                if _key(item) == _key(running.entry) and live.completed_bytes > item.completed_bytes
                else item
                for item in queue
            )
        )

    def _end(self, running: _Running, problem: Problem | None) -> None:
        """What became of it: done and off the list, kept for later, or failed."""
        entry, live, stopped = running.entry, running.live, running.cancel.is_set()
        key, note = _key(entry), ""
        self._remember(running)
        if problem is None and stopped:
            gone = all(_key(item) != key for item in self._book.read())
            if gone and live.by_us and live.completed_bytes and not self._closed:
                note = tr(
                    "{size} of {model} are kept, so that installing it again goes on from there.",
                    size=gb(live.completed_bytes),
                    model=live.model,
                )
        elif problem is not None and self._is_tried_again(running, problem):
            with self._lock:
                self._running = None
            self._tell(self._book.read())
            return
        elif problem is not None:
            self._again.pop(key, None)
            error = live.error or str(problem)
            self._book.change(
                lambda queue: tuple(
                    replace(item, error=error, damaged=live.damaged) if _key(item) == key else item
                    for item in queue
                )
            )
        else:
            self._again.pop(key, None)
            self._book.change(lambda queue: tuple(item for item in queue if _key(item) != key))
        with self._lock:
            self._running = None
        self._tell(self._book.read())
        self._on_end(TaskEnd("pull", live.model, entry.host, problem, problem is None and stopped, note))

    def _is_tried_again(self, running: _Running, problem: Problem) -> bool:
        """Whether it goes on by itself; the longer nothing comes, the later."""
        have = max(running.live.completed_bytes, running.entry.completed_bytes)
        key = _key(running.entry)
        lost = problem.code in GONE and (have or key in self._earlier)
        if problem.code not in BUSY and not lost:
            return False
        before = self._again.get(key)
        tries = 0 if before is None or have > before.had_bytes else before.tries + 1
        pause = RETRIES[min(tries, len(RETRIES) - 1)]
        self._again[key] = _Again(self._now() + pause, tries, have)
        logging.getLogger("wattlight").warning("a download is tried again later: %s", problem)
        return True

    def _tell(self, queue: Queue) -> None:
        with self._lock:
            self._changes.put(tuple(self._state(entry) for entry in queue))
        self._changes.deliver()

    def _state(self, entry: QueuedPull) -> PullState:
        running, completed, total = self._running, entry.completed_bytes, entry.total_bytes
        if running is not None and _key(running.entry) == _key(entry):
            if not running.cancel.is_set() and not running.live.error:
                return running.live
            completed, total = max(completed, running.live.completed_bytes), running.live.total_bytes or total
        waiting, until = (Waiting.NOT, None) if entry.error else self._waits(entry)
        return PullState(
            clean_text(entry.model),
            "waiting",
            completed,
            total,
            error=entry.error or None,
            damaged=entry.damaged,
            waiting=waiting if waiting or entry.error else Waiting.TURN,
            waits_until=until,
        )


def _key(entry: QueuedPull) -> tuple[HostId, str]:
    return entry.host, clean_text(entry.model)


def is_of(entry: QueuedPull, model: str) -> bool:
    """Whether it is the download of ``model``, as it is typed or shown."""
    return same_model(clean_text(entry.model), clean_text(model))


def each(queue: Queue, model: str, what: Callable[[QueuedPull], QueuedPull]) -> Queue:
    """The queue with ``what`` done to the download of ``model``."""
    return tuple(what(entry) if is_of(entry, model) else entry for entry in queue)


def with_pull(queue: Queue, wanted: QueuedPull) -> Queue:
    """The queue with ``wanted`` at its end; one of that model goes on, with what is wished now."""
    known = next((e for e in queue if e.host == wanted.host and is_of(e, wanted.model)), None)
    if known is None:
        return (*queue, wanted)
    goes_on = replace(
        known,
        paused=False,
        error="",
        damaged=False,
        limit_bytes_per_s=wanted.limit_bytes_per_s or known.limit_bytes_per_s,
        hours=wanted.hours or known.hours,
        source=wanted.source or known.source,
    )
    return tuple(goes_on if entry is known else entry for entry in queue)


def moved(queue: Queue, model: str, by: int) -> Queue:
    """The queue with the download of ``model`` so many places further down (less than zero: up)."""
    order = list(queue)
    at = next((i for i, entry in enumerate(order) if is_of(entry, model)), None)
    if at is None:
        return queue
    entry = order.pop(at)
    order.insert(max(0, min(len(order), at + by)), entry)
    return tuple(order)
