"""What a kilowatt-hour costs, when, and in which money. Prices include VAT; cost is derived, never stored."""

from .document import flat_tariff, parse_tariff, tariff_document
from .price import (
    CURRENCIES,
    PriceSeries,
    TariffProblem,
    day_key,
    day_start_us,
    hour_key,
    local_day,
    parse_currency,
    parse_price,
    parse_series,
    parse_zone,
)
from .tariff import MICRO, Band, Period, Piece, PriceLookup, Tariff, Worth, cost_micro, standing_micro
