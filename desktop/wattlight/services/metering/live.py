"""The meter at work: every sample becomes rows for the recorder, points of the chart and today's sums."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wattlight.domain.cost import By, CostReport, RangeSums, Sums
from wattlight.domain.energy import WALL, Batch, CounterBase, DeviceInfo, EnergyRow, LevelRow
from wattlight.domain.power import MachineSample
from wattlight.domain.state import HistoryPoint, RunningModel
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import LOCAL_HOST, DeviceSample, HostId, to_us
from wattlight.domain.wall import Wall
from wattlight.store import LedgerReader

from .meter import Meter

HISTORY_S = 600
MAX_POINTS = 620

Running = Callable[[], tuple[RunningModel, ...] | None]


@dataclass(frozen=True, slots=True)
class MeterView:
    """What the meter knows after a sample."""

    sample: MachineSample | None
    history: tuple[HistoryPoint, ...]
    today: CostReport | None
    month: CostReport | None
    paused: bool
    price_known: bool
    distrusted: tuple[str, ...] = ()
    """Devices whose energy counter disagreed with their power and is not used."""
    day: date | None = None
    """The day that ``today`` sums, in the tariff's zone."""
    zone: ZoneInfo | None = None
    rows: tuple[EnergyRow, ...] = ()
    """What the latest sample settled."""
    tariff: Tariff | None = None
    """The one by which ``today`` is priced."""


