"""A plain table of texts: the first column is elided, figures stand right in tabular numerals."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from wattlight.viewmodels import TableView

from .controls import rule
from .text import ElidedLabel, plain_label, set_text
from .theme import Theme


class TableGrid(QWidget):
    """Hidden while there are no rows; made anew only when its view is another one."""

    def __init__(self, theme: Theme, gap: int = 24) -> None:
        super().__init__()
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(gap)
        self._grid.setVerticalSpacing(7)
        self._shown: TableView | None = None

    def render_view(self, view: TableView) -> None:
        """Show a table."""
        if view == self._shown:
            return
        self._shown = view
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        columns = len(view.headings)
        for column, text in enumerate(view.headings):
            self._cell(0, column, text, "quiet")
            self._grid.setColumnStretch(column, 1 if column == 0 else 0)
        for index, row in enumerate(view.rows):
            line = 1 + index * 2
            self._grid.addWidget(rule(), line, 0, 1, max(columns, 1))
            for column, text in enumerate(row):
                quiet = index in view.quiet_rows
                self._cell(line + 1, column, text, "quiet" if quiet else "figure")
        self.setVisible(bool(view.rows))

    def _cell(self, line: int, column: int, text: str, role: str) -> None:
        if column == 0:
            name = ElidedLabel(role, name=True)
            set_text(name, text)
            self._grid.addWidget(name, line, column)
            return
        label = plain_label(text, role)
        label.setFont(self._theme.font(13, tabular=True))
        self._grid.addWidget(label, line, column, Qt.AlignmentFlag.AlignRight)
