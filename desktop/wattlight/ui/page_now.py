"""The page Now: figures, the chart, the loaded models (also in the small window) and their memory."""

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from wattlight.viewmodels.now import NowView, now_view
from wattlight.viewmodels.running import MemoryBarView, RunningView
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.words import Action

from .charts import Legend, MemoryBar, PowerChart, role_colour, segment_colour
from .controls import ActionButton, Ask, FigureCard, Pill, card, spaced
from .messages import BusyLines, EmptyBox
from .text import ElidedLabel, plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE_LARGE
from .window import Page


class RunningLine(QWidget):
    """One loaded model; ``short`` shows only Unload."""

    def __init__(self, theme: Theme, ask: Ask, short: bool = False) -> None:
        super().__init__()
        self._short = short
        row = spaced(QHBoxLayout(self), 8)
        column = spaced(QVBoxLayout(), 2)
        head = spaced(QHBoxLayout(), 8)
        self._name = ElidedLabel("strong" if short else "name", name=True)
        self._pill = Pill(theme)
        head.addWidget(self._name)
        head.addWidget(self._pill)
        head.addStretch(1)
        self._facts = ElidedLabel("quiet")
        column.addLayout(head)
        column.addWidget(self._facts)
        self._memory = ElidedLabel("quiet")
        column.addWidget(self._memory)
        row.addLayout(column, 1)
        self._measure = ActionButton(ask)
        self._keep = ActionButton(ask)
        self._unload = ActionButton(ask)
        self._switch = ActionButton(ask)
        for made in (self._measure, self._keep, self._unload, self._switch):
            row.addWidget(made)

    def render_view(self, view: RunningView, switch: Action | None = None) -> None:
        """Show a model; ``switch`` is the button of the first one."""
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        set_text(self._facts, view.short_facts if self._short else view.facts)
        self._facts.set_hint("" if self._short else view.hint)
        set_text(self._memory, "" if self._short else view.memory)
        self._memory.setVisible(bool(view.memory) and not self._short)
        self._measure.render_view(None if self._short else view.measure)
        self._unload.render_view(view.unload)
        self._unload.setAccessibleName(f"{view.unload.text} {view.name}")
        self._keep.render_view(None if self._short else view.keep)
        self._switch.render_view(None if self._short else switch)


class RunningLines(QWidget):
    """All loaded models, one under the other; lines are kept and reused."""

    def __init__(self, theme: Theme, ask: Ask, short: bool = False) -> None:
        super().__init__()
        self._theme, self._ask, self._short = theme, ask, short
        self._column = spaced(QVBoxLayout(self), 10)
        self._lines: list[RunningLine] = []

    def render_view(self, views: Sequence[RunningView], switch: Action | None = None) -> None:
        """Show these models."""
        while len(self._lines) < len(views):
            line = RunningLine(self._theme, self._ask, self._short)
            self._lines.append(line)
            self._column.addWidget(line)
        for index, line in enumerate(self._lines):
            line.setVisible(index < len(views))
            if index < len(views):
                line.render_view(views[index], switch if index == 0 else None)
        self.setVisible(bool(views))


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
        frame, column = card(10)
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
        show_text(self._idle, view.idle_text)
        self._choose.render_view(view.switch if view.idle_text else None)
        self._render_memory(view.memory)

    def _chart_card(self, theme: Theme) -> QFrame:
        frame, column = card(10)
        head = spaced(QHBoxLayout(), 12)
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
