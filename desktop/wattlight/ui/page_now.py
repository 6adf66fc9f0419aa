"""The page Now: figures, the chart of a span, the loaded models (also in the small window), their memory."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.history import LATEST, SpanChoice, chart_table, dated, file_name, span_choices
from wattlight.viewmodels.now import NowView, now_view
from wattlight.viewmodels.running import RunningView
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.words import Action

from .charts import Legend, MemoryBarWithLegend
from .controls import (
    REST,
    ActionButton,
    Ask,
    Card,
    FigureCard,
    Pill,
    TableGrid,
    button,
    put,
    reused,
    spaced,
)
from .flow import flow
from .hosts_card import HostLines
from .messages import BusyLines, EmptyBox
from .picture import ChartPicture, SavePicture
from .power_chart import PowerChart, role_colour
from .text import ElidedLabel, on_choice, plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE_LARGE
from .window import Page


class RunningLine(QWidget):
    """One loaded model; ``short`` shows only Unload."""

    def __init__(self, theme: Theme, ask: Ask, short: bool = False) -> None:
        super().__init__()
        self._short = short
        self._name = ElidedLabel("strong" if short else "name", name=True)
        self._pill = Pill(theme)
        self._facts = ElidedLabel("quiet")
        if not short:
            hint = tr("The context is how much text the model can keep in view, in tokens.")
            self._facts.set_hint(hint)
        self._memory = ElidedLabel("quiet")
        self._slow = plain_label(wrap=True)
        self._measure = ActionButton(ask)
        self._keep = ActionButton(ask)
        self._unload = ActionButton(ask)
        self._switch = ActionButton(ask)
        head = put(spaced(QHBoxLayout(), 8), self._name, self._pill, REST)
        column = put(spaced(QVBoxLayout(), 2), head, self._facts, self._memory, self._slow)
        row = spaced(QHBoxLayout(self), 8)
        put(row, (column, 1), self._measure, self._keep, self._unload, self._switch)

    def render_view(self, view: RunningView, switch: Action | None = None) -> None:
        """Show a model; ``switch`` is the button of the first one."""
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        set_text(self._facts, view.short_facts if self._short else view.facts)
        set_text(self._memory, "" if self._short else view.memory)
        self._memory.setVisible(bool(view.memory) and not self._short)
        show_text(self._slow, view.slow)
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
        for line, view in reused(self._lines, views, self._make):
            line.render_view(view, switch if view is views[0] else None)
        self.setVisible(bool(views))

    def _make(self, _index: int) -> RunningLine:
        line = RunningLine(self._theme, self._ask, self._short)
        self._column.addWidget(line)
        return line


class HistoryCard(Card):
    """The chart with its spans, the same as a table, and as a picture."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(spacing=8)
        self._theme, self._ask = theme, ask
        self._scene: Scene
        self.span, self._as_table = LATEST, False
        self._title = plain_label(role="label")
        self._legend = Legend(theme)
        self._pill = Pill(theme)
        self._better = ActionButton(ask)
        self._chart = PowerChart(theme)
        self._table = TableGrid(theme, 6, narrow=True)
        self._form = button("", "flat", self._turn)
        self._save = SavePicture(self._picture)
        group = QButtonGroup(self)
        spans = [self._choice(choice, group) for choice in span_choices()]
        head = flow(self._title, REST, self._legend, self._pill, self._better, spacing=12)
        foot = flow(*spans, REST, self._form, self._save, spacing=2)
        put(self.column, head, (self._chart, 1), self._table, foot)

    def render_view(self, scene: Scene, whole: NowView) -> None:
        self._scene, view = scene, whole.chart
        set_text(self._title, view.title)
        tokens = self._theme.tokens
        items = (
            (role_colour(tokens, s.role), f"{s.label} {s.now_text}", s.pattern) for s in reversed(view.series)
        )
        self._legend.show_items(tuple(items))
        self._pill.render_view(whole.not_measured)
        self._better.render_view(whole.better)
        self._chart.render_view(view)
        as_table = self._as_table and not view.empty
        self._chart.setVisible(not as_table)
        self._table.setVisible(as_table)
        if as_table:
            self._table.render_view(chart_table(scene, self.span))
        self._form.setText(tr("As a chart") if as_table else tr("As a table"))
        for made in (self._form, self._save):
            made.setVisible(not view.empty)

    def _choice(self, choice: SpanChoice, group: QButtonGroup) -> QPushButton:
        made = button(choice.text, "flat")
        made.setCheckable(True)
        made.setChecked(choice.name == self.span)
        group.addButton(made)
        on_choice(made, partial(self._show, choice))
        return made

    def _show(self, choice: SpanChoice) -> None:
        self.span = choice.name
        self._ask(choice.command)
        self._again()

    def _turn(self) -> None:
        self._as_table = not self._as_table
        self._again()

    def _again(self) -> None:
        view = now_view(self._scene, self.span)
        self.render_view(self._scene, view)

    def _picture(self) -> tuple[ChartPicture, str]:
        today, title = self._scene.today, self._title.text()
        picture = ChartPicture(self._chart, self._theme, title, dated(today), self._legend)
        return picture, file_name(self.span, today)


class NowPage(Page):
    """Three figures, the chart, what runs."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(ask)
        self._figures = [FigureCard(theme, FIGURE_LARGE, 20) for _ in range(3)]
        self._chart = HistoryCard(theme, ask)
        self._empty = EmptyBox(ask)
        self._busy = BusyLines(ask)
        self._running = RunningLines(theme, ask)
        self._idle = plain_label(role="quiet")
        self._choose = ActionButton(ask)
        idle = put(QHBoxLayout(), (self._idle, 1), self._choose)
        self._memory = MemoryBarWithLegend(theme)
        models = Card(spacing=10)
        put(
            models.column, self._empty, self._busy, self._running, idle, self._memory.bar, self._memory.legend
        )
        self._hosts = HostLines(theme, ask)
        put(self.column, self.row(*self._figures), (self._chart, 1), models, self._hosts)

    def render_scene(self, scene: Scene) -> None:
        view = now_view(scene, self._chart.span)
        self.show_notices(view.notices)
        for card, figure in zip(self._figures, (view.power, view.today, view.month), strict=True):
            card.render_view(figure)
        self._chart.render_view(scene, view)
        self._empty.render_view(view.empty)
        self._busy.render_view(view.busy)
        self._running.render_view(view.running, view.switch)
        show_text(self._idle, view.idle_text)
        self._choose.render_view(view.switch if view.idle_text else None)
        self._memory.render_view(view.memory)
        self._hosts.render_view(view.hosts)
