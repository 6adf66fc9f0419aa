"""The meter of this computer as one part: the recording, and the prober, profile and beat around it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import MachineProfile, MachineSample, Problem
from wattlight.i18n import tr
from wattlight.probes import Prober
from wattlight.services.metering import MeterView, Recording, Wiring
from wattlight.services.models.lane import Lane
from wattlight.settings import Meter as MeterSettings
from wattlight.store import LedgerWriter

PROFILE_SHOWN_S = 5.0
PROFILE_HIDDEN_S = 60.0
LOADED_S = 5.0
"""The slowest beat while a model is loaded: its draw changes faster than an idle computer's."""


@dataclass(frozen=True, slots=True)
class StationNews:
    """What the station publishes after each sample."""

    view: MeterView
    profile: MachineProfile | None
    recording: bool


@dataclass(frozen=True, slots=True)
class StationParts:
    """What the station is built from; all callables may be called from its threads.

    Attributes:
        prober: makes the prober (its first look may take long).
        tariff: the tariff in force, None without a price.
        settings: the meter's settings in force.
        zone: the zone of days while there is no tariff.
        follow: hears each sample with the models resident then.
        daily: more to do once a day on the recorder's thread.
    """

    prober: Callable[[], Prober]
    ledger_file: Path
    lock_file: Path
    tariff: Callable[[], Tariff | None]
    settings: Callable[[], MeterSettings]
    zone: ZoneInfo
    now: Callable[[], datetime]
    publish: Callable[[StationNews], None]
    notify: Callable[[str, str], None]
    follow: Callable[[MachineSample, tuple[RunningModel, ...] | None], None] = lambda _sample, _running: None
    daily: Callable[[LedgerWriter], None] = lambda _writer: None
    clock: Callable[[], float] = time.monotonic


class MeterStation:
    """Implements :class:`MeterPort`: a :class:`Recording`, and prober, profile and beat around it.

    Everything slow happens on its lane or on the sampler's thread.
    """

    def __init__(self, parts: StationParts) -> None:
        self._parts = parts
        self._running: tuple[RunningModel, ...] | None = None
        self._shown = False
        self._hurried = False
        self._engine_started = False
        self._distrusted: set[str] = set()
        self._prober: Prober | None = None
        self._profile: MachineProfile | None = None
        self._profile_at = float("-inf")
        self._looked = threading.Condition()
        self._begun = self._done = 0
        self._ended = False
        self._thread_id: int | None = None
        self._lane = Lane("wattlight-meter")
        intervals = parts.settings()
        self._recording = Recording(
            Wiring(
                ledger_file=parts.ledger_file,
                lock_file=parts.lock_file,
                sample=self._sample,
                running=lambda: self._running,
                tariff=parts.tariff,
                now=parts.now,
                zone=parts.zone,
                shown_s=intervals.shown_interval_s,
                hidden_s=intervals.hidden_interval_s,
                daily=parts.daily,
            ),
            self._publish,
            parts.notify,
        )

    def start(self) -> None:
        """Begin: the ledger is opened in the background, the sensors on the sampler's thread."""
        self._lane.submit(lambda: self._guarded(self._recording.start))

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop sampling, then commit and close; the lock is released last."""
        with self._looked:
            self._ended = True
            self._looked.notify_all()
        in_time = self._lane.close(timeout_s)
        in_time = self._recording.stop() and in_time
        if in_time and self._prober is not None:
            self._prober.close()
        return in_time

    def set_shown(self, shown: bool) -> None:
        """Somebody looks, or nobody does."""
        self._shown = shown
        self._recording.sampler.set_watching(shown or self._hurried)

    def hurry(self, on: bool) -> None:
        """Sample at the quick beat although nobody looks: something is being measured."""
        self._hurried = on
        self._recording.sampler.set_watching(self._shown or on)

    def note_tokens(self, tokens_in: int, tokens_out: int) -> None:
        """Tokens of an answer that has just ended; any thread."""
        self._recording.meter.note_tokens(tokens_in, tokens_out)

    def rest_w(self) -> float | None:
        """Draw of the measured parts without any model resident, None before it is known."""
        return self._recording.meter.rest_w()

    def fresh_profile(self, timeout_s: float = 2.0) -> MachineProfile | None:
        """The computer as it is now, by a look that begins after this call; the last one if none comes in
        time. On the sampler's own thread: as the look under way saw it."""
        if threading.get_ident() == self._thread_id:
            return None if self._prober is None else self._prober.profile()
        with self._looked:
            wanted = self._begun + 1
            self._profile_at = float("-inf")
            self._recording.sampler.look_now()
            self._looked.wait_for(lambda: self._done >= wanted or self._ended, timeout_s)
        return self._profile

    def set_paused(self, paused: bool) -> None:
        """Stop or resume counting."""
        self._recording.meter.set_paused(paused)

    def set_running(self, running: tuple[RunningModel, ...] | None) -> None:
        """Which models are resident now."""
        before, self._running = self._running, running
        if bool(running) != bool(before):
            self._engine_started = bool(running)
            self._set_beat()

    def settings_changed(self) -> None:
        """Take the beat and the price anew; a new price changes the past too."""
        self._set_beat()
        self._lane.submit(lambda: self._guarded(self._recording.reprice))

    def delete_records(self) -> None:
        """Delete everything in the ledger and count anew. Waits some seconds at most.

        Raises:
            Problem: another Wattlight records, or the file could not be changed.
        """
        recorder = self._recording.recorder
        if recorder is None or not recorder.ask(lambda writer: writer.purge()):
            raise Problem(
                "The records could not be deleted.",
                "Quit other running copies of Wattlight and try again.",
                "not_deleted",
            )
        self._recording.reprice()

    def profile(self) -> MachineProfile | None:
        """The computer as last seen."""
        return self._profile

    def _set_beat(self) -> None:
        intervals = self._parts.settings()
        hidden = min(LOADED_S, intervals.hidden_interval_s) if self._running else intervals.hidden_interval_s
        self._recording.sampler.set_intervals(intervals.shown_interval_s, hidden)

    def _sample(self) -> MachineSample:
        with self._looked:
            self._begun += 1
        self._thread_id = threading.get_ident()
        if self._prober is None:
            self._prober = self._parts.prober()
        if self._engine_started:
            self._engine_started = False
            self._prober.engine_started()
        sample = self._prober.sample()
        self._mind_profile(self._prober)
        with self._looked:
            self._done = self._begun
            self._looked.notify_all()
        self._guarded(lambda: self._parts.follow(sample, self._running))
        return sample

    def _mind_profile(self, prober: Prober) -> None:
        now = self._parts.clock()
        pause = PROFILE_SHOWN_S if self._shown else PROFILE_HIDDEN_S
        if self._profile is None or now - self._profile_at >= pause:
            self._profile_at = now
            self._profile = prober.profile()

    def _guarded(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Exception:
            logging.getLogger("wattlight").exception("a part of the meter failed")

    def _publish(self, view: MeterView) -> None:
        for device in view.distrusted:
            if device not in self._distrusted:
                self._distrusted.add(device)
                parts = view.sample.devices if view.sample is not None else ()
                name = next((part.name for part in parts if part.device_id == device), device)
                self._parts.notify(
                    f"counter {device}",
                    tr(
                        "The energy counter of {device} disagrees with its power reading; it is not used.",
                        device=name,
                    ),
                )
        self._parts.publish(StationNews(view, self._profile, self._recording.recording))
