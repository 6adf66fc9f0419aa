"""Starting at login, the log, the environment of children."""

import logging
import plistlib
import stat
import sys
import threading
from pathlib import Path

import pytest

from wattlight.system import AutostartProblem, autostart_for_platform, clean_environment, open_log


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "autostart" / "io.github.wattlight.wattlight.desktop"


def test_autostart_is_what_the_file_says(config: Path) -> None:
    start = autostart_for_platform(["/opt/w/wattlight", "--hidden"], "linux")
    assert not start.enabled()
    start.set_enabled(True)
    assert start.enabled()
    assert "TryExec=/opt/w/wattlight\n" in config.read_text()
    config.write_text(config.read_text() + "Hidden=true\n")
    assert not start.enabled()
    start.set_enabled(False)
    assert not config.exists()
    start.set_enabled(False)


def test_fault_54_a_moved_program_counts_as_off_and_is_rewritten(config: Path) -> None:
    autostart_for_platform(["/old/wattlight"], "linux").set_enabled(True)
    moved = autostart_for_platform(["/new/wattlight"], "linux")
    assert not moved.enabled()
    moved.set_enabled(True)
    assert "Exec=/new/wattlight\n" in config.read_text()


def test_fault_54_spaces_quotes_and_percent_are_quoted(config: Path) -> None:
    start = autostart_for_platform(['/o p/"w"$%/wattlight', "--hidden"], "linux")
    start.set_enabled(True)
    assert 'Exec="/o p/\\\\"w\\\\"\\\\$%%/wattlight" --hidden\n' in config.read_text()
    assert start.enabled()


def test_a_folder_that_cannot_be_written_is_one_sentence(config: Path) -> None:
    config.parent.write_text("a file")
    with pytest.raises(AutostartProblem) as caught:
        autostart_for_platform(["/w"], "linux").set_enabled(True)
    assert str(config) in caught.value.message


def test_the_launch_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    agent = autostart_for_platform(["/w", "--hidden"], "darwin")
    assert not agent.enabled()
    agent.set_enabled(True)
    file = tmp_path / "Library/LaunchAgents/io.github.wattlight.wattlight.plist"
    assert plistlib.loads(file.read_bytes())["ProgramArguments"] == ["/w", "--hidden"]
    assert agent.enabled()
    file.write_text("garbage")
    assert not agent.enabled()


def test_children_of_a_bundle_get_the_users_own_library_path() -> None:
    env = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/mine", "PATH": "/bin", "_PYI_X": "1"}
    assert clean_environment(env, frozen=True) == {"LD_LIBRARY_PATH": "/mine", "PATH": "/bin"}
    assert clean_environment({"LD_LIBRARY_PATH": "/bundle"}, frozen=True) == {}
    assert clean_environment({"LD_LIBRARY_PATH": "/mine"}, frozen=False) == {"LD_LIBRARY_PATH": "/mine"}


def test_the_log_is_private_rotates_and_keeps_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log = open_log(tmp_path / "state" / "wattlight.log")
    log.info("Authorization: Bearer abc123 for %s", "host")
    for index in range(1000):
        log.info("flood %d", index)
    text = (tmp_path / "state" / "wattlight.log").read_text()
    assert "abc123" not in text
    assert text.count("flood") < 400
    assert stat.S_IMODE((tmp_path / "state" / "wattlight.log").stat().st_mode) == 0o600
    for handler in list(logging.getLogger("wattlight").handlers):
        logging.getLogger("wattlight").removeHandler(handler)
        handler.close()
