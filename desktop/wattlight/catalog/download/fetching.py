"""The connections of one download: each takes the next bytes that are missing, as many as are worth it."""

import time
from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread

from wattlight import StartThread
from wattlight.catalog.registry import RegistryBusy, RegistryProblem
from wattlight.domain.values import Problem
from wattlight.web import RateLimit

from .parts import PIECE_BYTES, Claim, PartFile
from .problems import disk_problem
from .sources import FromRegistry, Lacking, Mirror

MOST_CONNECTIONS = 16
FIRST = 2
"""So many at first, one at a limit; twice as many after each :data:`STEP_S` in which it came faster."""
STEP_S = 1.0
FASTER = 1.1
SMALL_BYTES = 128 << 10
NAP_S, MOST_NAP_S = 0.01, 0.16
"""Where little has come, the next read waits for more: few large reads cost less than many small ones."""
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PATIENCE_S = 120.0
"""After so long without a byte it ends; what has arrived is kept."""
FINAL = frozenset({"unknown_model", "sign_in", "invalid_name"})


class Connections:
    """How many connections are worth it: more while they make it faster and no limit decides."""

    def __init__(self, first: int, now_s: float) -> None:
        self._wanted = first
        self._best = 0.0
        self._at, self._bytes = now_s, 0
        self._limited = self._gave_up = False

    def wanted(self, now_s: float, arrived_bytes: int, limited: bool) -> int:
        """So many now, when so much has arrived in all; ``limited``: somebody waited for the limit since the
        last call. Those that brought nothing go again, once: later it may be the line that is slower."""
        self._limited = self._limited or limited
        past_s = now_s - self._at
        if past_s < STEP_S:
            return self._wanted
        rate, faster_than = (arrived_bytes - self._bytes) / past_s, FASTER * self._best
        if not self._limited and rate > faster_than:
            self._best, self._wanted = rate, min(MOST_CONNECTIONS, 2 * self._wanted)
        elif not self._limited and self._best and not self._gave_up:
            self._gave_up, self._wanted = True, max(1, self._wanted // 2)
        self._at, self._bytes, self._limited = now_s, arrived_bytes, False
        return self._wanted


class Fetching:
    """Fetches what is missing of some layers, until :meth:`halt`."""

    def __init__(
        self,
        parts: list[PartFile],
        registry: FromRegistry,
        mirror: Mirror | None,
        limit: RateLimit,
        start: StartThread,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.problem: Problem | None = None
        """Why it ended early."""
        self._parts = parts
        self._registry = registry
        self._mirror = mirror
        self._without_mirror: set[str] = set()
        self._doubted: set[str] = set()
        self._limit = limit
        self._start = start
        self._clock = clock
        self._patience_s = patience_s
        self._halted = Event()
        self._news = Event()
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._running = 0
        self._arrived_at = clock()
        self._worth = Connections(FIRST if limit.bytes_per_s is None else 1, self._arrived_at)
        self._wanted = 0
        self._fruitless = 0
        self._arrived_bytes = 0
        self._waits_seen = limit.waits

    @property
    def waiting(self) -> bool:
        """Whether nothing comes because of a fault that may pass."""
        return self._fruitless > 0

    def drive(self) -> None:
        """Begin as many connections as are worth it; to be called a few times a second."""
        limited, self._waits_seen = self._limit.waits != self._waits_seen, self._limit.waits
        self._wanted = self._worth.wanted(self._clock(), self._arrived_bytes, limited)
        while self._running < self._wanted and not self._halted.is_set():
            claimed = self._claim()
            if claimed is None:
                return
            with self._lock:
                self._running += 1
            part, claim = claimed
            self._threads.append(self._start("wattlight-download", partial(self._work, part, claim)))

    def may_try_again(self, part: PartFile) -> bool:
        """Whether a layer that came wrong is worth another try: from the registry, and there once."""
        digest = part.layer.digest
        if self._mirror is not None and digest not in self._without_mirror:
            self._without_mirror.add(digest)
            return True
        if digest in self._doubted:
            return False
        self._doubted.add(digest)
        return True

    def wait(self, most_s: float) -> None:
        """Until a connection has come to its end, or so long."""
        if self._news.wait(most_s):
            self._news.clear()

    def halt(self) -> None:
        """End all connections and wait for their threads."""
        self._halted.set()
        for thread in self._threads:
            thread.join(10.0)

    def _claim(self) -> tuple[PartFile, Claim] | None:
        for part in self._parts:
            claim = part.claim()
            if claim is not None:
                return part, claim
        return None

    def _work(self, part: PartFile, claim: Claim) -> None:
        try:
            claimed: tuple[PartFile, Claim] | None = (part, claim)
            while claimed is not None:
                self._try(*claimed)
                leaves = self._halted.is_set() or self._running > self._wanted
                claimed = None if leaves else self._claim()
        finally:
            with self._lock:
                self._running -= 1
            self._news.set()

    def _try(self, part: PartFile, claim: Claim) -> None:
        begun_at = claim.at
        wait_s: float | None = None
        try:
            self._carry(part, claim)
            return
        except Lacking:
            if claim.at == begun_at:
                self._without_mirror.add(part.layer.digest)
            return
        except RegistryBusy as problem:
            failure: Problem = problem
            wait_s = problem.wait_s
        except RegistryProblem as problem:
            failure = problem
            if problem.code in FINAL:
                self._end(problem)
        except OSError as error:
            self._end(disk_problem(error, part.folder))
            return
        except ValueError:  # its file was closed: everything has ended
            if not self._halted.is_set():
                raise
            return
        finally:
            part.release(claim)
        self._after(failure, wait_s)

    def _after(self, failure: Problem, wait_s: float | None) -> None:
        """Wait before the next try, or end where that makes no sense."""
        if self._halted.is_set():
            return
        with self._lock:
            self._fruitless += 1
            tries = self._fruitless
        pause_s = WAITS_S[min(tries, len(WAITS_S)) - 1] if wait_s is None else wait_s
        if self._clock() - self._arrived_at + pause_s > self._patience_s:
            self._end(failure)
        else:
            self._halted.wait(pause_s)

    def _end(self, problem: Problem) -> None:
        with self._lock:
            self.problem = self.problem or problem
        self._halted.set()

    def _carry(self, part: PartFile, claim: Claim) -> None:
        near = None if part.layer.digest in self._without_mirror else self._mirror
        source = near or self._registry
        with source.open(part.layer, claim.at, claim.end, self._halted) as (read, at):
            if at is None and not part.takes_whole(claim):
                return
            skip = claim.at if at is None else 0
            nap_s = 0.0
            buffer = memoryview(bytearray(min(PIECE_BYTES, claim.left + skip)))
            while granted := self._limit.take(len(buffer), self._halted):
                count = read(buffer[:granted])
                self._limit.give_back(granted - count)
                if not count:
                    raise source.cut()
                self._arrived_at, self._fruitless = self._clock(), 0
                with self._lock:
                    self._arrived_bytes += count
                skipped = min(skip, count)
                skip -= skipped
                if count > skipped and not part.write(claim, buffer[skipped:count]):
                    return
                if count < min(SMALL_BYTES, granted):
                    nap_s = min(MOST_NAP_S, 2 * nap_s or NAP_S)
                    self._halted.wait(nap_s)
                else:
                    nap_s /= 2
