"""Numbers and texts as people read them."""

import ctypes
import plistlib
import re
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from wattlight import i18n
from wattlight.i18n import texts


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.activate("en_US")
    yield
    i18n.activate("en_US")


def test_unknown_is_a_dash_everywhere() -> None:
    for show in (i18n.gib, i18n.gb, i18n.watts, i18n.kwh, i18n.number, i18n.percent, i18n.duration):
        assert show(None) == "–"
    assert i18n.money(None, "EUR") == "–"
    assert i18n.money(5, None) == "–"
    assert i18n.clock_time(None) == "–"


def test_memory_is_gib_and_downloads_are_gb() -> None:
    assert i18n.gib(24 * 2**30) == "24.0 GiB"
    assert i18n.gib(20 * 2**20) == "20 MiB"
    assert i18n.gib(0) == "0.0 GiB"
    assert i18n.gb(24 * 2**30) == "25.8 GB"
    assert i18n.gb(45_960_000) == "46 MB"
    assert i18n.gb(1_400_000) == "1.4 MB"
    assert i18n.gb(0) == "0.0 GB"


@pytest.mark.parametrize(
    ("micro", "currency", "error", "text"),
    [
        (310_000, "EUR", None, "€0.31"),
        (31_270, "EUR", None, "€0.031"),
        (31_270, "EUR", 0.4, "€0.03"),
        (1_234_567_890, "JPY", None, "¥1,235"),
        (-20_000, "EUR", 0.1, "-€0.020"),
        (0, "EUR", None, "€0.00"),
        (499, "USD", None, "< $0.001"),
        (1, "EUR", 0.1, "< €0.001"),
        (4_000, "EUR", 0.4, "< €0.01"),
        (40_000, "JPY", None, "< ¥0.1"),
        (-300, "EUR", None, "> -€0.001"),
        (-20, "CHF", 0.3, "> -CHF\xa00.01"),
        (85_000, "KWD", None, "KWD\xa00.085"),
    ],
)
def test_money(micro: int, currency: str, error: float | None, text: str) -> None:
    assert i18n.money(micro, currency, error) == text


def test_money_in_german() -> None:
    i18n.activate("de_DE")
    assert i18n.money(200_000, "EUR").replace("\xa0", " ") == "0,20 €"
    assert i18n.number(12345.6, 1) == "12.345,6"


def test_energy_below_a_tenth_kwh_is_wh() -> None:
    assert i18n.kwh(36_000_000) == "10 Wh"
    assert i18n.kwh(18_000_000) == "5.0 Wh"
    assert i18n.kwh(1_512_000_000) == "0.42 kWh"


def test_ranges_and_spans() -> None:
    assert i18n.tokens_per_second(38.2, 46.1) == "38–46 tokens/s"
    assert i18n.tokens_per_second(2.0, 4.1) == "2.0–4.1 tokens/s"
    assert i18n.tokens_per_second(None, 4.1) == "–"
    assert i18n.duration(78_000) == "21 h 40"
    assert i18n.duration(59.4) == "59 s"


def test_times_are_shown_in_the_zone_given() -> None:
    at = datetime(2026, 11, 24, 22, 5, tzinfo=UTC)
    assert i18n.clock_time(at, ZoneInfo("Europe/Berlin")).replace("\u202f", " ") == "11:05 PM"
    i18n.activate("de")
    assert i18n.clock_time(at, ZoneInfo("Europe/Berlin")) == "23:05"
    assert i18n.short_date(date(2026, 11, 24)) == "24.11.2026"


