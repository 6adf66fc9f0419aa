"""The right side of the page Models."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels import MemoryBarView, ModelDetailView

from .banner import BusyLines
from .bars import MemoryBar
from .controls import ActionButton, ActionRow, Ask, Pill, card
from .text import plain_label, set_text
from .theme import Theme


class ModelPanel:
    """Details of one model; ``frame`` goes into a layout."""

    def __init__(self, theme: Theme, ask: Ask) -> None:
        self._view: ModelDetailView | None = None
        self.frame: QFrame
        column: QVBoxLayout
        self.frame, column = card()
        column.setSpacing(8)
        self._name = plain_label(role="name", wrap=True)
        self._facts = plain_label(role="quiet", wrap=True)
        self._pill = Pill(theme)
        self._bar = MemoryBar(theme)
        self._bar_text = plain_label(role="quiet", wrap=True)
        self._context_text = plain_label(role="quiet", wrap=True)
        self._why = plain_label(role="quiet", wrap=True)
        self._busy = BusyLines(ask)
        self._main = ActionButton(ask, "primary")
        self._others = ActionRow(ask)
        self._measure = ActionButton(ask)
        self._foot = plain_label(role="faint", wrap=True)
        column.addWidget(self._name)
        column.addWidget(self._facts)
        column.addWidget(self._pill, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(2)
        column.addWidget(self._bar)
        column.addWidget(self._bar_text)
        column.addWidget(self._context_box())
        column.addWidget(self._context_text)
        column.addSpacing(2)
        column.addWidget(self._why)
        column.addStretch(1)
        column.addWidget(self._busy)
        column.addWidget(self._main)
        column.addWidget(self._others)
        column.addWidget(self._measure, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._foot)

    def render_view(self, view: ModelDetailView | None) -> None:
        """Show a model; the slider keeps the person's choice while it is the same model."""
        self.frame.setVisible(view is not None)
        if view is None or view == self._view:
            return
        other = (
            self._view is None or self._view.key != view.key or len(self._view.choices) != len(view.choices)
        )
        self._view = view
        set_text(self._name, view.name)
        set_text(self._facts, view.facts)
        self._facts.setVisible(bool(view.facts))
        set_text(self._context_text, view.context_text)
        self._context_text.setVisible(bool(view.context_text))
        set_text(self._why, view.why)
        self._busy.render_view((view.busy,) if view.busy else ())
        self._main.render_view(view.main)
        self._others.render_view(view.others)
        self._measure.render_view(view.measure)
        set_text(self._foot, view.footnote)
        self._foot.setVisible(bool(view.footnote))
        self._slider_box.setVisible(len(view.choices) > 1)
        if other and view.choices:
            self._slider.blockSignals(True)
            self._slider.setRange(0, len(view.choices) - 1)
            self._slider.setValue(view.chosen)
            self._slider.blockSignals(False)
        self._show_choice(self._slider.value() if view.choices else -1)

    def _context_box(self) -> QWidget:
        self._slider_box = QWidget()
        column = QVBoxLayout(self._slider_box)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        self._context = plain_label(role="strong")
        row.addWidget(plain_label(tr("Context")))
        row.addStretch(1)
        row.addWidget(self._context)
        column.addLayout(row)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setAccessibleName(tr("Context length in tokens"))
        self._slider.setPageStep(1)
        self._slider.setMinimumHeight(22)
        self._slider.valueChanged.connect(self._show_choice)
        column.addWidget(self._slider)
        return self._slider_box

    def _show_choice(self, index: int) -> None:
        view = self._view
        if view is None:
            return
        if not 0 <= index < len(view.choices):
            self._pill.render_view(view.pill)
            self._show_bar(view.bar)
            return
        choice = view.choices[index]
        set_text(self._context, choice.text)
        self._slider.setAccessibleDescription(f"{choice.text}, {choice.pill.text}")
        self._pill.render_view(view.pill if index == view.chosen else choice.pill)
        self._show_bar(choice.bar)

    def _show_bar(self, bar: MemoryBarView | None) -> None:
        self._bar.render_view(bar)
        text = " · ".join(f"{s.label} {s.amount}" for s in bar.segments) if bar else ""
        set_text(self._bar_text, f"{text}. {bar.summary}" if bar and bar.summary else text)
        self._bar_text.setVisible(bool(text))
