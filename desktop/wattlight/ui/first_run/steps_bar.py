"""How far the first run is: one short bar for each page."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from wattlight.i18n import tr

from ..theme import Theme

WIDTH, HEIGHT, SPACE = 26, 4, 6


class StepsBar(QWidget):
    """Filled up to the page that is shown; the words are for screen readers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._number, self._of = 1, 1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_step(self, number: int, of: int) -> None:
        """Show page ``number`` of ``of``."""
        if (number, of) == (self._number, self._of):
            return
        self._number, self._of = number, of
        self.setAccessibleName(tr("Step {n} of {of}", n=number, of=of))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for all of them."""
        return QSize(self._of * (WIDTH + SPACE) - SPACE, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        tokens = self._theme.tokens
        for index in range(self._of):
            painter.setBrush(QColor(tokens.flame if index < self._number else tokens.line))
            painter.drawRoundedRect(QRectF(index * (WIDTH + SPACE), 0, WIDTH, HEIGHT), 2, 2)
        painter.end()
