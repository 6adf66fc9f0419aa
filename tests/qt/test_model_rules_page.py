"""The page Settings: rules that unload, and the name that follows."""

import pytest
from pytestqt.qtbot import QtBot

from fakes import made_up_day
from wattlight.settings import Settings
from wattlight.ui.page_settings import SettingsPage

pytestmark = pytest.mark.qt


def test_rules_and_the_following_name_are_off_and_saved_by_a_click(qtbot: QtBot) -> None:
    saved: list[Settings] = []
    page = SettingsPage(lambda _command: None, saved.append)
    qtbot.addWidget(page)
    page.render_scene(made_up_day.evening())
    assert not any(box.isChecked() for box in page._rules.values())
    assert not page._alias.isChecked()
    assert saved == []
    page._rules["other_program"].click()
    assert saved[-1].rules.other_program
    assert not saved[-1].rules.on_battery
    assert page._ask_heavy.isChecked()
    page._ask_heavy.click()
    assert not saved[-1].ask_heavy
    page._alias.click()
    assert saved[-1].alias.on
    assert '"current"' in page._alias.text()
