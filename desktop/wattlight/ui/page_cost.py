"""The page Cost."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout

from wattlight.i18n import tr
from wattlight.viewmodels import CostView, Scene, cost_view

from .bars import DaysChart, Legend
from .break_even_card import BreakEvenCard, Save
from .controls import ActionButton, Ask, button, card
from .figure_card import FigureCard
from .page import Page
from .table_grid import TableGrid
from .text import plain_label, set_text
from .theme import Theme
from .tokens import FIGURE, TITLE


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
        set_text(self._table_empty, view.table_empty)
        self._table_empty.setVisible(bool(view.table_empty))

    def _days_card(self, theme: Theme) -> QFrame:
        frame, column = card()
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(12)
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
