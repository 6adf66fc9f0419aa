"""An API against one's own hardware: monthly cost of both, payback, and what to send where."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from wattlight.i18n import tr

from .tariff import MICRO
from .values import Problem

T = TypeVar("T")


class BreakEvenProblem(Problem):
    """An input of the comparison makes no sense."""

    code = "bad_input"


@dataclass(frozen=True, slots=True)
class MonthlyUse:
    """How much is asked in a month. Tokens are averages per call; the cached share is of the input."""

    calls_per_month: int
    tokens_in_per_call: float
    tokens_out_per_call: float
    cached_input_share: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.calls_per_month, self.tokens_in_per_call, self.tokens_out_per_call)
        if not all(0 <= n < 1e12 for n in numbers) or not 0 <= self.cached_input_share <= 1:
            raise BreakEvenProblem(
                tr("Calls and tokens must be zero or more, and the cached share between 0 and 1."),
                tr("Give the calls a month and the tokens of a typical call."),
            )


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """One row of an API's price list, money per million tokens.

    ``weights`` is the Ollama name of the same open weights, empty for a closed model.
    """

    id: str
    provider: str
    model: str
    weights: str
    currency: str
    input_per_mtok: Decimal
    output_per_mtok: Decimal
    cached_input_per_mtok: Decimal | None
    valid_from: date | None = None
    """The first day of the price; None: nobody states it."""
    source: str = ""
    valid_to: date | None = None
    """The last day of the price, or of the model."""
    seen_on: date | None = None
    """The day the price was read, which is not its own date."""
    batch_discount: Decimal | None = None
    """Share taken off for work that may wait."""
    dearer_above: int | None = None
    """Prompt tokens of a call from which the provider charges more."""
    how_sure: str = ""
    note: str = ""

    def ended(self, day: date) -> bool:
        return self.valid_to is not None and self.valid_to < day

    def announced(self, day: date) -> bool:
        """It is not valid yet."""
        return self.valid_from is not None and self.valid_from > day


def prices_on(rows: Iterable[ApiPrice], day: date) -> tuple[ApiPrice, ...]:
    """One row of each id, in their order: the newest valid on ``day``, else the one that ended last."""
    best: dict[str, ApiPrice] = {}
    for row in rows:
        known = best.get(row.id)
        if not row.announced(day) and (known is None or _age(row, day) > _age(known, day)):
            best[row.id] = row
    return tuple(best.values())


def _age(row: ApiPrice, day: date) -> tuple[bool, date, date]:
    return not row.ended(day), row.valid_from or date.min, row.valid_to or date.max


@dataclass(frozen=True, slots=True)
class LocalSide:
    """One's own hardware.

    Attributes:
        output_tokens_per_s: decoding speed of one request, measured or typed.
        input_tokens_per_s: prompt processing speed; None leaves prompt time out (and says so).
        active_w: extra draw while answering, at the wall.
        parked_w: extra draw while the model is loaded and nobody asks; None: not known.
        parked_hours_per_month: how long it stays loaded without work.
        idle_w: draw of the rest of the computer, where it is on for this alone; None: not known.
        idle_hours_per_month: how long it is on for this.
        price_per_kwh: what electricity costs, in ``currency``.
        hardware_price: what has to be bought for it (0: it is there already), in ``currency``; None: not
            known.
        life_months: over how many months that is written off.
        at_once: how many requests are worked on together without slowing each other down much.
    """

    output_tokens_per_s: float
    input_tokens_per_s: float | None
    active_w: float
    parked_w: float | None
    parked_hours_per_month: float | None
    price_per_kwh: Decimal
    currency: str
    hardware_price: Decimal | None = None
    life_months: int = 36
    at_once: float = 1.0
    idle_w: float | None = None
    idle_hours_per_month: float | None = None

    def __post_init__(self) -> None:
        speeds = (self.output_tokens_per_s, self.at_once, self.life_months, self.input_tokens_per_s or 1.0)
        parked = (self.parked_w or 0.0, self.parked_hours_per_month or 0.0)
        idle = (self.idle_w or 0.0, self.idle_hours_per_month or 0.0)
        draws = (self.active_w, *parked, *idle, float(self.hardware_price or 0))
        if not all(0 < n < 1e9 for n in speeds) or not all(0 <= n < 1e9 for n in draws):
            raise BreakEvenProblem(
                tr("Speeds and the life of the hardware must be above zero, watts and prices zero or more."),
                tr("Check the figures of the local side."),
            )


HOURS_PER_MONTH = Decimal("730.5")
"""365.25 days / 12."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the API is paid.

    ``rate``: units of the local currency for one of the API's. ``vat``: share added to the listed price,
    None: not known. ``batch``: the work may wait, at the provider's discount for that.
    """

    rate: Decimal = Decimal(1)
    vat: Decimal | None = None
    batch: bool = False


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Monthly money in micro-units of ``currency``; None where there is no such figure.

    Attributes:
        api_micro: everything sent to the API.
        energy_micro: electricity of answering everything here, with parked and idle hours as far as known.
        hardware_micro: write-off of the hardware per month; None: its price is not known.
        local_micro: energy and write-off together; None as well then.
        busy_hours: hours a month the machine works for this use.
        load: busy hours as a share of a month; above 1 it cannot answer everything.
        api_per_call_micro: one call at the API.
        local_per_call_micro: electricity of one call here, without parked hours.
        payback_months: hardware price over the monthly saving; None means never: not at this use, or later
            than the hardware lasts, or its price is not known.
        hardware_worth_micro: what the hardware may cost at most to pay for itself within its life.
        break_even_calls: calls a month from which one's own hardware is cheaper; None means never.
        local_share: share of the calls that is cheapest to answer here (0 API only, 1 all here); None: that
            hangs on the price of the hardware, which is not known.
        hybrid_micro: monthly cost at that share.
        choice: ``api``, ``local``, ``hybrid`` or ``unknown``.
        prompt_time_known: False when prompt processing is left out of the busy hours.
    """

    currency: str
    api_micro: int
    energy_micro: int
    hardware_micro: int | None
    local_micro: int | None
    busy_hours: float
    load: float
    api_per_call_micro: int
    local_per_call_micro: int
    payback_months: float | None
    break_even_calls: int | None
    local_share: float | None
    hybrid_micro: int | None
    choice: str
    prompt_time_known: bool
    hardware_worth_micro: int


