"""Windows are drawn without a screen here; what needs a tray runs in its own process on a private screen."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# A screen of its own size: the usual one of the offscreen platform is 800 by 800, and windows keep to theirs.
os.environ.setdefault(
    "QT_QPA_PLATFORM",
    "windows"
    if sys.platform == "win32"
    else f"offscreen:configfile={Path(__file__).with_name('screen.json')}",
)

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication

from wattlight.i18n import activate
from wattlight.ui.text import speak

from .desk import Desk, missing_tools

# Windows' own dialog for files takes an end by the program for a yes and writes beside the tests.
QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)

_OF_A_BUS = ("desktop_faults", "keeper", "screen_reader", "sleep", "tray", "wayland")
collect_ignore = [f"test_{name}.py" for name in _OF_A_BUS] if sys.platform == "win32" else []
"""What a session bus of Linux carries; trays and notifications of Windows are in tests/windows."""


@pytest.fixture(autouse=True)
def _english() -> None:
    """Texts and numbers as the tests name them; Qt's own too where a window was shown in another language."""
    activate("en")
    app = QApplication.instance()
    if isinstance(app, QApplication):
        speak(app)


@pytest.fixture
def bare_desk(tmp_path: Path) -> Iterator[Desk]:
    """A private screen without a bus."""
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    made = Desk(tmp_path).open(bus=False)
    yield made
    made.close()


@pytest.fixture
def desk(bare_desk: Desk) -> Desk:
    """A private screen and session bus."""
    bare_desk.open_bus()
    return bare_desk
