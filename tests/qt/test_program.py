"""The desktop program is built, runs and ends in this process; what stops its start is one sentence."""

import faulthandler
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from wattlight.bootstrap import desktop_program, tray
from wattlight.bootstrap.desktop_program import DesktopProgram
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory
from wattlight.settings import FirstRun, ServerAddress, Settings, save_settings
from wattlight.ui import early_icon
from wattlight.ui.early import ScreenProblem

pytestmark = [pytest.mark.qt, pytest.mark.timeout(60)]
NOWHERE = ServerAddress(url="http://127.0.0.1:9")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own, with settings of a person who has done the first run."""
    monkeypatch.setenv("WATTLIGHT_HOME", str(tmp_path))
    places = ServiceFactory().places
    settings = Settings(servers=(NOWHERE,), first_run_done=True, first_run=FirstRun("done"), language="en")
    save_settings(places.settings_file, settings)
    crashes: list[IO[str]] = []
    monkeypatch.setattr(faulthandler, "enable", crashes.append)
    for module, name in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    known = {log: list(log.handlers) for log in (logging.getLogger(), logging.getLogger("wattlight"))}
    monkeypatch.setattr(logging.getLogger("wattlight"), "propagate", True)
    yield tmp_path
    for log, handlers in known.items():
        for handler in [h for h in log.handlers if h not in handlers]:
            log.removeHandler(handler)
            handler.close()
    for crash in crashes:
        crash.close()
    activate("en")


def test_the_program_runs_and_leaves_nothing_behind(home: Path, qapp: QApplication) -> None:
    before = set(threading.enumerate())
    factory = ServiceFactory()
    early = early_icon(factory.places, [])
    assert early is not None
    program = DesktopProgram(factory, early, ["--hidden"])
    QTimer.singleShot(1500, program._ui.stop)
    assert program.run() == 0
    assert {t.name for t in set(threading.enumerate()) - before if not t.daemon} == set()
    assert factory.places.ledger_file.exists()
    assert {"_catalog", "_advisor"}.isdisjoint(vars(factory))  # a tray alone needs none of the catalogue
    again = early_icon(factory.places, [])
    assert again is not None  # the lock was given back
    again.tray.hide()
    again.instance.close()


def test_damaged_settings_are_said_in_the_window_and_the_program_starts(
    home: Path, qapp: QApplication
) -> None:
    factory = ServiceFactory()
    factory.places.settings_file.write_text('{"theme": 7, "servers": [{"url": "http://127.0.0.1:9"}]}')
    early = early_icon(factory.places, [])
    assert early is not None
    program = DesktopProgram(factory, early, ["--hidden"])
    assert [n.text for n in program._hub.state.notices if "theme" in n.text] != []
    QTimer.singleShot(300, program._ui.stop)
    assert program.run() == 0


@pytest.mark.parametrize(
    ("url", "host"),
    [("http://me:secret@box:11434", ""), (None, "box:eleven"), (None, "ftp://box"), ("http://[::1", "")],
)
def test_an_address_that_cannot_be_used_is_said_and_the_program_starts(
    home: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, url: str | None, host: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    factory = ServiceFactory()
    factory.places.settings_file.write_text(json.dumps({"servers": [{"url": url}]}))
    early = early_icon(factory.places, [])
    assert early is not None
    program = DesktopProgram(factory, early, ["--hidden"])
    (notice,) = [n for n in program._hub.state.notices if n.kind.startswith("server address")]
    assert "usual address" in notice.text and "secret" not in notice.text and notice.level == "error"
    QTimer.singleShot(300, program._ui.stop)
    assert program.run() == 0


def test_without_a_screen_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: object) -> None:
    def no_screen(*_: object) -> None:
        raise ScreenProblem("There is no screen here.", "Use the command line instead.")

    monkeypatch.setattr("wattlight.ui.early_icon", no_screen)
    assert tray.run_desktop([]) == tray.NO_SCREEN
    assert "no screen" in capsys.readouterr().err  # type: ignore[attr-defined]


def test_where_qt_cannot_be_loaded_it_names_the_doctor(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: object
) -> None:
    def broken(*_: object) -> None:
        raise ImportError("libEGL.so.1: cannot open shared object file")

    monkeypatch.setattr("wattlight.ui.early_icon", broken)
    assert tray.run_desktop([]) == 1
    said = capsys.readouterr().err  # type: ignore[attr-defined]
    assert "libEGL.so.1" in said and "wattlight doctor" in said


def test_a_second_start_ends_with_nothing_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.ui.early_icon", lambda *_: None)
    assert tray.run_desktop([]) == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [(ZeroDivisionError("x"), "ZeroDivisionError"), (ScreenProblem("Odd.", "Wait."), "Odd.")],
)
def test_a_start_that_fails_is_one_sentence_and_the_log_has_the_rest(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: object, error: Exception, words: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    told: list[str] = []
    monkeypatch.setattr("wattlight.ui.early_icon", lambda *_: object())
    monkeypatch.setattr("wattlight.ui.last_words", told.append)
    monkeypatch.setattr(desktop_program, "DesktopProgram", fails)
    assert tray.run_desktop([]) == 1
    said = capsys.readouterr().err  # type: ignore[attr-defined]
    assert words in said and "Traceback" not in said
    assert told == ([] if sys.platform == "win32" else [said.removesuffix("\n")]), "there at the very end"
    assert "Traceback" in ServiceFactory().places.log_file.read_text()


def test_no_sources_are_kept_in_memory() -> None:
    """Qt's binding reads the source of each module that is imported after it; the tray has it read none."""
    code = (
        "import linecache, PySide6.QtCore\n"
        "from wattlight.bootstrap.tray import unread_sources\n"
        "with unread_sources():\n    import wattlight.domain.fit\n"
        "assert not [file for file in linecache.cache if 'domain' in file and 'fit' in file]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