def compare(
    use: MonthlyUse, api: ApiPrice, local: LocalSide, terms: Terms | Decimal = Decimal(1)
) -> BreakEven:
    """Compare answering ``use`` through ``api`` with answering it on ``local``.

    Args:
        use: calls and tokens of a month.
        api: the price list row; cached input is charged at its own price where there is one.
        local: the hardware side, in its own currency.
        terms: how the API is paid, or the rate alone.

    The saving of a call is its API price less its electricity. Fixed costs here (write-off, parked and idle
    hours) are paid once a call is answered here at all, so the cheapest share is either none or as many calls
    as the machine has hours for. What is not known is in no sum.

    Raises:
        BreakEvenProblem: the rate is not above zero.
    """
    if isinstance(terms, Decimal):
        terms = Terms(terms)
    rate = terms.rate
    if not rate.is_finite() or rate <= 0:
        raise BreakEvenProblem(
            tr("The exchange rate must be above zero."), tr("Give it as local units for one API unit.")
        )
    calls = Decimal(use.calls_per_month)
    off = api.batch_discount if terms.batch and api.batch_discount is not None else Decimal(0)
    api_call = _api_call(use, api) * rate * (1 - off) * (1 + (terms.vat or 0))
    seconds = _seconds_per_call(use, local)
    kwh_price = local.price_per_kwh
    local_call = seconds / 3600 * _dec(local.active_w) / 1000 * kwh_price
    standing_wh = _wh(local.parked_w, local.parked_hours_per_month) + _wh(
        local.idle_w, local.idle_hours_per_month
    )
    standing = standing_wh / 1000 * kwh_price
    hardware = local.hardware_price
    written_off = None if hardware is None else hardware / local.life_months
    fixed = standing + (written_off or 0)
    busy_hours = calls * seconds / 3600
    load = busy_hours / HOURS_PER_MONTH
    saving_per_call = api_call - local_call
    share: Decimal | None = _share(calls, saving_per_call, fixed, load)
    if share and hardware is None:
        share = None
    saved = saving_per_call * calls * min(Decimal(1), 1 / load if load else Decimal(1)) - standing
    energy_micro = _micro(local_call * calls + standing)
    payback = hardware / saved if hardware is not None and saved > 0 else None
    return BreakEven(
        currency=local.currency,
        api_micro=_micro(api_call * calls),
        energy_micro=energy_micro,
        hardware_micro=None if written_off is None else _micro(written_off),
        local_micro=None if written_off is None else energy_micro + _micro(written_off),
        busy_hours=float(busy_hours),
        load=float(load),
        api_per_call_micro=_micro(api_call),
        local_per_call_micro=_micro(local_call),
        payback_months=None if payback is None or payback > local.life_months else float(payback),
        break_even_calls=None if hardware is None else _break_even_calls(saving_per_call, fixed, seconds),
        local_share=None if share is None else float(share),
        hybrid_micro=None
        if share is None
        else _micro(api_call * calls * (1 - share) + local_call * calls * share + (fixed if share else 0)),
        choice={None: "unknown", Decimal(0): "api", Decimal(1): "local"}.get(share, "hybrid"),
        prompt_time_known=local.input_tokens_per_s is not None,
        hardware_worth_micro=_micro(max(Decimal(0), saved) * local.life_months),
    )


