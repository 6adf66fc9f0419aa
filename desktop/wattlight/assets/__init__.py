"""The one door to shipped data: inside the wheel, else in the checkout."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

__all__ = ["asset", "asset_bytes", "asset_text"]


def asset(name: str) -> Traversable:
    """The shipped file ``name`` ("catalog/models.json").

    Raises:
        FileNotFoundError: it is not shipped.
    """
    packaged = resources.files("wattlight").joinpath("resources", *name.split("/"))
    if packaged.is_file():
        return packaged
    checkout = Path(__file__).resolve().parents[3] / "resources" / name
    if checkout.is_file():
        return checkout
    raise FileNotFoundError(f"Shipped file {name} is missing; install Wattlight again.")


def asset_text(name: str) -> str:
    """The text (UTF-8) of a shipped file."""
    return asset(name).read_text(encoding="utf-8")


def asset_bytes(name: str) -> bytes:
    """The bytes of a shipped file."""
    return asset(name).read_bytes()
