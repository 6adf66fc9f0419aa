"""The meter of this computer as one part: the recording, and the prober, profile and beat around it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from wattlight.domain.energy import Batch, ProgramsNow
from wattlight.domain.power import MachineSample, without_estimates
from wattlight.domain.state import AppState, RunningModel
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import LOCAL_HOST, MachineProfile, Problem, from_us, to_us
from wattlight.i18n import local_zone, short_date, tr
from wattlight.probes import Prober
from wattlight.store import LedgerWriter

from .benchmark import notes, restore
from .budget_watch import BudgetWatch
from .calibration import wall_of
from .current import CurrentSettings
from .factory import ServiceFactory
from .hub import StateHub
from .learned import LearnedWatts
from .metering import MeterView, Recording, Wiring, kept_since
from .models import SerialExecutor
from .programs import ProgramWatch

PROFILE_SHOWN_S = 5.0
PROFILE_HIDDEN_S = 60.0
CLOCK_SLACK = timedelta(days=2)
PROGRAMS_FILE = "programs-today.json"
LOADED_S = 5.0
"""The slowest beat while a model is loaded: its draw changes faster than an idle computer's."""

Listener = Callable[[MachineSample, tuple[RunningModel, ...] | None], object]
"""Hears a sample, with the models listed then (None: the server did not say)."""


