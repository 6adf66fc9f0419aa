"""A loaded model: name, where it runs, facts, buttons."""

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from wattlight.viewmodels import Action, RunningView

from .controls import ActionButton, Ask, Pill
from .text import ElidedLabel, set_text
from .theme import Theme


class RunningLine(QWidget):
    """One loaded model; ``short`` shows only Unload."""

    def __init__(self, theme: Theme, ask: Ask, short: bool = False) -> None:
        super().__init__()
        self._short = short
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        column = QVBoxLayout()
        column.setSpacing(2)
        head = QHBoxLayout()
        head.setSpacing(8)
        self._name = ElidedLabel("strong" if short else "name", name=True)
        self._pill = Pill(theme)
        head.addWidget(self._name)
        head.addWidget(self._pill)
        head.addStretch(1)
        self._facts = ElidedLabel("quiet")
        column.addLayout(head)
        column.addWidget(self._facts)
        self._memory = ElidedLabel("quiet")
        column.addWidget(self._memory)
        row.addLayout(column, 1)
        self._measure = ActionButton(ask)
        self._keep = ActionButton(ask)
        self._unload = ActionButton(ask)
        self._switch = ActionButton(ask)
        for made in (self._measure, self._keep, self._unload, self._switch):
            row.addWidget(made)

    def render_view(self, view: RunningView, switch: Action | None = None) -> None:
        """Show a model; ``switch`` is the button of the first one."""
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        set_text(self._facts, view.short_facts if self._short else view.facts)
        self._facts.set_hint("" if self._short else view.hint)
        set_text(self._memory, "" if self._short else view.memory)
        self._memory.setVisible(bool(view.memory) and not self._short)
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
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        self._lines: list[RunningLine] = []

    def render_view(self, views: Sequence[RunningView], switch: Action | None = None) -> None:
        """Show these models."""
        while len(self._lines) < len(views):
            line = RunningLine(self._theme, self._ask, self._short)
            self._lines.append(line)
            self._column.addWidget(line)
        for index, line in enumerate(self._lines):
            line.setVisible(index < len(views))
            if index < len(views):
                line.render_view(views[index], switch if index == 0 else None)
        self.setVisible(bool(views))
