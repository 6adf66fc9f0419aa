"""Buckets of energy and a tariff to sums of energy and money, by model, device, day or hour."""

from .account import Account, By, CostLine, CostReport
from .buckets import Bucket

__all__ = ["Account", "Bucket", "By", "CostLine", "CostReport"]
