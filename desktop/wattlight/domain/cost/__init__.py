"""Sums of the ledger: energy, money, tokens and their error, by any of model, device, state, day, hour."""

from .amounts import Amount, Bucket, By, ClosedDay, CostLine, CostReport, DayCell
from .projection import DayAmount, Projection, project_month
from .sums import MODEL_STATES, UNDECIDED, Key, Sums, apart, of_models
