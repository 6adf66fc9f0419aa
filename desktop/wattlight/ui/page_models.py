"""The page Models: the list on the left, one model in detail on the right."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSlider,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command, Verb
from wattlight.i18n import joined, tr, trn
from wattlight.services.answers import CONTEXTS
from wattlight.viewmodels.model_choices import (
    FITS,
    ORDERS,
    SIZES,
    USES,
    Filters,
    context_name,
    fit_name,
    licences,
    order_name,
    size_name,
    use_name,
)
from wattlight.viewmodels.model_detail import ModelDetailView
from wattlight.viewmodels.models import models_view
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import Choice

from .charts import MemoryBar
from .controls import REST, ActionButton, ActionRow, Ask, Card, Pill, put, spaced
from .flow import TickBox, flow
from .forms import fill
from .messages import BusyLines, EmptyBox
from .models_table import (
    COST,
    NAME,
    ROW_HEIGHT,
    SECTION_HEIGHT,
    SIZE,
    SPEED,
    ModelsDelegate,
    ModelsTableModel,
)
from .text import plain_label, set_text, show_text
from .theme import Theme
from .window import Page

Value = TypeVar("Value", str, int)


class ModelPanel(Card):
    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(spacing=8)
        self._view: ModelDetailView | None = None
        self._name = plain_label(role="name", wrap=True)
        self._facts = plain_label(role="quiet", wrap=True)
        self._pill = Pill(theme)
        self._bar = MemoryBar(theme)
        self._bar_text = plain_label(role="quiet", wrap=True)
        self._context_text = plain_label(role="quiet", wrap=True)
        self._why = plain_label(role="quiet", wrap=True)
        self._busy = BusyLines(ask, narrow=True)
        self._main = ActionButton(ask, "primary")
        self._others = ActionRow(ask)
        self._contexts = ActionRow(ask)
        self._measure = ActionButton(ask)
        self._compares = ActionRow(ask)
        self._foot = plain_label(role="faint", wrap=True)
        left = Qt.AlignmentFlag.AlignLeft
        put(self.column, self._name, self._facts, (self._pill, left), 2, self._bar, self._bar_text)
        put(self.column, self._context_box(), self._context_text, self._contexts, 2, self._why, REST)
        put(self.column, self._busy, self._main, self._others, (self._measure, left), (self._compares, left))
        self.column.addWidget(self._foot)

    def render_view(self, view: ModelDetailView | None) -> None:
        """Show a model; the slider keeps the person's choice while it is the same model."""
        self.setVisible(view is not None)
        if view is None or view == self._view:
            return
        before, self._view = self._view, view
        other = before is None or (before.key, len(before.choices)) != (view.key, len(view.choices))
        set_text(self._name, view.name)
        show_text(self._facts, view.facts)
        show_text(self._context_text, view.context_text)
        set_text(self._why, view.why)
        self._busy.render_view((view.busy,) if view.busy else ())
        self._main.render_view(view.main)
        self._others.render_view(view.others)
        self._contexts.render_view(view.contexts)
        self._measure.render_view(view.measure)
        self._compares.render_view(view.compares)
        show_text(self._foot, view.footnote)
        self._slider_box.setVisible(len(view.choices) > 1)
        if other and view.choices:
            self._slider.blockSignals(True)
            self._slider.setRange(0, len(view.choices) - 1)
            self._slider.setValue(view.chosen)
            self._slider.blockSignals(False)
        self._show_choice(self._slider.value() if view.choices else -1)

    def _context_box(self) -> QWidget:
        self._slider_box = QWidget()
        self._context = plain_label(role="strong")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(tr("Context length in tokens"))
        self._slider.setPageStep(1)
        self._slider.setMinimumHeight(22)
        self._slider.valueChanged.connect(self._show_choice)
        row = put(QHBoxLayout(), plain_label(tr("Context")), REST, self._context)
        put(spaced(QVBoxLayout(self._slider_box), 4, (0, 4, 0, 0)), row, self._slider)
        return self._slider_box

    def _show_choice(self, index: int) -> None:
        view = self._view
        if view is None:
            return
        pill, bar = view.pill, view.bar
        if 0 <= index < len(view.choices):
            choice = view.choices[index]
            set_text(self._context, choice.text)
            self._slider.setAccessibleDescription(joined((choice.text, choice.pill.text)))
            pill, bar = (view.pill if index == view.chosen else choice.pill), choice.bar
        self._pill.render_view(pill)
        self._bar.render_view(bar)
        text = " · ".join(f"{s.label} {s.amount}" for s in bar.segments) if bar else ""
        show_text(self._bar_text, joined((text, bar.summary), ". ") if bar and bar.summary else text)


