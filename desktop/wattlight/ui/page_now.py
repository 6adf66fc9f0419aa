"""The page Now."""

from PySide6.QtWidgets import QFrame, QHBoxLayout

from wattlight.viewmodels import MemoryBarView, NowView, Scene, now_view

from .banner import BusyLines
from .bars import Legend, MemoryBar, segment_colour
from .controls import ActionButton, Ask, Pill, card
from .empty_box import EmptyBox
from .figure_card import FigureCard
from .page import Page
from .power_chart import PowerChart, role_colour
from .running_line import RunningLines
from .text import plain_label, set_text
from .theme import Theme
from .tokens import FIGURE_LARGE


class NowPage(Page):
    """Three figures, the chart, what runs."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(ask)
        self._theme = theme
        row = self.row()
        self._figures = [FigureCard(theme, FIGURE_LARGE, 20) for _ in range(3)]
        for figure in self._figures:
            row.addWidget(figure.frame, 1)
        self.column.addLayout(row)
        self.column.addWidget(self._chart_card(theme), 1)
        frame, column = card()
        column.setSpacing(10)
        self._empty = EmptyBox(ask)
        self._busy = BusyLines(ask)
        self._running = RunningLines(theme, ask)
        self._idle_row = QHBoxLayout()
        self._idle = plain_label(role="quiet")
        self._choose = ActionButton(ask)
        self._idle_row.addWidget(self._idle, 1)
        self._idle_row.addWidget(self._choose)
        self._bar = MemoryBar(theme)
        self._legend = Legend(theme)
        for part in (self._empty, self._busy, self._running):
            column.addWidget(part)
        column.addLayout(self._idle_row)
        column.addWidget(self._bar)
        column.addWidget(self._legend)
        self.column.addWidget(frame)

    def render_scene(self, scene: Scene) -> None:
        """Show a state."""
        view = now_view(scene)
        self.show_notices(view.notices)
        for card_, figure in zip(self._figures, (view.power, view.today, view.month), strict=True):
            card_.render_view(figure)
        self._render_chart(view)
        self._empty.render_view(view.empty)
        self._busy.render_view(view.busy)
        self._running.render_view(view.running, view.switch)
        set_text(self._idle, view.idle_text)
        self._idle.setVisible(bool(view.idle_text))
        self._choose.render_view(view.switch if view.idle_text else None)
        self._render_memory(view.memory)

    def _chart_card(self, theme: Theme) -> QFrame:
        frame, column = card()
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(12)
        self._title = plain_label(role="label")
        self._series = Legend(theme)
        self._pill = Pill(theme)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._series, 0)
        head.addWidget(self._pill)
        column.addLayout(head)
        self._chart = PowerChart(theme)
        column.addWidget(self._chart, 1)
        return frame

    def _render_chart(self, view: NowView) -> None:
        set_text(self._title, view.chart.title)
        tokens = self._theme.tokens
        items = tuple(
            (role_colour(tokens, s.role), f"{s.label} {s.now_text}", False)
            for s in reversed(view.chart.series)
        )
        self._series.show_items(items)
        self._pill.render_view(view.not_measured)
        self._chart.render_view(view.chart)

    def _render_memory(self, view: MemoryBarView | None) -> None:
        self._bar.render_view(view)
        self._legend.setVisible(view is not None)
        if view is not None:
            tokens = self._theme.tokens
            items = tuple(
                (segment_colour(tokens, s.role), f"{s.label} {s.amount}", False) for s in view.segments
            )
            self._legend.show_items(items, view.summary)
