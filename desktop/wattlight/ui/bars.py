"""Bars: the memory of a device, and the days of a month."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from wattlight.viewmodels import BarSegment, DayBar, DaysChartView, MemoryBarView

from .theme import Theme
from .tokens import AXIS, QUIET, Tokens


def segment_colour(tokens: Tokens, role: str) -> str:
    """The colour of a part of the memory bar."""
    colours = {"weights": tokens.flame, "work": tokens.flame_soft, "other": tokens.bar_other}
    return colours.get(role, tokens.bad)


class MemoryBar(QWidget):
    """The bar alone, 8 px high."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._segments: tuple[BarSegment, ...] = ()
        self.setFixedHeight(9)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def render_view(self, view: MemoryBarView | None) -> None:
        """Show a bar, or hide without one."""
        self.setVisible(view is not None)
        if view is None or view.segments == self._segments:
            return
        self._segments = view.segments
        self.setAccessibleName(view.description)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the parts from left to right, round at both ends."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, tokens = QRectF(self.rect()), self._theme.tokens
        shape = QPainterPath()
        shape.addRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setClipPath(shape)
        painter.fillRect(box, QColor(tokens.track))
        x = 0.0
        for part in self._segments:
            width = part.fraction * box.width()
            painter.fillRect(QRectF(x, 0, width, box.height()), QColor(segment_colour(tokens, part.role)))
            x += width
        painter.end()


class Legend(QWidget):
    """Coloured squares with their words, in one or more lines, and a line at the right end."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._items: tuple[tuple[str, str, bool], ...] = ()
        self._end = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_items(self, items: tuple[tuple[str, str, bool], ...], end: str = "") -> None:
        """Show (colour token, text, hatched) in this order; ``end`` stands at the right."""
        if (items, end) != (self._items, self._end):
            self._items, self._end = items, end
            self.setAccessibleName(". ".join([text for _, text, _ in items] + [end]))
            self.setFixedHeight(self._lay_out(self.width())[1])
            self.update()

    def resizeEvent(self, event: object) -> None:
        """Lines may break elsewhere."""
        self.setFixedHeight(self._lay_out(self.width())[1])

    def sizeHint(self) -> QSize:
        """One line."""
        metrics = self._metrics()
        width = sum(metrics.horizontalAdvance(t) + 32 for _, t, _ in self._items)
        return QSize(width + metrics.horizontalAdvance(self._end), metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        """May be narrow: it breaks."""
        return QSize(60, self._metrics().height() + 2)

    def _metrics(self) -> QFontMetrics:
        return QFontMetrics(self._theme.font(QUIET, tabular=True))

    def _lay_out(self, width: int) -> tuple[list[tuple[int, int]], int]:
        metrics = self._metrics()
        line = metrics.height() + 4
        x = y = 0
        places = []
        for _, text, _ in self._items:
            need = metrics.horizontalAdvance(text) + 15
            if x and x + need > width:
                x, y = 0, y + line
            places.append((x, y))
            x += need + 14
        if self._end and x + metrics.horizontalAdvance(self._end) > width and self._items:
            y += line
        return places, y + line

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw squares and words."""
        painter = QPainter(self)
        painter.setFont(self._theme.font(QUIET, tabular=True))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, tokens = painter.fontMetrics(), self._theme.tokens
        places, height = self._lay_out(self.width())
        for (x, y), (colour, text, hatched) in zip(places, self._items, strict=True):
            middle = y + metrics.height() / 2 + 2
            swatch = QRectF(x, middle - 4.5, 9, 9)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(hatch(self._theme, colour) if hatched else QBrush(QColor(colour)))
            painter.drawRoundedRect(swatch, 2, 2)
            painter.setPen(QColor(tokens.quiet))
            painter.drawText(QPointF(x + 15, y + metrics.ascent() + 2), text)
        if self._end:
            painter.setPen(QColor(tokens.quiet))
            alone = not places or height > places[-1][1] + metrics.height() + 4
            x = 0 if alone else self.width() - metrics.horizontalAdvance(self._end)
            painter.drawText(QPointF(x, height - 2 - metrics.descent()), self._end)
        painter.end()


def hatch(theme: Theme, colour: str) -> QBrush:
    """Diagonal stripes of a colour on the card: told apart without seeing colour."""
    tile = QPixmap(6, 6)
    tile.fill(QColor(theme.tokens.card))
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 2.4))
    for offset in (-6, 0, 6):
        painter.drawLine(QPointF(offset - 1, 7), QPointF(offset + 7, -1))
    painter.end()
    return QBrush(tile)


