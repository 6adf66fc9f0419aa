"""``tariff carbon`` and the CO2 in the answers of ``cost``."""

from argparse import Namespace
from dataclasses import replace

from wattlight.domain.carbon import CarbonFactor, carbon_text, factor_of, understood_factor
from wattlight.domain.cost import CostReport
from wattlight.domain.values import Problem
from wattlight.i18n import number, tr
from wattlight.services.pricing import carbon_factors, country_prices
from wattlight.settings import CarbonSettings, save_settings

from .options import typed
from .output import Call, Document, plain


def chosen_factor(call: Call) -> CarbonFactor | None:
    """The factor of the settings; None where no CO2 is to be told (the table is read for a country alone)."""
    wanted = call.workshop.settings().carbon
    if wanted.country is None and wanted.own_g_per_kwh is None:
        return None
    return factor_of(carbon_factors(), wanted.country, wanted.own_g_per_kwh)


def carbon_document(factor: CarbonFactor | None, report: CostReport) -> Document | None:
    """Grams of a sum and of its models, with the factor and what it is; None while it is off."""
    if factor is None:
        return None
    models = None if report.models_unknown else round(factor.grams(report.models.energy_mj), 3)
    return {
        "g": round(factor.grams(report.energy_mj), 3),
        "models_g": models,
        **factor_document(factor),
    }


def factor_document(factor: CarbonFactor) -> Document:
    return {
        "g_per_kwh": factor.intensity,
        "country": factor.country or None,
        "year": factor.year,
        "source": factor.source,
        "basis": "average, not marginal",
    }


def carbon_line(factor: CarbonFactor | None, report: CostReport) -> str:
    """The line below a sum; "" while it is off."""
    return "" if factor is None else carbon_text(factor, report.energy_mj)


def set_carbon(args: Namespace, call: Call) -> None:
    """``tariff carbon``: show, choose or leave the factor."""
    factors = carbon_factors()
    if args.factor:
        chosen = CarbonSettings()
        if args.factor.lower() != "off":
            short = {c.code.casefold(): c.name for c in country_prices()}
            with typed():
                chosen = CarbonSettings(
                    *understood_factor(short.get(args.factor.casefold(), args.factor), factors)
                )
        settings = replace(call.workshop.settings(), carbon=chosen)
        save_settings(call.workshop.places.settings_file, settings)
    factor = chosen_factor(call)
    if factor is None:
        if call.workshop.settings().carbon.country:
            raise Problem(tr("The country of the settings is not in the table."), code="use")
        how = tr(
            "Choose a country: wattlight tariff carbon Germany; or your own: wattlight tariff carbon 380"
        )
        call.answer({"carbon": None}, tr("No CO2 is told."), how)
        return
    origin = f"{factor.country} {factor.year}, {factor.source}" if factor.country else factor.source
    text = tr("CO2 is told with {grams} g per kWh ({origin}).", grams=number(factor.intensity), origin=origin)
    call.answer({"carbon": plain(factor_document(factor))}, text, tr("It is an average, not marginal."))
