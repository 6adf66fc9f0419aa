"""The page Machine: a card per device."""

from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.machine import DeviceCardView, machine_view
from wattlight.viewmodels.running import loads_note, loads_table
from wattlight.viewmodels.scene import Scene

from .charts import Legend, MemoryBar, segment_colour
from .controls import Ask, Pill, TableGrid, card, spaced
from .text import ElidedLabel, FigureLine, plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE, GAP, TITLE
from .window import Page


class DeviceCard:
    """One device; ``frame`` goes into a layout."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self.frame: QFrame
        column: QVBoxLayout
        self.frame, column = card(4)
        head = QHBoxLayout()
        self._name = ElidedLabel("name")
        self._pill = Pill(theme)
        head.addWidget(self._name, 1)
        head.addWidget(self._pill)
        self._kind = plain_label(role="quiet")
        self._power = FigureLine(theme, FIGURE, TITLE)
        self._note = plain_label(role="quiet", wrap=True)
        self._facts = plain_label(role="quiet", wrap=True)
        self._bar = MemoryBar(theme)
        self._legend = Legend(theme)
        column.addLayout(head)
        column.addWidget(self._kind)
        column.addSpacing(4)
        column.addWidget(self._power)
        column.addWidget(self._note)
        column.addSpacing(4)
        column.addWidget(self._bar)
        column.addWidget(self._legend)
        column.addWidget(self._facts)
        column.addStretch(1)

    def render_view(self, view: DeviceCardView) -> None:
        """Show a device."""
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        show_text(self._kind, view.kind)
        self._power.render_view(view.power)
        set_text(self._note, view.power.note)
        show_text(self._facts, view.facts)
        self._bar.render_view(view.memory)
        self._legend.setVisible(view.memory is not None)
        if view.memory is not None:
            tokens = self._theme.tokens
            items = tuple(
                (segment_colour(tokens, s.role), f"{s.label} {s.amount}", False) for s in view.memory.segments
            )
            self._legend.show_items(items, view.memory.summary)


class MachinePage(Page):
    """Cards in two columns."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(ask)
        self._theme = theme
        self._title = plain_label(role="page")
        self._facts = plain_label(role="quiet", wrap=True)
        head = spaced(QVBoxLayout(), 2)
        head.addWidget(self._title)
        head.addWidget(self._facts)
        self.column.addLayout(head)
        self._empty = plain_label(role="quiet")
        self.column.addWidget(self._empty)
        box = QWidget()
        self._grid = QGridLayout(box)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        self.column.addWidget(box)
        self._ways, ways_column = card(6)
        ways_column.addWidget(plain_label(tr("Ways to measure power here"), "label"))
        self._ways_text = plain_label(wrap=True)
        ways_column.addWidget(self._ways_text)
        self.column.addWidget(self._ways)
        loads, loads_column = card(8)
        loads_column.addWidget(plain_label(tr("Predicted and actual memory"), "label"))
        self._loads_note = plain_label(role="quiet", wrap=True)
        self._loads = TableGrid(theme, 18)
        loads_column.addWidget(self._loads_note)
        loads_column.addWidget(self._loads)
        self.column.addWidget(loads)
        self.column.addStretch(1)
        self._cards: list[DeviceCard] = []

    def render_scene(self, scene: Scene) -> None:
        """Show a state."""
        view = machine_view(scene)
        self.show_notices(view.notices)
        set_text(self._title, view.title)
        set_text(self._facts, view.facts)
        show_text(self._empty, view.empty_text)
        set_text(self._ways_text, "\n".join(view.ways))
        self._ways.setVisible(bool(view.ways))
        set_text(self._loads_note, loads_note(scene))
        self._loads.render_view(loads_table(scene))
        while len(self._cards) < len(view.cards):
            made = DeviceCard(self._theme)
            index = len(self._cards)
            self._cards.append(made)
            self._grid.addWidget(made.frame, index // 2, index % 2)
        for index, made in enumerate(self._cards):
            made.frame.setVisible(index < len(view.cards))
            if index < len(view.cards):
                made.render_view(view.cards[index])
