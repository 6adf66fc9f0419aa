"""The first run: one page at a time, everything by keyboard, closed and gone on with at any time."""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView, finished, first_run_view, moved
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.words import Action

from .controls import REST, ActionRow, Ask, button, dress, put, rule, spaced
from .first_run_model import ModelPage, TryPage
from .first_run_pages import LoginPage, MachineStepPage, PricePage, ServerPage, StepPage
from .forms import line
from .icons import app_icon
from .messages import BusyLines
from .text import Spoken, plain_label, set_text, show_text
from .theme import Theme
from .window import ThemedWindow

WIDTH, HEIGHT, SPACE = 26, 4, 6


class StepsBar(Spoken):
    """Filled up to the page that is shown; the words are for screen readers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._number, self._of = 1, 1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_step(self, number: int, of: int) -> None:
        if (number, of) == (self._number, self._of):
            return
        self._number, self._of = number, of
        self.setAccessibleName(tr("Step {n} of {of}", n=number, of=of))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._of * (WIDTH + SPACE) - SPACE, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        tokens = self._theme.tokens
        for index in range(self._of):
            painter.setBrush(QColor(tokens.flame if index < self._number else tokens.line))
            painter.drawRoundedRect(QRectF(index * (WIDTH + SPACE), 0, WIDTH, HEIGHT), 2, 2)
        painter.end()


class Strip(QWidget):
    """What is on its way; hidden while that is nothing."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask
        self._slow = _Notice("banner_info", ask)
        self._problem = _Notice("banner_error", ask)
        self._busy = BusyLines(ask)
        self._proxy_box = QWidget()
        self._proxy = line(tr("Proxy of this network"), "http://proxy.example:3128", 250)
        self._proxy.returnPressed.connect(self._use_proxy)
        question = plain_label(tr("Does this network need a proxy?"), "quiet")
        use = button(tr("Restart Ollama with it"), clicked=self._use_proxy)
        put(spaced(QHBoxLayout(self._proxy_box), 8), question, self._proxy, use, REST)
        column = spaced(QVBoxLayout(self), 10, (32, 0, 32, 0))
        put(column, self._slow, self._problem, self._proxy_box, self._busy)
        self._offered: str | None = None

    def render_view(self, view: FirstRunView) -> None:
        self._slow.render_view(view.slow, view.slow_actions)
        self._problem.render_view(view.problem, view.problem_actions)
        self._busy.render_view(view.busy)
        self._proxy_box.setVisible(view.proxy is not None)
        if view.proxy != self._offered:
            self._offered = view.proxy
            self._proxy.setText(view.proxy or "")
        self.setVisible(bool(view.slow or view.problem or view.busy))

    def _use_proxy(self) -> None:
        self._ask(Command(Verb.USE_PROXY, text=self._proxy.text().strip()))


class _Notice(QFrame):
    def __init__(self, name: str, ask: Ask) -> None:
        super().__init__()
        self.setObjectName(name)
        self._text = plain_label(wrap=True)
        self._actions = ActionRow(ask)
        column = spaced(QVBoxLayout(self), 8, (12, 10, 12, 10))
        put(column, self._text, put(QHBoxLayout(), self._actions, REST))

    def render_view(self, text: str, actions: tuple[Action, ...]) -> None:
        set_text(self._text, text)
        self.setAccessibleName(text)
        self._actions.render_view(actions)
        self.setVisible(bool(text))


SIZE = QSize(720, 600)
SMALLEST = QSize(560, 480)


