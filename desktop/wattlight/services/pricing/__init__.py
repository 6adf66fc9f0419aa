"""The price of electricity: from the settings, from a file, or prefilled for a country."""

from .countries import CountryPrice, country_prices
from .current import tariff_of
from .files import read_tariff_file
from .mean import mean_price
from .since import OWN_FILE, price_since

__all__ = [
    "OWN_FILE",
    "CountryPrice",
    "country_prices",
    "mean_price",
    "price_since",
    "read_tariff_file",
    "tariff_of",
]
