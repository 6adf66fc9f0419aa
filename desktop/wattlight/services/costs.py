"""What the ledger answers beyond running sums: days and models of the month, last week, an API's side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from wattlight.domain.answers import (
    CapAdvice,
    CapInputs,
    TokenCost,
    not_comparable,
    power_cap_advice,
    same_hours_of_last_week,
    token_costs,
)
from wattlight.domain.breakeven import ApiPrice
from wattlight.domain.cost import (
    Amount,
    Bucket,
    By,
    CostLine,
    CostReport,
    DayAmount,
    Projection,
    Sums,
    joined,
    of_models,
    project_month,
)
from wattlight.domain.energy import MINUTE_US, State
from wattlight.domain.keep_alive import (
    DAYS_PER_MONTH,
    IdleAdvice,
    IdleDraw,
    idle_advice,
    idle_draws,
    keep_alive_saving,
    monthly_saving,
)
from wattlight.domain.state import HostState, same_model
from wattlight.domain.tariff import CheapHours, Tariff, cheapest_hours, day_start_us, local_day
from wattlight.domain.tokens import MeasuredSpeed, TokenSource
from wattlight.domain.values import HostId, to_us
from wattlight.store import LedgerReader
from wattlight.store.jobs import TokenHour

from .metering import DaySum, sums_of_days, sums_of_span
from .pricing import mean_price

if TYPE_CHECKING:
    from .answers import FitNote

DAYS_FOR_PROJECTION = 14
SHORTER_KEEP_ALIVE_S = 300
DAY_US = 86_400_000_000
LEAST_DAYS = 3.0
WHOLE_MINUTE_MS = 50_000
NOT_SET_BY_USERS = ("laptop", "mobile", "max-q")


@dataclass(frozen=True, slots=True)
class ModelMonth:
    """What a million tokens of one model took this month, here and as the same weights hosted."""

    model: str
    tokens: TokenCost
    hosted_per_million_micro: int | None = None
    hosted_on: date | None = None
    """The day the hosted price was listed."""


@dataclass(frozen=True, slots=True)
class CapNote:
    """A power limit that would save something on a card named ``device``."""

    device: str
    advice: CapAdvice


@dataclass(frozen=True, slots=True)
class LastWeek:
    """Cost of the models in the same hours a week ago, or a sentence why it cannot be told."""

    amount: Amount | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """This month; money in micro-units of the tariff's currency, None where it cannot be told."""

    days: tuple[DaySum, ...] = ()
    models: tuple[ModelMonth, ...] = ()
    projection: Projection | None = None
    """Cost of the models over the whole month."""
    parked_saving_micro: int | None = None
    """What a keep-alive of five minutes would save a month."""
    last_week: LastWeek = LastWeek()
    caps: tuple[CapNote, ...] = ()
    idle: tuple[IdleAdvice, ...] = ()
    """By model, the costliest first."""
    idle_draws: tuple[IdleDraw, ...] = ()
    """By device and loaded models; names of both instead of keys."""
    cheapest: tuple[CheapHours, ...] = ()
    """The cheapest hours of today; none where all cost the same."""


@dataclass(frozen=True, slots=True)
class HostedPrices:
    """The price list, and the user's own dated rate of the dollar in the currency of the tariff."""

    rows: tuple[ApiPrice, ...] = ()
    rate: Decimal | None = None


def month_costs(
    reader: LedgerReader,
    tariff: Tariff | None,
    zone: ZoneInfo,
    now: datetime,
    host: HostState | None = None,
    hosted: HostedPrices | None = None,
) -> MonthCosts:
    """All the Cost page shows beyond the running sums. ``zone`` is of days while there is no tariff."""
    zone = zone if tariff is None else tariff.zone
    today = local_day(to_us(now), zone)
    first = today.replace(day=1)
    earlier = sums_of_days(
        reader, tariff, zone, min(first, today - timedelta(days=DAYS_FOR_PROJECTION + 7)), today
    ).each()
    start_us, end_us = day_start_us(first, zone), to_us(now)
    busy = BusyMinutes()
    quarters = Sums(tariff, start_us, end_us, zone)
    quarters.know(reader.devices())
    seen = keep_alive_saving(
        busy.watching(_also(quarters, reader.buckets(start_us, end_us))), SHORTER_KEEP_ALIVE_S
    )
    price = None if tariff is None else mean_price(tariff, now)
    saving = monthly_saving(seen, SHORTER_KEEP_ALIVE_S, price)
    return MonthCosts(
        days=tuple(day for day in earlier if day.day >= first),
        models=tuple(
            ModelMonth(model, tokens, *_hosted_price(model, tariff, hosted or HostedPrices()))
            for model, tokens in token_costs(quarters).items()
        ),
        projection=projected(earlier, today) if tariff else None,
        parked_saving_micro=None if saving is None else saving.saved_micro,
        idle=idle_advice(seen, price),
        idle_draws=named_draws(reader, host),
        last_week=last_week(reader, tariff, zone, now),
        caps=() if host is None else caps(host, busy, price),
        cheapest=() if tariff is None else cheapest_hours(tariff, today),
    )


