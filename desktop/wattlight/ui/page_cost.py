"""The page Cost: figures, the days of the month, a table by model, and the comparison with an API."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.break_even import BreakEvenView, break_even_view
from wattlight.viewmodels.cost import CostView, cost_view
from wattlight.viewmodels.history import dated
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.week_hours import HOURS_OF_THE_WEEK, week_hours_table, week_hours_view

from .charts import DaysChart, Legend
from .controls import REST, ActionButton, Ask, Card, FigureCard, TableGrid, button, put
from .flow import flow
from .forms import combo, fill, line, type_into
from .picture import ChartPicture, SavePicture
from .text import plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE, TITLE
from .week_chart import WeekHoursChart
from .window import Page

Save = Callable[[Settings], None]
FIELD_WIDTH = 110


class BreakEvenCard(Card):
    """Hidden until there is something to compare with."""

    def __init__(self, theme: Theme, save: Save) -> None:
        super().__init__(tr("Compare with an API"), 8)
        self._save = save
        self._scene: Scene
        self._shown: BreakEvenView | None = None
        self._fields: dict[str, QLineEdit] = {}
        self._api = self._combo("api", tr("API"))
        self._model = self._combo("model", tr("Local model"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(4, 1)
        grid.addWidget(plain_label(tr("API")), 0, 0)
        grid.addWidget(self._api, 0, 1, 1, 4)
        grid.addWidget(plain_label(tr("Local model")), 1, 0)
        grid.addWidget(self._model, 1, 1, 1, 3)
        labels = (
            ("calls", tr("Calls a month")),
            ("tokens_in", tr("Tokens in")),
            ("tokens_out", tr("Tokens out")),
            ("speed", tr("Tokens/s here")),
            ("watts", tr("Watts while answering")),
            ("hardware_price", tr("Hardware price")),
            ("life_months", tr("Months of use")),
        )
        for index, (name, label) in enumerate(labels):
            field = line(label, "", FIELD_WIDTH)
            field.editingFinished.connect(lambda n=name: self._keep(n, self._fields[n].text().strip()))
            self._fields[name] = field
            row, place = 2 + index // 2, index % 2 * 2
            grid.addWidget(plain_label(label), row, place)
            grid.addWidget(field, row, place + 1)
        self._missing = plain_label(role="quiet", wrap=True)
        self._answer = plain_label(role="strong", wrap=True)
        self._table = TableGrid(theme)
        self._notes = plain_label(role="quiet", wrap=True)
        put(self.column, grid, self._missing, self._answer, self._table, self._notes)

    def render_scene(self, scene: Scene) -> None:
        """Show what was typed and its answer; a field that is being typed into is left alone."""
        self._scene = scene
        view = break_even_view(scene)
        self.setVisible(view is not None)
        if view is None or view == self._shown:
            return
        self._shown = view
        fill(self._api, view.apis, view.api)
        fill(self._model, view.models, view.model)
        for name, field in self._fields.items():
            type_into(field, view.values[name])
            field.setPlaceholderText(view.examples[name])
        show_text(self._missing, view.missing)
        show_text(self._answer, view.answer)
        self._table.render_view(view.table)
        set_text(self._notes, view.notes)

    def _combo(self, name: str, spoken: str) -> QComboBox:
        made = combo(spoken)
        made.setMinimumWidth(120)
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        made.currentIndexChanged.connect(lambda: self._keep(name, str(made.currentData() or "")))
        return made

    def _keep(self, name: str, text: str) -> None:
        settings = self._scene.settings
        if getattr(settings.break_even, name) != text:
            self._save(replace(settings, break_even=replace(settings.break_even, **{name: text})))


class WeekCard(Card):
    """The hours of a week as a picture or as a table; read from the ledger when it is first shown."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(spacing=10)
        self._theme, self._ask = theme, ask
        self._scene: Scene
        self._asked = self._as_table = False
        self._title = plain_label(role="label")
        self._scale = plain_label(role="quiet")
        self._chart = WeekHoursChart(theme)
        self._chart.setMinimumHeight(180)
        self._table = TableGrid(theme, 12)
        self._form = button("", "flat", self._turn)
        self._save = SavePicture(self._picture)
        foot = flow(self._scale, REST, self._form, self._save, spacing=2)
        put(self.column, self._title, self._chart, self._table, foot)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        if not self._asked:
            self._asked = True
            self._ask(HOURS_OF_THE_WEEK)
        view = week_hours_view(scene)
        set_text(self._title, view.title)
        show_text(self._scale, view.scale)
        as_table = self._as_table and not view.empty
        self._chart.render_view(view)
        self._chart.setVisible(not as_table)
        self._table.setVisible(as_table)
        if as_table:
            self._table.render_view(week_hours_table(scene))
        self._form.setText(tr("As a chart") if as_table else tr("As a table"))
        for made in (self._form, self._save):
            made.setVisible(not view.empty)

    def _turn(self) -> None:
        self._as_table = not self._as_table
        self.render_scene(self._scene)

    def _picture(self) -> tuple[ChartPicture, str]:
        today = self._scene.today
        title = self._title.text()
        foot = " · ".join((dated(today), self._scale.text()))
        return ChartPicture(self._chart, self._theme, title, foot), f"wattlight-week-{today.isoformat()}"