class MeterService:
    """A :class:`Recording`, and prober, profile and beat around it; publishes into the hub.

    Everything slow happens on its executor or on the sampler's thread. All methods return at once, except
    where they say how long they wait.
    """

    def __init__(
        self,
        factory: ServiceFactory,
        settings: CurrentSettings,
        hub: StateHub,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factory = factory
        self._settings = settings
        self._hub = hub
        self._clock = clock
        self._listeners: list[Listener] = []
        self._running: tuple[RunningModel, ...] | None = None
        self._ports: tuple[int, ...] = ()
        self._shown = False
        self._hurried = False
        self._engine_started = False
        self._permission_changed = False
        self._distrusted: set[str] = set()
        self._divided: MachineSample | None = None
        self._prober: Prober | None = None
        self._profile: MachineProfile | None = None
        self._profile_at = float("-inf")
        self._looked = threading.Condition()
        self._begun = self._done = 0
        self._ended = False
        self._thread_id: int | None = None
        self._new_plug = False
        self._executor = SerialExecutor("wattlight-meter", factory.threads.start)
        self._budget = BudgetWatch(settings, factory.places.state / "budget-told.txt", hub, factory.now)
        wanted = settings.value.meter
        self._learned = LearnedWatts(factory.places.learned_file)
        self._recording = Recording(
            Wiring(
                ledger_file=factory.places.ledger_file,
                lock_file=factory.places.meter_lock,
                sample=self._sample,
                running=lambda: self._running,
                tariff=self._tariff,
                now=factory.now,
                zone=local_zone(settings.environ),
                shown_s=wanted.shown_interval_s,
                hidden_s=wanted.hidden_interval_s,
                learned=self._learned,
                daily=self._forget_old,
            ),
            self._publish,
            self._notify,
            start=factory.threads.start,
        )
        self._programs = ProgramWatch(
            factory.program_times(), self._recording.meter.base_uw, factory.places.state / PROGRAMS_FILE
        )
        self._recording.meter.set_paused(wanted.paused)
        self._recording.meter.set_wall(wall_of(wanted))
        settings.subscribe(lambda s: s.meter.paused, self._pause)
        settings.subscribe(
            lambda s: wall_of(s.meter), lambda: self._recording.meter.set_wall(wall_of(settings.value.meter))
        )
        settings.subscribe(lambda s: s.plug, self._plug_changed)
        settings.subscribe(lambda s: (s.meter.shown_interval_s, s.meter.hidden_interval_s), self._set_beat)
        settings.subscribe(lambda s: replace(s.price, dollar_rate=None, declined=False), self._reprice)

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with each sample, on the sampler's thread. Subscribe before :meth:`start`."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin: the ledger is opened in the background, the sensors on the sampler's thread."""
        self._executor.submit(lambda: self._guarded(self._restore_limits))
        self._executor.submit(lambda: self._guarded(self._recording.start))

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Stop sampling, then commit and close; the lock is released last. False if that took longer."""
        with self._looked:
            self._ended = True
            self._looked.notify_all()
        in_time = self._executor.close(timeout_s)
        in_time = self._recording.stop() and in_time
        if in_time and self._prober is not None:
            self._prober.close()
        return in_time

    def set_shown(self, shown: bool) -> None:
        """Somebody looks, or nobody does: the beat follows."""
        self._shown = shown
        self._recording.sampler.set_watching(shown or self._hurried)

    def hurry(self, on: bool) -> None:
        """Sample at the quick beat although nobody looks: something is being measured."""
        self._hurried = on
        self._recording.sampler.set_watching(self._shown or on)

    def note_tokens(self, model: str, tokens_in: int, tokens_out: int) -> None:
        """Tokens of an answer that has just ended; any thread."""
        self._recording.meter.note_tokens(model, tokens_in, tokens_out)

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

    def set_running(self, running: tuple[RunningModel, ...] | None, ports: tuple[int, ...] = ()) -> None:
        """Which models are resident now; None when the server did not say.

        ``ports``: where their servers listen on this computer, by which the processes are known.
        """
        self._ports = ports
        before, self._running = self._running, running
        if bool(running) != bool(before):
            self._engine_started = bool(running)
            self._set_beat()

    def permission_changed(self) -> None:
        """This account may read more, or less: the sensors are opened anew with the next look."""
        self._permission_changed = True
        self._recording.sampler.look_now()

    def delete_records(self) -> None:
        """Delete everything in the ledger and count anew. Waits some seconds at most.

        Raises:
            Problem: another Wattlight records, or the file could not be changed.
        """
        if not self.write(lambda writer: writer.purge(self._factory.now())):
            raise Problem(
                tr("The records could not be deleted."),
                tr("Quit other running copies of Wattlight and try again."),
                "not_deleted",
            )
        self._programs.forget()
        self._learned.forget()
        self._recording.reload()

    def write(self, errand: Callable[[LedgerWriter], object]) -> bool:
        """Let the one writer do something; False where this process does not record, or it took too long."""
        recorder = self._recording.recorder
        return recorder is not None and recorder.ask(errand)

    def put(self, batch: Batch) -> bool:
        """Hand rows of another computer to the recorder; False where this process does not record."""
        recorder = self._recording.recorder
        if recorder is not None:
            recorder.put(batch)
        return recorder is not None

    def profile(self) -> MachineProfile | None:
        """The computer as last seen, None before the first look."""
        return self._profile

    def _pause(self) -> None:
        paused = self._settings.value.meter.paused
        self._recording.meter.set_paused(paused)
        self._hub.update(lambda state: replace(state, paused=paused))

    def _plug_changed(self) -> None:
        self._new_plug = True
        self._recording.meter.learn_anew()  # another plug, or more on it, has other levels

    def reprice(self) -> None:
        """The prices of the tariff are others now, though its name is the same."""
        self._reprice()

    def _reprice(self) -> None:
        self._executor.submit(lambda: self._guarded(self._recording.reload))

    def _set_beat(self) -> None:
        wanted = self._settings.value.meter
        hidden = min(LOADED_S, wanted.hidden_interval_s) if self._running else wanted.hidden_interval_s
        self._recording.sampler.set_intervals(wanted.shown_interval_s, hidden)

    def _tariff(self) -> Tariff | None:
        tariff = self._settings.tariff()
        self._hub.withdraw("tariff")
        return tariff

    def _forget_old(self, writer: LedgerWriter) -> None:
        months = self._settings.value.meter.keep_months
        if not months:
            return
        now, own_us = self._factory.now(), writer.own_time_us()
        due = kept_since(now, months)
        # the clock may be wrong, and what is deleted is gone
        before = due if own_us is None else min(due, kept_since(from_us(own_us), months))
        gone = 0 if own_us is None else writer.forget_before(to_us(before))
        if gone:
            logging.getLogger("wattlight").info("%d rows from before %s are deleted", gone, before.date())
        if writer.has_before(to_us(due - CLOCK_SLACK)):
            text = tr(
                "Records from before {date} are due to be deleted; that waits until the meter has run for a "
                "day at the present time of the clock.",
                date=short_date(due.date()),
            )
            self._hub.notify("keep_months", text, now, "info")
        else:
            self._hub.withdraw("keep_months")

    def _sample(self) -> MachineSample:
        with self._looked:
            self._begun += 1
        self._thread_id = threading.get_ident()
        if self._prober is None:
            self._prober = self._factory.prober()
            self._new_plug = False
        self._prober.watch_ports(self._ports)
        if self._new_plug:
            self._new_plug = False
            self._prober.use_plug(self._factory.plug_watch(self._settings.value.plug))
        if self._engine_started:
            self._engine_started = False
            self._prober.engine_started()
        if self._permission_changed:
            self._permission_changed = False
            self._prober.look_anew()
        sample = self._prober.sample()
        if not self._settings.value.meter.estimates:
            sample = without_estimates(sample)
        self._mind_profile(self._prober)
        with self._looked:
            self._done = self._begun
            self._looked.notify_all()
        for listener in self._listeners:
            self._guarded(lambda listener=listener: listener(sample, self._running))  # type: ignore[misc]
        return sample

    def _mind_profile(self, prober: Prober) -> None:
        now = self._clock()
        pause = PROFILE_SHOWN_S if self._shown else PROFILE_HIDDEN_S
        if self._profile is None or now - self._profile_at >= pause:
            self._profile_at = now
            self._profile = prober.profile()

    def _guarded(self, what: Callable[[], object]) -> None:
        try:
            what()
        except Exception:
            logging.getLogger("wattlight").exception("a part of the meter failed")

    def _restore_limits(self) -> None:
        """A sweep of power limits that was killed has left a note."""
        said = restore(self._factory.card_limits, notes(self._factory.places))
        if said:
            self._hub.notify("power_limit", said, self._factory.now(), "warning")

    def _who_draws(self, sample: MachineSample, view: MeterView) -> ProgramsNow | None:
        """Only with a new sample: the other views repeat the one before. If it fails, the meter goes on."""
        if sample is self._divided:
            return None
        self._divided = sample
        keep = self._settings.value.meter.keep_programs and self._recording.recording
        try:
            return self._programs.take(sample, view.rows, view.day, self._shown, keep, view.tariff)
        except Exception:
            logging.getLogger("wattlight").exception("who draws it cannot be told")
            return None

    def _notify(self, kind: str, text: str) -> None:
        self._hub.notify(kind, text, self._factory.now(), urgent=kind != "tariff")

    def _publish(self, view: MeterView) -> None:
        for device in set(view.distrusted) - self._distrusted:
            self._distrusted.add(device)
            parts = view.sample.devices if view.sample is not None else ()
            text = tr(
                "The energy counter of {device} disagrees with its power reading; it is not used.",
                device=next((part.name for part in parts if part.id == device), device),
            )
            self._hub.notify(f"counter {device}", text, self._factory.now())
        programs = None if view.sample is None else self._who_draws(view.sample, view)

        today, month = view.today, view.month
        if not self._settings.value.meter.estimates:
            today, month = (cost and replace(cost, estimated=None) for cost in (today, month))

        def change(state: AppState) -> AppState:
            hosts = tuple(
                replace(
                    host,
                    profile=self._profile or host.profile,
                    sample=view.sample,
                    history=view.history,
                    today=today,
                    month=month,
                    programs=programs or host.programs,
                )
                if host.id == LOCAL_HOST
                else host
                for host in state.hosts
            )
            return replace(
                state,
                hosts=hosts,
                paused=view.paused,
                recording=self._recording.recording,
                price_known=view.price_known,
                zone=view.zone,
            )

        self._hub.update(change)
        if view.day is not None:
            self._budget.look(view.day, view.today, view.month)
