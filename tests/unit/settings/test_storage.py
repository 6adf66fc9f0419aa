"""The settings file: whatever is in it, the program starts and nothing is lost (fault 37)."""

import json
import os
import typing
from dataclasses import fields, replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.systems import needs_links
from wattlight.settings import (
    MeterSettings,
    ModelWish,
    Price,
    ServerAddress,
    Settings,
    SettingsError,
    SettingsFile,
    load_settings,
    save_settings,
)


def test_no_file_gives_defaults(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path / "settings.json")
    assert loaded.settings == Settings()
    assert loaded.notices == ()


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "settings.json"
    settings = Settings(
        servers=(ServerAddress(name="Box", url="http://127.0.0.1:1"),),
        price=Price(per_kwh="0.39", currency="EUR"),
        meter=MeterSettings(daily_budget_micro=5),
        language="de",
    )
    save_settings(file, settings)
    assert load_settings(file).settings == settings


def test_keys_of_a_newer_version_survive(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"schema": 9, "theme": "dark", "hologram": {"on": true}}')
    loaded = load_settings(file).settings
    assert loaded.theme == "dark"
    save_settings(file, replace(loaded, theme="light"))
    assert json.loads(file.read_text())["hologram"] == {"on": True}


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe\x00", b"x" * 1_000_001, b"[" * 100_000])
def test_fault_37_a_damaged_file_is_kept_and_said(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(raw)
    loaded = load_settings(file)
    assert loaded.settings == Settings()
    assert (tmp_path / "settings.json.bad").read_bytes() == raw
    assert "settings.json.bad" in loaded.notices[0]


def test_fault_37_wrong_types_cost_only_their_own_key(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(
        '\ufeff{"theme": 7, "context_length": 4096,'
        '"price": {"per_kwh": 0.3, "currency": "EUR"}, "servers": []}',
        encoding="utf-8",
    )
    loaded = load_settings(file)
    assert loaded.settings.theme == Settings().theme
    assert loaded.settings.context_length == 4096
    assert loaded.settings.price.currency == "EUR"
    assert loaded.settings.price.per_kwh is None
    assert loaded.settings.servers == Settings().servers
    assert any("theme" in text for text in loaded.notices)
    assert any("price.per_kwh" in text for text in loaded.notices)


@needs_links
def test_fault_37_a_link_is_followed_not_replaced(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    link = tmp_path / "settings.json"
    save_settings(real, Settings())
    link.symlink_to(real)
    save_settings(link, Settings(theme="dark"))
    assert link.is_symlink()
    assert load_settings(real).settings.theme == "dark"


def test_fault_38_a_crash_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    save_settings(file, Settings(theme="dark"))
    full = OSError(28, "No space left on device")
    with patch.object(Path, "replace", side_effect=full), pytest.raises(SettingsError) as caught:
        save_settings(file, Settings(theme="light"))
    assert "No space left" in caught.value.message
    assert load_settings(file).settings.theme == "dark"
    assert [p.name for p in tmp_path.iterdir()] == ["settings.json"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["servers", "price", "meter", "theme", "per_kwh", "url", "extra", "schema"]),
                x,
            )
        ),
    )
)
def test_any_document_loads(document: object) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.json"
        file.write_text(json.dumps(document))
        settings = load_settings(file).settings
        assert isinstance(settings, Settings)
        save_settings(file, settings)
        assert load_settings(file).settings == settings


