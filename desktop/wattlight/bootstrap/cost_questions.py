"""Questions to the ledger beyond sums: last week, money per token, the draw of busy cards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from wattlight.domain.answers import (
    CapInputs,
    TokenCost,
    power_cap_advice,
    same_hours_of_last_week,
    token_cost,
    versus_last_week,
)
from wattlight.domain.cost import Bucket, DayCell, cells_of
from wattlight.domain.energy import MINUTE_US, State
from wattlight.domain.state import HostState
from wattlight.domain.tariff import PriceLookup, Tariff
from wattlight.domain.tokens import TokenSource
from wattlight.domain.values import to_us
from wattlight.services.metering import Amount, DayBook
from wattlight.store import LedgerReader
from wattlight.store.jobs import TokenHour
from wattlight.viewmodels.scene import CapNote, same_model

HOUR_US = 3_600_000_000
DAYS_PER_MONTH = 30.4375
LEAST_DAYS = 3.0
WHOLE_MINUTE_MS = 50_000
MODEL_STATES = (State.ACTIVE, State.PARKED)
NOT_SET_BY_USERS = ("laptop", "mobile", "max-q")


@dataclass(frozen=True, slots=True)
class LastWeek:
    """Models' cost in the same hours a week ago, or a sentence why it cannot be told."""

    cost_micro: int | None
    reason: str = ""


def last_week(reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, now: datetime) -> LastWeek:
    """Compare today so far with the same hours a week ago."""
    hours = same_hours_of_last_week(now, zone)
    today = _models(reader, tariff, zone, to_us(hours.today_start), to_us(hours.today_end))
    then_span = to_us(hours.then_start), to_us(hours.then_end)
    then = _models(reader, tariff, zone, *then_span)
    seen_now = _seen(reader, to_us(hours.today_start), to_us(hours.today_end))
    seen_then = _seen(reader, *then_span)
    versus = versus_last_week(today.energy_mj, then.energy_mj if seen_then else None, seen_now, seen_then)
    if versus.reason is not None:
        return LastWeek(None, versus.reason)
    return LastWeek(then.cost_micro)


def _models(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, start_us: int, end_us: int
) -> Amount:
    buckets = (b for b in reader.buckets(start_us, end_us) if b.state in MODEL_STATES)
    lookup = None if tariff is None else PriceLookup(tariff, start_us, max(end_us, start_us + 1))
    return DayBook(reader, tariff, zone).amount(cells_of(buckets, lookup))


def _seen(reader: LedgerReader, start_us: int, end_us: int) -> float:
    span_ms = (end_us - start_us) / 1000
    return reader.observed_ms(start_us, end_us) / span_ms if span_ms > 0 else 0.0


def token_costs(
    reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, hours: Sequence[TokenHour]
) -> dict[str, TokenCost]:
    """Energy and money per million output tokens of each model, over the hours in which the relay counted.

    Hours without it are left out: energy was used there by clients whose tokens nobody saw.
    """
    counted = {(_hour(h.start), h.model) for h in hours if h.source == TokenSource.PASS_THROUGH and h.counted}
    answers: dict[str, TokenCost] = {}
    for model in sorted({model for _, model in counted}):
        mine = sorted(hour for hour, name in counted if name == model)
        cells: list[DayCell] = []
        for first, last in _runs(mine):
            start, end = first * HOUR_US, (last + 1) * HOUR_US
            lookup = None if tariff is None else PriceLookup(tariff, start, end)
            buckets = (
                b
                for b in reader.buckets(start, end)
                if b.model is not None and b.state in MODEL_STATES and same_model(b.model, model)
            )
            cells += cells_of(buckets, lookup)
        amount = DayBook(reader, tariff, zone).amount(cells)
        of_model = [h for h in hours if h.model == model and (_hour(h.start), model) in counted]
        answers[model] = token_cost(
            amount.energy_mj,
            amount.cost_micro,
            sum(h.output_tokens for h in of_model),
            sum(h.prompt_tokens for h in of_model),
        )
    return answers


def _hour(start: datetime) -> int:
    return to_us(start) // HOUR_US


def _runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for hour in hours:
        if runs and hour == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], hour)
        else:
            runs.append((hour, hour))
    return runs


@dataclass(slots=True)
class BusyMinutes:
    """Whole minutes of each device in which a model worked, and what the device drew in them."""

    _total: dict[tuple[str, int], int] = field(default_factory=dict)
    _seen_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    _busy: set[tuple[str, int]] = field(default_factory=set)

    def watching(self, buckets: Iterable[Bucket]) -> Iterator[Bucket]:
        """Pass buckets on and look at them."""
        for bucket in buckets:
            if bucket.length_us == MINUTE_US:
                key = (bucket.device, bucket.start_us)
                self._total[key] = self._total.get(key, 0) + bucket.energy_mj
                self._seen_ms[key] = max(self._seen_ms.get(key, 0), bucket.observed_ms)
                if bucket.state is State.ACTIVE and bucket.energy_mj > 0:
                    self._busy.add(key)
            yield bucket

    def draw(self, device: str) -> tuple[float, float, float] | None:
        """(mean watts in busy minutes, busy hours, days looked at); None without any.

        A minute that was busy in part counts whole with its mean, so that the draw is never overstated.
        """
        mine = [key for key in self._busy if key[0] == device and self._seen_ms[key] >= WHOLE_MINUTE_MS]
        starts = [start for name, start in self._total if name == device]
        if not mine:
            return None
        seconds = sum(self._seen_ms[key] for key in mine) / 1000
        days = (max(starts) - min(starts) + MINUTE_US) / (24 * HOUR_US)
        return sum(self._total[key] for key in mine) / 1000 / seconds, seconds / 3600, days


def caps(host: HostState, busy: BusyMinutes, price_per_kwh: Decimal | None) -> tuple[CapNote, ...]:
    """Power limits worth trying, for cards whose limit, nominal power and busy draw are known."""
    if host.sample is None or host.profile is None:
        return ()
    notes = []
    for device in host.profile.devices:
        sample = next((s for s in host.sample.devices if s.device_id == device.id), None)
        drawn = busy.draw(device.id)
        if sample is None or drawn is None or drawn[2] < LEAST_DAYS:
            continue
        watts, hours, days = drawn
        fixed = device.integrated or any(word in device.name.lower() for word in NOT_SET_BY_USERS)
        card = CapInputs(
            default_limit_w=device.rated_w,
            limit_w=sample.limit_w,
            active_w=watts,
            active_hours_per_month=hours * DAYS_PER_MONTH / days,
            adjustable=device.backend in {"cuda", "rocm"} and not fixed,
        )
        advice = power_cap_advice(card, price_per_kwh)
        if advice is not None:
            notes.append(CapNote(device.name, advice))
    return tuple(notes)
