"""What the ledger holds and what sums of it are: rows, days, amounts, reports."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from ..energy import QUARTER_US, State, worst_quality
from ..power import combined_error
from ..values import Quality
from .ranges import CostRange


@dataclass(frozen=True, slots=True)
class Bucket:
    """Energy of one device in [start, start + length), for one model or none, in one state."""

    start_us: int
    length_us: int
    device: str
    model: str | None
    """Name of the model, None for none."""
    state: State
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


class By(StrEnum):
    """What the lines of an answer are."""

    MODEL = "model"
    DEVICE = "device"
    DAY = "day"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Amount:
    """Energy, its relative error, and money in micro-units (None without a price).

    ``unpriced_mj`` has no price at all, ``fallback_mj`` stands in slots missing from a price series.
    """

    energy_mj: int = 0
    cost_micro: int | None = None
    error_fraction: float | None = None
    quality: Quality | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    unpriced_mj: int = 0
    fallback_mj: int = 0

    @property
    def cost_error_micro(self) -> int | None:
        """Expected error of the money; None where money or error is not known."""
        if self.cost_micro is None or self.error_fraction is None:
            return None
        return round(self.cost_micro * self.error_fraction)


@dataclass(frozen=True, slots=True)
class CostLine(Amount):
    """One line of a report; its money is within a micro-unit, so that the lines are the sum whatever they
    are. ``is_model``: ``key`` names a model."""

    key: str = ""
    is_model: bool = False


@dataclass(frozen=True, slots=True)
class CostReport(Amount):
    """Sums over a span; ``cost_micro``, rounded half to even once, is the sum of the lines.

    Attributes:
        models: of all models, loaded and idle or working; its money is the sum of theirs.
        parked: the part of it that was drawn while they were loaded and idle.
        undecided: drawn while a model was loaded, before an idle level was known: what part of it was the
            model's cannot be told.
        covers: names of the parts that were measured (or, for the way to the plug, estimated).
        not_covered: what no part covers, by name.
        idle_left_s: quiet seconds (no model loaded) until the idle power is known by which models' energy is
            divided from the computer's; 0 once it is, None where nothing is measured now.
        estimated: between what the computer drew while nothing of it was measured; in none of the sums.
    """

    currency: str | None = None
    observed_s: float = 0
    span_s: float = 0
    breakdown: tuple[CostLine, ...] = ()
    models: Amount = field(default_factory=Amount)
    parked: Amount = field(default_factory=Amount)
    undecided: Amount = field(default_factory=Amount)
    covers: tuple[str, ...] = ()
    not_covered: tuple[str, ...] = ()
    estimated: CostRange | None = None
    idle_left_s: int | None = None

    @property
    def by_model(self) -> tuple[CostLine, ...]:
        return tuple(line for line in self.breakdown if line.is_model)

    @property
    def models_unknown(self) -> bool:
        """Something was drawn with models loaded, and nothing of it could be told to be theirs."""
        return self.undecided.energy_mj > 0 and self.models.energy_mj == 0


@dataclass(frozen=True, slots=True)
class DayCell:
    """Energy of a local day (ISO date) for one device, model (name or None), state and price."""

    day: str
    device: str
    model: str | None
    state: State
    price_per_kwh: Decimal | None
    fallback: bool
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A local day; ``end_us`` is the first moment after it, ``observed_ms`` by any device."""

    day: str
    end_us: int
    observed_ms: int
    cells: tuple[DayCell, ...]


class AnsweredWork:
    """Energy of models at work in quarter hours in which they answered; for rows in order of time."""

    def __init__(self) -> None:
        self._quarter = -1
        self._now: dict[str | None, tuple[int, bool]] = {}
        self._sums: dict[str | None, int] = {}

    def add(self, bucket: Bucket) -> None:
        quarter = bucket.start_us // QUARTER_US
        if quarter != self._quarter:
            self._settle()
            self._quarter = quarter
        mj, answered = self._now.get(bucket.model, (0, False))
        self._now[bucket.model] = mj + bucket.energy_mj, answered or bool(bucket.tokens_out)

    def energy_mj(self, model: str | None) -> int:
        mj, answered = self._now.get(model, (0, False))
        return self._sums.get(model, 0) + (mj if answered else 0)

    def _settle(self) -> None:
        for model, (mj, answered) in self._now.items():
            if answered:
                self._sums[model] = self._sums.get(model, 0) + mj
        self._now = {}


def joined(reports: Sequence[CostReport], breakdown: tuple[CostLine, ...]) -> CostReport:
    """Reports of several computers as one, with the lines of ``breakdown``. Their errors are independent.

    Money is None where any of them has none; what each was observed is the longest of them.
    """
    return CostReport(
        *_together(reports),
        currency=next((report.currency for report in reports if report.currency), None),
        observed_s=max((report.observed_s for report in reports), default=0),
        span_s=max((report.span_s for report in reports), default=0),
        breakdown=breakdown,
        models=Amount(*_together([report.models for report in reports])),
        parked=Amount(*_together([report.parked for report in reports])),
        undecided=Amount(*_together([report.undecided for report in reports])),
        covers=tuple(dict.fromkeys(part for report in reports for part in report.covers)),
        not_covered=tuple(dict.fromkeys(part for report in reports for part in report.not_covered)),
    )


def _together(
    amounts: Sequence[Amount],
) -> tuple[int, int | None, float | None, Quality | None, int, int, int, int]:
    """The fields of an :class:`Amount` that is the sum of them."""
    energy_mj = sum(amount.energy_mj for amount in amounts)
    money = [amount.cost_micro for amount in amounts if amount.cost_micro is not None]
    error_mj = combined_error((amount.energy_mj, amount.error_fraction) for amount in amounts)
    return (
        energy_mj,
        sum(money) if money and len(money) == len(amounts) else None,
        error_mj / energy_mj if error_mj is not None and energy_mj else None,
        worst_quality(amount.quality for amount in amounts),
        sum(amount.tokens_in for amount in amounts),
        sum(amount.tokens_out for amount in amounts),
        sum(amount.unpriced_mj for amount in amounts),
        sum(amount.fallback_mj for amount in amounts),
    )