class FirstRunWindow(ThemedWindow):
    """``save`` gets whole new settings, ``ended`` is called once after the last page or "Skip"."""

    def __init__(
        self,
        theme: Theme,
        do: Ask,
        seen: Callable[[bool], None],
        save: Callable[[Settings], None],
        ended: Callable[[], object],
    ) -> None:
        super().__init__(theme, do, seen)
        self.setWindowTitle(tr("Set up Wattlight"))
        self.setWindowIcon(app_icon())
        self._save, self._ended = save, ended
        self._scene: Scene
        self._view: FirstRunView | None = None
        self._pages: dict[str, StepPage] = {}
        self._stack = QStackedWidget()
        self._strip = Strip(self.ask)
        self.question.setProperty("wide", True)
        column = spaced(QVBoxLayout(self), 0, (0, 24, 0, 0))
        put(column, self._head(), (self._stack, 1), self._strip, 12, self.question, 4, rule(), self._foot())
        for keys in ("Alt+Left", "Back"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.go_back)
        self.restyle()
        self.resize(SIZE)
        self.setMinimumSize(SMALLEST)

    @property
    def step(self) -> str:
        return self._view.step if self._view is not None else ""

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        view = first_run_view(scene)
        turned = self._view is None or self._view.step != view.step
        if view == self._view:
            return
        self._view = view
        page = self._page(view.step)
        held = QApplication.focusWidget()
        self._steps.show_step(view.number, view.of)
        set_text(self._title, view.title)
        show_text(self._lead, view.lead)
        page.render_view(view)
        self._strip.render_view(view)
        self._next.setText(view.next_text.replace("&", "&&"))
        self._next.setAccessibleName(view.next_text)
        dress(self._next, "primary" if view.next_primary else "")
        self._back.setVisible(view.back)
        self._unknown.setVisible(view.step == "price")
        self._skip.setVisible(not view.last)
        if turned:
            self._turn_to(page, view)
        elif held is self or (
            held is not None and self.isAncestorOf(held) and not (held.isVisible() and held.isEnabled())
        ):
            self._begin(page)  # else the next in line had the focus, and Return might skip the setup

    def go_on(self) -> None:
        view = self._view
        if view is None:
            return
        page = self._page(view.step)
        settings, error = page.leave(self._scene.settings)
        if error:
            page.focus_first()
            return
        if view.next_command is not None:
            chosen = replace(settings.first_run, model=view.next_command.model or settings.first_run.model)
            settings = replace(settings, first_run=chosen)
        if view.last:
            self._end(settings)
            return
        self._save(settings if view.stays else moved(settings, 1))
        if view.next_command is not None:
            self.ask(view.next_command)

    def go_back(self) -> None:
        """One page back; what was typed is kept where it can be understood."""
        view = self._view
        if view is not None and view.back:
            settings, _error = self._page(view.step).leave(self._scene.settings)
            self._save(moved(settings, -1))

    def skip(self) -> None:
        """Leave all of it for later; it can be opened again from the menu and from Settings."""
        self._end(self._scene.settings)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return goes on, unless something else has a use for it."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            focus = QApplication.focusWidget()
            if isinstance(focus, QAbstractButton) and not focus.isCheckable():
                focus.click()
            elif not self._answers_return(focus):
                self.go_on()
            return
        super().keyPressEvent(event)

    def _answers_return(self, focus: QWidget | None) -> bool:
        """Whether Return means something else here: in a text, in the prompt, while a model is awaited."""
        if self._view is not None and self._view.last:
            return True
        return isinstance(focus, QPlainTextEdit) or (isinstance(focus, QLineEdit) and self.step != "price")

    def _end(self, settings: Settings) -> None:
        self.ask(Command(Verb.STOP_ANSWER))
        self._save(finished(settings))
        self.hide()
        self._ended()

    def _turn_to(self, page: StepPage, view: FirstRunView) -> None:
        self._stack.setCurrentWidget(page)
        page.verticalScrollBar().setValue(0)
        if view.step == "server":
            self.ask(Command(Verb.LOOK_FOR_SERVER))
        if self.isVisible():
            self._begin(page)

    def _begin(self, page: StepPage) -> None:
        if page.focus_first():
            return
        if self._view is not None and self._view.last and not self._view.next_primary:
            self.setFocus()  # the model is not here yet: Return must not end the setup by accident
        else:
            self._next.setFocus()

    def _page(self, step: str) -> StepPage:
        made = self._pages.get(step)
        if made is None:
            made = self._pages[step] = self._make(step)
            self._stack.addWidget(made)
        return made

    def _make(self, step: str) -> StepPage:
        if step == "server":
            return ServerPage(self._theme, self._server_asked)
        if step == "price":
            return PricePage()
        if step == "model":
            return ModelPage(self._theme, self._model_chosen)
        if step == "login":
            return LoginPage()
        if step == "try":
            return TryPage(self.ask)
        return MachineStepPage(self._theme, self.ask)

    def _server_asked(self, command: Command) -> None:
        self.ask(Command(Verb.LOOK_FOR_SERVER))
        self.ask(command)

    def _model_chosen(self, model: str) -> None:
        settings = self._scene.settings
        self._save(replace(settings, first_run=replace(settings.first_run, model=model)))

    def _price_unknown(self) -> None:
        page = self._page("price")
        if isinstance(page, PricePage):
            page.decline()
            self.go_on()

    def _head(self) -> QVBoxLayout:
        self._steps = StepsBar(self._theme)
        self._title = plain_label(role="page", wrap=True)
        self._lead = plain_label(role="muted", wrap=True)
        column = spaced(QVBoxLayout(), 6, (32, 0, 32, 16))
        return put(column, self._steps, 10, self._title, self._lead)

    def _foot(self) -> QHBoxLayout:
        self._skip = button(tr("Skip the setup"), "flat", self.skip)
        self._back = button(tr("Back"), clicked=self.go_back)
        self._unknown = button(tr("I don't know"), clicked=self._price_unknown)
        self._next = button("", "primary", self.go_on)
        self._next.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = spaced(QHBoxLayout(), 8, (24, 12, 32, 14))
        return put(row, self._skip, REST, self._back, self._unknown, self._next)
