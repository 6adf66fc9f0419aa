"""What the ledger and the token counts say of the month, for the Cost page."""

from dataclasses import dataclass

from wattlight.viewmodels.scene import CapNote, DayCost, ModelMonth


@dataclass(frozen=True, slots=True)
class CostAnswers:
    """Money in micro-units of the tariff's currency; None where it cannot be told."""

    days: tuple[DayCost, ...] | None = None
    months: tuple[ModelMonth, ...] = ()
    month_low_micro: int | None = None
    month_high_micro: int | None = None
    parked_saving_micro: int | None = None
    same_time_last_week_micro: int | None = None
    last_week_reason: str = ""
    caps: tuple[CapNote, ...] = ()
