"""What a kilowatt-hour costs, when, and in which money. Prices include VAT; cost is derived, never stored."""

from .band import Band
from .currency import CURRENCIES, parse_currency
from .document import flat_tariff, parse_tariff, tariff_document
from .money import cost_micro, standing_micro
from .period import Period
from .price import parse_price
from .problem import TariffProblem
from .series import PriceSeries, parse_series
from .tariff import Piece, PriceLookup, Tariff
from .zone import day_key, day_start_us, hour_key, local_day, parse_zone

__all__ = [
    "CURRENCIES",
    "Band",
    "Period",
    "Piece",
    "PriceLookup",
    "PriceSeries",
    "Tariff",
    "TariffProblem",
    "cost_micro",
    "day_key",
    "day_start_us",
    "flat_tariff",
    "hour_key",
    "local_day",
    "parse_currency",
    "parse_price",
    "parse_series",
    "parse_tariff",
    "parse_zone",
    "standing_micro",
    "tariff_document",
]