def _wh(watts: float | None, hours: float | None) -> Decimal:
    return _dec(watts or 0.0) * _dec(hours or 0.0)


def _api_call(use: MonthlyUse, api: ApiPrice) -> Decimal:
    cached_price = api.input_per_mtok if api.cached_input_per_mtok is None else api.cached_input_per_mtok
    cached = _dec(use.tokens_in_per_call) * _dec(use.cached_input_share)
    fresh = _dec(use.tokens_in_per_call) - cached
    sum_per_mtok = fresh * api.input_per_mtok + cached * cached_price
    return (sum_per_mtok + _dec(use.tokens_out_per_call) * api.output_per_mtok) / MICRO


def _seconds_per_call(use: MonthlyUse, local: LocalSide) -> Decimal:
    seconds = _dec(use.tokens_out_per_call) / _dec(local.output_tokens_per_s)
    if local.input_tokens_per_s is not None:
        fresh = _dec(use.tokens_in_per_call) * (1 - _dec(use.cached_input_share))
        seconds += fresh / _dec(local.input_tokens_per_s)
    return seconds / _dec(local.at_once)


def _share(calls: Decimal, saving_per_call: Decimal, fixed: Decimal, load: Decimal) -> Decimal:
    if calls == 0 or saving_per_call <= 0:
        return Decimal(0)
    possible = min(Decimal(1), 1 / load) if load else Decimal(1)
    return possible if saving_per_call * calls * possible > fixed else Decimal(0)


def _break_even_calls(saving_per_call: Decimal, fixed: Decimal, seconds: Decimal) -> int | None:
    if saving_per_call <= 0:
        return None
    calls = fixed / saving_per_call
    if calls * seconds / 3600 > HOURS_PER_MONTH:
        return None
    return int(calls.to_integral_value(rounding="ROUND_CEILING"))


def _dec(value: float) -> Decimal:
    return Decimal(repr(value))


def _micro(value: Decimal) -> int:
    return int((value * MICRO).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def parse_api_prices(text: str) -> tuple[ApiPrice, ...]:
    """The rows of a price list in CSV, in the order of the file.

    Raises:
        BreakEvenProblem: a row cannot be read; the message names its line.
    """
    rows: list[ApiPrice] = []
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    try:
        for row in reader:
            price = ApiPrice(
                id=row["id"],
                provider=row["provider"],
                model=row["model"],
                weights=row["weights"],
                currency=row["currency"],
                input_per_mtok=_price(row["input_per_mtok"]),
                output_per_mtok=_price(row["output_per_mtok"]),
                cached_input_per_mtok=_optional(row["cached_input_per_mtok"], _price),
                valid_from=_optional(row.get("valid_from"), date.fromisoformat),
                source=row["source"],
                valid_to=_optional(row.get("valid_to"), date.fromisoformat),
                seen_on=_optional(row.get("seen_on") or row.get("date"), date.fromisoformat),
                batch_discount=_optional(row.get("batch_discount"), _price),
                dearer_above=_optional(row.get("dearer_above"), int),
                how_sure=row.get("how_sure") or "",
                note=row.get("note") or "",
            )
            rows.append(price)
    except (KeyError, TypeError, ValueError, ArithmeticError, csv.Error) as error:
        raise BreakEvenProblem(
            tr("Line {line} of the price list cannot be read.", line=max(1, reader.line_num)),
            tr("Each row needs id, provider, model, currency, prices with a point, dates as 2026-11-30."),
        ) from error
    return tuple(rows)


def _optional(text: str | None, read: Callable[[str], T]) -> T | None:
    return read(text.strip()) if text and text.strip() else None


def _price(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or not 0 <= value < 1_000_000:
        raise ValueError(text)
    return value
