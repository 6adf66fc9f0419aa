"""A card with one big figure."""

from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout

from wattlight.viewmodels import FigureView

from .controls import card
from .text import FigureLine, plain_label, plain_tip, set_text
from .theme import Theme


class FigureCard:
    """Label, figure, one quiet line. ``frame`` goes into a layout."""

    def __init__(self, theme: Theme, big: int, small: int) -> None:
        self.frame: QFrame
        column: QVBoxLayout
        self.frame, column = card()
        column.setSpacing(3)
        self._label: QLabel = plain_label(role="label")
        self._line = FigureLine(theme, big, small)
        self._note: QLabel = plain_label(role="quiet", wrap=True)
        for part in (self._label, self._line, self._note):
            column.addWidget(part)
        column.addStretch(1)

    def render_view(self, view: FigureView) -> None:
        """Show a figure."""
        set_text(self._label, view.label)
        self._line.render_view(view)
        set_text(self._note, view.note)
        plain_tip(self.frame, view.hint)
