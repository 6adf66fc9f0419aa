"""The page Machine: a card per device."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.capacity import TableCardView
from wattlight.viewmodels.device_facts import Fact
from wattlight.viewmodels.machine import DeviceCardView, machine_view
from wattlight.viewmodels.programs import programs_view
from wattlight.viewmodels.running import loads_note, loads_table
from wattlight.viewmodels.scene import Scene

from .charts import MemoryBarWithLegend
from .controls import REST, Ask, Card, Pill, TableGrid, put, reused, spaced
from .energy_access import EnergyAccessCard
from .text import ElidedLabel, FigureLine, plain_label, set_text, show_text
from .theme import Theme
from .tokens import FIGURE, GAP, TITLE
from .window import Page


class Facts(QWidget):
    """Lines of what it is and what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, QLabel]] = []

    def render_view(self, facts: tuple[Fact, ...]) -> None:
        while len(self._lines) < len(facts):
            what, known = plain_label(role="quiet"), plain_label(wrap=True)
            what.setContentsMargins(0, 1, 0, 0)  # on the line of the larger letters beside it
            row = len(self._lines)
            self._grid.addWidget(what, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(known, row, 1, Qt.AlignmentFlag.AlignTop)
            self._lines.append((what, known))
        for index, (what, known) in enumerate(self._lines):
            label, text = facts[index] if index < len(facts) else ("", "")
            show_text(what, label)
            show_text(known, text)
        self.setVisible(bool(facts))


class TableCard(Card):
    """A table with what is to be said under it; hidden while it has neither."""

    def __init__(self, title: str, theme: Theme) -> None:
        super().__init__(title, 8)
        self._table = TableGrid(theme, 18)
        self._note = plain_label(role="quiet", wrap=True)
        put(self.column, self._table, self._note)

    def render_view(self, view: TableCardView) -> None:
        self._table.render_view(view.table)
        show_text(self._note, view.note)
        self.setVisible(bool(view.table.rows or view.note))


class DeviceCard(Card):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._name = ElidedLabel("name")
        self._pill = Pill(theme)
        self._kind = plain_label(role="quiet")
        self._power = FigureLine(theme, FIGURE, TITLE)
        self._note = plain_label(role="quiet", wrap=True)
        self._memory = MemoryBarWithLegend(theme)
        self._facts = Facts()
        head = put(QHBoxLayout(), (self._name, 1), self._pill)
        put(self.column, head, self._kind, 4, self._power, self._note, 4)
        put(self.column, self._memory.bar, self._memory.legend, 4, self._facts, REST)

    def render_view(self, view: DeviceCardView) -> None:
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        show_text(self._kind, view.kind)
        self._power.render_view(view.power)
        set_text(self._note, view.power.note)
        self._facts.render_view(view.facts)
        self._memory.render_view(view.memory)


class MachinePage(Page):
    def __init__(self, theme: Theme, ask: Ask) -> None:
        super().__init__(ask)
        self._theme = theme
        self._title = plain_label(role="page")
        self._facts = plain_label(role="quiet", wrap=True)
        self._empty = plain_label(role="quiet")
        self._cards: list[DeviceCard] = []
        self._grid = QGridLayout()
        self._grid.setSpacing(GAP)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1)
        self._ways = Card(tr("Ways to measure power here"), 6)
        self._ways_text = plain_label(wrap=True)
        self._ways.column.addWidget(self._ways_text)
        self._energy = EnergyAccessCard(theme, ask)
        loads = Card(tr("Predicted and actual memory"), 8)
        self._loads_note = plain_label(role="quiet", wrap=True)
        self._loads = TableGrid(theme, 18)
        put(loads.column, self._loads_note, self._loads)
        self._sensors = TableCard(tr("Power sensors"), theme)
        self._classes = TableCard(tr("What fits this computer"), theme)
        self._disks = TableCard(tr("Disk of the models"), theme)
        self._programs = Card(tr("Who draws it"), 8)
        self._programs_table = TableGrid(theme)
        self._programs_note = plain_label(role="quiet", wrap=True)
        put(self._programs.column, self._programs_table, self._programs_note)
        head = put(spaced(QVBoxLayout(), 2), self._title, self._facts)
        put(self.column, head, self._empty, self._grid, self._classes, self._programs, self._energy)
        put(self.column, self._ways, self._sensors, self._disks, loads, REST)

    def render_scene(self, scene: Scene) -> None:
        view = machine_view(scene)
        self.show_notices(view.notices)
        set_text(self._title, view.title)
        set_text(self._facts, view.facts)
        show_text(self._empty, view.empty_text)
        set_text(self._ways_text, "\n".join(view.ways))
        self._ways.setVisible(bool(view.ways))
        self._energy.render_view(view.energy)
        self._sensors.render_view(view.sensors)
        self._classes.render_view(view.classes)
        self._disks.render_view(view.disks)
        programs = programs_view(scene)
        self._programs.setVisible(programs is not None)
        if programs is not None:
            self._programs_table.render_view(programs.table)
            set_text(self._programs_note, programs.note)
        set_text(self._loads_note, loads_note(scene))
        self._loads.render_view(loads_table(scene))
        for card, device in reused(self._cards, view.cards, self._make):
            card.render_view(device)

    def _make(self, index: int) -> DeviceCard:
        card = DeviceCard(self._theme)
        self._grid.addWidget(card, index // 2, index % 2)
        return card
