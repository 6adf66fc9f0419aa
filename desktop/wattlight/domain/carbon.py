"""Grams of CO2 for energy, by the yearly average of a country or a person's own figure. Never in money."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from wattlight.i18n import number, tr

from .tariff import MJ_PER_KWH
from .values import Problem, clean_text

MOST_G_PER_KWH = 3000.0
"""The dirtiest grid emits about 1300 g; more is a slip of the finger."""
ATTRIBUTION = "Ember; Our World in Data (CC BY 4.0)"
_GRAMS_PER_KG = 1000.0


@dataclass(frozen=True, slots=True)
class CarbonFactor:
    """``intensity`` in grams of CO2 equivalent per kWh: of a country (``code``: ISO 3166 alpha-3) and year,
    or a person's own (``code`` "")."""

    intensity: float
    code: str = ""
    country: str = ""
    year: int | None = None
    source: str = ""

    def grams(self, energy_mj: int) -> float:
        return energy_mj * self.intensity / MJ_PER_KWH


def parse_factors(text: str) -> tuple[CarbonFactor, ...]:
    """The shipped table, by name of the country."""
    rows = csv.DictReader(io.StringIO(text))
    found = (
        CarbonFactor(float(row["g_co2_per_kwh"]), row["iso3"], row["country"], int(row["year"]), ATTRIBUTION)
        for row in rows
    )
    return tuple(sorted(found, key=lambda factor: factor.country))


def factor_of(
    factors: Sequence[CarbonFactor], country: str | None, own_g_per_kwh: float | None
) -> CarbonFactor | None:
    """The factor that was chosen, a person's own before a country's; None where none was or is known."""
    if own_g_per_kwh is not None:
        return CarbonFactor(own_g_per_kwh, source=tr("your own figure"))
    return next((factor for factor in factors if factor.code == country), None) if country else None


def understood_factor(text: str, factors: Sequence[CarbonFactor]) -> tuple[str | None, float | None]:
    """What was typed: (code of a country, None) for its code or name, (None, grams) for a number.

    Raises:
        Problem: it is neither.
    """
    typed = text.strip()
    try:
        own = float(typed.replace(",", "."))
    except ValueError:
        own = None
    if own is not None and isfinite(own) and 0 <= own <= MOST_G_PER_KWH:
        return None, own
    for factor in factors:
        if typed.casefold() in {factor.code.casefold(), factor.country.casefold()}:
            return factor.code, None
    raise Problem(
        tr("'{what}' is neither a country of the table nor grams per kWh.", what=clean_text(typed, 40)),
        tr("Write a country like Germany or DEU, or grams per kWh from 0 to 3000."),
        "use",
    )


def mass_text(grams: float) -> str:
    """ "840 g", "12.4 kg"."""
    if abs(grams) < _GRAMS_PER_KG:
        return f"{number(round(grams))} g"
    kilograms = grams / _GRAMS_PER_KG
    return f"{number(kilograms, 1 if abs(kilograms) < 100 else 0)} kg"


def carbon_text(factor: CarbonFactor, energy_mj: int) -> str:
    """The line that stands beside an energy, with what the figure is and is not."""
    origin = f"{factor.country} {factor.year}, {factor.source}" if factor.country else factor.source
    return tr(
        "CO2: {mass}, at {grams} g per kWh ({origin}); average, not marginal",
        mass=mass_text(factor.grams(energy_mj)), grams=number(factor.intensity), origin=origin,
    )  # fmt: skip
