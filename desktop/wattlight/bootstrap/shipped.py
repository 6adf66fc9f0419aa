"""What is shipped with the program, and where the program itself is."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from wattlight.assets import asset_text
from wattlight.domain.breakeven import ApiPrice, parse_api_prices
from wattlight.services.pricing import CountryPrice as ShippedPrice
from wattlight.services.pricing import country_prices
from wattlight.viewmodels.scene import CountryPrice


def api_prices() -> tuple[ApiPrice, ...]:
    """The dated list of API prices."""
    return parse_api_prices(asset_text("prices/api_prices.csv"))


def countries() -> tuple[CountryPrice, ...]:
    """Official household prices, as the pages take them; a stale one is left out."""
    return tuple(_country(row) for row in country_prices())


def _country(row: ShippedPrice) -> CountryPrice:
    known = row.price_per_kwh is not None and not row.stale
    return CountryPrice(
        code=row.code,
        name=row.name,
        currency=row.currency,
        per_kwh=str(row.price_per_kwh) if known else "",
        year=str(row.year),
        source=row.source,
    )


def models_folder(environ: Mapping[str, str]) -> Path:
    """Where the local server keeps its models, for the free space there."""
    chosen = environ.get("OLLAMA_MODELS", "").strip()
    return Path(chosen) if chosen else Path.home() / ".ollama" / "models"


def own_command() -> list[str]:
    """What starts this very program hidden, for the start at login."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--hidden"]
    script = shutil.which("wattlight")
    beside = Path(sys.executable).with_name("wattlight")
    if beside.exists():
        return [str(beside), "--hidden"]
    return [script, "--hidden"] if script else [sys.executable, "-m", "wattlight", "--hidden"]
