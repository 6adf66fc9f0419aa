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
from wattlight.i18n import as_typed, tr
from wattlight.settings import Settings
from wattlight.viewmodels.first_run import FirstRunView, finished, first_run_view, moved
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.settings_page import price_note

from .controls import ActionRow, Ask, button, dress, line, rule, spaced
from .first_run_model import ModelPage, TryPage
from .first_run_pages import LoginPage, MachineStepPage, PricePage, ServerPage, StepPage
from .icons import app_icon
from .messages import BusyLines
from .text import plain_label, set_text, show_text
from .theme import Theme
from .window import ThemedWindow

WIDTH, HEIGHT, SPACE = 26, 4, 6


class StepsBar(QWidget):
    """Filled up to the page that is shown; the words are for screen readers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._number, self._of = 1, 1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_step(self, number: int, of: int) -> None:
        """Show page ``number`` of ``of``."""
        if (number, of) == (self._number, self._of):
            return
        self._number, self._of = number, of
        self.setAccessibleName(tr("Step {n} of {of}", n=number, of=of))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Room for all of them."""
        return QSize(self._of * (WIDTH + SPACE) - SPACE, HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bars."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        tokens = self._theme.tokens
        for index in range(self._of):
            painter.setBrush(QColor(tokens.flame if index < self._number else tokens.line))
            painter.drawRoundedRect(QRectF(index * (WIDTH + SPACE), 0, WIDTH, HEIGHT), 2, 2)
        painter.end()


class Strip(QWidget):
    """Hidden while nothing is on its way. ``use_proxy`` gets the proxy a person typed."""

    def __init__(self, ask: Ask, use_proxy: Callable[[str], None]) -> None:
        super().__init__()
        column = spaced(QVBoxLayout(self), 10, (32, 0, 32, 0))
        self._slow = _Notice("banner_info", ask)
        self._problem = _Notice("banner_error", ask)
        self._busy = BusyLines(ask)
        self._proxy_box = QWidget()
        row = spaced(QHBoxLayout(self._proxy_box), 8)
        self._proxy = line(tr("Proxy of this network"), "http://proxy.example:3128", 250)
        use = button(tr("Restart Ollama with it"))
        use.clicked.connect(lambda: use_proxy(self._proxy.text().strip()))
        self._proxy.returnPressed.connect(lambda: use_proxy(self._proxy.text().strip()))
        row.addWidget(plain_label(tr("Does this network need a proxy?"), "quiet"))
        row.addWidget(self._proxy)
        row.addWidget(use)
        row.addStretch(1)
        for part in (self._slow, self._problem, self._proxy_box, self._busy):
            column.addWidget(part)
        self._offered: str | None = None

    def render_view(self, view: FirstRunView) -> None:
        """Show what concerns the downloads."""
        self._slow.render_view(view.slow, view)
        self._problem.render_view(view.problem, view)
        self._busy.render_view(view.busy)
        self._proxy_box.setVisible(view.proxy is not None)
        if view.proxy != self._offered:
            self._offered = view.proxy
            self._proxy.setText(view.proxy or "")
        self.setVisible(bool(view.slow or view.problem or view.busy))


class _Notice(QFrame):
    def __init__(self, name: str, ask: Ask) -> None:
        super().__init__()
        self.setObjectName(name)
        self._slow = name == "banner_info"
        column = spaced(QVBoxLayout(self), 8, (12, 10, 12, 10))
        self._text = plain_label(wrap=True)
        self._actions = ActionRow(ask)
        row = QHBoxLayout()
        row.addWidget(self._actions)
        row.addStretch(1)
        column.addWidget(self._text)
        column.addLayout(row)

    def render_view(self, text: str, view: FirstRunView) -> None:
        set_text(self._text, text)
        self.setAccessibleName(text)
        self._actions.render_view(view.slow_actions if self._slow else view.problem_actions)
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
        ended: Callable[[], None],
    ) -> None:
        super().__init__(theme, do, seen)
        self.setWindowTitle(tr("Set up Wattlight"))
        self.setWindowIcon(app_icon())
        self._save, self._ended = save, ended
        self._scene: Scene | None = None
        self._view: FirstRunView | None = None
        self._pages: dict[str, StepPage] = {}
        column = spaced(QVBoxLayout(self), 0, (0, 24, 0, 0))
        column.addWidget(self._head())
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self._strip = Strip(self.ask, lambda proxy: self.ask(Command(Verb.USE_PROXY, text=proxy)))
        column.addWidget(self._strip)
        column.addSpacing(12)
        self.question.setProperty("wide", True)
        column.addWidget(self.question)
        column.addSpacing(4)
        column.addWidget(rule())
        column.addWidget(self._foot())
        for keys in ("Alt+Left", "Back"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.go_back)
        self.restyle()
        self.resize(SIZE)
        self.setMinimumSize(SMALLEST)

    @property
    def step(self) -> str:
        """The page that is shown."""
        return self._view.step if self._view is not None else ""

    def render_scene(self, scene: Scene) -> None:
        """Show the page at which the settings stand."""
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
        elif held is self or (held is not None and self.isAncestorOf(held) and not _takes_keys(held)):
            self._begin(page)  # else the next in line had the focus, and Return might skip the setup

    def go_on(self) -> None:
        """What the main button does."""
        view, scene = self._view, self._scene
        if view is None or scene is None:
            return
        settings, error = self._page(view.step).leave(scene.settings)
        if error:
            self._page(view.step).focus_first()
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
        view, scene = self._view, self._scene
        if view is None or scene is None or not view.back:
            return
        settings, error = self._page(view.step).leave(scene.settings)
        self._save(moved(scene.settings if error else settings, -1))

    def skip(self) -> None:
        """Leave all of it for later; it can be opened again from the menu and from Settings."""
        if self._scene is not None:
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
        if isinstance(made, PricePage) and self._scene is not None:
            scene = self._scene
            prices = {
                c.code: (as_typed(c.per_kwh), c.currency, price_note(scene, c.code))
                for c in scene.extras.countries
            }
            made.know_prices({**prices, "": ("", "", price_note(scene, ""))})
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
            return TryPage(
                self.ask,
                lambda model, text: self.ask(Command(Verb.TRY_PROMPT, model, text=text)),
                lambda: self.ask(Command(Verb.STOP_ANSWER)),
            )
        return MachineStepPage()

    def _server_asked(self, command: Command) -> None:
        self.ask(Command(Verb.LOOK_FOR_SERVER))
        self.ask(command)

    def _model_chosen(self, model: str) -> None:
        if self._scene is not None:
            settings = self._scene.settings
            self._save(replace(settings, first_run=replace(settings.first_run, model=model)))

    def _price_unknown(self) -> None:
        page = self._page("price")
        if isinstance(page, PricePage):
            page.decline()
            self.go_on()

    def _head(self) -> QWidget:
        head = QWidget()
        column = spaced(QVBoxLayout(head), 6, (32, 0, 32, 16))
        self._steps = StepsBar(self._theme)
        self._title = plain_label(role="page", wrap=True)
        self._lead = plain_label(role="muted", wrap=True)
        column.addWidget(self._steps)
        column.addSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self._lead)
        return head

    def _foot(self) -> QWidget:
        foot = QWidget()
        row = spaced(QHBoxLayout(foot), 8, (24, 12, 32, 14))
        self._skip = button(tr("Skip the setup"), "flat")
        self._back = button(tr("Back"))
        self._unknown = button(tr("I don't know"))
        self._next = button("", "primary")
        self._next.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._skip.clicked.connect(self.skip)
        self._back.clicked.connect(self.go_back)
        self._unknown.clicked.connect(self._price_unknown)
        self._next.clicked.connect(self.go_on)
        row.addWidget(self._skip)
        row.addStretch(1)
        for part in (self._back, self._unknown, self._next):
            row.addWidget(part)
        return foot


def _takes_keys(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled()
