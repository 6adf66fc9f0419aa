"""Buckets of energy and a tariff to sums of energy and money, by model, device, day or hour."""

from .account import Account, By, CostLine, CostReport
from .buckets import Bucket
from .days import ClosedDay, DayCell, DayPrices, cells_of
from .keep_alive import KeepAliveSaving, keep_alive_saving
from .projection import DayAmount, Projection, project_month

__all__ = [
    "Account",
    "Bucket",
    "By",
    "ClosedDay",
    "CostLine",
    "CostReport",
    "DayAmount",
    "DayCell",
    "DayPrices",
    "KeepAliveSaving",
    "Projection",
    "cells_of",
    "keep_alive_saving",
    "project_month",
]
