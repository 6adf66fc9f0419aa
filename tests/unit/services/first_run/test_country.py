"""The country is told by the zone of the clock, then by the language."""

from pathlib import Path

from wattlight.services.first_run import guess_country

TABLE = "# comment\nDE\t+5230+01322\tEurope/Berlin\tmost of Germany\nGB\t+513030-0000731\tEurope/London\n"


def test_the_zone_comes_before_the_language(tmp_path: Path) -> None:
    table = tmp_path / "zone.tab"
    table.write_text(TABLE)
    english = {"LANG": "en_US.UTF-8"}
    assert guess_country("Europe/Berlin", english, (table,)) == "DE"
    assert guess_country("Europe/London", english, (table,)) == "GB"
    assert guess_country("UTC", english, (table,)) == "US"


def test_nothing_is_guessed_where_nothing_is_known(tmp_path: Path) -> None:
    nothing = (tmp_path / "none",)
    assert guess_country("UTC", {}, nothing) == ""
    assert guess_country("UTC", {"LANG": "C.UTF-8"}, nothing) == ""
    assert guess_country("UTC", {"LC_ALL": "de", "LANG": "de_AT@euro"}, nothing) == "AT"
