"""Charts: the memory of a device, the days of a month, what every chart shares; their legend."""

from typing import Generic, TypeVar

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
from PySide6.QtWidgets import QSizePolicy, QToolTip

from wattlight.i18n import joined, right_to_left
from wattlight.viewmodels.chart import PowerChartView
from wattlight.viewmodels.cost import DayBar, DaysChartView
from wattlight.viewmodels.running import BarSegment, MemoryBarView
from wattlight.viewmodels.week_hours import WeekHoursView

from .text import Role, Spoken
from .theme import Theme
from .tokens import AXIS, QUIET, Tokens

View = TypeVar("View", DaysChartView, PowerChartView, WeekHoursView)


LegendItem = tuple[str, str, str]


def segment_colour(tokens: Tokens, role: str) -> str:
    return {"weights": tokens.flame, "work": tokens.flame_soft, "other": tokens.bar_other}[role]


class MemoryBar(Spoken):
    """The bar alone, 8 px high."""

    spoken_as = Role.Graphic

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._segments: tuple[BarSegment, ...] = ()
        self.setFixedHeight(9)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def render_view(self, view: MemoryBarView | None) -> None:
        self.setVisible(view is not None)
        if view is None or view.segments == self._segments:
            return
        self._segments = view.segments
        self.setAccessibleName(view.description)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the parts as reading goes, round at both ends."""
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
            left = box.width() - x - width if right_to_left() else x
            painter.fillRect(QRectF(left, 0, width, box.height()), QColor(segment_colour(tokens, part.role)))
            x += width
        painter.end()


SWATCH, LEGEND_GAP = 15, 14
"""Width of a square with the air behind it, and of the air between two items."""


class Legend(Spoken):
    """Coloured squares with their words, in one or more lines, and a line at the end."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._items: tuple[LegendItem, ...] = ()
        self._end = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_items(self, items: tuple[LegendItem, ...], end: str = "") -> None:
        """Show (colour, text, pattern) in this order; ``end`` stands at the end."""
        if (items, end) != (self._items, self._end):
            self._items, self._end = items, end
            self.setAccessibleName(joined([text for _, text, _ in items] + [end], ". "))
            self.setFixedHeight(self._lay_out(self.width())[1])
            self.updateGeometry()
            self.update()

    def resizeEvent(self, event: object) -> None:
        """Lines may break elsewhere."""
        self.setFixedHeight(self._lay_out(self.width())[1])

    def sizeHint(self) -> QSize:
        metrics = self._metrics()
        widths = [metrics.horizontalAdvance(t) + SWATCH for _, t, _ in self._items]
        end = [metrics.horizontalAdvance(self._end)] if self._end else []
        between = LEGEND_GAP * max(0, len(widths) + len(end) - 1)
        return QSize(sum(widths) + sum(end) + between, metrics.height() + 2)

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
            need = metrics.horizontalAdvance(text) + SWATCH
            if x and x + need > width:
                x, y = 0, y + line
            places.append((x, y))
            x += need + LEGEND_GAP
        if self._end and x + metrics.horizontalAdvance(self._end) > width and self._items:
            y += line
        return places, y + line

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter, self.width())
        painter.end()

    def draw(self, painter: QPainter, width: int) -> int:
        """Draw at the painter's origin; the height it took."""
        painter.setFont(self._theme.font(QUIET, tabular=True))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, tokens = painter.fontMetrics(), self._theme.tokens
        places, height = self._lay_out(width)
        for (x, y), (colour, text, pattern) in zip(places, self._items, strict=True):
            middle = y + metrics.height() / 2 + 2
            at = width - x - 9 if right_to_left() else x
            swatch = QRectF(at, middle - 4.5, 9, 9)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(patterned(self._theme, colour, pattern))
            painter.drawRoundedRect(swatch, 2, 2)
            painter.setPen(QColor(tokens.quiet))
            at = at - 6 - metrics.horizontalAdvance(text) if right_to_left() else at + SWATCH
            painter.drawText(QPointF(at, y + metrics.ascent() + 2), text)
        if self._end:
            painter.setPen(QColor(tokens.quiet))
            alone = not places or height > places[-1][1] + metrics.height() + 4
            far = width - metrics.horizontalAdvance(self._end)
            x = 0 if alone != right_to_left() else far
            painter.drawText(QPointF(x, height - 2 - metrics.descent()), self._end)
        return height