class DaysChart(QWidget):
    """Days of a month, stacked: loaded idle (hatched), working, and the computer on request."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view: DaysChartView | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def render_view(self, view: DaysChartView) -> None:
        """Show prepared bars."""
        if view != self._view:
            self._view = view
            self.setAccessibleName(view.title)
            self.setAccessibleDescription(view.description or view.empty_text)
            self.update()

    def minimumSizeHint(self) -> QSize:
        """Lower than this nothing can be read."""
        return QSize(240, 130)

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(480, 190)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it all."""
        if self._view is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(AXIS, tabular=True))
        if not self._view.bars:
            painter.setPen(QColor(self._theme.tokens.faint))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._view.empty_text)
            painter.end()
            return
        area = self._area()
        self._paint_axis(painter, area)
        slot = area.width() / len(self._view.bars)
        for index, bar in enumerate(self._view.bars):
            self._paint_bar(painter, area, area.left() + index * slot, slot, bar)
            if index % 5 == 0:
                painter.setPen(QColor(self._theme.tokens.faint))
                label = QRectF(area.left() + index * slot - 10, area.bottom() + 6, slot + 20, 16)
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, bar.label)
        self._paint_budget(painter, area)
        painter.end()

    def _area(self) -> QRectF:
        metrics = QFontMetrics(self._theme.font(AXIS, tabular=True))
        texts = [text for _, text in self._view.y_ticks] if self._view else []
        right = max((metrics.horizontalAdvance(t) for t in texts), default=0) + 12
        return QRectF(self.rect()).adjusted(0, metrics.height() / 2 + 2, -right, -metrics.height() - 8)

    def _paint_axis(self, painter: QPainter, area: QRectF) -> None:
        tokens, metrics = self._theme.tokens, painter.fontMetrics()
        for share, text in self._view.y_ticks if self._view else ():
            y = round(area.bottom() - share * area.height()) + 0.5
            painter.setPen(QPen(QColor(tokens.line), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(tokens.faint))
            painter.drawText(QPointF(area.right() + 10, y + metrics.ascent() / 2 - 1), text)

    def _paint_bar(self, painter: QPainter, area: QRectF, left: float, slot: float, bar: DayBar) -> None:
        tokens = self._theme.tokens
        width = max(2.0, min(26.0, slot * 0.74))
        x = left + (slot - width) / 2
        total = (bar.parked + bar.working + bar.computer) * area.height()
        if total <= 0.2:
            return
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(x, area.bottom() - total, width, total + 3), 2.5, 2.5)
        painter.save()
        painter.setClipRect(QRectF(x - 1, area.top() - 4, width + 2, area.height() + 4.5))
        painter.setClipPath(shape, Qt.ClipOperation.IntersectClip)
        y = area.bottom()
        parts = (
            (bar.parked, hatch(self._theme, tokens.flame)),
            (bar.working, QBrush(QColor(tokens.flame))),
            (bar.computer, QBrush(QColor(tokens.bar_other))),
        )
        for share, brush in parts:
            height = share * area.height()
            painter.fillRect(QRectF(x, y - height, width, height), brush)
            y -= height
        painter.restore()

    def _paint_budget(self, painter: QPainter, area: QRectF) -> None:
        if self._view is None or self._view.budget is None:
            return
        share, text = self._view.budget
        tokens = self._theme.tokens
        y = area.bottom() - share * area.height()
        painter.setPen(QPen(QColor(tokens.flame), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        metrics = painter.fontMetrics()
        ground = QColor(tokens.card)
        ground.setAlphaF(0.85)
        box = QRectF(
            area.left(), y - metrics.height() - 3, metrics.horizontalAdvance(text) + 8, metrics.height()
        )
        painter.fillRect(box, ground)
        painter.setPen(QColor(tokens.quiet))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def event(self, event: QEvent) -> bool:
        """The figures of a day in its tooltip."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._view:
            area = self._area()
            if self._view.bars and area.contains(QPointF(event.pos())):
                index = int((event.pos().x() - area.left()) / area.width() * len(self._view.bars))
                spoken = self._view.bars[min(index, len(self._view.bars) - 1)].spoken
                QToolTip.showText(event.globalPos(), spoken, self)
                return True
        return super().event(event)
