"""The only writer of the ledger: takes batches, commits every ten seconds, keeps them while it cannot."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from wattlight import StartThread, start_thread
from wattlight.domain.energy import Batch
from wattlight.domain.values import Problem, to_us
from wattlight.i18n import tr
from wattlight.store import (
    LedgerDamaged,
    LedgerFull,
    LedgerProblem,
    LedgerReader,
    LedgerWriter,
    OpenedLedger,
    Pending,
)

COMMIT_S = 10.0
FIRST_S = 1.0
KEEP_MINUTES = 60
"""How much is kept in memory while the disk is full."""
DAY_S = 86_400.0
LONGEST_BEAT_S = 60.0
"""More than this between two commits is no metering but sleep."""
RETRY_S = 30.0
"""How often it is tried to leave the memory for a file."""
WRITES = 3


class Ledger(Protocol):
    """How the recorder gets at the file."""

    def open(self, damaged: bool = False) -> OpenedLedger:
        """Open it; what was found ``damaged`` is moved aside first."""

    def lost(self) -> bool:
        """The open file is no longer the one that has the ledger's name."""

    def let_go(self, writer: LedgerWriter) -> str:
        """Close the file that was lost; what is to be told of it."""

    def suspected(self) -> bool:
        """Somebody who read the file found it damaged."""

    @property
    def in_memory(self) -> bool:
        """What was opened last is no file, since none could be."""

    def release_reserve(self) -> bool:
        """Give the reserved room back to a full disk."""


Notify = Callable[[str, str], None]
"""Receives (kind, sentence): something the user should know."""