class LiveMeter:
    """Called by the sampler's thread (:meth:`take`) and by others (:meth:`set_paused`, :meth:`reload`).

    Args:
        put: hands a batch to the recorder. None, or an answer of False, while another process records:
            nothing is stored then, and the sums come from the ledger that the other one writes, through
            :meth:`reload`.
        running: models resident now, without asking the server; None if unknown.
        tariff: the tariff in force, None if no price is set.
        zone: the zone of days while there is no tariff.
        publish: receives the newest view, on the thread that made it.
    """

    def __init__(
        self,
        put: Callable[[Batch], object] | None,
        running: Running,
        tariff: Callable[[], Tariff | None],
        now: Callable[[], datetime],
        publish: Callable[[MeterView], None] | None = None,
        zone: ZoneInfo | None = None,
        host: HostId = LOCAL_HOST,
    ) -> None:
        self._put = put
        self._running = running
        self._tariff_now = tariff
        self._now = now
        self._publish = publish or (lambda _view: None)
        self._zone = zone or ZoneInfo("UTC")
        self._host = host
        self._lock = threading.RLock()
        self._meter = Meter(host)
        self._tariff: Tariff | None = tariff()
        self._history: deque[HistoryPoint] = deque(maxlen=MAX_POINTS)
        self._sample: MachineSample | None = None
        self._paused = False
        self._tokens: dict[str, tuple[int, int]] = {}
        self._names: dict[str, str] = {}
        self._parts: dict[str, DeviceInfo] = {}
        self._day: date | None = None
        self._today: Sums | None = None
        self._month: Sums | None = None
        self._ranges: tuple[RangeSums, RangeSums] | None = None
        """Of today and of the month."""

    def resume(self, counters: tuple[CounterBase, ...], levels: tuple[LevelRow, ...]) -> None:
        """Continue from what the recorder's ledger holds. Call it before the first sample."""
        with self._lock:
            self._meter.resume(counters, levels)

    def reload(self, reader: LedgerReader, flush: Callable[[], object] | None = None) -> None:
        """Read today's and this month's sums from the ledger: at the start, and after a change of price.

        ``flush`` is the recorder's: what waits for the next commit must be in the ledger first.
        """
        with self._lock:
            if flush is not None:
                flush()
            self._tariff = self._tariff_now()
            self._begin_spans(to_us(self._now()))
            for sums in (self._today, self._month):
                if sums is not None:
                    sums.know(reader.devices(self._host))
                    sums.add_all(reader.buckets(sums.start_us, sums.end_us, self._host))
                    sums.observed_ms += reader.observed_ms(sums.start_us, sums.end_us, self._host)
            for ranges in self._ranges or ():
                ranges.add_all(reader.estimates(ranges.start_us, ranges.end_us, self._host))

    def expect(self, beat_s: float) -> None:
        with self._lock:
            self._meter.expect(beat_s)

    def note_tokens(self, model: str, tokens_in: int, tokens_out: int) -> None:
        """Tokens of an answer of ``model`` that has just ended; written with the next sample."""
        with self._lock:
            known = self._tokens.get(model, (0, 0))
            self._tokens[model] = known[0] + tokens_in, known[1] + tokens_out

    def rest_w(self) -> float | None:
        """Draw of the measured parts without any model resident; None until it is known of each."""
        with self._lock:
            if self._sample is None:
                return None
            levels = [self._meter.base_uw(key) for key in self._sample.total.counted]
            known = [level for level in levels if level is not None]
            return sum(known) / 1_000_000 if known and len(known) == len(levels) else None

    def base_uw(self, device: str) -> int | None:
        """Draw of a part without any model resident, in microwatts; None before it is known."""
        with self._lock:
            return self._meter.base_uw(device)

    def set_wall(self, wall: Wall | None) -> None:
        """What is known of the way to the plug: what it adds to the measured parts is billed from now on."""
        with self._lock:
            self._meter.set_wall(wall)

    def learn_anew(self) -> None:
        with self._lock:
            self._meter.forget_levels()

    def set_paused(self, paused: bool) -> None:
        with self._lock:
            if paused == self._paused:
                return
            self._paused = paused
            now = self._now()
            batch = self._meter.pause(to_us(now)) if paused else self._meter.unpause(to_us(now))
            self._store(batch)
            self._history.append(HistoryPoint(now, (), "paused"))
        self._publish(self.view())

    def take(self, sample: MachineSample) -> None:
        with self._lock:
            previous, self._sample = self._sample, sample
            tokens, self._tokens = self._tokens, {}
            batch = self._meter.process(sample, self._running(), tokens=tokens)
            self._names.update(batch.models)
            self._parts.update((info.device, info) for info in batch.devices)
            if not self._paused:
                self._draw(previous, sample, batch)
            self._store(batch)
        self._publish(replace(self.view(), rows=batch.rows))

    def finish(self) -> None:
        """Settle what waits; call it after the sampler stopped and before the recorder does."""
        with self._lock:
            self._store(self._meter.finish())

    def view(self) -> MeterView:
        with self._lock:
            now_us = to_us(self._now())
            return MeterView(
                self._sample,
                tuple(self._history),
                self._report(0, now_us),
                self._report(1, now_us),
                self._paused,
                self._tariff is not None,
                self._meter.distrusted(),
                self._day,
                self._days_zone,
                tariff=self._tariff,
            )

    def _report(self, index: int, now_us: int) -> CostReport | None:
        """Of today (0) or the month (1)."""
        sums = (self._today, self._month)[index]
        if sums is None or self._ranges is None:
            return None
        report, ranges = sums.report(By.MODEL, now_us), self._ranges[index]
        return replace(report, estimated=ranges.range(), idle_left_s=self._meter.idle_left_s())

    def _store(self, batch: Batch) -> None:
        now_us = to_us(self._now())
        if local_day(now_us, self._days_zone) != self._day:
            self._begin_spans(now_us)
        if self._put is None or self._put(batch) is False:
            return
        for sums in (self._today, self._month):
            if sums is not None:
                sums.add_batch(batch)
        for ranges in self._ranges or ():
            ranges.add_all(batch.estimates)

    @property
    def _days_zone(self) -> ZoneInfo:
        return self._zone if self._tariff is None else self._tariff.zone

    def _begin_spans(self, now_us: int) -> None:
        zone = self._days_zone
        today = local_day(now_us, zone)
        first = today.replace(day=1)
        next_month = (first + timedelta(days=32)).replace(day=1)
        month_bounds = day_start_us(first, zone), day_start_us(next_month, zone)
        new_day = today != self._day
        self._day = today
        tomorrow_us = day_start_us(today + timedelta(days=1), zone)
        self._today = Sums(self._tariff, day_start_us(today, zone), tomorrow_us)
        of_month = None if self._ranges is None else self._ranges[1]
        if not new_day or self._month is None or self._month.start_us != month_bounds[0]:
            self._month = Sums(self._tariff, *month_bounds)
            of_month = None
        of_today = RangeSums(self._tariff, self._today.start_us, self._today.end_us)
        self._ranges = of_today, of_month or RangeSums(self._tariff, *month_bounds)
        for sums in (self._today, self._month):
            sums.know(self._parts.values(), self._names.items())

    def _draw(self, previous: MachineSample | None, sample: MachineSample, batch: Batch) -> None:
        long_gaps = [gap for gap in batch.gaps if gap.end_us - gap.start_us >= 2_000_000]
        if previous is not None and long_gaps and sample.at > previous.at:
            reason = long_gaps[0].reason
            middle = previous.at + (sample.at - previous.at) / 2
            self._history.append(HistoryPoint(middle, (), reason))
        watts = [(device.id, self._watts(device)) for device in sample.devices]
        way = self._meter.way
        if way is not None and way.part.id != WALL:
            watts.append((way.part.id, way.watts))
        self._history.append(HistoryPoint(sample.at, tuple(watts), None))
        oldest = sample.at - timedelta(seconds=HISTORY_S)
        while self._history and self._history[0].at < oldest:
            self._history.popleft()

    def _watts(self, device: DeviceSample) -> float | None:
        if device.power_w is not None or device.counter_mj is None:
            return device.power_w
        mean = self._meter.mean_uw.get(device.id)
        return None if mean is None else mean / 1_000_000
