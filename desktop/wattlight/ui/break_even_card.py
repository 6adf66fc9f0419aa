"""The comparison with an API on the page Cost: a compact form and its answer."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QLineEdit

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels import BreakEvenView, Scene, TableView, break_even_view

from .controls import card
from .form import combo, fill, line, type_into
from .table_grid import TableGrid
from .text import plain_label, set_text
from .theme import Theme

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
        self.frame, column = card()
        column.setSpacing(8)
        column.addWidget(plain_label(tr("An API instead?"), "label"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(4, 1)
        column.addLayout(grid)
        self._fields: dict[str, QLineEdit] = {}
        self._api = combo(tr("API"))
        self._api.setMinimumWidth(120)
        self._api.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._model = combo(tr("Model here"))
        self._model.setMinimumWidth(120)
        self._model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._api.currentIndexChanged.connect(lambda: self._chosen("api", self._api.currentData()))
        self._model.currentIndexChanged.connect(lambda: self._chosen("model", self._model.currentData()))
        grid.addWidget(plain_label(tr("API")), 0, 0)
        grid.addWidget(self._api, 0, 1, 1, 4)
        grid.addWidget(plain_label(tr("Model here")), 1, 0)
        grid.addWidget(self._model, 1, 1, 1, 3)
        labels = (
            ("calls", tr("Calls a month")),
            ("tokens_in", tr("Tokens in")),
            ("tokens_out", tr("Tokens out")),
            ("speed", tr("Tokens/s here")),
            ("watts", tr("Watts at work")),
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
        set_text(self._missing, view.missing)
        self._missing.setVisible(bool(view.missing))
        set_text(self._answer, view.answer)
        self._answer.setVisible(bool(view.answer))
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
