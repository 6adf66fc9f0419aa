"""The dashboard: navigation left, one page at a time, each built when it is first looked at."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
)

from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.activity import busy_actions
from wattlight.viewmodels.machine import corner_lines
from wattlight.viewmodels.scene import Scene

from .controls import REST, Ask, button, put, spaced
from .icons import app_icon, app_pixmap, nav_icon
from .messages import BusyLines
from .page_connect import ConnectPage
from .page_cost import CostPage
from .page_machine import MachinePage
from .page_models import ModelsPage
from .page_now import NowPage
from .page_privacy import PrivacyPage
from .page_settings import SettingsPage
from .text import on_choice, plain_label, plain_tip, set_text
from .theme import Theme
from .tokens import BODY
from .window import ThemedWindow

SIZE = QSize(1080, 680)
SMALLEST = QSize(820, 520)
NAV_WIDTH = 152
SLIM = 780
"""In a narrower window the navigation is its icons; their words are in tooltips."""
NAV_REST = 52
"""Icon, gap and edges of a button of the navigation."""
PAGES = ("now", "models", "cost", "machine", "connect", "settings")

AnyPage = NowPage | ModelsPage | CostPage | MachinePage | ConnectPage | SettingsPage | PrivacyPage


class Dashboard(ThemedWindow):
    def __init__(
        self,
        theme: Theme,
        do: Ask,
        seen: Callable[[bool], None],
        save: Callable[[Settings], None],
    ) -> None:
        super().__init__(theme, do, seen)
        self.setWindowTitle("Wattlight")
        self.setWindowIcon(app_icon())
        self._save = save
        self._slim = False
        self._scene: Scene | None = None
        self._pages: dict[str, AnyPage] = {}
        self._buttons: dict[str, QPushButton] = {}
        self.question.setProperty("wide", True)
        self._stack = QStackedWidget()
        self._busy = BusyLines(self.ask)
        self._busy.setContentsMargins(24, 14, 24, 0)
        right = put(spaced(QVBoxLayout(), 0), self.question, self._busy, (self._stack, 1))
        put(spaced(QHBoxLayout(self), 0), self._nav(), (right, 1))
        for index, name in enumerate(PAGES):
            keys = QShortcut(QKeySequence(f"Ctrl+{index + 1}"), self)
            keys.activated.connect(partial(self.open_page, name))
        self.restyle()
        self.resize(SIZE)
        self.setMinimumSize(SMALLEST)

    @property
    def page(self) -> str:
        return next((n for n, p in self._pages.items() if p is self._stack.currentWidget()), "now")

    def open_page(self, name: str, model: str = "") -> AnyPage:
        """Show a page, and on Models the details of ``model``."""
        made = self._pages.get(name)
        if made is None:
            made = self._make(name)
            self._pages[name] = made
            self._stack.addWidget(made)
        self._stack.setCurrentWidget(made)
        self._show_busy()
        self._buttons["settings" if name == "privacy" else name].setChecked(True)
        if self._scene is not None:
            made.render_scene(self._scene)
        if isinstance(made, ModelsPage) and model:
            made.choose(model)
        return made

    def ask_price(self) -> None:
        page = self.open_page("settings")
        if isinstance(page, SettingsPage):
            page.ask_price()

    def render_scene(self, scene: Scene) -> None:
        """Show a state; only the page that is looked at is drawn."""
        self._scene = scene
        set_text(self._corner, "\n".join(corner_lines(scene)))
        self._show_busy()
        current = self._pages.get(self.page)
        if current is not None:
            current.render_scene(scene)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._mind_width()

    def _mind_width(self) -> None:
        """Pages need the room more than the words beside the icons."""
        slim = self.width() < SLIM
        if slim == self._slim:
            return
        self._slim = slim
        self._nav_frame.setMinimumWidth(0 if slim else NAV_WIDTH)
        self._name.setVisible(not slim)
        self._corner.setVisible(not slim)
        for made in self._buttons.values():
            title = made.accessibleName()
            made.setText("" if slim else title)
            plain_tip(made, title if slim else "")
        self._size_buttons()

    def _size_buttons(self) -> None:
        bold = QFontMetrics(self._theme.font(BODY, bold=True))
        for made in self._buttons.values():
            made.setMinimumWidth(bold.horizontalAdvance(made.text()) + NAV_REST if made.text() else 0)

    def _show_busy(self) -> None:
        """What is being done stands on every page; Now has its own place for it, Models for downloads."""
        views = busy_actions(self._scene) if self._scene is not None and self.page != "now" else ()
        own = self.page == "models"
        self._busy.render_view(tuple(v for v in views if not (own and v.key.startswith("pull"))))

    def restyle(self) -> None:
        super().restyle()
        tokens = self._theme.tokens
        ratio = self.devicePixelRatioF()
        self._logo.setPixmap(
            app_pixmap(tokens.button if not tokens.dark else tokens.flame, tokens.window, 22, ratio)
        )
        for name, made in self._buttons.items():
            made.setIcon(nav_icon(f"page-{name}", tokens.text if made.isChecked() else tokens.quiet))
        self._size_buttons()
        if self._scene is not None:
            self.render_scene(self._scene)

    def _make(self, name: str) -> AnyPage:
        if name == "models":
            return ModelsPage(self._theme, self.ask)
        if name == "cost":
            return CostPage(self._theme, self.ask, self._save)
        if name == "machine":
            return MachinePage(self._theme, self.ask)
        if name == "connect":
            return ConnectPage(self.ask)
        if name == "settings":
            return SettingsPage(self.ask, self._save)
        if name == "privacy":
            return PrivacyPage(self.ask, self._save)
        return NowPage(self._theme, self.ask)

    def _nav(self) -> QFrame:
        frame = self._nav_frame = QFrame()
        frame.setObjectName("nav")
        frame.setMinimumWidth(NAV_WIDTH)
        frame.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        column = spaced(QVBoxLayout(frame), 2, (10, 16, 11, 16))
        self._logo = QLabel()
        head = spaced(QHBoxLayout(), 8, (6, 4, 0, 14))
        self._name = plain_label("Wattlight", "name")
        column.addLayout(put(head, self._logo, self._name, REST))
        group = QButtonGroup(self)
        group.setExclusive(True)
        titles = (tr("Now"), tr("Models"), tr("Cost"), tr("Machine"), tr("Connect"), tr("Settings"))
        for name, title in zip(PAGES, titles, strict=True):
            made = button(title, "nav", partial(self.open_page, name))
            made.setCheckable(True)
            made.setAccessibleName(title)
            made.setIconSize(QSize(26, 18))
            made.toggled.connect(lambda on, n=name: self._dress(n, on))
            on_choice(made, partial(self._ticked, name))
            group.addButton(made)
            self._buttons[name] = made
            column.addWidget(made)
        self._corner = plain_label(role="faint", wrap=True)
        self._corner.setContentsMargins(7, 0, 0, 0)
        self._corner.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        put(column, REST, self._corner)
        return frame

    def _ticked(self, name: str) -> None:
        if name != ("settings" if self.page == "privacy" else self.page):
            self.open_page(name)

    def _dress(self, name: str, on: bool) -> None:
        tokens = self._theme.tokens
        if on:  # Tab enters the navigation at the page that is open; the arrows go on from there
            for other, made in self._buttons.items():
                policy = Qt.FocusPolicy.TabFocus if other == name else Qt.FocusPolicy.NoFocus
                made.setFocusPolicy(policy)
        self._buttons[name].setIcon(nav_icon(f"page-{name}", tokens.text if on else tokens.quiet))
