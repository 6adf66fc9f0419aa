"""This computer, in words a person knows."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel

from wattlight.viewmodels.first_run import FirstRunView

from ..controls import card
from ..text import plain_label, set_text
from .step_page import StepPage

MOST = 8


class MachinePage(StepPage):
    """Label and words, one line for each."""

    def __init__(self) -> None:
        super().__init__()
        frame, column = card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(12)
        grid.setColumnMinimumWidth(0, 120)
        grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, QLabel]] = []
        top = Qt.AlignmentFlag.AlignTop
        for line in range(MOST):
            label, text = plain_label(role="muted"), plain_label(wrap=True)
            grid.addWidget(label, line, 0, top)
            grid.addWidget(text, line, 1, top)
            self._lines.append((label, text))
        column.addLayout(grid)
        self.column.addWidget(frame)
        self.column.addStretch(1)

    def render_view(self, view: FirstRunView) -> None:
        """Show what is known by now."""
        for index, (label, text) in enumerate(self._lines):
            there = index < len(view.facts)
            label.setVisible(there)
            text.setVisible(there)
            if there:
                set_text(label, view.facts[index][0])
                set_text(text, view.facts[index][1])
