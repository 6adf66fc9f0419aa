"""``plug``, and how ``power``, ``hardware`` and ``doctor`` show it: a real plug's answers from a stand-in."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.fakes.plug_devices import PASSWORD, FakeBox, FakePlug, recorded, serving

from wattlight.cli import run
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.settings import PlugSettings, load_settings

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
TASMOTA = {"/cm?cmnd=Status%208": (200, recorded("tasmota_status8.json"))}


@pytest.fixture(autouse=True)
def _english() -> None:
    activate("en")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceFactory:
    monkeypatch.setitem(sys.modules, "keyring", None)  # type: ignore[arg-type]
    return ServiceFactory({"WATTLIGHT_HOME": str(tmp_path)})


@pytest.fixture
def plug() -> Iterator[tuple[FakePlug, str]]:
    fake = FakePlug(dict(TASMOTA))
    with serving(fake) as host:
        yield fake, host


def said(shop: ServiceFactory, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    return run(list(words), shop, out), out.getvalue()


def document(shop: ServiceFactory, *words: str) -> dict[str, Any]:
    code, text = said(shop, *words, "--json")
    assert code == 0, text
    found: dict[str, Any] = json.loads(text)
    schema = json.loads((SCHEMAS / f"{words[0]}.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(found)
    return found


def settings(shop: ServiceFactory) -> PlugSettings:
    return load_settings(shop.places.settings_file).settings.plug


def test_a_plug_is_tried_set_shown_and_let_go(shop: ServiceFactory, plug: tuple[FakePlug, str]) -> None:
    fake, host = plug
    assert document(shop, "plug")["plug"] is None
    code, text = said(shop, "plug", "test", host, "--kind", "tasmota")
    assert code == 0
    assert "71 W" in text
    assert "318.5 kWh" in text
    assert "computer alone" in text
    assert settings(shop) == PlugSettings()
    found = document(shop, "plug", "set", host, "--kind", "tasmota", "--hangs", "screen")
    assert (found["watts"], found["energy_mj"]) == (71.0, 318_520 * 3_600_000)
    assert settings(shop) == PlugSettings("tasmota", host, "screen")
    assert "computer and screen" in said(shop, "plug")[1]
    assert shop.jobs().contacts()[0].host == "127.0.0.1"
    said(shop, "plug", "off")
    asked = len(fake.heads)
    assert settings(shop) == PlugSettings()
    assert document(shop, "power")["total"]["counted"] != ["plug"]
    assert len(fake.heads) == asked, "off is off"


def test_power_hardware_and_doctor_show_it(shop: ServiceFactory, plug: tuple[FakePlug, str]) -> None:
    fake, host = plug
    said(shop, "plug", "set", host, "--kind", "tasmota", "--hangs", "more")
    power = document(shop, "power")
    assert power["total"]["counted"] == ["plug"]
    assert (power["total"]["measured_w"], power["total"]["not_covered"]) == (71, [])
    part = next(part for part in power["parts"] if part["id"] == "plug")
    assert (part["kind"], part["quality"], part["error"]) == ("wall", "metered", 0.02)
    text = said(shop, "power")[1]
    assert "Wall plug (computer and other devices)" in text
    assert "At the wall: 71 W" in text
    assert "whole computer" not in text
    assert document(shop, "hardware")["plug"]["power_w"] == 71
    assert "At the wall" in said(shop, "hardware")[1]
    assert any(f["code"] == "plug" and f["level"] == "fine" for f in document(shop, "doctor")["findings"])
    fake.answers = {}
    worse = next(f for f in document(shop, "doctor")["findings"] if f["code"] == "plug")
    assert worse["level"] == "problem"
    assert "no such reading" in worse["text"]
    assert document(shop, "hardware")["plug"]["reason"]


def test_what_cannot_be_read_is_not_set(shop: ServiceFactory, plug: tuple[FakePlug, str]) -> None:
    fake, host = plug
    fake.answers["/cm"] = (200, recorded("tasmota_status8.json").replace(b'"Power": 71', b'"Power": -12'))
    fake.answers.pop("/cm?cmnd=Status%208")
    code, text = said(shop, "plug", "set", host, "--kind", "tasmota", "--json")
    assert code == 1
    assert "feeds energy back" in json.loads(text)["error"]["message"]
    assert settings(shop) == PlugSettings()
    assert said(shop, "plug", "set", "--kind", "tasmota")[0] == 2
    assert said(shop, "plug", "test", "http://me:pw@plug")[0] == 2


def test_the_password_goes_to_its_file_alone(
    shop: ServiceFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ("--kind", "fritz", "--user", "fritz3333", "--outlet", "11630 0123456", "--password")
    with serving(FakeBox()) as host:
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        code, text = said(shop, "plug", "set", host, *words, "--json")
        assert code == 1
        assert json.loads(text)["error"]["code"] == "no_keyring"
        assert settings(shop) == PlugSettings()
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        assert said(shop, "plug", "set", host, *words, "--password-file")[0] == 0
        assert document(shop, "plug")["watts"] == 71.25
    holds = [f.name for f in tmp_path.rglob("*") if f.is_file() and PASSWORD.encode() in f.read_bytes()]
    assert holds == ["secrets.json"]
    said(shop, "plug", "off")
    assert not list(tmp_path.rglob("secrets.json"))
