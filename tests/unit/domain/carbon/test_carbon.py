"""CO2 by the yearly average of a country or a person's own figure: told beside energy, in no money."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from fakes import made_up_day
from wattlight.cli import run
from wattlight.domain.carbon import CarbonFactor, carbon_text, factor_of, mass_text, understood_factor
from wattlight.domain.values import Problem
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.services.pricing import carbon_factors
from wattlight.settings import CarbonSettings, Settings, load_settings
from wattlight.viewmodels.cost import cost_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import settings_view, understood_carbon

KWH = 3_600_000_000


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


def test_the_shipped_table_is_whole_and_names_its_source() -> None:
    factors = carbon_factors()
    assert len(factors) == 213
    assert len({factor.code for factor in factors}) == 213
    assert all(0 <= factor.intensity < 1400 and len(factor.code) == 3 for factor in factors)
    assert all("CC BY 4.0" in factor.source and (factor.year or 0) >= 2009 for factor in factors)


def test_grams_are_of_the_energy() -> None:
    factor = CarbonFactor(250.0)
    assert factor.grams(KWH) == 250
    assert factor.grams(-KWH) == -250
    assert mass_text(factor.grams(KWH * 3)) == "750 g"
    assert mass_text(12_345.0) == "12.3 kg"
    assert mass_text(123_456.0) == "123 kg"


def test_the_line_says_what_it_is_not() -> None:
    factor = next(f for f in carbon_factors() if f.country == "Norway")
    said = carbon_text(factor, 10 * KWH)
    assert said.startswith("CO2: ")
    assert f"Norway {factor.year}" in said
    assert said.endswith("average, not marginal")
    assert "your own figure" in carbon_text(factor_of((), None, 0.0) or factor, KWH)


def test_a_persons_own_figure_wins_and_nothing_is_chosen_by_itself() -> None:
    factors = carbon_factors()
    assert factor_of(factors, None, None) is None
    assert factor_of(factors, "XXX", None) is None
    assert (factor_of(factors, "FRA", 12.5) or factors[0]).intensity == 12.5


@pytest.mark.parametrize(
    ("typed", "found"),
    [("POL", ("POL", None)), ("poland", ("POL", None)), (" 61,5 ", (None, 61.5)), ("0", (None, 0.0))],
)
def test_what_was_typed_is_understood(typed: str, found: tuple[str | None, float | None]) -> None:
    assert understood_factor(typed, carbon_factors()) == found


@pytest.mark.parametrize("typed", ["", "Atlantis", "-5", "3001", "nan", "inf"])
def test_what_is_no_factor_is_refused(typed: str) -> None:
    with pytest.raises(Problem, match="neither a country"):
        understood_factor(typed, carbon_factors())


def said(shop: ServiceFactory, *words: str) -> tuple[int, str]:
    out = StringIO()
    return run(list(words), shop, out), out.getvalue()


def test_the_verb_chooses_and_leaves_it(tmp_path: Path) -> None:
    shop = ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)})
    assert json.loads(said(shop, "tariff", "carbon", "--json")[1])["carbon"] is None
    code, text = said(shop, "tariff", "carbon", "ES", "--json")
    assert code == 0
    found = json.loads(text)["carbon"]
    assert (found["country"], found["basis"]) == ("Spain", "average, not marginal")
    assert load_settings(shop.places.settings_file).settings.carbon == CarbonSettings("ESP")
    assert "420 g per kWh (your own figure)" in said(shop, "tariff", "carbon", "420")[1]
    assert said(shop, "tariff", "carbon", "Mordor")[0] == 2
    said(shop, "tariff", "carbon", "off")
    assert load_settings(shop.places.settings_file).settings.carbon == CarbonSettings()


def scene(carbon: CarbonSettings) -> Scene:
    day = made_up_day.evening()
    extras = replace(day.extras, carbon=carbon_factors())
    return replace(day, settings=replace(day.settings, carbon=carbon), extras=extras)


def test_the_page_of_costs_tells_it_where_it_is_wanted() -> None:
    assert cost_view(scene(CarbonSettings())).carbon == ""
    month = scene(CarbonSettings()).host.month
    assert month is not None
    line = cost_view(scene(CarbonSettings("AUT"))).carbon
    factor = factor_of(carbon_factors(), "AUT", None)
    assert factor is not None
    assert mass_text(factor.grams(month.energy_mj)) in line
    assert "not marginal" in line
    assert cost_view(scene(CarbonSettings("AUT"))).month == cost_view(scene(CarbonSettings())).month


def test_settings_offer_the_countries_and_refuse_nonsense() -> None:
    view = settings_view(scene(CarbonSettings("AUT", 55.0)))
    assert (view.carbon, view.own_carbon, len(view.carbons)) == ("AUT", "55", 214)
    assert understood_carbon("99", Settings())[0].carbon.own_g_per_kwh == 99
    assert (
        understood_carbon("", replace(Settings(), carbon=CarbonSettings(None, 9.0)))[0].carbon.own_g_per_kwh
        is None
    )
    for typed in ("a lot", "-1", "9999"):
        assert "0 to 3000" in understood_carbon(typed, Settings())[1]