def test_english_texts_hold_no_foreign_names_and_no_marks() -> None:
    for code in ("ko_KR", "he_IL", "nl_NL"):  # their texts are not offered
        i18n.activate(code)
        assert i18n.month_name(date(2026, 11, 24)) == "November"
        assert i18n.day_and_month(date(2026, 11, 30)) == "30 Nov"
        assert i18n.money(200_000, "EUR").isprintable() or "\xa0" in i18n.money(200_000, "EUR")
        assert "\u200f" not in i18n.money(200_000, "EUR")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("€3.30", "€3.80", "€3.30–3.80"),
        ("3,30\xa0€", "3,80\xa0€", "3,30–3,80\xa0€"),
        ("12 W", "30 W", "12–30 W"),
        ("900 Wh", "1.20 kWh", "900 Wh–1.20 kWh"),
        ("-€0.10", "€0.20", "-€0.10–€0.20"),
        ("38", "46 tokens/s", "38–46 tokens/s"),
        ("€0.20", "€0.20", "€0.20"),
    ],
)
def test_a_range_names_its_unit_once(low: str, high: str, text: str) -> None:
    assert i18n.interval(low, high) == text


@pytest.mark.parametrize("code", ["xx", "C", "zh_Hant_TW", "ar", "tlh"])
def test_an_odd_language_still_shows_numbers(code: str) -> None:
    i18n.activate(code)
    assert i18n.gib(2**30)


def test_texts_take_values_and_plurals() -> None:
    assert i18n.tr("Loading {model}", model="a{b}") == "Loading a{b}"
    assert i18n.trn("{count} model", "{count} models", 2) == "2 models"


@pytest.fixture
def german(tmp_path: Path) -> Path:
    """A folder of shipped texts with one German one, as msgfmt writes it."""
    pairs = [("", "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=n != 1;\n")]
    pairs += [("Loading {model}", "{model} wird geladen")]
    pairs += [("{count} model\0{count} models", "{count} Modell\0{count} Modelle")]
    originals = [one.encode() for one, _ in pairs]
    texts = [other.encode() for _, other in pairs]
    start = 28 + 16 * len(pairs)
    data, tables = b"", b""
    for group in (originals, texts):
        for text in group:
            tables += struct.pack("<2I", len(text), start + len(data))
            data += text + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "wattlight.mo").write_bytes(head + tables + data)
    return tmp_path


