"""The hours of a week as 168 squares: the stronger the colour, the more was drawn."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip

from wattlight.viewmodels.week_hours import WeekHoursView

from .charts import Chart, patterned
from .theme import Theme

HOURS = 24
PALEST = 0.08


class WeekHoursChart(Chart[WeekHoursView]):
    """A day a row. The arrow keys move among the squares; what one says is spoken and in its tooltip."""

    keyed = True

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, QSize(320, 170), QSize(480, 200))
        self._at: int | None = None
        self._unknown = QBrush()

    def area(self, view: WeekHoursView, box: QRectF) -> QRectF:
        """Without the days at the left and the hours below."""
        metrics = self.fontMetrics()
        left = max((metrics.horizontalAdvance(day) for day in view.days), default=0) + 8
        return box.adjusted(left, 2, -2, -metrics.height() - 6)

    def paint(self, painter: QPainter, area: QRectF, view: WeekHoursView) -> None:
        tokens, metrics = self._theme.tokens, painter.fontMetrics()
        self._unknown = patterned(self._theme, tokens.track, "hatch")
        for index, shade in enumerate(view.shades):
            self._paint_hour(painter, self._square(area, index), shade)
        painter.setPen(QColor(tokens.faint))
        height = area.height() / 7
        for row, day in enumerate(view.days):
            y = area.top() + (row + 0.5) * height + metrics.ascent() / 2 - 1
            painter.drawText(QPointF(area.left() - 8 - metrics.horizontalAdvance(day), y), day)
        for hour in range(0, HOURS, 3):
            x = area.left() + hour * area.width() / HOURS
            painter.drawText(QPointF(x, area.bottom() + metrics.ascent() + 5), view.hours[hour])

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture, and the square that the keyboard is at."""
        super().paintEvent(event)
        if self._view is None or self._view.empty or not self.hasFocus():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.tokens.text), 2))
        square = self._square(self.area(self._view, QRectF(self.rect())), self._at or 0)
        painter.drawRoundedRect(square, 3, 3)
        painter.end()

    def _paint_hour(self, painter: QPainter, box: QRectF, shade: float | None) -> None:
        tokens = self._theme.tokens
        painter.setPen(Qt.PenStyle.NoPen)
        if shade is None:
            painter.setBrush(self._unknown)
        else:
            colour = QColor(tokens.flame)
            colour.setAlphaF(PALEST + (1 - PALEST) * shade)
            painter.setBrush(QBrush(colour))
        painter.drawRoundedRect(box, 3, 3)

    @staticmethod
    def _square(area: QRectF, index: int) -> QRectF:
        width, height = area.width() / HOURS, area.height() / 7
        row, column = divmod(index, HOURS)
        box = QRectF(area.left() + column * width, area.top() + row * height, width, height)
        return box.adjusted(1, 1, -1, -1)

    def _index_at(self, point: QPointF) -> int | None:
        if self._view is None or self._view.empty:
            return None
        area = self.area(self._view, QRectF(self.rect()))
        if not area.contains(point):
            return None
        column = int((point.x() - area.left()) / area.width() * HOURS)
        row = int((point.y() - area.top()) / area.height() * 7)
        return min(row, 6) * HOURS + min(column, HOURS - 1)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._view:
            index = self._index_at(QPointF(event.pos()))
            if index is not None:
                QToolTip.showText(event.globalPos(), self._view.spoken[index], self)
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left.value: -1,
            Qt.Key.Key_Right.value: 1,
            Qt.Key.Key_Up.value: -HOURS,
            Qt.Key.Key_Down.value: HOURS,
        }
        if self._view is None or self._view.empty or event.key() not in steps:
            super().keyPressEvent(event)
            return
        wanted = 0 if self._at is None else self._at + steps[event.key()]
        if 0 <= wanted < len(self._view.shades):
            self._at = wanted
            said = self._view.spoken[wanted]
            self.setAccessibleDescription(said)
            place = self._square(self.area(self._view, QRectF(self.rect())), wanted).bottomLeft().toPoint()
            QToolTip.showText(self.mapToGlobal(place), said, self)
            self.update()