NARROW = 780
"""Below this width of the page the columns of size and cost go."""
NARROWEST = 640
"""Below this one the speed too: the names need the room, and the details tell it."""


class ModelsPage(Page):
    """List left, detail right."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(ask)
        self._ask = ask
        self._judging: Command | None = None
        self._scene: Scene | None = None
        self._filters = Filters()
        self._selected = self._typed = ""
        self._cost_known = False
        self._headings: tuple[int, ...] = ()
        self._panel = ModelPanel(theme, self._asked)
        self._panel.setFixedWidth(theme.px(262))
        both = put(self.row(self._list(theme, ask)), self._panel)
        put(self.column, self._head(), (both, 1))

    def render_scene(self, scene: Scene) -> None:
        if self._scene is None:
            self._start_with(scene.settings.context_length or 8192)
        self._scene = scene
        self._show()

    def _start_with(self, context_length: int) -> None:
        index = self._context.findData(context_length)
        if index >= 0:
            self._context.blockSignals(True)
            self._context.setCurrentIndex(index)
            self._context.blockSignals(False)
            self._filters = replace(self._filters, context_length=context_length)

    def choose(self, model: str) -> None:
        self._selected = model
        self._show()

    def _choice(
        self, name: str, values: Sequence[Value], said: Callable[[Value], str], at: int = 0
    ) -> QComboBox:
        """A filter with its spoken name and its values; ``at`` is the one chosen first."""
        box = QComboBox()
        box.setAccessibleName(name)
        for value in values:
            box.addItem(said(value), value)
        box.setCurrentIndex(at)
        box.currentIndexChanged.connect(self._filtered)
        return box

    def _head(self) -> QWidget:
        self._use = self._choice(tr("What it is for"), ("", *USES), use_name)
        self._context = self._choice(tr("Context length"), CONTEXTS, context_name, 1)
        self._order = self._choice(tr("Order of the list"), ORDERS, order_name)
        self._search = QLineEdit()
        self._search.setPlaceholderText(tr("Search or name"))
        self._search.setAccessibleName(tr("Search or name"))
        self._search.setClearButtonEnabled(True)
        self._search.setFixedWidth(150)
        self._search.textChanged.connect(self._searched)
        self._search.returnPressed.connect(self._entered)
        self._fit = self._choice(tr("Fit"), FITS, fit_name)
        self._size = self._choice(tr("Size of the download"), SIZES, size_name)
        self._licence = self._choice(tr("Licence of models to install"), ("",), str)
        self._licence.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # it is filled later
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self._search.setFocus)
        head = flow(plain_label(tr("Models"), "page"), REST, self._order, self._search)
        choices = (self._use, self._context, self._fit, self._size, self._licence)
        box = QWidget()
        put(spaced(QVBoxLayout(box), 8), head, flow(*choices))
        return box

    def _list(self, theme: Theme, ask: Ask) -> Card:
        self._model = ModelsTableModel()
        self._delegate = ModelsDelegate(theme, self._model)
        table = self._table = QTableView()
        table.setModel(self._model)
        table.setItemDelegate(self._delegate)
        table.setAccessibleName(tr("Models"))
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._heading_clicked)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setResizeContentsPrecision(100)
        table.selectionModel().selectionChanged.connect(self._chosen)
        self._empty = EmptyBox(ask)
        self._foot = plain_label(role="quiet", wrap=True)
        self._foot.setContentsMargins(8, 0, 8, 0)  # as the cells of the table
        self._updates = ActionButton(ask, "link")
        self._disk = plain_label(role="quiet", wrap=True)
        self._disk.setContentsMargins(8, 0, 8, 0)
        self._clean_up = ActionButton(ask, "link")
        self._cloud = TickBox()
        self._cloud.toggled.connect(self._filtered)
        self._left_out = TickBox()
        self._left_out.toggled.connect(self._filtered)
        card = Card()
        card.column.setContentsMargins(10, 8, 10, 12)
        self._downloads = BusyLines(ask)
        put(card.column, self._downloads, (table, 1), (self._empty, Qt.AlignmentFlag.AlignTop))
        link = put(spaced(QHBoxLayout(), 0, (8, 0, 8, 0)), self._updates, REST)
        disk = put(spaced(QHBoxLayout(), 0, (0, 0, 8, 0)), (self._disk, 1), self._clean_up)
        put(card.column, self._foot, disk, link, self._left_out, self._cloud)
        return card

    def _show(self) -> None:
        if self._scene is None:
            return
        known = licences(self._scene.extras.offers or ())
        named = (Choice("", tr("Any licence")), *(Choice(name, name) for name in known))
        fill(self._licence, named, self._filters.licence if self._filters.licence in known else "")
        view = models_view(self._scene, self._filters, self._selected)
        self.show_notices(view.notices)
        if self._model.show_rows(view.rows):
            self._size_rows(view.rows.headings())
        self._cost_known = view.cost_known
        self._mind_width()
        self._selected = view.selected
        self._select(self._model.row_of(view.selected))
        self._table.setVisible(bool(view.rows))
        self._empty.render_view(view.empty)
        self._panel.render_view(view.detail)
        self._downloads.render_view(view.downloads)
        show_text(self._foot, view.footnote)
        self._updates.render_view(view.find_updates)
        show_text(self._disk, view.disk)
        self._clean_up.render_view(view.clean_up)
        self._typed = view.typed
        self._judge(view.judge)
        count = view.left_out_count
        self._left_out.setVisible(count > 0)
        self._left_out.setText(
            trn("Show {count} model that does not fit", "Show {count} models that do not fit", count)
        )
        count = view.cloud_count
        self._cloud.setVisible(count > 0)
        self._cloud.setText(
            trn(
                "Show {count} model that runs in the cloud",
                "Show {count} models that run in the cloud",
                count,
            )
        )

    def _size_rows(self, headings: tuple[int, ...]) -> None:
        """Headings are lower and stand over the whole width."""
        self._table.clearSpans()
        for index in set(self._headings) - set(headings):
            self._table.setRowHeight(index, ROW_HEIGHT)
        self._headings = headings
        for index in headings:
            self._table.setRowHeight(index, SECTION_HEIGHT)
            self._table.setSpan(index, 0, 1, self._model.columnCount())

    def _select(self, row: int) -> None:
        selection = self._table.selectionModel()
        if row < 0 or selection.currentIndex().row() == row:
            return
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        selection.blockSignals(True)
        selection.setCurrentIndex(self._model.index(row, NAME), flags)
        selection.blockSignals(False)
        self._table.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow list leaves size and cost to the details and to the wide one."""
        super().resizeEvent(event)
        self._mind_width()

    def _mind_width(self) -> None:
        narrow = self.width() < NARROW
        self._table.setColumnHidden(COST, narrow or not self._cost_known)
        self._table.setColumnHidden(SIZE, narrow)
        self._table.setColumnHidden(SPEED, self.width() < NARROWEST)

    def _chosen(self, now: QItemSelection, _before: QItemSelection) -> None:
        """By mouse, by keys, or by a screen reader, which selects without making a row the current one."""
        row = self._model.row_at(now.indexes()[0]) if now.indexes() else None
        if row is not None and row.key and row.key != self._selected:
            self._selected = row.key
            self._show()

    def _filtered(self) -> None:
        use, length = str(self._use.currentData()), int(self._context.currentData())
        changed = (use, length) != (self._filters.use, self._filters.context_length)
        self._filters = replace(
            self._filters,
            use=use,
            context_length=length,
            order=str(self._order.currentData()),
            fit=str(self._fit.currentData()),
            most_bytes=int(self._size.currentData()),
            licence=str(self._licence.currentData() or ""),
            show_cloud=self._cloud.isChecked(),
            show_left_out=self._left_out.isChecked(),
        )
        if changed:
            self._ask(Command(Verb.ADVISE, text=use, number=length))
        self._show()

    def _heading_clicked(self, column: int) -> None:
        """By what the column tells; a second click brings the order back that is advised."""
        order = {NAME: "name", SIZE: "size", SPEED: "speed"}.get(column, "")
        back = order == self._filters.order
        self._order.setCurrentIndex(self._order.findData("" if back else order))

    def _judge(self, command: Command | None) -> None:
        """Let a model be judged of which nothing is known yet; once, however often the page is drawn."""
        if command is not None and command != self._judging and command.model != self._filters.looked_up:
            self._filters = replace(self._filters, looked_up="")
            self._ask(command)
        self._judging = command

    def _asked(self, command: Command) -> None:
        if command.verb is Verb.LOOK_UP:
            self._filters = replace(self._filters, looked_up=command.model)
            self._show()
        self._ask(command)

    def _entered(self) -> None:
        """Return after a name that is in no list: its registry is asked."""
        if self._typed:
            self._selected = self._typed
            self._asked(Command(Verb.LOOK_UP, self._typed))

    def _searched(self, text: str) -> None:
        self._filters = replace(self._filters, search=text)
        self._show()
