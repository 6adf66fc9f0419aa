"""The page Cost: figures, the days of the month, a table by model, and the comparison with an API."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLineEdit

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.break_even import BreakEvenView, break_even_view
from wattlight.viewmodels.cost import CostView, cost_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.words import TableView

from .charts import DaysChart, Legend
from .controls import (
    ActionButton,
    Ask,
    FigureCard,
    TableGrid,
    button,
    card,
    combo,
    fill,
    line,
    spaced,
    type_into,
)
from .text import plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE, TITLE
from .window import Page

Save = Callable[[Settings], None]
FIELD_WIDTH = 110


class BreakEvenCard:
    """``frame`` goes into a layout and is hidden until there is something to compare with."""

    def __init__(self, theme: Theme, save: Save) -> None:
        self._save = save
        self._scene: Scene | None = None
        self._shown: BreakEvenView | None = None
        self._filling = False
        self.frame: QFrame
        self.frame, column = card(8)
        column.addWidget(plain_label(tr("Compare with an API"), "label"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(4, 1)
        column.addLayout(grid)
        self._fields: dict[str, QLineEdit] = {}
        self._api = combo(tr("API"))
        self._api.setMinimumWidth(120)
        self._api.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._model = combo(tr("Local model"))
        self._model.setMinimumWidth(120)
        self._model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._api.currentIndexChanged.connect(lambda: self._chosen("api", self._api.currentData()))
        self._model.currentIndexChanged.connect(lambda: self._chosen("model", self._model.currentData()))
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
            field.editingFinished.connect(lambda n=name: self._typed(n))
            self._fields[name] = field
            row, place = 2 + index // 2, index % 2 * 2
            grid.addWidget(plain_label(label), row, place)
            grid.addWidget(field, row, place + 1)
        self._missing = plain_label(role="quiet", wrap=True)
        self._answer = plain_label(role="strong", wrap=True)
        self._table = TableGrid(theme)
        self._notes = plain_label(role="quiet", wrap=True)
        for part in (self._missing, self._answer, self._table, self._notes):
            column.addWidget(part)

    def render_scene(self, scene: Scene) -> None:
        """Show what was typed and its answer; a field that is being typed into is left alone."""
        self._scene = scene
        view = break_even_view(scene)
        self.frame.setVisible(view is not None)
        if view is None or view == self._shown:
            return
        self._shown = view
        self._filling = True
        fill(self._api, view.apis, view.api)
        fill(self._model, view.models, view.model)
        for name, field in self._fields.items():
            type_into(field, view.values[name])
            field.setPlaceholderText(view.examples[name])
        show_text(self._missing, view.missing)
        show_text(self._answer, view.answer)
        head, *rows = view.rows or (("", "", ""),)
        self._table.render_view(TableView(head, tuple(rows)))
        set_text(self._notes, view.notes)
        self._filling = False

    def _chosen(self, name: str, value: object) -> None:
        if not self._filling:
            self._keep(name, str(value or ""))

    def _typed(self, name: str) -> None:
        if not self._filling:
            self._keep(name, self._fields[name].text().strip())

    def _keep(self, name: str, text: str) -> None:
        if self._scene is None:
            return
        settings = self._scene.settings
        entry = settings.break_even
        if getattr(entry, name) == text:
            return
        self._save(replace(settings, break_even=replace(entry, **{name: text})))


class CostPage(Page):
    """Three figures, the days of the month, a table by model."""

    def __init__(self, theme: Theme, ask: Ask, save: Save) -> None:
        super().__init__(ask)
        self._theme = theme
        self._scene: Scene | None = None
        self._with_computer = self._as_table = False
        row = self.row()
        self._figures = [FigureCard(theme, FIGURE, TITLE) for _ in range(3)]
        for figure in self._figures:
            row.addWidget(figure.frame, 1)
        self.column.addLayout(row)
        self._price = ActionButton(ask, "primary")
        self.column.addWidget(self._price, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self._days_card(theme), 1)
        self._frame, column = card()
        self._table = TableGrid(theme)
        self._table_empty = plain_label(role="quiet", wrap=True)
        column.addWidget(self._table)
        column.addWidget(self._table_empty)
        self._table_note = plain_label(role="quiet", wrap=True)
        column.addSpacing(4)
        column.addWidget(self._table_note)
        self.column.addWidget(self._frame)
        self._savings_frame, savings = card()
        savings.addWidget(plain_label(tr("What could be saved"), "label"))
        self._savings = plain_label(wrap=True)
        savings.addWidget(self._savings)
        self.column.addWidget(self._savings_frame)
        self._break_even = BreakEvenCard(theme, save)
        self.column.addWidget(self._break_even.frame)

    def render_scene(self, scene: Scene) -> None:
        """Show a state."""
        self._scene = scene
        view = cost_view(scene, self._with_computer)
        self.show_notices(view.notices)
        for card_, figure in zip(self._figures, (view.today, view.month, view.idle), strict=True):
            card_.render_view(figure)
        self._price.render_view(view.price_question)
        self._render_days(view)
        self._table.render_view(view.table)
        set_text(self._savings, "\n".join(view.savings))
        self._savings_frame.setVisible(bool(view.savings))
        self._break_even.render_scene(scene)
        show_text(self._table_empty, view.table_empty)
        show_text(self._table_note, view.table_note)

    def _days_card(self, theme: Theme) -> QFrame:
        frame, column = card(10)
        head = spaced(QHBoxLayout(), 12)
        self._title = plain_label(role="label")
        self._legend = Legend(theme)
        self._toggle = button("")
        self._toggle.clicked.connect(self._turn)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._legend)
        head.addWidget(self._toggle)
        self._form = button("")
        self._form.clicked.connect(self._turn_form)
        head.addWidget(self._form)
        column.addLayout(head)
        self._days = DaysChart(theme)
        self._days.setMinimumHeight(200)
        column.addWidget(self._days, 1)
        self._days_table = TableGrid(theme)
        column.addWidget(self._days_table)
        return frame

    def _turn(self) -> None:
        self._with_computer = not self._with_computer
        if self._scene is not None:
            self.render_scene(self._scene)

    def _turn_form(self) -> None:
        self._as_table = not self._as_table
        if self._scene is not None:
            self.render_scene(self._scene)

    def _render_days(self, view: CostView) -> None:
        set_text(self._title, view.days.title)
        tokens = self._theme.tokens
        items: tuple[tuple[str, str, bool], ...] = (
            (tokens.flame, tr("working"), False),
            (tokens.flame, tr("loaded, idle"), True),
        )
        if view.days.with_computer:
            items = (*items, (tokens.bar_other, tr("computer itself"), False))
        self._legend.show_items(items if view.days.bars and not self._as_table else ())
        self._toggle.setText(view.toggle_text)
        self._toggle.setVisible(bool(view.days.bars))
        self._days.render_view(view.days)
        as_table = self._as_table and bool(view.days.bars)
        self._days.setVisible(not as_table)
        self._days_table.render_view(view.days_table)
        self._days_table.setVisible(as_table)
        self._form.setText(tr("As a chart") if as_table else tr("As a table"))
        self._form.setVisible(bool(view.days.bars))
