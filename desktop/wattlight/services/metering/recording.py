"""Everything that records, wired: lock, recorder, meter, sampler."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from wattlight import StartThread, start_thread
from wattlight.domain.energy import Batch
from wattlight.domain.power import MachineSample
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import LOCAL_HOST, Problem, to_us
from wattlight.i18n import tr
from wattlight.store import (
    LedgerDamaged,
    LedgerFile,
    LedgerProblem,
    LedgerReader,
    LedgerWriter,
    MeterLock,
    open_reader,
)

from ..learned import LearnedWatts
from .days import close_days
from .live import LiveMeter, MeterView, Running
from .recorder import Notify, Recorder
from .sampler import Beat, Sampler

LOOK_S = 10.0
"""How often a process that does not record reads the ledger, and tries to take over."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the meter needs from outside.

    Attributes:
        sample: one cheap look at the machine.
        running: models resident now, without asking the server; None if unknown.
        tariff: the tariff in force, asked at the start, at midnight and after :meth:`Recording.reload`.
        zone: the zone of days without a tariff.
    """

    ledger_file: Path
    lock_file: Path
    sample: Callable[[], MachineSample]
    running: Running
    tariff: Callable[[], Tariff | None]
    now: Callable[[], datetime]
    zone: ZoneInfo
    shown_s: float = 1.0
    hidden_s: float = 5.0
    learned: LearnedWatts | None = None
    """What the whole computer draws, learned on battery; None: nothing is learned."""
    daily: Callable[[LedgerWriter], None] = lambda _writer: None
    """More to do once a day on the recorder's thread, after the days were closed."""


class Recording:
    """Starts and stops the meter in order.

    Where another process records, this one only samples for its chart and reads the sums; when the other
    ends, it takes over.
    """

    def __init__(
        self,
        wiring: Wiring,
        publish: Callable[[MeterView], None] | None = None,
        notify: Notify | None = None,
        beat: Beat | None = None,
        start: StartThread = start_thread,
    ) -> None:
        self._start = start
        self._wiring = wiring
        self._notify: Notify = notify or (lambda _kind, _text: None)
        self._lock = MeterLock(wiring.lock_file)
        self.recorder: Recorder | None = None
        self._refused = False
        self._said_of_tariff = ""
        self._looked_s = 0.0
        self._last_look_s: float | None = None
        self.meter = LiveMeter(
            self._put, wiring.running, self._tariff, wiring.now, publish, wiring.zone, LOCAL_HOST
        )
        self.sampler = Sampler(
            wiring.sample,
            self._take,
            wiring.shown_s,
            wiring.hidden_s,
            self.meter.expect,
            lambda text: self._notify("sensors", text),
            beat,
            start,
        )

    @property
    def recording(self) -> bool:
        """This process is the one that writes the ledger."""
        return self.recorder is not None

    def holder(self) -> int | None:
        return self._lock.holder()

    def start(self, must_record: bool = False) -> bool:
        """Begin; False if another process records (with ``must_record`` nothing is started then).

        Raises:
            LedgerProblem: with ``must_record`` the ledger cannot be used.
        """
        if not self._take_over(must_record) and must_record:
            return False
        if self.recorder is None:
            self.reload()
        self.sampler.start()
        return self.recording

    def stop(self) -> bool:
        """End: sampler, what waits, recorder (flushed within a second), lock. False if something is stuck.

        A recorder that is stuck may still write: the lock stays with this process until that ends.
        """
        self._refused = True
        stopped = self.sampler.stop()
        if self._wiring.learned is not None and self.recording:
            self._wiring.learned.save()
        self.meter.finish()
        if self.recorder is not None and not self.recorder.stop():
            return False
        self.recorder = None
        self._lock.release()
        return stopped

    def kept(self) -> MeterView:
        """What is on disk after the end; no sums where that cannot be read."""
        known = self.reload()
        view = self.meter.view()
        return view if known else replace(view, today=None, month=None)

    def _put(self, batch: Batch) -> bool:
        if self.recorder is None:
            return False
        self.recorder.put(batch)
        return True

    def _tariff(self) -> Tariff | None:
        try:
            tariff = self._wiring.tariff()
        except Problem as problem:
            if self._said_of_tariff != str(problem):  # asked from several threads, said once
                self._said_of_tariff = str(problem)
                self._notify("tariff", str(problem))
            return None
        self._said_of_tariff = ""
        return tariff

    def _take(self, sample: MachineSample) -> None:
        last, self._last_look_s = self._last_look_s, sample.monotonic_s
        if self.recorder is not None and self._lock.lost() and self.recorder.stop():
            self.recorder = None
            self._lock.release()
            self._notify("ledger", tr("The file meter.lock was removed while recording."))
            self._looked_s = LOOK_S
        if self.recorder is not None and not self._lock.held and not self._may_record(must_record=False):
            self.recorder.stop()  # it counted in memory, where there was no place; another has found one
            self.recorder = None
        if self.recorder is not None:
            self.recorder.look()
            if self.recorder.renewed:  # the sums tell what is in the file there is now
                self.recorder.renewed = False
                self.reload()
        if self.recorder is None and not self._refused and last is not None:
            self._looked_s += max(0.0, sample.monotonic_s - last)
            if self._looked_s >= LOOK_S:
                self._looked_s = 0.0
                if not self._take_over(False):
                    self.reload()
        learned = self._wiring.learned
        self.meter.take(sample if learned is None else learned.take(sample, self.recording))

    def _take_over(self, must_record: bool) -> bool:
        if not self._may_record(must_record):
            return False
        try:
            recorder = Recorder(
                LedgerFile(self._wiring.ledger_file, self._wiring.now),
                self._wiring.now,
                self._notify,
                daily=self._daily,
                start=self._start,
            )
            try:
                self._resume(recorder.open())
            except LedgerDamaged:  # an orderly end is trusted, so some damage shows with the first rows
                self._resume(recorder.open_anew())
        except LedgerProblem as problem:
            self._lock.release()
            if must_record:
                raise
            self._refused = problem.code == "ledger_newer"
            self._notify(problem.code, str(problem))
            return False
        self.recorder = recorder
        recorder.start()
        return True

    def _resume(self, writer: LedgerWriter) -> None:
        reader = LedgerReader(writer.connection, owns=False)
        self.meter.resume(writer.counters(LOCAL_HOST), reader.levels())
        self.meter.reload(reader)

    def _may_record(self, must_record: bool) -> bool:
        try:
            return self._lock.acquire()
        except LedgerProblem as problem:
            if must_record:
                raise
            # Nobody can record where not even the lock can be made: the meter counts in memory.
            if self.recorder is None:
                self._notify(problem.code, str(problem))
            return True

    def reload(self) -> bool:
        """Make today's and this month's sums anew, by ledger and price as they are now.

        False where the ledger cannot be read.
        """
        try:
            reader = open_reader(self._wiring.ledger_file)
        except LedgerProblem as problem:
            self._notify(problem.code, str(problem))
            return False
        try:
            self.meter.reload(reader, None if self.recorder is None else self.recorder.flush)
        except LedgerProblem:
            logging.getLogger("wattlight").exception("the ledger could not be read")
            return False
        finally:
            reader.close()
        return True

    def _daily(self, writer: LedgerWriter) -> None:
        close_days(writer, self._tariff(), to_us(self._wiring.now()), self._wiring.zone)
        self._wiring.daily(writer)
