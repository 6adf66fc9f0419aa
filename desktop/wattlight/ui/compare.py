"""The window that sets two models side by side on the person's own prompts."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.side_by_side import CompareView, compare_view, example_prompts

from .controls import REST, ActionButton, Ask, Card, button, clear, put, spaced
from .flow import TickBox
from .forms import combo
from .text import plain_label, set_text, show_text
from .theme import Theme
from .tokens import GAP
from .window import ScrollColumn, ThemedWindow

SIZE, SMALLEST = QSize(820, 640), QSize(560, 420)
PROMPTS_HEIGHT = 110
Rows = tuple[tuple[str, str, str], ...]


class CompareWindow(ThemedWindow):
    """What is typed stays until the window is dropped; it is kept on the disk only where that is ticked."""

    def __init__(self, theme: Theme, do: Ask, seen: Callable[[bool], None]) -> None:
        super().__init__(theme, do, seen)
        self.setWindowTitle(tr("Compare two models"))
        self._model = ""
        self._view: CompareView | None = None
        self._shown: tuple[Rows, Rows] = ((), ())
        self._name = plain_label(role="name", wrap=True)
        self._others = combo(tr("Compare with"))
        self._prompts = QPlainTextEdit()
        self._prompts.setAccessibleName(tr("Prompts, with a line of --- between two"))
        self._prompts.setPlaceholderText(example_prompts())
        self._prompts.setFixedHeight(theme.px(PROMPTS_HEIGHT))
        self._prompts.setTabChangesFocus(True)
        self._keep = TickBox(tr("Keep these prompts on this computer"))
        self._hint = plain_label(role="quiet", wrap=True)
        self._start = ActionButton(self._clicked, "primary")
        self._forget = button(tr("Forget the prompts"), "link", self._forgotten)
        self._notes = plain_label(role="quiet", wrap=True)
        self._figures, self._answers = QWidget(), QWidget()
        self._grid = QGridLayout(self._figures)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._column = spaced(QVBoxLayout(self._answers), GAP)
        page = ScrollColumn(GAP, (24, 22, 24, 22))
        with_ = put(spaced(QHBoxLayout(), 8), plain_label(tr("Compare with")), (self._others, 1))
        foot = put(spaced(QHBoxLayout(), 8), self._start, self._forget, REST)
        asked = Card(spacing=8)
        put(asked.column, self._name, with_, plain_label(tr("Your prompts"), "label"), self._prompts)
        put(asked.column, self._keep, self._hint, foot)
        self._result = Card(tr("Figures"), 8)
        put(self._result.column, self._figures, self._notes)
        put(page.column, asked, self._result, self._answers, REST)
        put(spaced(QVBoxLayout(self), 0), self.question, (page, 1))
        self.restyle()
        self.resize(SIZE)
        self.setMinimumSize(SMALLEST)

    def show_model(self, model: str, scene: Scene) -> None:
        self._model = model
        self.render_scene(scene)

    def render_scene(self, scene: Scene) -> None:
        view = compare_view(scene, self._model)
        before, self._view = self._view, view
        set_text(self._name, view.model)
        have = [self._others.itemText(index) for index in range(self._others.count())]
        if have != list(view.others):
            chosen = self._others.currentText()
            self._others.clear()
            self._others.addItems(list(view.others))
            other_model = before is None or before.model != view.model
            self._others.setCurrentIndex(0 if other_model else max(0, self._others.findText(chosen)))
        if view.kept != (before.kept if before is not None else "") and view.kept:
            self._keep.setChecked(True)
            if not self._prompts.toPlainText().strip():
                self._prompts.setPlainText(view.kept)
        self._forget.setVisible(bool(view.kept))
        self._start.render_view(view.start)
        set_text(self._hint, view.hint)
        if (view.rows, view.answers) != self._shown:
            self._shown = view.rows, view.answers
            self._show_result(view)

    def _show_result(self, view: CompareView) -> None:
        clear(self._grid)
        for row, texts in enumerate(view.rows):
            for column, text in enumerate(texts):
                label = plain_label(text, "quiet" if row == 0 or column == 0 else "strong", wrap=True)
                self._grid.addWidget(label, row, column)
        show_text(self._notes, "\n".join(view.notes))
        clear(self._column)
        for prompt, first, second in view.answers:
            card = Card(spacing=8)
            both = put(spaced(QHBoxLayout(), GAP), (_answer(first), 1), (_answer(second), 1))
            put(card.column, plain_label(prompt, "quiet", wrap=True), both)
            self._column.addWidget(card)
        self._result.setVisible(bool(view.rows))
        self._answers.setVisible(bool(view.answers))

    def _clicked(self, command: Command) -> None:
        """Start or stop; before a start the prompts go along, to be kept or not."""
        if command.verb is Verb.COMPARE:
            text, keep = self._prompts.toPlainText(), self._keep.isChecked()
            self._do(Command(Verb.SET_PROMPTS, text=text, number=int(keep)))
            command = Command(Verb.COMPARE, command.model, text=self._others.currentText())
        self._do(command)

    def _forgotten(self) -> None:
        self._keep.setChecked(False)
        self._do(Command(Verb.SET_PROMPTS))


def _answer(text: str) -> QLabel:
    label = plain_label(text or tr("(no text)"), wrap=True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label