def test_a_shipped_language_is_used_for_texts_and_months(
    german: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts._Choice, "translations", texts._Choice.translations)
    assert i18n.activate("de", german) == "de"
    assert i18n.tr("Loading {model}", model="a") == "a wird geladen"
    assert i18n.trn("{count} model", "{count} models", 1) == "1 Modell"
    assert i18n.trn("{count} model", "{count} models", 3) == "3 Modelle"
    assert i18n.tr("Not translated") == "Not translated"
    assert i18n.month_name(date(2026, 3, 1)) == "März"
    i18n.activate("fr", german)
    assert i18n.tr("Loading {model}", model="a") == "Loading a"
    assert i18n.month_name(date(2026, 3, 1)) == "March", "months go with the texts"
    assert i18n.number(1234.5, 1) == "1\u202f234,5", "numbers with the person"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LC_ALL": "de_AT.UTF-8", "LANG": "fr_FR.UTF-8"}, "de_AT"),
        ({"LC_ALL": "C", "LC_MESSAGES": "POSIX", "LANG": "pt_BR@x"}, "pt_BR"),
        ({"LC_ALL": "", "LANG": ""}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_the_environments(
    environ: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("wattlight.i18n.texts._from_system", lambda: None)
    assert i18n.activate(None) == language
    assert i18n.language() == language


def test_dates_in_words() -> None:
    day = date(2026, 11, 30)
    assert (i18n.day_name(day), i18n.month_name(day)) == ("Mon", "November")
    assert i18n.day_and_month(day) == "Nov 30"
    assert i18n.short_date(day) == "Nov 30, 2026"
    assert i18n.short_date(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00"),
        (78_000, "21 h 40"),
    ],
)
def test_a_span_takes_its_largest_unit(seconds: float, text: str) -> None:
    assert i18n.duration(seconds) == text


def test_shares_and_typed_numbers_follow_the_language() -> None:
    assert i18n.percent(0.424) == "42%"
    assert i18n.percent(0.4244, 1) == "42.4%"
    assert i18n.as_typed("0.39") == "0.39"
    i18n.activate("de_DE")
    assert i18n.as_typed("0.39") == "0,39"
    assert (i18n.percent(0.424), i18n.percent(0.4244, 1)) == ("42\u00a0%", "42,4\u00a0%")
    i18n.activate("tr")
    assert i18n.percent(0.424) == "%42"


@pytest.mark.parametrize(
    ("micro", "currency", "text"),
    [
        (999, "USD", "$0.001"),
        (31_270, "KWD", "KWD0.031"),
        (99_995_000, "USD", "$100.00"),
        (50_000, "USD", "$0.050"),
    ],
)
def test_small_money_keeps_one_more_digit(micro: int, currency: str, text: str) -> None:
    assert i18n.money(micro, currency).replace("\xa0", "") == text


@pytest.mark.parametrize(
    ("micro", "currency", "language", "text"),
    [(85_000, "BHD", "en", "BHD 0.085"), (1_500_000, "SEK", "en", "SEK 1.50"),
     (-2_000_000, "CHF", "en", "-CHF 2.00"),
     (2_000_000, "EUR", "en", "€2.00"), (4_000, "EUR", "de", "0,004 €"), (300_000, "JPY", "de", "0,3 ¥"),
     (-300, "GBP", "en", "> -£0.001"), (-30, "TND", "en", "> -TND 0.0001")],
)  # fmt: skip
def test_a_code_stands_apart_and_nothing_is_minus_zero(
    micro: int, currency: str, language: str, text: str
) -> None:
    i18n.activate(language)
    assert i18n.money(micro, currency).replace("\xa0", " ") == text
    assert not re.fullmatch(r"\D*[0.,]*\D*", i18n.money(micro, currency))


def test_powers_and_speeds() -> None:
    assert (i18n.watts(9.94), i18n.watts(9.96), i18n.watts(0)) == ("9.9 W", "10 W", "0.0 W")
    assert i18n.tokens_per_second(6.04, 9.9) == "6.0–9.9 tokens/s"
    assert i18n.tokens_per_second(8.2, 24) == "8–24 tokens/s"
    assert i18n.tokens_per_second(None, 24) == "–"


def test_an_unknown_name_is_an_error_of_the_caller() -> None:
    with pytest.raises(AttributeError):
        _ = i18n.no_such_text


@pytest.mark.parametrize(
    ("wishes", "taken"),
    [
        (["de-AT", "en-GB"], "de_AT"),
        (["fr"], "fr"),
        (["zh-Hans-CN"], "zh_CN"),
        (["zh-Hans"], "zh_CN"),
        (["pt-BR"], "pt_BR"),
        (["es-419"], "es_419"),
        ([], "en"),
        ([7], "en"),
        (["../de"], "en"),
        (7, "en"),
    ],
)
def test_a_mac_tells_its_language_where_no_variable_does(
    wishes: object, taken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "Library" / "Preferences" / ".GlobalPreferences.plist"
    file.parent.mkdir(parents=True)
    file.write_bytes(plistlib.dumps({"AppleLanguages": wishes}, fmt=plistlib.FMT_BINARY))
    no_variables(monkeypatch)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert i18n.activate(None) == taken
    file.write_bytes(b"bplist00 torn")
    assert i18n.activate(None) == "en"
    file.unlink()
    assert i18n.activate(None) == "en"
    monkeypatch.setenv("LANG", "it_IT.UTF-8")
    assert i18n.activate(None) == "it_IT"


def test_windows_tells_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    told = SimpleNamespace(kernel32=SimpleNamespace(GetUserDefaultUILanguage=lambda: 0x0416))
    no_variables(monkeypatch)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", told, raising=False)
    assert i18n.activate(None) == "pt_BR"
    monkeypatch.setattr(told.kernel32, "GetUserDefaultUILanguage", lambda: 0xFFFF)
    assert i18n.activate(None) == "en"


def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
