"""The settings file: whatever is in it, the program starts and nothing is lost (fault 37)."""

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.settings import (
    MeterSettings,
    Price,
    ServerAddress,
    Settings,
    SettingsError,
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
