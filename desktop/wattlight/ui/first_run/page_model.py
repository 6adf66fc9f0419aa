"""A first model: three lines to choose from."""

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup

from wattlight.viewmodels.first_run import FirstRunView

from ..text import plain_label, set_text
from ..theme import Theme
from .choice_row import ChoiceRow
from .step_page import StepPage


class ModelPage(StepPage):
    """``choose`` is called with the model that was clicked."""

    def __init__(self, theme: Theme, choose: Callable[[str], None]) -> None:
        super().__init__()
        self._theme = theme
        self._choose = choose
        self._rows: list[ChoiceRow] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._group.buttonClicked.connect(self._clicked)
        self.column.setSpacing(10)
        self._empty = plain_label(role="quiet", wrap=True)
        self._note = plain_label(role="quiet", wrap=True)
        self.column.addWidget(self._empty)
        self.column.addWidget(self._note)
        self.column.addStretch(1)

    def render_view(self, view: FirstRunView) -> None:
        """Show the choices."""
        page = view.model
        if page is None:
            return
        while len(self._rows) < len(page.choices):
            row = ChoiceRow(self._theme)
            self._group.addButton(row)
            self.column.insertWidget(len(self._rows), row)
            self._rows.append(row)
        for index, row in enumerate(self._rows):
            row.setVisible(index < len(page.choices))
            if index < len(page.choices):
                row.render_view(page.choices[index])
        set_text(self._empty, page.empty)
        self._empty.setVisible(bool(page.empty))
        set_text(self._note, page.note)
        self._note.setVisible(bool(page.note))

    def focus_first(self) -> bool:
        """The line that is chosen."""
        chosen = next((row for row in self._rows if row.isVisible() and row.isChecked()), None)
        if chosen is not None:
            chosen.setFocus()
        return chosen is not None

    def _clicked(self, row: ChoiceRow) -> None:
        self._choose(row.model)
