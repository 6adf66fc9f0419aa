"""``wattlight recommend --refresh``: exact sizes from a registry on loopback, nothing without the flag."""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes.blob_registry import BlobRegistry
from wattlight.catalog.registry import Registry, ShapeCache
from wattlight.catalog.reread import RereadBook
from wattlight.cli import run
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.services.refreshing import CatalogueRefresh
from wattlight.web import Web

ROOT = Path(__file__).resolve().parents[3]
CARD = str(ROOT / "tests" / "data" / "machines" / "card_8gib.json")
SCHEMA = json.loads((ROOT / "desktop" / "schemas" / "recommend.json").read_text(encoding="utf-8"))
MODEL = "qwen3.5:9b"
DAY = date(2026, 11, 24)


@pytest.fixture(autouse=True)
def english() -> None:
    activate("en")


class Shop(ServiceFactory):
    """The real workshop below a temporary folder; the registry is the fake one."""

    def __init__(self, home: Path, fake: BlobRegistry) -> None:
        super().__init__({"WATTLIGHT_HOME": str(home)})
        self.fake = fake
        self.port = fake.port()

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 9, tzinfo=UTC)

    def refresher(self) -> CatalogueRefresh:
        registry = Registry(ShapeCache(self.places.cache / "shapes"), Web(os.environ))
        return CatalogueRefresh(
            self.catalog,
            lambda name: registry.described(f"127.0.0.1:{self.port}/library/{name}"),
            RereadBook(self._reread_file),
            lambda: DAY,
            self._catalogue_changed,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with BlobRegistry() as fake:
        yield Shop(tmp_path, fake)


def call(words: list[str], shop: ServiceFactory) -> tuple[int, str]:
    out = io.StringIO()
    return run(["recommend", "--machine", CARD, *words], shop, out), out.getvalue()


def document(words: list[str], shop: ServiceFactory) -> dict[str, Any]:
    code, text = call([*words, "--json"], shop)
    assert code == 0, text
    made: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(made)
    return made


def listed(made: dict[str, Any], model: str = MODEL) -> dict[str, Any]:
    return next(item for item in made["recommendations"] if item["model"] == model)


def test_nothing_is_asked_without_the_flag(shop: Shop) -> None:
    made = document([], shop)
    assert made["refresh"] is None
    assert all(item["download_read_on"] is None for item in made["recommendations"])
    assert shop.fake.requests == []
    assert not shop._reread_file.exists()


def test_a_refreshed_model_shows_its_bytes_and_their_day(shop: Shop) -> None:
    before = listed(document([], shop))["download_bytes"]
    shop.fake.add("qwen3.5", b"GGUF", before + 123, {"file_type": "Q4_K_M"})
    made = document(["--refresh", MODEL], shop)
    (read,) = made["refresh"]["models"]
    assert read["model"] == MODEL and read["was_bytes"] == before and read["changed"]
    assert listed(made)["download_bytes"] == read["download_bytes"] > before + 123
    assert listed(made)["download_read_on"] == DAY.isoformat()
    later = ServiceFactory({"WATTLIGHT_HOME": str(shop.places.config.parent)})
    kept = document([], later)
    assert kept["refresh"] is None and listed(kept)["download_read_on"] == DAY.isoformat()


def test_without_names_those_on_the_list_are_asked_about(shop: Shop) -> None:
    names = [item["model"] for item in document(["--limit", "3"], shop)["recommendations"]]
    made = document(["--limit", "3", "--refresh"], shop)
    assert [item["model"] for item in made["refresh"]["problems"]] == names
    assert made["refresh"]["models"] == []


def test_text_says_what_was_read_and_when(shop: Shop) -> None:
    shop.fake.add("qwen3.5", b"GGUF", 6_700_000_000, {"file_type": "Q4_K_M"})
    code, text = call(["--limit", "2", "--refresh", MODEL], shop)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "The registry was asked about 1 model on Nov 24, 2026; its size is exact now."
    assert lines[1].startswith(f"  {MODEL} is another file now: 6.7 GB (was ")
    assert lines[-1] == f"Sizes read from the registry on Nov 24, 2026: {MODEL}."


def test_offline_is_one_sentence(shop: Shop) -> None:
    shop.port = 9
    code, text = call(["--refresh", MODEL, "--json"], shop)
    assert code == 1
    error = json.loads(text)["error"]
    assert error["code"] == "offline" and error["message"].count(".") <= 5 and "\n" not in error["message"]


def test_an_unlisted_name_is_said(shop: Shop) -> None:
    code, text = call(["--refresh", "my/own:thing", "--json"], shop)
    assert code == 1 and json.loads(text)["error"]["code"] == "not_listed"
    assert shop.fake.requests == []


def test_the_workshops_own_refresher_asks_nobody_by_being_made(tmp_path: Path) -> None:
    workshop = ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)})
    assert isinstance(workshop.refresher(), CatalogueRefresh)
    assert not (tmp_path / "data").exists()
