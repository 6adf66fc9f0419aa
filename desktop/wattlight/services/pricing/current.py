"""The tariff that the settings ask for."""

from collections.abc import Mapping

from wattlight.domain.tariff import Tariff, flat_tariff
from wattlight.i18n import local_zone
from wattlight.settings import Price

from .files import read_tariff_file


def tariff_of(price: Price, environ: Mapping[str, str]) -> Tariff | None:
    """The tariff in force; None where no price is set.

    A tariff file wins over a flat price. Without a zone of its own the flat price uses this computer's.

    Raises:
        TariffProblem: the price or the file cannot be used.
    """
    if price.tariff_file:
        return read_tariff_file(price.tariff_file)
    if price.per_kwh is None or price.currency is None:
        return None
    return flat_tariff(price.per_kwh, price.currency, price.timezone or local_zone(environ).key)
