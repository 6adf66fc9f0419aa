"""Sums of the ledger: energy, money, tokens and their error, by any of model, device, state, day, hour."""

from .amounts import Amount, Bucket, By, ClosedDay, CostLine, CostReport, DayCell, joined
from .cells import Key
from .history import (
    DAYS,
    HOUR_US,
    WEEKS,
    Drawn,
    History,
    HistorySlot,
    HistorySpan,
    WeekHour,
    history_slots,
    slot_edges,
    week_hours,
)
from .projection import DayAmount, Projection, project_month
from .ranges import CostRange, RangeSums
from .sums import MODEL_STATES, UNDECIDED, Sums, apart, of_models
