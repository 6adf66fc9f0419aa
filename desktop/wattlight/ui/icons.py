"""Icons from SVG: one drawing per state, coloured for the place where it is shown."""

import re
import sys

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QIcon,
    QImage,
    QImageReader,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)

from wattlight.paths import asset_bytes

INK = b"#1d1c1a"
HALO = b"#ffffff"
TRAY_SIZES = (16, 22, 24, 32, 48, 64)
FLAME_TOP, FLAME_FOOT = 0.22, 0.86
"""From where to where a flame is filled, as shares of the drawing; its thin tip would show no step."""
SHAPE_SHARE = 0.46
"""Of the height, for the shape above a figure."""


def tray_icon(state: str, dark_panel: bool = True, figure: str = "", flame: float = 1.0) -> QIcon:
    """The icon of a tray state (``off``, ``ready``, ``loading``, ``working``, ``attention``, ``paused``).

    With a ``figure`` the shape is small above and the figure large below: hosts show no text beside icons
    that Qt makes (no title on macOS, no label of the bus), so it is drawn.

    ``flame``: the share of its height that is filled; without a figure.

    Ink in one tone with a thin halo in the other, so that it reads on any panel. ``dark_panel`` picks the
    tone of the ink. (The name ``Qt`` is not imported here: its enumerations alone cost 16 ms of CPU before
    the first icon.)
    """
    drawing = _toned(state, dark_panel)
    if figure:
        icon = _with_figure(drawing, figure, dark_panel)
    elif flame < 1:
        icon = _with_flame(drawing, _toned("off", dark_panel), flame)
    else:
        icon = _icon(drawing, TRAY_SIZES)
    icon.setIsMask(sys.platform == "darwin")
    return icon


def _toned(state: str, dark_panel: bool) -> bytes:
    drawing = asset_bytes(f"icons/tray-{state}.svg")
    if sys.platform == "darwin":  # the menu bar colours a mask itself; a halo would be part of it
        return re.sub(rb"<[^>]*" + HALO + rb"[^>]*/>", b"", drawing)
    if dark_panel:
        return drawing.replace(INK, b"#placeholder").replace(HALO, INK).replace(b"#placeholder", HALO)
    return drawing


def line_pixmap(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """A line drawing in ``colour``, sharp at the screen's pixel ratio."""
    return _pixmap(asset_bytes(f"icons/{name}.svg").replace(INK, colour.encode("ascii")), size, ratio)


def nav_icon(name: str, colour: str, size: int = 18, air: int = 8) -> QIcon:
    """A line drawing with ``air`` at its right, since buttons put their text too near."""
    icon = QIcon()
    for ratio in (1.0, 2.0):
        wide = QPixmap(round((size + air) * ratio), round(size * ratio))
        wide.setDevicePixelRatio(ratio)
        wide.fill(QColor(0, 0, 0, 0))
        painter = QPainter(wide)
        painter.drawPixmap(0, 0, line_pixmap(name, colour, size, ratio))
        painter.end()
        icon.addPixmap(wide)
    return icon


def app_icon() -> QIcon:
    return _icon(asset_bytes("icons/wattlight.svg"), (16, 24, 32, 48, 64, 128, 256))


def app_pixmap(flame: str, inner: str, size: int, ratio: float) -> QPixmap:
    drawing = asset_bytes("icons/wattlight.svg")
    drawing = drawing.replace(b"#e8590c", flame.encode("ascii")).replace(b"#fff4e6", inner.encode("ascii"))
    return _pixmap(drawing, size, ratio)


def _with_flame(full: bytes, outline: bytes, flame: float) -> QIcon:
    """The outline, filled from below."""
    icon = QIcon()
    for size in TRAY_SIZES:
        image = render(outline, size)
        painter = QPainter(image)
        top = round(size * (FLAME_FOOT - (FLAME_FOOT - FLAME_TOP) * flame))
        painter.setClipRect(0, top, size, size - top)
        painter.drawImage(0, 0, render(full, size))
        painter.end()
        icon.addPixmap(QPixmap.fromImage(image))
    return icon


def _with_figure(drawing: bytes, figure: str, dark_panel: bool) -> QIcon:
    icon = QIcon()
    ink, halo = (HALO, INK) if dark_panel and sys.platform != "darwin" else (INK, HALO)
    for size in TRAY_SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(QColor(0, 0, 0, 0))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = round(size * SHAPE_SHARE)
        painter.drawImage((size - small) // 2, 0, render(drawing, small))
        _draw_figure(painter, figure, size, ink.decode(), halo.decode())
        painter.end()
        icon.addPixmap(QPixmap.fromImage(image))
    return icon


def _draw_figure(painter: QPainter, figure: str, size: int, ink: str, halo: str) -> None:
    """As large as the width allows, at the foot of the icon, with a thin halo."""
    font = QFont()
    font.setWeight(QFont.Weight.Bold)
    shape = QPainterPath()
    font.setPixelSize(64)
    shape.addText(0, 0, font, figure)
    box = shape.boundingRect()
    scale = min((size - 1) / max(1.0, box.width()), size * (1 - SHAPE_SHARE) / max(1.0, box.height()))
    painter.translate((size - box.width() * scale) / 2, size - box.height() * scale)
    painter.scale(scale, scale)
    painter.translate(-box.left(), -box.top())
    if sys.platform != "darwin":
        painter.strokePath(shape, QPen(QColor(halo), 2.2 / scale))
    painter.fillPath(shape, QBrush(QColor(ink)))


def _icon(drawing: bytes, sizes: tuple[int, ...]) -> QIcon:
    icon = QIcon()
    for size in sizes:
        icon.addPixmap(QPixmap.fromImage(render(drawing, size)))
    return icon


def _pixmap(drawing: bytes, size: int, ratio: float) -> QPixmap:
    pixmap = QPixmap.fromImage(render(drawing, round(size * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def render(drawing: bytes, size: int) -> QImage:
    """An SVG drawn at ``size`` x ``size`` pixels, by Qt's image plug-in (it needs no further import)."""
    data = QByteArray(drawing)
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"svg"))
    reader.setScaledSize(QSize(size, size))
    image = reader.read()
    if image.isNull():
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(QColor("gray"))
    return image
