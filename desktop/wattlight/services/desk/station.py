"""The meter of this computer as one part: lock, recorder, sampler, sums, and the profile beside them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import LOCAL_HOST, MachineProfile, MachineSample, Problem
from wattlight.i18n import tr
from wattlight.probes import Prober
from wattlight.services.metering import LiveMeter, MeterView, Recorder, Sampler
from wattlight.settings import Meter as MeterSettings
from wattlight.store import LedgerReader, MeterLock

PROFILE_SHOWN_S = 5.0
PROFILE_HIDDEN_S = 60.0
TRY_LOCK_S = 30.0
"""How often a process that only reads tries to become the one that records."""
LOADED_S = 5.0
"""The slowest beat while a model is loaded: its draw changes faster than an idle computer's."""
READ_S = 15.0
"""How often a process that only reads adds up what the other one wrote, while somebody looks."""


@dataclass(frozen=True, slots=True)
class StationNews:
    """What the station publishes after each sample."""

    view: MeterView
    profile: MachineProfile | None
    recording: bool


@dataclass(frozen=True, slots=True)
class StationParts:
    """What the station is built from; all callables may be called from its thread.

    Attributes:
        prober: makes the prober (its first look may take long).
        recorder: makes a recorder of this computer's ledger.
        reader: opens the ledger for reading; None while there is none.
        tariff: the tariff in force, None without a price.
        settings: the meter's settings in force.
        zone: the zone of days while there is no tariff.
        follow: hears of every sample after the meter, with the models resident then.
    """

    prober: Callable[[], Prober]
    recorder: Callable[[], Recorder]
    lock: MeterLock
    reader: Callable[[], LedgerReader | None]
    tariff: Callable[[], Tariff | None]
    settings: Callable[[], MeterSettings]
    zone: ZoneInfo
    now: Callable[[], datetime]
    publish: Callable[[StationNews], None]
    notify: Callable[[str, str], None]
    follow: Callable[[MachineSample, tuple[RunningModel, ...] | None], None] = lambda _sample, _running: None
    clock: Callable[[], float] = time.monotonic


