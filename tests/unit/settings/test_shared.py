"""The window and the command line change one settings file: nobody's change is lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from wattlight.settings import Price, Settings, SettingsFile, load_settings, merged, save_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_a_change_of_the_command_line_survives_the_next_save_of_the_window(file: Path) -> None:
    window = SettingsFile(file)
    settings = window.load().settings
    save_settings(file, replace(settings, price=Price(per_kwh="0.39", currency="EUR")))
    together = window.save(replace(settings, theme="dark"))
    assert together.price.per_kwh == "0.39"
    assert together.theme == "dark"
    assert load_settings(file).settings == together


def test_where_both_changed_one_field_the_later_one_stays(file: Path) -> None:
    window = SettingsFile(file)
    settings = window.load().settings
    theirs = replace(settings, price=Price(per_kwh="0.39", currency="EUR"))
    save_settings(file, theirs)
    together = window.save(replace(settings, price=Price(per_kwh="0.50")))
    assert together.price == Price(per_kwh="0.50", currency="EUR")


def test_what_others_wrote_is_noticed_once_and_own_saves_are_not(file: Path) -> None:
    window = SettingsFile(file)
    settings = window.load().settings
    settings = window.save(replace(settings, theme="dark"))
    assert window.changed_outside(settings) is None
    save_settings(file, replace(settings, language="de"))
    news = window.changed_outside(settings)
    assert news == replace(settings, language="de")
    assert window.changed_outside(news) is None


def test_a_change_not_yet_saved_here_is_kept_beside_theirs(file: Path) -> None:
    window = SettingsFile(file)
    settings = window.load().settings
    save_settings(file, replace(settings, language="de"))
    mine = replace(settings, keep_alive="1h")
    assert window.changed_outside(mine) == replace(settings, language="de", keep_alive="1h")


def test_merging_goes_field_by_field() -> None:
    base = Settings()
    mine = replace(base, meter=replace(base.meter, paused=True))
    theirs = replace(base, meter=replace(base.meter, cooling_factor=0.3), theme="dark")
    both = merged(base, mine, theirs)
    assert both.meter.paused
    assert both.meter.cooling_factor == 0.3
    assert both.theme == "dark"
    assert merged(base, base, theirs) == theirs
    assert merged(base, mine, base) == mine