class CostPage(Page):
    """Three figures, the days of the month, a table by model."""

    def __init__(self, theme: Theme, ask: Ask, save: Save) -> None:
        super().__init__(ask)
        self._theme = theme
        self._scene: Scene
        self._with_computer = self._as_table = False
        self._figures = [FigureCard(theme, FIGURE, TITLE) for _ in range(3)]
        self._price = ActionButton(ask, "primary")
        self._table = TableGrid(theme)
        self._table_empty = plain_label(role="quiet", wrap=True)
        self._table_note = plain_label(role="quiet", wrap=True)
        table = Card()
        self._carbon = plain_label(role="quiet", wrap=True)
        self._cheapest = plain_label(wrap=True)
        put(table.column, self._table, self._table_empty, 4, self._table_note, self._carbon)
        self._savings = plain_label(wrap=True)
        self._savings_card = Card(tr("What could be saved"))
        self._savings_card.column.addWidget(self._savings)
        self._week = WeekCard(theme, ask)
        self._break_even = BreakEvenCard(theme, save)
        put(self.column, self.row(*self._figures), (self._price, Qt.AlignmentFlag.AlignLeft), self._cheapest)
        put(self.column, (self._days_card(theme), 1), table, self._savings_card, self._week, self._break_even)

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        view = cost_view(scene, self._with_computer)
        self.show_notices(view.notices)
        for card, figure in zip(self._figures, (view.today, view.month, view.idle), strict=True):
            card.render_view(figure)
        self._price.render_view(view.price_question)
        self._render_days(view)
        self._table.render_view(view.table)
        set_text(self._savings, "\n".join(view.savings))
        self._savings_card.setVisible(bool(view.savings))
        self._week.render_scene(scene)
        self._break_even.render_scene(scene)
        show_text(self._table_empty, view.table_empty)
        show_text(self._table_note, view.table_note)
        show_text(self._carbon, view.carbon)
        show_text(self._cheapest, view.cheapest)

    def _days_card(self, theme: Theme) -> Card:
        self._title = plain_label(role="label")
        self._legend = Legend(theme)
        self._toggle = button("", "flat", self._turn)
        self._form = button("", "flat", self._turn_form)
        self._days = DaysChart(theme)
        self._days.setMinimumHeight(200)
        self._days_table = TableGrid(theme)
        card = Card(spacing=10)
        head = flow(self._title, REST, self._legend, spacing=12)
        foot = flow(REST, self._toggle, self._form, spacing=2)
        put(card.column, head, (self._days, 1), self._days_table, foot)
        return card

    def _turn(self) -> None:
        self._with_computer = not self._with_computer
        self.render_scene(self._scene)

    def _turn_form(self) -> None:
        self._as_table = not self._as_table
        self.render_scene(self._scene)

    def _render_days(self, view: CostView) -> None:
        there = bool(view.days.bars)
        as_table = self._as_table and there
        set_text(self._title, view.days.title)
        tokens = self._theme.tokens
        items = [(tokens.flame, tr("working"), ""), (tokens.flame, tr("loaded, idle"), "hatch")]
        if self._with_computer:
            items.append((tokens.bar_other, tr("computer itself"), ""))
        self._legend.show_items(tuple(items) if there and not as_table else ())
        self._toggle.setText(view.toggle_text)
        self._toggle.setVisible(there)
        self._days.render_view(view.days)
        self._days.setVisible(not as_table)
        self._days_table.render_view(view.days_table)
        self._days_table.setVisible(as_table)
        self._form.setText(tr("As a chart") if as_table else tr("As a table"))
        self._form.setVisible(there)
