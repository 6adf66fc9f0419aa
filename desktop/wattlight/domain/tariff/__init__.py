"""What a kilowatt-hour costs, when, and in which money. Prices include VAT; cost is derived, never stored."""

from .cheapest import CheapHours, cheapest_band, cheapest_hours
from .document import flat_tariff, parse_tariff, tariff_document
from .exports import OPEN_US, is_export, no_prices
from .price import (
    CURRENCIES,
    TariffProblem,
    day_key,
    day_start_us,
    hour_key,
    local_day,
    parse_currency,
    parse_price,
    parse_zone,
)
from .series import PriceSeries, parse_series
from .tariff import (
    DAYS,
    MICRO,
    MJ_PER_KWH,
    Band,
    Period,
    Piece,
    PriceLookup,
    Tariff,
    Worth,
    cost_micro,
    standing_micro,
)