def named_draws(reader: LedgerReader, host: HostState | None) -> tuple[IdleDraw, ...]:
    """Idle draws of models that are still installed, on devices that are there."""
    if host is None or host.sample is None:
        return ()
    models = {m.digest: m.name for m in host.server.installed}
    devices = {d.id: d.name for d in host.sample.devices}
    return tuple(
        replace(draw, device=devices[draw.device], models=tuple(models[key] for key in draw.models))
        for draw in idle_draws(reader.levels())
        if draw.device in devices and all(key in models for key in draw.models)
    )


def projected(days: Sequence[DaySum], today: date) -> Projection | None:
    """What the models will cost in the whole month of ``today``, from days that were observed."""
    return project_month([DayAmount(day.day, day.models_micro) for day in days if day.observed_s], today)


def _also(sums: Sums, buckets: Iterable[Bucket]) -> Iterator[Bucket]:
    for bucket in buckets:
        sums.add(bucket)
        yield bucket


def _hosted_price(model: str, tariff: Tariff | None, hosted: HostedPrices) -> tuple[int | None, date | None]:
    """Output price of the same weights in the tariff's currency, and the day it was listed.

    A price in another currency is shown only with the person's own dated rate, never converted by guess.
    """
    for row in hosted.rows:
        if row.weights != model or tariff is None:
            continue
        rate = Decimal(1) if row.currency == tariff.currency else hosted.rate
        if rate is not None:
            return round(row.output_per_mtok * rate * 1_000_000), row.valid_from or row.seen_on
    return None, None


def last_week(reader: LedgerReader, tariff: Tariff | None, zone: ZoneInfo, now: datetime) -> LastWeek:
    """The models' cost in the hours a week ago that today has had so far."""
    hours = same_hours_of_last_week(now, zone)
    now_seen = _seen(reader, to_us(hours.today_start), to_us(hours.today_end))
    start_us, end_us = to_us(hours.then_start), to_us(hours.then_end)
    sums = Sums(tariff, start_us, end_us, zone).add_all(reader.buckets(start_us, end_us))
    sums.know(reader.devices())
    then = sums.amount(of_models)
    reason = not_comparable(then.energy_mj, now_seen, _seen(reader, start_us, end_us))
    return LastWeek(None, reason) if reason else LastWeek(then)


def _seen(reader: LedgerReader, start_us: int, end_us: int) -> float:
    """The observed share of a span."""
    return reader.observed_ms(start_us, end_us) * 1000 / (end_us - start_us) if end_us > start_us else 0.0


class BusyMinutes:
    """Whole minutes of each device in which a model worked, and what the device drew in them."""

    def __init__(self) -> None:
        self._devices: dict[str, _Busy] = {}

    def watching(self, buckets: Iterable[Bucket]) -> Iterator[Bucket]:
        """Pass buckets on, in order of time, and look at them."""
        for bucket in buckets:
            if bucket.length_us == MINUTE_US:
                self._devices.setdefault(bucket.device, _Busy(bucket.start_us)).add(bucket)
            yield bucket

    def draw(self, device: str) -> tuple[float, float, float] | None:
        """(mean watts in busy minutes, busy hours, days looked at); None without any.

        A minute that was busy in part counts whole with its mean, so that the draw is never overstated.
        """
        busy = self._devices.get(device)
        if busy is None:
            return None
        busy.fold()
        if not busy.seen_ms:
            return None
        days = (busy.minute_us - busy.first_us + MINUTE_US) / DAY_US
        return busy.energy_mj / busy.seen_ms, busy.seen_ms / 3_600_000, days


@dataclass(slots=True)
class _Busy:
    """Sums of one device's whole busy minutes, and the minute that is being looked at."""

    first_us: int
    minute_us: int = -1
    energy_mj: int = 0
    seen_ms: int = 0
    _minute_mj: int = 0
    _minute_ms: int = 0
    _worked: bool = False

    def add(self, bucket: Bucket) -> None:
        if bucket.start_us != self.minute_us:
            self.fold()
            self.minute_us = bucket.start_us
        self._minute_mj += bucket.energy_mj
        self._minute_ms = max(self._minute_ms, bucket.observed_ms)
        self._worked |= bucket.state is State.ACTIVE and bucket.energy_mj > 0

    def fold(self) -> None:
        """The minute is over."""
        if self._worked and self._minute_ms >= WHOLE_MINUTE_MS:
            self.energy_mj += self._minute_mj
            self.seen_ms += self._minute_ms
        self._minute_mj = self._minute_ms = 0
        self._worked = False