class MemoryBarWithLegend:
    """``bar`` and ``legend`` go into a layout, one below the other."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.bar, self.legend = MemoryBar(theme), Legend(theme)

    def render_view(self, view: MemoryBarView | None) -> None:
        """Show a bar and its words, or hide without one."""
        self.bar.render_view(view)
        self.legend.setVisible(view is not None)
        if view is not None:
            tokens = self._theme.tokens
            items = tuple(
                (segment_colour(tokens, s.role), f"{s.label} {s.amount}", "") for s in view.segments
            )
            self.legend.show_items(items, view.summary)


def patterned(theme: Theme, colour: str, pattern: str) -> QBrush:
    """A colour, plain or in a pattern on the card, so that it is told apart without seeing colour:
    ``hatch`` (diagonal stripes), ``lines`` (level ones) or ``dots``."""
    if not pattern:
        return QBrush(QColor(colour))
    tile = QPixmap(6, 4 if pattern == "lines" else 6)
    tile.fill(QColor(theme.tokens.card))
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 2.4))
    if pattern == "hatch":
        for offset in (-6, 0, 6):
            painter.drawLine(QPointF(offset - 1, 7), QPointF(offset + 7, -1))
    elif pattern == "lines":
        painter.fillRect(0, 0, 6, 2, QColor(colour))
    else:
        painter.drawPoint(QPointF(1.5, 1.5))
        painter.drawPoint(QPointF(4.5, 4.5))
    painter.end()
    return QBrush(tile)


class Chart(Spoken, Generic[View]):
    """A chart over a prepared view: axis at the right, what is spoken, what an empty one says."""

    spoken_as = Role.Chart
    bare = False
    """Without axes and texts."""
    keyed = False
    """The keys move in it: reached with Tab while there is something to move along."""

    def __init__(self, theme: Theme, least: QSize, usual: QSize) -> None:
        super().__init__()
        self._theme, self._least, self._usual = theme, least, usual
        self._view: View | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def view(self) -> View | None:
        """What is shown now."""
        return self._view

    def render_view(self, view: View) -> None:
        if view != self._view:
            self._view = view
            if self.keyed:
                policy = Qt.FocusPolicy.NoFocus if view.empty else Qt.FocusPolicy.TabFocus
                self.setFocusPolicy(policy)
            self.setAccessibleName(view.title)
            self.setAccessibleDescription(view.description or view.empty_text)
            self.update()

    def minimumSizeHint(self) -> QSize:
        """Lower than this nothing can be read."""
        return self._least

    def sizeHint(self) -> QSize:
        return self._usual

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the axis and what is over it, or why there is nothing."""
        view = self._view
        if view is None:
            return
        painter = QPainter(self)
        self.draw(painter, QRectF(self.rect()), view)
        painter.end()

    def draw(self, painter: QPainter, box: QRectF, view: View) -> None:
        """Draw a view into a box: of this widget, or of a picture that is saved."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._theme.font(AXIS, tabular=True))
        if view.empty:
            painter.setPen(QColor(self._theme.tokens.faint))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(box.adjusted(8, 0, -8, 0), int(flags), view.empty_text)
            return
        area = self.area(view, box)
        if not self.bare:
            self._paint_axis(painter, area, view)
        self.paint(painter, area, view)

    def paint(self, painter: QPainter, area: QRectF, view: View) -> None:
        raise NotImplementedError

    def area(self, view: View, box: QRectF) -> QRectF:
        """Where it is drawn: without the figures at the right and below."""
        if self.bare:
            return box.adjusted(0, 3, 0, -1)
        metrics = QFontMetrics(self._theme.font(AXIS, tabular=True))
        right = max((metrics.horizontalAdvance(text) for _, text in view.y_ticks), default=0) + 12
        return box.adjusted(0, metrics.height() / 2 + 2, -right, -metrics.height() - 8)

    def _paint_axis(self, painter: QPainter, area: QRectF, view: View) -> None:
        tokens, metrics = self._theme.tokens, painter.fontMetrics()
        for share, text in view.y_ticks:
            y = round(area.bottom() - share * area.height()) + 0.5
            painter.setPen(QPen(QColor(tokens.line), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(tokens.faint))
            painter.drawText(QPointF(area.right() + 10, y + metrics.ascent() / 2 - 1), text)


class DaysChart(Chart[DaysChartView]):
    """Days of a month, stacked: loaded idle (hatched), working, and the computer on request."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, QSize(240, 130), QSize(480, 190))

    def paint(self, painter: QPainter, area: QRectF, view: DaysChartView) -> None:
        slot = area.width() / len(view.bars)
        for index, bar in enumerate(view.bars):
            self._paint_bar(painter, area, area.left() + index * slot, slot, bar)
            if index % 5 == 0:
                painter.setPen(QColor(self._theme.tokens.faint))
                label = QRectF(area.left() + index * slot - 10, area.bottom() + 6, slot + 20, 16)
                painter.drawText(label, Qt.AlignmentFlag.AlignCenter, bar.label)
        if view.budget is not None:
            self._paint_budget(painter, area, *view.budget)

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
            (bar.parked, patterned(self._theme, tokens.flame, "hatch")),
            (bar.working, QBrush(QColor(tokens.flame))),
            (bar.computer, QBrush(QColor(tokens.bar_other))),
        )
        for share, brush in parts:
            height = share * area.height()
            painter.fillRect(QRectF(x, y - height, width, height), brush)
            y -= height
        painter.restore()

    def _paint_budget(self, painter: QPainter, area: QRectF, share: float, text: str) -> None:
        tokens = self._theme.tokens
        y = area.bottom() - share * area.height()
        painter.setPen(QPen(QColor(tokens.flame), 1.2, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        metrics = painter.fontMetrics()
        ground = QColor(tokens.card)
        ground.setAlphaF(0.85)
        width, height = metrics.horizontalAdvance(text) + 8, metrics.height()
        box = QRectF(area.left(), y - height - 3, width, height)
        painter.fillRect(box, ground)
        painter.setPen(QColor(tokens.quiet))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._view:
            area = self.area(self._view, QRectF(self.rect()))
            if self._view.bars and area.contains(QPointF(event.pos())):
                index = int((event.pos().x() - area.left()) / area.width() * len(self._view.bars))
                spoken = self._view.bars[min(index, len(self._view.bars) - 1)].spoken
                QToolTip.showText(event.globalPos(), spoken, self)
                return True
        return super().event(event)