class MeterStation:
    """Implements :class:`MeterPort`. Everything slow happens on the sampler's thread."""

    def __init__(self, parts: StationParts) -> None:
        self._parts = parts
        self._running: tuple[RunningModel, ...] | None = None
        self._shown = False
        self._hurried = False
        self._paused = False
        self._reload = False
        self._engine_started = False
        self._prober: Prober | None = None
        self._recorder: Recorder | None = None
        self._live: LiveMeter | None = None
        self._profile: MachineProfile | None = None
        self._profile_at = float("-inf")
        self._lock_at = float("-inf")
        self._read_at = float("-inf")
        self._looked = threading.Condition()
        self._begun = self._done = 0
        self._ended = False
        self._thread_id: int | None = None
        intervals = parts.settings()
        self._sampler = Sampler(
            self._sample,
            self._take,
            intervals.shown_interval_s,
            intervals.hidden_interval_s,
            expect=self._expect,
            failed=lambda text: parts.notify("sensors", text),
        )

    def start(self) -> None:
        """Begin to sample; opening the sensors and the ledger happens on the sampler's thread."""
        self._sampler.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop sampling, then commit and close; the lock is released last."""
        with self._looked:
            self._ended = True
            self._looked.notify_all()
        in_time = self._sampler.stop(timeout_s)
        if in_time and self._live is not None:
            self._live.finish()
        if self._recorder is not None:
            in_time = self._recorder.stop(timeout_s) and in_time
        if in_time and self._prober is not None:
            self._prober.close()
        self._parts.lock.release()
        return in_time

    def set_shown(self, shown: bool) -> None:
        """Somebody looks, or nobody does."""
        self._shown = shown
        self._sampler.set_watching(shown or self._hurried)

    def hurry(self, on: bool) -> None:
        """Sample at the quick beat although nobody looks: something is being measured."""
        self._hurried = on
        self._sampler.set_watching(self._shown or on)

    def note_tokens(self, tokens_in: int, tokens_out: int) -> None:
        """Tokens of an answer that has just ended; any thread."""
        live = self._live
        if live is not None:
            live.note_tokens(tokens_in, tokens_out)

    def fresh_profile(self, timeout_s: float = 2.0) -> MachineProfile | None:
        """The computer as it is now, by a look that begins after this call; the last one if none comes in
        time. On the sampler's own thread: as the look under way saw it."""
        if threading.get_ident() == self._thread_id:
            return None if self._prober is None else self._prober.profile()
        with self._looked:
            wanted = self._begun + 1
            self._profile_at = float("-inf")
            self._sampler.look_now()
            self._looked.wait_for(lambda: self._done >= wanted or self._ended, timeout_s)
        return self._profile

    def set_paused(self, paused: bool) -> None:
        """Stop or resume counting."""
        self._paused = paused
        if self._live is not None:
            self._live.set_paused(paused)

    def set_running(self, running: tuple[RunningModel, ...] | None) -> None:
        """Which models are resident now."""
        before, self._running = self._running, running
        if bool(running) != bool(before):
            self._engine_started = bool(running)
            self._set_beat()

    def settings_changed(self) -> None:
        """Take the beat and the price anew; a new price changes the past too."""
        self._set_beat()
        self._reload = True

    def delete_records(self) -> None:
        """Delete everything in the ledger and count anew. Waits some seconds at most.

        Raises:
            Problem: another Wattlight records, or the file could not be changed.
        """
        recorder = self._recorder
        if recorder is None or not recorder.ask(lambda writer: writer.purge()):
            raise Problem(
                "The records could not be deleted.",
                "Quit other running copies of Wattlight and try again.",
                "not_deleted",
            )
        self._reload = True

    def profile(self) -> MachineProfile | None:
        """The computer as last seen."""
        return self._profile

    def _set_beat(self) -> None:
        intervals = self._parts.settings()
        hidden = min(LOADED_S, intervals.hidden_interval_s) if self._running else intervals.hidden_interval_s
        self._sampler.set_intervals(intervals.shown_interval_s, hidden)

    def _expect(self, beat_s: float) -> None:
        if self._live is not None:
            self._live.expect(beat_s)

    def _sample(self) -> MachineSample:
        with self._looked:
            self._begun += 1
        self._thread_id = threading.get_ident()
        if self._prober is None:
            self._prober = self._parts.prober()
        if self._live is None:
            self._open()
        if self._engine_started:
            self._engine_started = False
            self._prober.engine_started()
        return self._prober.sample()

    def _take(self, sample: MachineSample) -> None:
        now = self._parts.clock()
        self._mind_lock(now)
        self._mind_profile(now)
        with self._looked:
            self._done = self._begun
            self._looked.notify_all()
        if self._live is None:
            return
        if self._reload or (self._recorder is None and self._shown and now - self._read_at >= READ_S):
            self._reload, self._read_at = False, now
            self._add_up(self._live)
        self._live.take(sample)
        self._parts.follow(sample, self._running)

    def _open(self) -> None:
        """Become the one that records, or one that reads."""
        self._lock_at = self._parts.clock()
        try:
            mine = self._parts.lock.acquire()
        except Problem as problem:
            self._parts.notify("ledger", str(problem))
            mine = True  # nobody else can record either: count in memory
        recorder = self._begin_recording() if mine else None
        self._recorder = recorder
        live = LiveMeter(
            None if recorder is None else recorder.put,
            lambda: self._running,
            self._parts.tariff,
            self._parts.now,
            self._publish,
            self._parts.zone,
        )
        if recorder is not None:
            writer = recorder.open()
            live.resume(writer.counters(LOCAL_HOST), writer.levels(LOCAL_HOST))
        self._add_up(live)
        if recorder is not None:
            recorder.start()
        live.expect(self._sampler.interval_s)
        if self._paused:
            live.set_paused(True)
        self._live = live

    def _begin_recording(self) -> Recorder | None:
        recorder = self._parts.recorder()
        try:
            recorder.open()
        except Problem as problem:
            self._parts.notify("ledger", str(problem))
            self._parts.lock.release()
            return None
        return recorder

    def _mind_lock(self, now: float) -> None:
        if self._recorder is None and now - self._lock_at >= TRY_LOCK_S:
            self._lock_at = now
            if self._parts.lock.acquire():
                self._open()

    def _mind_profile(self, now: float) -> None:
        pause = PROFILE_SHOWN_S if self._shown else PROFILE_HIDDEN_S
        if self._prober is not None and (self._profile is None or now - self._profile_at >= pause):
            self._profile_at = now
            self._profile = self._prober.profile()

    def _add_up(self, live: LiveMeter) -> None:
        try:
            reader = self._parts.reader()
            if reader is not None:
                with reader:
                    live.reload(reader)
        except Problem as problem:
            logging.getLogger("wattlight").warning("the ledger cannot be read: %s", problem)

    def _publish(self, view: MeterView) -> None:
        for device in view.distrusted:
            self._parts.notify(
                f"counter {device}",
                tr(
                    "The energy counter of {device} disagrees with its power reading; it is not used.",
                    device=device,
                ),
            )
        self._parts.publish(StationNews(view, self._profile, self._recorder is not None))
