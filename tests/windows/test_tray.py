"""The tray from source: start, second start, end by its menu; what is said without a console."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .desktop import PATIENCE_S, TrayProgram, wait_until

pytestmark = pytest.mark.timeout(1800)
PYTHON = Path(sys.executable)
SOURCE = [str(PYTHON), "-m", "wattlight"]


def test_start_second_start_quit(tmp_path: Path) -> None:
    first = TrayProgram(SOURCE, tmp_path, "--window")
    try:
        first.wait_window()
        first.close_windows()
        wait_until(lambda: not first.titles(), PATIENCE_S)
        assert first.process.poll() is None, "closing the window leaves the icon"
        second = TrayProgram(SOURCE, tmp_path, "--window")
        assert second.process.wait(PATIENCE_S) == 0, second.end()
        assert second.end() == ""
        first.wait_window()
        first.quit_by_the_menu()
        assert first.process.wait(PATIENCE_S) == 0
        assert first.end() == ""
    finally:
        first.end()


def test_after_a_kill_the_next_start_takes_over(tmp_path: Path) -> None:
    first = TrayProgram(SOURCE, tmp_path, "--window")
    first.wait_window()
    first.end()
    second = TrayProgram(SOURCE, tmp_path, "--window")
    try:
        second.wait_window()
    finally:
        said = second.end()
    assert said == ""


@pytest.mark.skipif(not PYTHON.with_name("pythonw.exe").exists(), reason="this Python has no pythonw.exe")
def test_without_a_console_a_sentence_is_a_box_and_the_tray_runs(tmp_path: Path) -> None:
    silent = [str(PYTHON.with_name("pythonw.exe")), "-m", "wattlight"]
    wrong = TrayProgram(silent, tmp_path, "nonsense", console=False)
    try:
        wait_until(lambda: "Wattlight" in wrong.titles(), PATIENCE_S)
        wrong.close_windows()
        assert wrong.process.wait(PATIENCE_S) == 2
    finally:
        wrong.end()
    tray = TrayProgram(silent, tmp_path, "--window", console=False)
    try:
        tray.wait_window()
        tray.quit_by_the_menu()
        assert tray.process.wait(PATIENCE_S) == 0
    finally:
        tray.end()


def test_json_in_a_pipe_is_utf8(tmp_path: Path) -> None:
    plan = tmp_path / "prix_été_日本.json"
    done = subprocess.run([*SOURCE, "tariff", "check", str(plan), "--json"], capture_output=True, check=False)
    assert "prix_été_日本.json" in json.loads(done.stdout.decode("utf-8"))["error"]["message"]
    done = subprocess.run([*SOURCE, "tariff", "check", str(plan)], capture_output=True, check=False)
    assert "prix_été_日本.json" in done.stderr.decode("utf-8")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """Windows tells it as an invalid argument, not as a broken pipe."""
    env = {**os.environ, "WATTLIGHT_HOME": str(tmp_path)}
    command = [*SOURCE, "recommend", "--limit", "100"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(PATIENCE_S) in {0, 141}, said
    assert said == b""
