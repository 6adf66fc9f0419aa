"""The pages of the first run about a model: choosing one, and asking it something."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.viewmodels.first_model import ModelChoice, prompts
from wattlight.viewmodels.first_run import FirstRunView

from .controls import REST, ActionButton, Ask, Pill, button, dress, put, reused, spaced
from .first_run_pages import StepPage
from .forms import line
from .text import ElidedLabel, plain_label, plain_tip, read_only_text, set_text, show_text
from .theme import Theme


class ChoiceRow(QPushButton):
    """One of several, as a radio button is; arrow keys move among them."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "choice")
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.model = ""
        self._mark = _Mark(theme, self)
        self._name = ElidedLabel("strong")
        self._pill = Pill(theme)
        self._speed = plain_label(role="quiet")
        self._size = plain_label(role="strong")
        self._time = plain_label(role="quiet")
        right = Qt.AlignmentFlag.AlignRight
        under = put(spaced(QHBoxLayout(), 10), self._pill, self._speed, REST)
        left = put(spaced(QVBoxLayout(), 5), self._name, under)
        far = put(spaced(QVBoxLayout(), 5), (self._size, right), (self._time, right))
        put(spaced(QHBoxLayout(self), 14, (16, 12, 16, 12)), self._mark, (left, 1), far)
        for part in (self._mark, self._name, self._pill, self._speed, self._size, self._time):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        """As high as its line; the name may be cut."""
        return QSize(320, self.sizeHint().height())

    def render_view(self, view: ModelChoice) -> None:
        self.model = view.model
        set_text(self._name, view.name)
        self._pill.render_view(view.pill)
        set_text(self._speed, view.speed)
        set_text(self._size, view.size)
        set_text(self._time, view.time)
        self.setEnabled(view.enabled)
        self.setChecked(view.chosen)
        plain_tip(self, view.why)
        self.setAccessibleName(view.spoken)
        self._mark.update()


class _Mark(QWidget):
    """The ring of a radio button."""

    def __init__(self, theme: Theme, row: QPushButton) -> None:
        super().__init__()
        self._theme, self._row = theme, row
        self.setFixedSize(18, 18)
        row.toggled.connect(lambda _on: self.update())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = self._theme.tokens
        on = self._row.isChecked()
        painter.setPen(QPen(QColor(tokens.button if on else tokens.faint), 1.5))
        painter.setBrush(QColor(tokens.card))
        painter.drawEllipse(QPointF(9, 9), 7.5, 7.5)
        if on:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.button))
            painter.drawEllipse(QPointF(9, 9), 4, 4)
        painter.end()


class ModelPage(StepPage):
    """``choose`` is called with the model that was clicked."""

    def __init__(self, theme: Theme, choose: Callable[[str], None]) -> None:
        super().__init__(10)
        self._theme = theme
        self._rows: list[ChoiceRow] = []
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._group.buttonToggled.connect(lambda row, on: choose(row.model) if on else None)
        self._empty = plain_label(role="quiet", wrap=True)
        self._note = plain_label(role="quiet", wrap=True)
        put(self.column, self._empty, self._note, REST)

    def render_view(self, view: FirstRunView) -> None:
        page = view.model
        if page is None:
            return
        self._group.blockSignals(True)  # a choice that is shown was not made here
        for row, choice in reused(self._rows, page.choices, self._make):
            row.render_view(choice)
        self._group.blockSignals(False)
        show_text(self._empty, page.empty)
        show_text(self._note, page.note)

    def focus_first(self) -> bool:
        chosen = next((row for row in self._rows if row.isVisible() and row.isChecked()), None)
        if chosen is not None:
            chosen.setFocus()
        return chosen is not None

    def _make(self, index: int) -> ChoiceRow:
        row = ChoiceRow(self._theme)
        self._group.addButton(row)
        self.column.insertWidget(index, row)
        return row


LONGEST_NAME = 24
"""A longer name does not stand on the button."""


class TryPage(StepPage):
    """A question, its answer, and what the answer took."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(10)
        self._ask = ask
        self._model = ""
        self._answering = False
        self._waiting = plain_label(wrap=True)
        self._retry = ActionButton(ask, "primary")
        self._answer = read_only_text("answer", tr("The answer"), 120)
        self._state = plain_label(role="quiet", wrap=True)
        self._error = plain_label(role="bad", wrap=True)
        put(self.column, self._waiting, (self._retry, Qt.AlignmentFlag.AlignLeft), self._asking_box())
        put(self.column, (self._answer, 1), self._state, self._error, self._better_box())

    def render_view(self, view: FirstRunView) -> None:
        """Show the answer as far as it is."""
        page = view.trying
        if page is None:
            return
        self._model = page.model
        show_text(self._waiting, page.waiting)
        self._retry.render_view(page.retry)
        self._asking.setEnabled(not page.waiting)
        self._answering = page.answering
        ask = tr("Ask {name}", name=page.name) if len(page.name) <= LONGEST_NAME else tr("Ask")
        self._go.setText(tr("Stop") if page.answering else ask.replace("&", "&&"))
        self._go.setAccessibleName(
            tr("Stop the answer") if page.answering else tr("Ask {name}", name=page.name)
        )
        dress(self._go, "" if page.done else "primary")
        self._show_answer(page.answer)
        show_text(self._state, page.figures or page.state)
        show_text(self._error, page.error)
        set_text(self._better_text, page.better)
        self._better_action.render_view(page.better_action)
        self._better.setVisible(bool(page.better))

    def focus_first(self) -> bool:
        if not self._asking.isEnabled():
            return False
        self._prompt.setFocus()
        self._prompt.selectAll()
        return True

    def _asking_box(self) -> QWidget:
        self._asking = QWidget()
        self._prompt = line(tr("What to ask"), tr("Ask it anything"), 0)
        self._prompt.setMinimumWidth(0)
        self._prompt.setMaximumWidth(16777215)
        self._prompt.setMaxLength(4000)
        self._prompt.setText(prompts()[0])
        self._prompt.returnPressed.connect(self._asked)
        self._go = button("", "primary", self._pressed)
        row = put(spaced(QHBoxLayout(), 8), (self._prompt, 1), self._go)
        others = [button(text, "link", partial(self._use, text)) for text in prompts()[1:]]
        more = put(spaced(QHBoxLayout(), 8), plain_label(tr("Or:"), "quiet"), *others, REST)
        put(spaced(QVBoxLayout(self._asking), 8), row, more)
        return self._asking

    def _better_box(self) -> QFrame:
        self._better = QFrame()
        self._better.setObjectName("banner_info")
        self._better_text = plain_label(wrap=True)
        self._better_action = ActionButton(self._ask)
        row = put(QHBoxLayout(self._better), (self._better_text, 1), self._better_action)
        row.setContentsMargins(12, 8, 8, 8)
        return self._better

    def _use(self, text: str) -> None:
        self._prompt.setText(text)
        self._asked()

    def _pressed(self) -> None:
        if self._answering:
            self._ask(Command(Verb.STOP_ANSWER))
        else:
            self._asked()

    def _asked(self) -> None:
        text = self._prompt.text().strip()
        if text and self._model and self._asking.isEnabled():
            self._ask(Command(Verb.TRY_PROMPT, self._model, text=text))

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
