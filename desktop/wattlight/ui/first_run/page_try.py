"""A first prompt and its answer."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from wattlight.i18n import tr
from wattlight.viewmodels.first_run import FirstRunView, prompts

from ..controls import ActionButton, Ask, button, dress
from ..form import line
from ..text import plain_label, set_text
from .step_page import StepPage

LONGEST_NAME = 24
"""A longer name does not stand on the button."""

TryPrompt = Callable[[str, str], None]


class TryPage(StepPage):
    """``try_prompt`` gets the model and what to ask it; ``stop`` ends the answer."""

    def __init__(self, ask: Ask, try_prompt: TryPrompt, stop: Callable[[], None]) -> None:
        super().__init__()
        self._try, self._stop = try_prompt, stop
        self._model = ""
        self._answering = False
        self.column.setSpacing(10)
        self._waiting = plain_label(wrap=True)
        self._retry = ActionButton(ask, "primary")
        self.column.addWidget(self._waiting)
        self.column.addWidget(self._retry, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self._asking_box())
        self._answer = QPlainTextEdit()
        self._answer.setReadOnly(True)
        self._answer.setTabChangesFocus(True)
        self._answer.setProperty("role", "answer")
        self._answer.setAccessibleName(tr("The answer"))
        self._answer.setMinimumHeight(120)
        self.column.addWidget(self._answer, 1)
        self._state = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        self.column.addWidget(self._state)
        self.column.addWidget(self._error)
        self.column.addWidget(self._better_box(ask))

    def render_view(self, view: FirstRunView) -> None:
        """Show the answer as far as it is."""
        page = view.trying
        if page is None:
            return
        self._model = page.model
        ready = not page.waiting
        set_text(self._waiting, page.waiting)
        self._waiting.setVisible(not ready)
        self._retry.render_view(page.retry)
        self._asking.setEnabled(ready)
        self._answering = page.answering
        ask = tr("Ask {name}", name=page.name) if len(page.name) <= LONGEST_NAME else tr("Ask")
        self._go.setText(tr("Stop") if page.answering else ask.replace("&", "&&"))
        self._go.setAccessibleName(
            tr("Stop the answer") if page.answering else tr("Ask {name}", name=page.name)
        )
        dress(self._go, "" if page.done else "primary")
        self._show_answer(page.answer)
        line_ = page.figures or page.state
        set_text(self._state, line_)
        self._state.setVisible(bool(line_))
        set_text(self._error, page.error)
        self._error.setVisible(bool(page.error))
        set_text(self._better_text, page.better)
        self._better_action.render_view(page.better_action)
        self._better.setVisible(bool(page.better))

    def focus_first(self) -> bool:
        """What to ask."""
        if not self._asking.isEnabled():
            return False
        self._prompt.setFocus()
        self._prompt.selectAll()
        return True

    def _asking_box(self) -> QWidget:
        self._asking = QWidget()
        column = QVBoxLayout(self._asking)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._prompt = line(tr("What to ask"), tr("Ask it anything"), 0)
        self._prompt.setMinimumWidth(0)
        self._prompt.setMaximumWidth(16777215)
        self._prompt.setMaxLength(4000)
        self._prompt.setText(prompts()[0])
        self._prompt.returnPressed.connect(self._asked)
        self._go = button("", "primary")
        self._go.clicked.connect(self._pressed)
        row.addWidget(self._prompt, 1)
        row.addWidget(self._go)
        column.addLayout(row)
        others = QHBoxLayout()
        others.setSpacing(8)
        others.addWidget(plain_label(tr("Or:"), "quiet"))
        for text in prompts()[1:]:
            made = button(text, "link")
            made.clicked.connect(lambda _checked=False, t=text: self._use(t))
            others.addWidget(made)
        others.addStretch(1)
        column.addLayout(others)
        return self._asking

    def _better_box(self, ask: Ask) -> QFrame:
        self._better = QFrame()
        self._better.setObjectName("banner_info")
        row = QHBoxLayout(self._better)
        row.setContentsMargins(12, 8, 8, 8)
        self._better_text = plain_label(wrap=True)
        self._better_action = ActionButton(ask)
        row.addWidget(self._better_text, 1)
        row.addWidget(self._better_action)
        return self._better

    def _use(self, text: str) -> None:
        self._prompt.setText(text)
        self._asked()

    def _pressed(self) -> None:
        if self._answering:
            self._stop()
        else:
            self._asked()

    def _asked(self) -> None:
        text = self._prompt.text().strip()
        if text and self._model and self._asking.isEnabled():
            self._try(self._model, text)

    def _show_answer(self, text: str) -> None:
        """Append what is new, so that a selection and the place of a reader stay."""
        before = self._answer.toPlainText()
        if text == before:
            return
        bar = self._answer.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        if before and text.startswith(before):
            cursor = self._answer.textCursor()
            cursor.movePosition(cursor.MoveOperation.End)
            cursor.insertText(text[len(before) :])
        else:
            self._answer.setPlainText(text)
        if at_end:
            bar.setValue(bar.maximum())
