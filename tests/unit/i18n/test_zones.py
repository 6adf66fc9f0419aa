"""The zone of the clock however it is set, and the country it stands for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.systems import needs_posix
from wattlight.i18n import guess_country, local_zone
from wattlight.i18n import times as zones

DESKTOP = Path(__file__).resolve().parents[3] / "desktop"
ASK = "import os; from wattlight.i18n import local_zone; print(local_zone(os.environ).key)"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(zones, "_system_name", lambda: "America/Sao_Paulo")
    yield


@pytest.mark.parametrize(
    "written", ["America/New_York", ":America/New_York", "/usr/share/zoneinfo/America/New_York"]
)
def test_a_name_or_a_path(written: str) -> None:
    assert local_zone({"TZ": written}).key == "America/New_York"


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("written", ["", "no/such/place", "/no/such/file"])
def test_the_systems_own(written: str) -> None:
    assert local_zone({"TZ": written}).key == "America/Sao_Paulo"


@needs_posix
@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "Europe/"),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/"),
        ("IST-5:30", "Asia/"),
    ],
)
def test_a_rule_is_not_taken_for_utc(rule: str, kept: str) -> None:
    env = {**os.environ, "TZ": rule, "PYTHONPATH": str(DESKTOP)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=env, capture_output=True, text=True, timeout=30, check=True
    )

    zone = ZoneInfo(done.stdout.strip())
    offsets = {"Europe/": (1, 2), "Australia/": (11, 10), "Asia/": (5.5, 5.5)}[kept]
    summer = [datetime(2026, month, 15, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7)]
    assert summer == [timedelta(hours=hours) for hours in offsets]


@pytest.mark.usefixtures("system")
def test_a_rule_like_the_systems_zone_is_the_systems_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_system_name", lambda: "Europe/Vienna")
    vienna = local_zone({"TZ": "Europe/Vienna"})
    monkeypatch.setattr(
        zones, "_time_kept", lambda: tuple(at.astimezone(vienna).utcoffset() for at in zones._MONTHS)
    )
    assert local_zone({"TZ": "CET-1CEST"}).key == "Europe/Vienna"


def test_the_zone_comes_before_the_language() -> None:
    english = {"LANG": "en_US.UTF-8"}
    assert guess_country("Europe/Berlin", english) == "DE"
    assert guess_country("Asia/Kolkata", english) == "IN"
    assert guess_country("UTC", english) == "US"


def test_nothing_is_guessed_where_nothing_is_known() -> None:
    assert guess_country("UTC", {}) == ""
    assert guess_country("Etc/UTC", {"LANG": "C.UTF-8"}) == ""
    assert guess_country("no/where", {"LC_ALL": "de", "LANG": "de_AT@euro"}) == "AT"


def test_a_nameless_zone_is_one_of_the_languages_country(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_system_name", lambda: "")
    rome = ZoneInfo("Europe/Rome")
    kept = tuple(at.astimezone(rome).utcoffset() for at in zones._MONTHS)
    monkeypatch.setattr(zones, "_time_kept", lambda: kept)
    assert local_zone({"LANG": "it_IT.UTF-8"}).key == "Europe/Rome"
    assert local_zone({"TZ": "CET-1CEST,M3.5.0,M10.5.0/3", "LANG": "sv_SE.UTF-8"}).key == "Europe/Stockholm"


def test_a_computer_without_any_zone_keeps_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_system_name", lambda: "")
    monkeypatch.setattr(zones, "_time_kept", lambda: (timedelta(0),) * 12)
    assert local_zone({}).key == "UTC" and local_zone({"LANG": "de_DE.UTF-8"}).key == "UTC"


@pytest.mark.usefixtures("system")
def test_a_rule_says_nothing_where_the_clock_does_not_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("time.tzset", raising=False)
    assert local_zone({"TZ": "NZST-12NZDT,M9.5.0,M4.1.0/3"}).key == "America/Sao_Paulo"