def caps(host: HostState, busy: BusyMinutes, price_per_kwh: Decimal | None) -> tuple[CapNote, ...]:
    """Power limits worth trying, for cards whose limit, nominal power and busy draw are known."""
    if host.sample is None or host.profile is None:
        return ()
    notes = []
    for device in host.profile.devices:
        sample = next((s for s in host.sample.devices if s.id == device.id), None)
        drawn = busy.draw(device.id)
        if sample is None or drawn is None or drawn[2] < LEAST_DAYS:
            continue
        watts, hours, days = drawn
        fixed = device.integrated or any(word in device.name.lower() for word in NOT_SET_BY_USERS)
        card = CapInputs(
            default_limit_w=device.rated_w,
            limit_w=sample.limit_w,
            active_w=watts,
            active_hours_per_month=hours * float(DAYS_PER_MONTH) / days,
            adjustable=device.backend in {"cuda", "rocm"} and not fixed,
        )
        advice = power_cap_advice(card, price_per_kwh)
        if advice is not None:
            notes.append(CapNote(device.name, advice))
    return tuple(notes)


ALL_HOSTS = "all"


def cost_by_host(
    reader: LedgerReader,
    tariff: Tariff | None,
    zone: ZoneInfo,
    first: date,
    last: date,
    names: Mapping[HostId, str],
    end_us: int,
) -> CostReport:
    """Whole days of all computers that are in the ledger, a line for each; what is over comes from its cache.

    Each computer's error is that of its own sensors; together they are independent.
    """
    reports: dict[str, CostReport] = {}
    for host in reader.hosts():
        sums = sums_of_span(reader, tariff, zone, first, last, host)
        reports[names.get(host, host)] = sums.report(By.MODEL, end_us)
    lines = tuple(_host_line(name, report) for name, report in reports.items())
    return joined(tuple(reports.values()), lines)


def _host_line(name: str, report: CostReport) -> CostLine:
    return CostLine(**{item.name: getattr(report, item.name) for item in fields(Amount)}, key=name)


LOOKED_BACK = timedelta(days=30)
LEAST_SPAN = timedelta(days=1)
LEAST_CALLS = 20
"""Typical tokens of a call are not told from fewer."""


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What is known of one model here for the comparison with an API; None: not measured."""

    model: str
    tokens_per_s: float | None = None
    prompt_tokens_per_s: float | None = None
    active_w: float | None = None
    measured: bool = False
    """The speed was measured on this computer; else it is an estimate."""


def own_sides(fits: "Iterable[FitNote]", runs: Sequence[MeasuredSpeed]) -> tuple[OwnSide, ...]:
    """Speed and draw of each model here: measured before estimated."""
    found = []
    for fit in fits:
        run = next((r for r in runs if not r.deep and same_model(r.model, fit.model)), None)
        if run is not None:
            prompt = run.prompt_tokens_per_s
            found.append(OwnSide(fit.model, run.output_tokens_per_s, prompt, fit.active_w, True))
        elif fit.tokens_low is not None and fit.tokens_high is not None:
            found.append(OwnSide(fit.model, (fit.tokens_low + fit.tokens_high) / 2))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class BreakEvenBasis:
    """What the comparison with an API starts from.

    ``price_per_kwh`` is the mean of the last week. Calls and tokens are what was counted in the last 30 days,
    scaled to a month; None while the relay counted too little.
    """

    prices: tuple[ApiPrice, ...] = ()
    own: tuple[OwnSide, ...] = ()
    price_per_kwh: Decimal | None = None
    currency: str | None = None
    calls: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


def counted_use(hours: Iterable[TokenHour], now: datetime) -> tuple[int | None, int | None, int | None]:
    """(calls a month, tokens in, tokens out of a call) as the relay counted them since LOOKED_BACK."""
    relayed = [hour for hour in hours if hour.source == TokenSource.PASS_THROUGH]
    counted = sum(hour.counted for hour in relayed)
    if not relayed or counted < LEAST_CALLS:
        return None, None, None
    span = now - relayed[0].start
    calls = None
    if span >= LEAST_SPAN:
        a_day = sum(hour.requests for hour in relayed) / (span / timedelta(days=1))
        calls = round(a_day * float(DAYS_PER_MONTH))
    return (
        calls,
        round(sum(hour.prompt_tokens for hour in relayed) / counted),
        round(sum(hour.output_tokens for hour in relayed) / counted),
    )
