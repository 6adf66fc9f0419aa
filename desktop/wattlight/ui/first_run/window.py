"""The first run: one page at a time, everything by keyboard, closed and gone on with at any time."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wattlight.i18n import as_typed, tr
from wattlight.settings import Settings
from wattlight.viewmodels import Command, Scene, price_note
from wattlight.viewmodels.first_run import FirstRunView, finished, first_run_view, moved

from ..controls import Ask, button, dress, rule
from ..icons import app_icon
from ..text import plain_label, set_text
from ..theme import Theme
from ..window import ThemedWindow
from .page_login import LoginPage
from .page_machine import MachinePage
from .page_model import ModelPage
from .page_price import PricePage
from .page_server import ServerPage
from .page_try import TryPage
from .step_page import StepPage
from .steps_bar import StepsBar
from .strip import Strip

if TYPE_CHECKING:
    from wattlight.services.first_run import SetupControls

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
        setup: "SetupControls",
        ended: Callable[[], None],
    ) -> None:
        super().__init__(theme, do, seen)
        self.setWindowTitle(tr("Set up Wattlight"))
        self.setWindowIcon(app_icon())
        self._save, self._setup, self._ended = save, setup, ended
        self._scene: Scene | None = None
        self._view: FirstRunView | None = None
        self._pages: dict[str, StepPage] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 24, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self._strip = Strip(self.ask, setup.use_proxy)
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
        set_text(self._lead, view.lead)
        self._lead.setVisible(bool(view.lead))
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
        self._setup.stop_answer()
        self._save(finished(settings))
        self.hide()
        self._ended()

    def _turn_to(self, page: StepPage, view: FirstRunView) -> None:
        self._stack.setCurrentWidget(page)
        page.verticalScrollBar().setValue(0)
        if view.step == "server":
            self._setup.look()
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
            return TryPage(self.ask, self._setup.try_prompt, self._setup.stop_answer)
        return MachinePage()

    def _server_asked(self, command: Command) -> None:
        self._setup.look()
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
        column = QVBoxLayout(head)
        column.setContentsMargins(32, 0, 32, 16)
        column.setSpacing(6)
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
        row = QHBoxLayout(foot)
        row.setContentsMargins(24, 12, 32, 14)
        row.setSpacing(8)
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