class Recorder:
    """Merges batches and commits them. Its own thread, or driven by hand with :meth:`accept` and
    :meth:`commit` (replay, tests)."""

    def __init__(
        self,
        ledger: Ledger,
        now: Callable[[], datetime],
        notify: Notify | None = None,
        commit_s: float = COMMIT_S,
        daily: Callable[[LedgerWriter], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._ledger = ledger
        self._now = now
        self._clock = clock
        self._notify: Notify = notify or (lambda _kind, _text: None)
        self._commit_s = commit_s
        self._daily = daily
        self._pending = Pending()
        self._arrived: deque[Batch] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._writer: LedgerWriter | None = None
        self._troubled = False
        self._known = Pending()
        self._tidied_s: float | None = None
        self._written_s: float | None = None
        self._tried_s = 0.0
        self._moved_on = False
        self.renewed = False
        """What was recorded before is in another file than what is recorded now; for the owner to reset."""
        self._turn = threading.Condition()
        self._flushes_asked = 0
        self._flushes_done = 0
        self._committed = True
        self._errands: deque[tuple[Callable[[LedgerWriter], object], threading.Event]] = deque()

    def open(self) -> LedgerWriter:
        """Open the ledger (before the thread starts) and tell what was found.

        Raises:
            LedgerProblem: it is newer than this program, or cannot be opened.
        """
        if self._writer is None:
            opened = self._ledger.open()
            self._writer = opened.writer
            for notice in opened.notices:
                self._notify("ledger", notice)
        return self._writer

    def open_anew(self) -> LedgerWriter:
        """Move the damaged ledger aside and begin another.

        Raises:
            LedgerProblem: it cannot be opened.
        """
        if self._writer is not None:
            self._writer.connection.close()  # without the mark of an orderly end
            self._writer = None
        opened = self._ledger.open(damaged=True)
        self._writer = opened.writer
        self._pending.remember(self._known)
        self._moved_on = True
        for notice in opened.notices:
            self._notify("ledger", notice)
        return self._writer

    def look(self) -> None:
        """At each beat, from any thread: a file that was taken away is not written to much longer."""
        if self._ledger.lost() or self._ledger.suspected():
            self._hurry.set()
            self._wake.set()

    def start(self) -> None:
        if self._thread is None:
            self._thread = self._start("recorder", self._run)

    def put(self, batch: Batch) -> None:
        """Hand over a batch from any thread."""
        if not batch.empty:
            self._arrived.append(batch)
            self._wake.set()

    def ask(self, errand: Callable[[LedgerWriter], object], timeout_s: float = 5.0) -> bool:
        """Let the one writer do something (purge, say) after committing; False if it was not done in time."""
        done = threading.Event()
        self._errands.append((errand, done))
        self.flush(timeout_s)
        return done.is_set()

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Commit now and wait for it; False if that did not happen in time."""
        if self._thread is None:
            self._drain()
            done = self.commit()
            self._run_errands()
            return done
        with self._turn:
            self._flushes_asked += 1
            mine = self._flushes_asked
        self._hurry.set()
        self._wake.set()
        with self._turn:
            return self._turn.wait_for(lambda: self._flushes_done >= mine, timeout_s) and self._committed

    def stop(self, timeout_s: float = 1.0) -> bool:
        """Commit what is pending, close the ledger and end the thread; False if it took too long."""
        if self._thread is not None:
            self._ended = True
            self._hurry.set()
            self._wake.set()
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        else:
            self._drain()
            self.commit()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        return True

    def accept(self, batch: Batch) -> None:
        """Merge a batch into what waits for the next commit."""
        self._pending.add(batch)

    def commit(self) -> bool:
        """Write what is pending. On failure it stays in memory, an hour of it at most.

        True: it is in the file that has the ledger's name now.
        """
        try:
            self._mind_file()
            if self._pending.empty and not self._moved_on:
                return True
            for _ in range(WRITES):
                self.open().write(self._pending, to_us(self._now()), self._metered_us())
                if not self._ledger.lost():
                    break
                self._renew()  # taken away while it was being written
            else:
                return self._keep(_taken_away())
        except LedgerFull as problem:
            return self._room_made() or self._keep(problem)
        except LedgerDamaged as problem:
            return self._begin_anew() or self._keep(problem)
        except LedgerProblem as problem:
            return self._keep(problem)
        except Exception as error:  # a fault of ours: what waits is kept, and the thread goes on
            logging.getLogger("wattlight").exception("the ledger could not be written")
            return self._keep(_fault(error))
        self._wrote()
        return not self._ledger.in_memory

    def _mind_file(self) -> None:
        if self._writer is None:
            return
        if self._ledger.lost():
            self._renew()
        elif self._ledger.in_memory:
            self._leave_memory(self._writer)
        elif self._ledger.suspected():
            self._writer.check()

    def _renew(self) -> None:
        if self._writer is not None:
            self._notify("ledger", self._ledger.let_go(self._writer))
        self._writer = None
        self._pending.remember(self._known)
        self._moved_on = True

    def _leave_memory(self, memory: LedgerWriter) -> None:
        """What could be written nowhere goes into the file as soon as there can be one."""
        if self._clock() - self._tried_s < RETRY_S:
            return
        self._tried_s = self._clock()
        opened = self._ledger.open()
        if self._ledger.in_memory:
            opened.writer.close()
            return
        counted = Pending()
        counted.add(LedgerReader(memory.connection, owns=False).everything())
        counted.remember(self._known)
        opened.writer.write(counted)
        memory.close()
        self._writer = opened.writer
        self._moved_on = True
        text = tr("The ledger can be written again; what was counted in memory is in it.")
        for notice in (*opened.notices, text):
            self._notify("ledger", notice)

    def _metered_us(self) -> int:
        """Time of metering since the last commit."""
        last, self._written_s = self._written_s, self._clock()
        return 0 if last is None else round(min(self._written_s - last, LONGEST_BEAT_S) * 1_000_000)

    def maintain(self) -> None:
        """Once a day: minutes older than 14 days become quarter hours, then ``daily`` (closing days).

        The day is one of a clock that cannot be set, and what is old is told by the ledger's own time.
        """
        now_s = self._clock()
        if self._writer is None or self._ledger.in_memory:
            return
        if self._tidied_s is not None and now_s - self._tidied_s < DAY_S:
            return
        self._tidied_s = now_s
        try:
            own_us = self._writer.own_time_us()
            if own_us is not None:
                self._writer.roll_up(own_us)
            if self._daily is not None:
                self._daily(self._writer)
        except LedgerDamaged:
            self._begin_anew()
        except LedgerProblem:
            return
        except Exception as error:
            logging.getLogger("wattlight").exception("the ledger could not be tidied")
            self._notify("ledger", str(_fault(error)))

    def _run_errands(self) -> None:
        while self._errands and self._writer is not None:
            errand, done = self._errands.popleft()
            try:
                errand(self._writer)
                done.set()
            except LedgerProblem as problem:
                self._notify(problem.code, str(problem))
            except Exception as error:
                logging.getLogger("wattlight").exception("an errand of the ledger failed")
                self._notify("ledger", str(_fault(error)))

    def _wrote(self) -> None:
        self._pending.remember(self._known)
        self._known.remember(self._pending)
        self._pending = Pending()
        self.renewed, self._moved_on = self.renewed or self._moved_on, False
        if self._troubled:
            self._troubled = False
            self._notify("ledger", tr("The ledger can be written again; nothing of the last hour was lost."))

    def _room_made(self) -> bool:
        if not self._ledger.release_reserve() or self._writer is None:
            return False
        try:
            self._writer.write(self._pending)
        except LedgerProblem:
            return False
        self._wrote()
        text = tr("The disk is full; Wattlight used its reserve. Free some space soon.")
        self._notify("disk_full", text)
        return True

    def _begin_anew(self) -> bool:
        try:
            self.open_anew().write(self._pending)
        except LedgerProblem:
            return False
        self._wrote()
        return True

    def _keep(self, problem: Problem) -> bool:
        if not self._troubled:
            self._troubled = True
            self._notify(problem.code, str(problem))
        now_minute = to_us(self._now()) // 60_000_000
        self._pending.forget_before(now_minute - KEEP_MINUTES)
        return False

    def _drain(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._pending.add(self._arrived.popleft())

    def _run(self) -> None:
        # Sleeps until the first batch and then until the commit is due: an idle recorder never wakes.
        # The first is due soon: from its counters, what a kill takes away can be told later.
        pause_s = min(FIRST_S, self._commit_s)
        while not self._ended:
            if self._pending.empty:
                self._wake.wait()
            self._wake.clear()
            self._hurry.wait(pause_s)
            pause_s = self._commit_s
            self._hurry.clear()
            self._round()
            self.maintain()
        self._round()

    def _round(self) -> None:
        with self._turn:
            answering = self._flushes_asked  # who asks after this moment waits for the next round
        self._drain()
        committed = self.commit()
        self._run_errands()
        with self._turn:
            self._flushes_done, self._committed = answering, committed
            self._turn.notify_all()


def _fault(error: Exception) -> LedgerProblem:
    """What a fault of this program's own is to the person."""
    return LedgerProblem(
        tr("The ledger cannot be written now ({value}).", value=type(error).__name__),
        tr("Up to an hour is kept in memory and written then; the log says more."),
    )


def _taken_away() -> LedgerProblem:
    return LedgerProblem(
        tr("The ledger's file is removed again and again."),
        tr("Up to an hour is kept in memory; stop what removes it."),
    )
