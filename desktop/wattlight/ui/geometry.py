"""Where the dashboard was, as a line of text in the settings, and where it may stand now."""

import re
from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

_FORM = re.compile(r"(\d{1,5})x(\d{1,5})(?:([+-]\d{1,6})([+-]\d{1,6}))?( max)?")
GRIP = QSize(120, 32)
"""So much of the title bar must be on a screen, or nobody could get hold of the window."""


def geometry_text(window: QWidget) -> str:
    """Size and place: "980x660+40+60", with " max" when it fills the screen. Wayland tells no place."""
    normal = window.normalGeometry() if window.isMaximized() else window.geometry()
    place = ""
    if QGuiApplication.platformName() != "wayland":
        corner = normal.topLeft() if window.isMaximized() else window.pos()
        place = f"{corner.x():+d}{corner.y():+d}"
    return f"{normal.width()}x{normal.height()}{place}{' max' if window.isMaximized() else ''}"


def restore(window: QWidget, text: str | None) -> None:
    """Give a window its size and place back, as far as the screens of today allow."""
    match = _FORM.fullmatch(text or "")
    if match is None:
        return
    width, height, x, y, filled = match.groups()
    size = QSize(int(width), int(height)).expandedTo(window.minimumSize())
    wanted = QRect(int(x), int(y), size.width(), size.height()) if x else None
    spot = fitting(wanted, size, _rooms())
    window.resize(spot.size())
    if wanted is not None:
        window.move(spot.topLeft())
    if filled:
        window.showMaximized()


def fitting(wanted: QRect | None, size: QSize, rooms: Sequence[QRect]) -> QRect:
    """A rectangle no larger than its screen; ``wanted`` where its title bar can be got hold of, else in the
    middle of the first screen."""
    if wanted is not None:
        bar = QRect(wanted.topLeft(), QSize(wanted.width(), GRIP.height()))
        for room in rooms:
            seen = bar.intersected(room)
            if seen.width() >= GRIP.width() and seen.height() >= GRIP.height():
                return QRect(wanted.topLeft(), wanted.size().boundedTo(room.size()))
    room = rooms[0] if rooms else QRect(0, 0, size.width(), size.height())
    spot = QRect(room.topLeft(), size.boundedTo(room.size()))
    spot.moveCenter(room.center())
    return spot


def _rooms() -> list[QRect]:
    """The free part of each screen, the main one first."""
    first = QGuiApplication.primaryScreen()
    screens = sorted(QGuiApplication.screens(), key=lambda screen: screen is not first)
    return [screen.availableGeometry() for screen in screens]
