"""An API against one's own hardware: monthly cost of both, payback, and what to send where."""

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from wattlight.i18n import tr

from .tariff import MICRO
from .values import Problem


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
    listed_on: date
    source: str


@dataclass(frozen=True, slots=True)
class LocalSide:
    """One's own hardware.

    Attributes:
        output_tokens_per_s: decoding speed of one request, measured or typed.
        input_tokens_per_s: prompt processing speed; None leaves prompt time out (and says so).
        active_w: extra draw while answering, at the wall.
        parked_w: extra draw while the model is loaded and nobody asks.
        parked_hours_per_month: how long it stays loaded without work.
        price_per_kwh: what electricity costs, in ``currency``.
        hardware_price: what has to be bought for it (0: it is there already), in ``currency``.
        life_months: over how many months that is written off.
        at_once: how many requests are worked on together without slowing each other down much.
    """

    output_tokens_per_s: float
    input_tokens_per_s: float | None
    active_w: float
    parked_w: float
    parked_hours_per_month: float
    price_per_kwh: Decimal
    currency: str
    hardware_price: Decimal = Decimal(0)
    life_months: int = 36
    at_once: float = 1.0

    def __post_init__(self) -> None:
        speeds = (self.output_tokens_per_s, self.at_once, self.life_months, self.input_tokens_per_s or 1.0)
        draws = (self.active_w, self.parked_w, self.parked_hours_per_month, float(self.hardware_price))
        if not all(0 < n < 1e9 for n in speeds) or not all(0 <= n < 1e9 for n in draws):
            raise BreakEvenProblem(
                tr("Speeds and the life of the hardware must be above zero, watts and prices zero or more."),
                tr("Check the figures of the local side."),
            )


HOURS_PER_MONTH = Decimal("730.5")
"""365.25 days / 12."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Monthly money in micro-units of ``currency``; None where there is no such figure.

    Attributes:
        api_micro: everything sent to the API.
        energy_micro: electricity of answering everything here, parked hours included.
        hardware_micro: write-off of the hardware per month.
        local_micro: energy and write-off together.
        busy_hours: hours a month the machine works for this use.
        load: busy hours as a share of a month; above 1 it cannot answer everything.
        api_per_call_micro: one call at the API.
        local_per_call_micro: electricity of one call here, without parked hours.
        payback_months: hardware price over the monthly saving; None means never at this use.
        break_even_calls: calls a month from which one's own hardware is cheaper; None means never.
        local_share: share of the calls that is cheapest to answer here (0 API only, 1 all here).
        hybrid_micro: monthly cost at that share.
        choice: ``api``, ``local`` or ``hybrid``.
        prompt_time_known: False when prompt processing is left out of the busy hours.
    """

    currency: str
    api_micro: int
    energy_micro: int
    hardware_micro: int
    local_micro: int
    busy_hours: float
    load: float
    api_per_call_micro: int
    local_per_call_micro: int
    payback_months: float | None
    break_even_calls: int | None
    local_share: float
    hybrid_micro: int
    choice: str
    prompt_time_known: bool


def compare(use: MonthlyUse, api: ApiPrice, local: LocalSide, rate: Decimal = Decimal(1)) -> BreakEven:
    """Compare answering ``use`` through ``api`` with answering it on ``local``.

    Args:
        use: calls and tokens of a month.
        api: the price list row; cached input is charged at its own price where there is one.
        local: the hardware side, in its own currency.
        rate: units of the local currency for one unit of the API's (1 when they are the same).

    The saving of a call is its API price less its electricity. Fixed costs here (write-off, parked hours)
    are paid once a call is answered here at all, so the cheapest share is either none or as many calls as
    the machine has hours for.

    Raises:
        BreakEvenProblem: the rate is not above zero.
    """
    if not rate.is_finite() or rate <= 0:
        raise BreakEvenProblem(
            tr("The exchange rate must be above zero."), tr("Give it as local units for one API unit.")
        )
    calls = Decimal(use.calls_per_month)
    api_call = _api_call(use, api) * rate
    seconds = _seconds_per_call(use, local)
    kwh_price = local.price_per_kwh
    local_call = seconds / 3600 * _dec(local.active_w) / 1000 * kwh_price
    parked = _dec(local.parked_w) * _dec(local.parked_hours_per_month) / 1000 * kwh_price
    written_off = local.hardware_price / local.life_months
    fixed = parked + written_off
    busy_hours = calls * seconds / 3600
    load = busy_hours / HOURS_PER_MONTH
    saving_per_call = api_call - local_call
    share = _share(calls, saving_per_call, fixed, load)
    saved = saving_per_call * calls * min(Decimal(1), 1 / load if load else Decimal(1)) - parked
    return BreakEven(
        currency=local.currency,
        api_micro=_micro(api_call * calls),
        energy_micro=_micro(local_call * calls + parked),
        hardware_micro=_micro(written_off),
        local_micro=_micro(local_call * calls + parked) + _micro(written_off),
        busy_hours=float(busy_hours),
        load=float(load),
        api_per_call_micro=_micro(api_call),
        local_per_call_micro=_micro(local_call),
        payback_months=float(local.hardware_price / saved) if saved > 0 else None,
        break_even_calls=_break_even_calls(saving_per_call, fixed, seconds),
        local_share=float(share),
        hybrid_micro=_micro(
            api_call * calls * (1 - share) + local_call * calls * share + (fixed if share else 0)
        ),
        choice="api" if share == 0 else "local" if share == 1 else "hybrid",
        prompt_time_known=local.input_tokens_per_s is not None,
    )


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
    rows = []
    for line, row in enumerate(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))), start=2):
        try:
            cached = row["cached_input_per_mtok"]
            price = ApiPrice(
                id=row["id"],
                provider=row["provider"],
                model=row["model"],
                weights=row["weights"],
                currency=row["currency"],
                input_per_mtok=_price(row["input_per_mtok"]),
                output_per_mtok=_price(row["output_per_mtok"]),
                cached_input_per_mtok=_price(cached) if cached else None,
                listed_on=date.fromisoformat(row["date"]),
                source=row["source"],
            )
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise BreakEvenProblem(
                tr("Line {line} of the price list cannot be read.", line=line),
                tr("Each row needs id, provider, model, currency, prices with a point, and a date."),
            ) from error
        rows.append(price)
    return tuple(rows)


def _price(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or not 0 <= value < 1_000_000:
        raise ValueError(text)
    return value
