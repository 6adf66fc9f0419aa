"""The first icon: application, lock and tray icon, before anything heavy is imported."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from wattlight.domain import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import Places

from .icons import tray_icon
from .single import SingleInstance


class ScreenProblem(Problem):
    code = "no_screen"


@dataclass(slots=True)
class EarlyIcon:
    """What exists after the first moment; :class:`DesktopUi` takes it over.

    ``menu`` is the menu of the icon from the start, since some tray hosts ask for it only once.
    """

    app: QApplication
    tray: QSystemTrayIcon
    menu: QMenu
    born_with_host: bool
    instance: SingleInstance


def early_icon(places: Places, arguments: list[str] | None = None) -> EarlyIcon | None:
    """Make the application and show the icon; None when another instance lives and was asked to show itself.

    Raises:
        ScreenProblem: no display is set, where Qt itself would end the process.
    """
    check_screen()
    app = make_application(arguments or [])
    instance = SingleInstance(places)
    if not instance.take():
        instance.ask_to_show()
        return None
    menu = QMenu()
    menu.addAction("Wattlight").setEnabled(False)
    tray, born = show_icon(menu)
    return EarlyIcon(app, tray, menu, born, instance)


@contextmanager
def sentence_instead_of_abort() -> Iterator[None]:
    """Where Qt cannot start its platform it ends the process; a sentence says so before, with exit code 1."""
    said: list[str] = []

    def heard(kind: QtMsgType, _where: QMessageLogContext, text: str) -> None:
        said.append(clean_text(text, 300))
        if kind is not QtMsgType.QtFatalMsg:
            return
        told = next((line for line in said if "cursor" in line or "connect" in line), said[0])
        problem = ScreenProblem(
            tr("The window cannot be shown, because Qt cannot start here: {reason}", reason=told),
            tr("Use the command line instead: wattlight hardware, wattlight cost, wattlight meter."),
        )
        sys.stderr.write(f"{problem}\n")
        sys.stderr.flush()
        os._exit(1)  # Qt would abort after this

    before = qInstallMessageHandler(heard)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


def check_screen() -> None:
    """Raise a sentence where Qt would abort."""
    if sys.platform in {"win32", "darwin"} or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ScreenProblem(
            tr("There is no screen here, so the window cannot be shown."),
            tr("Use the command line instead: wattlight hardware, wattlight cost, wattlight meter."),
        )


def make_application(arguments: list[str]) -> QApplication:
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if sys.platform == "win32":
        from wattlight.system import APP_ID, name_for_the_taskbar

        name_for_the_taskbar(APP_ID)
    with sentence_instead_of_abort():
        app = QApplication(["wattlight", *arguments])
    QPixmapCache.setCacheLimit(2048)  # KiB; Qt's own 10 MiB fill with icons that are drawn anew
    app.setApplicationName("wattlight")
    app.setApplicationDisplayName("Wattlight")
    app.setDesktopFileName("wattlight")
    app.setQuitOnLastWindowClosed(False)
    return app


def show_icon(menu: QMenu) -> tuple[QSystemTrayIcon, bool]:
    """A visible tray icon, and whether a tray host was there when it was made."""
    born = QSystemTrayIcon.isSystemTrayAvailable()
    tray = QSystemTrayIcon(tray_icon("off"))
    tray.setToolTip("Wattlight")
    tray.setContextMenu(menu)
    tray.show()
    return tray, born
