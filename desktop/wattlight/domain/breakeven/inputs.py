"""What a comparison needs to know."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from wattlight.domain.values import Problem


class BreakEvenProblem(Problem):
    """An input of the comparison makes no sense."""

    code = "bad_input"


@dataclass(frozen=True, slots=True)
class Use:
    """How much is asked in a month. Tokens are averages per call; the cached share is of the input."""

    calls_per_month: int
    tokens_in_per_call: float
    tokens_out_per_call: float
    cached_input_share: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.calls_per_month, self.tokens_in_per_call, self.tokens_out_per_call)
        if not all(0 <= n < 1e12 for n in numbers) or not 0 <= self.cached_input_share <= 1:
            raise BreakEvenProblem(
                "Calls and tokens must be zero or more, and the cached share between 0 and 1.",
                "Give the calls a month and the tokens of a typical call.",
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
                "Speeds and the life of the hardware must be above zero, watts and prices zero or more.",
                "Check the figures of the local side.",
            )