def test_a_file_that_cannot_be_read_is_said_and_left(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.mkdir()
    loaded = load_settings(file)
    assert loaded.settings == Settings()
    assert "cannot be read" in loaded.notices[0] and str(file) in loaded.notices[0]
    assert file.is_dir()


def test_a_damaged_file_that_cannot_be_moved_is_said(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text("{")
    with patch.object(Path, "replace", side_effect=PermissionError(13, "no")):
        loaded = load_settings(file)
    assert loaded.settings == Settings()
    assert loaded.notices == (f"The settings in {file} are damaged; the defaults are used.",)
    assert file.read_text() == "{"


def test_half_a_character_in_a_text_does_not_stop_saving(tmp_path: Path) -> None:
    """JSON can hold one half of a surrogate pair, as a file cut by another program does; UTF-8 cannot."""
    file = tmp_path / "settings.json"
    file.write_text('{"theme": "dark", "keep_alive": "5m\\ud83d", "later": "\\udc00"}')
    loaded = load_settings(file)
    save_settings(file, replace(loaded.settings, theme="light"))
    again = load_settings(file)
    assert again.notices == ()
    assert again.settings == replace(loaded.settings, theme="light")
    assert json.loads(file.read_text(encoding="utf-8"))["later"] == "\udc00"


@pytest.mark.parametrize("value", ["NaN", "1e400", "-1e400", "true", '"1"', "null", "[1]", "{}"])
def test_an_interval_that_is_no_number_is_the_default(value: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(f'{{"meter": {{"shown_interval_s": {value}, "paused": true}}}}')
    loaded = load_settings(file)
    assert loaded.settings.meter == MeterSettings(paused=True)
    assert loaded.notices == (
        "The setting meter.shown_interval_s has a value it cannot have; its default is used.",
    )


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as caught:
        save_settings(tmp_path / "file" / "settings.json", Settings())
    assert "could not be saved" in caught.value.message
    assert "unchanged" in caught.value.next_step


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (f'"meter": {{"keep_months": {"7" * 400}}}', "meter.keep_months"),
        (f'"meter": {{"keep_months": {"7" * 5000}}}', "meter.keep_months"),
        (f'"meter": {{"wall_factor": {"9" * 400}}}', "meter.wall_factor"),
        ('"meter": {"hidden_interval_s": -1}', "meter.hidden_interval_s"),
        ('"meter": {"cooling_factor": 1e300}', "meter.cooling_factor"),
        ('"meter": {"assumed_rest_w": NaN}', "meter.assumed_rest_w"),
        ('"meter": {"supply_rated_w": Infinity}', "meter.supply_rated_w"),
        ('"meter": {"daily_budget_micro": 1e999}', "meter.daily_budget_micro"),
        ('"meter": {"keep_months": "²"}', "meter.keep_months"),
        ('"context_length": -4096', "context_length"),
        ('"passthrough_port": 65536', "passthrough_port"),
        ('"passthrough_port": "٣"', "passthrough_port"),
        ('"price": {"dollar_rate": "1e99999999"}', "price.dollar_rate"),
        ('"price": {"dollar_rate": "²"}', "price.dollar_rate"),
        ('"price": {"dollar_rate": "NaN"}', "price.dollar_rate"),
    ],
)
def test_a_number_that_cannot_be_costs_only_its_own_key(tmp_path: Path, written: str, name: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(f'{{"theme": "dark", {written}}}', encoding="utf-8")
    loaded = load_settings(file)
    assert loaded.settings == Settings(theme="dark")
    assert [name in text for text in loaded.notices] == [True]
    assert file.exists()


@pytest.mark.parametrize("kind", [Settings, MeterSettings, ModelWish, Price])
def test_every_number_has_its_bounds(kind: type) -> None:
    hints = typing.get_type_hints(kind)
    numbers = {int, float, int | None, float | None}
    unbounded = [f.name for f in fields(kind) if hints[f.name] in numbers and not f.metadata.get("bounds")]
    assert unbounded == []


def test_each_damaged_file_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    for raw in (b"{1", b"{2", b"{3"):
        file.write_bytes(raw)
        assert load_settings(file).settings == Settings()
    assert {p.read_bytes() for p in tmp_path.iterdir()} == {b"{1", b"{2", b"{3"}


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_pipe_in_the_place_of_the_settings_is_said_and_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    os.mkfifo(file)
    assert "not a regular file" in load_settings(file).notices[0]


def test_a_file_that_another_one_took_the_place_of_is_noticed(tmp_path: Path) -> None:
    file, other = tmp_path / "settings.json", tmp_path / "other.json"
    save_settings(file, Settings(theme="dark"))
    save_settings(other, Settings(theme="dusk"))
    known = SettingsFile(file)
    now = known.load().settings
    stamp = file.stat()
    other.replace(file)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert file.stat().st_size == stamp.st_size
    news = known.changed_outside(now)
    assert news is not None and news.theme == "dusk"


def test_choices_for_single_models_come_back_and_none_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    save_settings(file, Settings())
    assert (load_settings(file).settings, load_settings(file).notices) == (Settings(), ())
    chosen = (
        Settings().with_wish(ModelWish("qwen3:8b", 32768, "1h")).with_wish(ModelWish("a", keep_alive="-1"))
    )
    save_settings(file, chosen)
    assert load_settings(file).settings == chosen
    assert chosen.wish("A:latest").keep_alive == "-1"
    assert (chosen.wish("b").context_length, chosen.wish("b").keep_alive) == (None, "5m")
    assert chosen.with_wish(ModelWish("QWEN3:8b")).models == (ModelWish("a", keep_alive="-1"),)


def test_one_bad_choice_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"models": [{"model": "a", "context_length": -5, "keep_alive": "1h"}]}')
    loaded = load_settings(file)
    assert loaded.settings.models == (ModelWish("a", None, "1h"),)
    assert len(loaded.notices) == 1
