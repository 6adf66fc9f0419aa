"""The chart of power over time: stacked, with gaps; what each moment says on hover and by keyboard."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)

from wattlight.viewmodels.chart import ChartGap, ChartRun, PowerChartView

from .charts import Chart, patterned
from .theme import Theme
from .tokens import AXIS, Tokens


def role_colour(tokens: Tokens, role: str) -> str:
    """The colour of a device, or of what power was for."""
    return {
        "gpu": tokens.flame,
        "gpu2": tokens.flame_second,
        "cpu": tokens.cpu,
        "learned": tokens.learned,
        "base": tokens.bar_other,
        "parked": tokens.flame_soft,
        "active": tokens.flame,
        "mixed": tokens.flame_second,
    }.get(role, tokens.other)


class PowerChart(Chart[PowerChartView]):
    """``spark`` leaves out axes, texts and pointing (for the small window).

    What is pointed at is said in the chart; the arrow keys move along, Home and End to the ends.
    """

    def __init__(self, theme: Theme, spark: bool = False) -> None:
        super().__init__(theme, QSize(120, 48 if spark else 120), QSize(320, 64 if spark else 200))
        self.bare = spark
        self._at: int | None = None
        self.keyed = not spark
        self.setMouseTracking(not spark)

    @property
    def pointed(self) -> str:
        """What the moment that is pointed at says; "" where none is."""
        if self._view is None or self._at is None or self._at >= len(self._view.marks):
            return ""
        return self._view.said(self._at)

    def render_view(self, view: PowerChartView) -> None:
        if self._view is None or view.title != self._view.title:
            self._at = None
        super().render_view(view)

    def paint(self, painter: QPainter, area: QRectF, view: PowerChartView) -> None:
        for share, text in () if self.bare else view.x_ticks:
            metrics = painter.fontMetrics()
            width = metrics.horizontalAdvance(text)
            x = area.left() + share * area.width() - width / 2
            x = min(max(x, area.left()), area.right() - width)
            painter.drawText(QPointF(x, area.bottom() + metrics.ascent() + 7), text)
        for gap in view.gaps:
            self._paint_gap(painter, area, gap)
        for run in view.runs:
            self._paint_run(painter, area, run, view)

    def _paint_gap(self, painter: QPainter, area: QRectF, gap: ChartGap) -> None:
        tokens = self._theme.tokens
        left = area.left() + gap.start * area.width()
        box = QRectF(left, area.top(), (gap.end - gap.start) * area.width(), area.height())
        ground = QColor(tokens.plain_on)
        painter.fillRect(box, ground)
        hatch = QColor(tokens.line)
        painter.fillRect(box, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        if self.bare:
            return
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(gap.label)
        painter.save()
        painter.setPen(QColor(tokens.quiet))
        painter.translate(box.center())
        across = width + 8 > box.width()
        if across:
            painter.rotate(-90)
        if not across or (width + 8 <= box.height() and metrics.height() <= box.width()):
            label = QRectF(-width / 2 - 5, -metrics.height() / 2, width + 10, metrics.height())
            painter.fillRect(label, ground)
            painter.drawText(label, Qt.AlignmentFlag.AlignCenter, gap.label)
        painter.restore()

    def _paint_run(self, painter: QPainter, area: QRectF, run: ChartRun, view: PowerChartView) -> None:
        tokens = self._theme.tokens
        xs = [area.left() + x * area.width() for x in run.xs]
        for layer in run.layers:
            series = view.series[layer.series]
            colour = QColor(role_colour(tokens, series.role))
            tops, lows = (
                [QPointF(x, area.bottom() - share * area.height()) for x, share in zip(xs, edge, strict=True)]
                for edge in (layer.tops, layer.bottoms)
            )
            if view.steps:
                self._paint_steps(painter, colour, series.pattern, [*tops, *reversed(lows)])
                continue
            soft = QColor(colour)
            soft.setAlphaF(0.24 if tokens.dark else 0.2)
            painter.setPen(Qt.PenStyle.NoPen)
            brush = patterned(self._theme, colour.name(), series.pattern) if series.pattern else soft
            painter.setBrush(brush)
            painter.drawPolygon(QPolygonF([*tops, *reversed(lows)]))
            width = 1.0 if self.bare else 1.5
            painter.setPen(QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if len(tops) == 1:
                painter.drawLine(tops[0], tops[0] + QPointF(1, 0))
            painter.drawPolyline(QPolygonF(tops))

    def _paint_steps(self, painter: QPainter, colour: QColor, pattern: str, edge: list[QPointF]) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(patterned(self._theme, colour.name(), pattern))
        painter.drawPolygon(QPolygonF(edge))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The chart, and over it what is pointed at (a picture that is saved points at nothing)."""
        super().paintEvent(event)
        if self._view is not None and not self.bare and not self._view.empty:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setFont(self._theme.font(AXIS, tabular=True))
            self._paint_pointed(painter, self.area(self._view, QRectF(self.rect())), self._view)
            painter.end()

    def _paint_pointed(self, painter: QPainter, area: QRectF, view: PowerChartView) -> None:
        tokens, text = self._theme.tokens, self.pointed
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.button), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        if not text or self._at is None:
            return
        x = area.left() + view.marks[self._at].x * area.width()
        painter.setPen(QPen(QColor(tokens.quiet), 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        metrics = painter.fontMetrics()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(area.width()) - 14)
        box = QRectF(0, area.top() + 3, metrics.horizontalAdvance(text) + 14, metrics.height() + 6)
        left = x + 6 if x + 6 + box.width() <= area.right() else x - 6 - box.width()
        box.moveLeft(min(max(left, area.left()), area.right() - box.width()))
        painter.setBrush(QBrush(QColor(tokens.card)))
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(QColor(tokens.text))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _point(self, index: int | None) -> None:
        if index != self._at:
            self._at = index
            view = self._view
            self.setAccessibleDescription(self.pointed or (view.description if view else ""))
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        view = self._view
        if not self.bare and view is not None and not view.empty:
            area = self.area(view, QRectF(self.rect()))
            self._point(view.nearest((event.position().x() - area.left()) / max(1.0, area.width())))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._point(None)
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._point(None)
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The last moment first; then along the chart."""
        count = len(self._view.marks) if self._view is not None else 0
        last = count - 1
        now = last if self._at is None else min(self._at, last)
        ways = {
            Qt.Key.Key_Left.value: last if self._at is None else now - 1,
            Qt.Key.Key_Right.value: now + 1,
            Qt.Key.Key_PageUp.value: now - max(1, count // 12),
            Qt.Key.Key_PageDown.value: now + max(1, count // 12),
            Qt.Key.Key_Home.value: 0,
            Qt.Key.Key_End.value: last,
        }
        if count and event.key() in ways:
            self._point(min(max(0, ways[event.key()]), last))
            event.accept()
        elif self._at is not None and event.key() == Qt.Key.Key_Escape.value:
            self._point(None)
        else:
            super().keyPressEvent(event)
