"""The chart of power: stacked areas, gaps hatched and named, drawn from prepared points."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from wattlight.viewmodels import ChartGap, ChartRun, PowerChartView

from .theme import Theme
from .tokens import AXIS, Tokens


def role_colour(tokens: Tokens, role: str) -> str:
    """The colour of a series."""
    return {"gpu": tokens.flame, "gpu2": tokens.flame_second, "cpu": tokens.cpu}.get(role, tokens.other)


class PowerChart(QWidget):
    """Ten minutes of power; ``spark`` leaves out axes and texts (for the small window)."""

    def __init__(self, theme: Theme, spark: bool = False) -> None:
        super().__init__()
        self._theme = theme
        self._spark = spark
        self._view: PowerChartView | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def render_view(self, view: PowerChartView) -> None:
        """Show prepared points."""
        if view != self._view:
            self._view = view
            self.setAccessibleName(view.title)
            self.setAccessibleDescription(view.description or view.empty_text)
            self.update()

    def minimumSizeHint(self) -> QSize:
        """Lower than this nothing can be read."""
        return QSize(120, 48 if self._spark else 120)

    def sizeHint(self) -> QSize:
        """A comfortable size."""
        return QSize(320, 64 if self._spark else 200)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it all."""
        if self._view is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(AXIS, tabular=True))
        view = self._view
        if not view.series:
            painter.setPen(QColor(self._theme.tokens.faint))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(8, 0, -8, 0), flags, view.empty_text)
            painter.end()
            return
        area = self._area(painter)
        if not self._spark:
            self._paint_axes(painter, area)
        for gap in view.gaps:
            self._paint_gap(painter, area, gap)
        for run in view.runs:
            self._paint_run(painter, area, run)
        painter.end()

    def _area(self, painter: QPainter) -> QRectF:
        if self._spark:
            return QRectF(self.rect()).adjusted(0, 3, 0, -1)
        view, metrics = self._view, painter.fontMetrics()
        texts = [text for _, text in view.y_ticks] if view else []
        right = max((metrics.horizontalAdvance(t) for t in texts), default=0) + 12
        return QRectF(self.rect()).adjusted(0, metrics.height() / 2, -right, -metrics.height() - 8)

    def _paint_axes(self, painter: QPainter, area: QRectF) -> None:
        view, tokens = self._view, self._theme.tokens
        if view is None:
            return
        metrics = painter.fontMetrics()
        for share, text in view.y_ticks:
            y = round(area.bottom() - share * area.height()) + 0.5
            painter.setPen(QPen(QColor(tokens.line), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(tokens.faint))
            painter.drawText(QPointF(area.right() + 10, y + metrics.ascent() / 2 - 1), text)
        for share, text in view.x_ticks:
            width = metrics.horizontalAdvance(text)
            x = area.left() + share * area.width() - width / 2
            x = min(max(x, area.left()), area.right() - width)
            painter.drawText(QPointF(x, area.bottom() + metrics.ascent() + 7), text)

    def _paint_gap(self, painter: QPainter, area: QRectF, gap: ChartGap) -> None:
        tokens = self._theme.tokens
        left = area.left() + gap.start * area.width()
        box = QRectF(left, area.top(), (gap.end - gap.start) * area.width(), area.height())
        ground = QColor(tokens.plain_on)
        painter.fillRect(box, ground)
        hatch = QColor(tokens.line)
        painter.fillRect(box, QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        if self._spark:
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

    def _paint_run(self, painter: QPainter, area: QRectF, run: ChartRun) -> None:
        view, tokens = self._view, self._theme.tokens
        if view is None:
            return
        xs = [area.left() + x * area.width() for x in run.xs]
        for layer in run.layers:
            colour = QColor(role_colour(tokens, view.series[layer.series].role))
            tops = [
                QPointF(x, area.bottom() - t * area.height()) for x, t in zip(xs, layer.tops, strict=True)
            ]
            lows = [
                QPointF(x, area.bottom() - b * area.height()) for x, b in zip(xs, layer.bottoms, strict=True)
            ]
            soft = QColor(colour)
            soft.setAlphaF(0.24 if tokens.dark else 0.2)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(soft)
            painter.drawPolygon(QPolygonF([*tops, *reversed(lows)]))
            painter.setPen(
                QPen(colour, 1.0 if self._spark else 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            )
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if len(tops) == 1:
                painter.drawLine(tops[0], tops[0] + QPointF(1, 0))
            painter.drawPolyline(QPolygonF(tops))
