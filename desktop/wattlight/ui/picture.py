"""Saves a chart as a picture: PNG at twice its size, or SVG."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import right_to_left, tr
from wattlight.paths import write_whole

from .charts import Chart, Legend
from .controls import button, put, spaced
from .text import plain_label, show_text
from .theme import Theme
from .tokens import QUIET, TITLE

SIZE = QSize(960, 420)
MARGIN = 24
SCALE = 2
SVG = ".svg"


@dataclass(frozen=True, slots=True)
class ChartPicture:
    """A chart as it is shown now, with its title above, its legend and a line with the date below."""

    chart: Chart[Any]
    theme: Theme
    title: str
    foot: str
    legend: Legend | None = None

    def draw(self, painter: QPainter) -> None:
        tokens, view = self.theme.tokens, self.chart.view
        box = QRectF(QRect(0, 0, SIZE.width(), SIZE.height()))
        painter.fillRect(box, QColor(tokens.card))
        inner = box.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.setFont(self.theme.font(TITLE, bold=True))
        painter.setPen(QColor(tokens.text))
        line = painter.fontMetrics().height()
        painter.drawText(
            _line_start(painter, inner, self.title, inner.top() + painter.fontMetrics().ascent()), self.title
        )
        painter.setFont(self.theme.font(QUIET))
        painter.setPen(QColor(tokens.quiet))
        painter.drawText(_line_start(painter, inner, self.foot, inner.bottom() - 2), self.foot)
        room = inner.adjusted(0, line + 10, 0, -line - 8)
        if self.legend is not None:
            painter.save()
            painter.translate(room.topLeft())
            used = self.legend.draw(painter, round(room.width()))
            painter.restore()
            room = room.adjusted(0, used + 8, 0, 0)
        if view is not None:
            self.chart.draw(painter, room, view)

    def write(self, file: Path) -> None:
        """Raises: Problem: the file could not be written."""
        data = self._svg() if file.suffix.lower() == SVG else self._png()
        try:
            write_whole(file, data)
        except OSError as error:
            raise Problem(
                tr(
                    "The picture could not be saved: {why}.", why=clean_text(error.strerror or str(error), 80)
                ),
                tr("Choose another folder."),
            ) from error

    def _png(self) -> bytes:
        pixmap = QPixmap(SIZE * SCALE)
        pixmap.setDevicePixelRatio(SCALE)
        painter = QPainter(pixmap)
        self.draw(painter)
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        pixmap.save(buffer, "PNG")
        return bytes(buffer.data().data())

    def _svg(self) -> bytes:
        from PySide6.QtSvg import QSvgGenerator

        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(SIZE)
        generator.setViewBox(QRect(0, 0, SIZE.width(), SIZE.height()))
        generator.setTitle(self.title)
        generator.setDescription(self.foot)
        painter = QPainter(generator)
        self.draw(painter)
        painter.end()
        return bytes(buffer.data().data())


def _line_start(painter: QPainter, box: QRectF, text: str, base: float) -> QPointF:
    """Where a line has to be painted to begin where reading does."""
    width = painter.fontMetrics().horizontalAdvance(text)
    return QPointF(box.right() - width if right_to_left() else box.left(), base)


class SavePicture(QWidget):
    """The button, and what went wrong beside it. ``make`` gives the picture and its file's name."""

    def __init__(self, make: Callable[[], tuple[ChartPicture, str]]) -> None:
        super().__init__()
        self._make = make
        self._said = plain_label(role="bad", wrap=True)
        self._said.hide()
        self.dialog: QFileDialog | None = None
        put(spaced(QHBoxLayout(self), 8), self._said, button(tr("Save picture…"), clicked=self._ask))

    def _ask(self) -> None:
        """Ask where to, beside the running program: nothing waits for the answer."""
        show_text(self._said, "")
        picture, name = self._make()
        dialog = QFileDialog(self.window(), tr("Save picture"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("PNG picture (*.png)"), tr("SVG drawing (*.svg)")])
        dialog.setDefaultSuffix("png")
        dialog.selectFile(f"{name}.png")
        dialog.filterSelected.connect(
            lambda text: dialog.setDefaultSuffix("svg" if "*.svg" in text else "png")
        )
        dialog.fileSelected.connect(lambda file: self.save(picture, Path(file)))
        dialog.finished.connect(dialog.deleteLater)
        self.dialog = dialog
        dialog.open()

    def save(self, picture: ChartPicture, file: Path) -> None:
        try:
            picture.write(file)
        except Problem as problem:
            show_text(self._said, str(problem))
