"""The two windows: made when first shown, dropped some minutes after they are closed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, QTimer, Signal
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.small_window import small_window_view

from .controls import Ask
from .dashboard import Dashboard
from .keeper import TrayIcon
from .small_window import SmallWindow
from .theme import Theme
from .window import geometry_text, restore

if TYPE_CHECKING:
    from .first_run import FirstRunWindow

DROP_AFTER_MS = 3 * 60 * 1000
TITLE_BAR = 32
"""Room for a frame that the window manager has not drawn yet."""

PAGE_OF = {
    Verb.OPEN_NOW: "now",
    Verb.OPEN_MODELS: "models",
    Verb.OPEN_COST: "cost",
    Verb.OPEN_MACHINE: "machine",
    Verb.OPEN_SETTINGS: "settings",
    Verb.OPEN_PRIVACY: "privacy",
}


class Windows(QObject):
    """Shows, places, feeds and drops the windows. Main thread only."""

    visible_changed = Signal()

    def __init__(
        self,
        theme: Theme,
        do: Ask,
        save: Callable[[Settings], None],
    ) -> None:
        super().__init__()
        self._first_run: FirstRunWindow | None = None
        self._theme, self._do, self._save = theme, do, save
        self._watched = False
        self._small: SmallWindow | None = None
        self._dashboard: Dashboard | None = None
        self._scene: Scene | None = None
        self._asked_advice = False
        self.keeper: TrayIcon | None = None
        self.told_closing = False
        self.on_told: Callable[[], None] = lambda: None
        self.geometry_text: str | None = None
        self.on_moved: Callable[[str], None] = lambda _text: None
        self._drop = QTimer(self)
        self._drop.setSingleShot(True)
        self._drop.setInterval(DROP_AFTER_MS)
        self._drop.timeout.connect(self._drop_hidden)

    @property
    def visible(self) -> bool:
        """Whether somebody can look at a window."""
        return any(w is not None and w.isVisible() and not w.isMinimized() for w in self._both())

    @property
    def small(self) -> SmallWindow | None:
        """The small window, if it is made."""
        return self._small

    @property
    def first_run(self) -> "FirstRunWindow | None":
        """The window of the first run, if it is made."""
        return self._first_run

    @property
    def dashboard(self) -> Dashboard | None:
        """The dashboard, if it is made."""
        return self._dashboard

    def render_scene(self, scene: Scene) -> None:
        """Feed the windows that are seen."""
        self._scene = scene
        if self._small is not None and self._small.isVisible():
            self._small.render_view(small_window_view(scene))
        if self._dashboard is not None and self._dashboard.isVisible():
            self._dashboard.render_scene(scene)
        if self._first_run is not None and self._first_run.isVisible():
            self._first_run.render_scene(scene)

    def opener(self, command: Command) -> Callable[[], None] | None:
        """What opens a window for this command; None for others."""
        if command.verb in PAGE_OF:
            return lambda: self.show_dashboard(PAGE_OF[command.verb], command.model)
        if command.verb is Verb.OPEN_WINDOW:
            return lambda: self.show_small(None, at_icon=False)
        if command.verb is Verb.ASK_PRICE:
            return self.ask_price
        if command.verb is Verb.SET_UP:
            return self.show_first_run
        return None

    def ask(self, command: Command) -> None:
        """Put a question in the window that is seen, else in the small window."""
        if self._first_run is not None and self._first_run.isVisible():
            self._first_run.question.ask(command)
            self._raise(self._first_run)
            return
        if self._dashboard is not None and self._dashboard.isVisible():
            self._dashboard.question.ask(command)
            self._raise(self._dashboard)
            return
        self.show_small(None, at_icon=False)
        if self._small is not None:
            self._small.question.ask(command)

    def show_small(self, tray: QSystemTrayIcon | None, at_icon: bool) -> None:
        """Show the small window, near the icon where the platform allows it."""
        if self._small is None:
            self._small = SmallWindow(self._theme, self._do, self._seen)
            self._small.may_close = self._may_close
        if self._scene is not None:
            self._small.render_view(small_window_view(self._scene))
        if tray is not None and at_icon:
            self._place(self._small, tray)
        self._raise(self._small)

    def toggle_small(self, tray: QSystemTrayIcon) -> None:
        """A left click on the icon."""
        if self._small is not None and self._small.isVisible() and self._small.isActiveWindow():
            self._small.hide()
        else:
            self.show_small(tray, at_icon=True)

    def show_first_run(self) -> None:
        """Show the first run where it stands."""
        if self._first_run is None:
            from .first_run import FirstRunWindow

            self._first_run = FirstRunWindow(
                self._theme, self._do, self._seen, self._save, self._first_run_ended
            )
            self._first_run.may_close = self._may_close
        self._do(Command(Verb.ADVISE))
        self._do(Command(Verb.LOOK_FOR_SERVER))
        if self._scene is not None:
            self._first_run.render_scene(self._scene)
        self._raise(self._first_run)

    def _first_run_ended(self) -> None:
        self.show_small(None, at_icon=False)

    def show_dashboard(self, page: str = "now", model: str = "") -> None:
        """Show the dashboard at a page."""
        if self._dashboard is None:
            self._dashboard = Dashboard(self._theme, self._do, self._seen, self._save, self._advise)
            self._dashboard.may_close = self._may_close
            restore(self._dashboard, self.geometry_text)
        if self._scene is not None:
            self._dashboard.render_scene(self._scene)
        if page == "privacy":
            self._do(Command(Verb.READ_CONTACTS))
        self._dashboard.open_page(page, model)
        if page == "models" and not self._asked_advice:
            self._asked_advice = True
            self._do(Command(Verb.ADVISE))
        self._raise(self._dashboard)

    def ask_price(self) -> None:
        """Open Settings at the price."""
        self.show_dashboard("settings")
        if self._dashboard is not None:
            self._dashboard.ask_price()

    def tray_lost(self) -> None:
        """The tray has gone: the window is the way in from now on."""
        if not self.visible:
            self.show_small(None, at_icon=False)

    def close(self) -> None:
        """Take both windows away."""
        self._drop.stop()
        for window in self._both():
            if window is not None:
                window.hide()
                window.deleteLater()
        self._small = self._dashboard = self._first_run = None

    def _advise(self, use: str | None, context_length: int | None) -> None:
        self._do(Command(Verb.ADVISE, text=use or "", number=context_length))

    def make_anew(self) -> None:
        """The language has changed: the windows are made again; the one that is seen comes back."""
        seen = next((w for w in self._both() if w is not None and w.isVisible()), None)
        page = self._dashboard.page if self._dashboard is not None else "now"
        self.close()
        if isinstance(seen, Dashboard):
            self.show_dashboard(page)
        elif isinstance(seen, SmallWindow):
            self.show_small(None, at_icon=False)
        elif seen is not None:
            self.show_first_run()

    def _both(self) -> tuple[QWidget | None, ...]:
        return self._small, self._dashboard, self._first_run

    def _seen(self, seen: bool) -> None:
        if not seen and self._dashboard is not None and not self._dashboard.isVisible():
            self._keep_place(self._dashboard)
        visible = self.visible
        if visible != self._watched:
            self._watched = visible
            self.visible_changed.emit()
        if any(w is not None and not w.isVisible() for w in self._both()):
            self._drop.start()

    def _keep_place(self, dashboard: Dashboard) -> None:
        text = geometry_text(dashboard)
        if text != self.geometry_text:
            self.geometry_text = text
            self.on_moved(text)

    def _drop_hidden(self) -> None:
        for name in ("_small", "_dashboard", "_first_run"):
            window = getattr(self, name)
            if window is not None and not window.isVisible():
                setattr(self, name, None)
                window.deleteLater()

    def _may_close(self) -> bool:
        """Without a tray, closing is explained once; the second click closes."""
        if self.told_closing or self.keeper is None or self.keeper.available:
            return True
        self.told_closing = True
        self.on_told()
        text = tr(
            "Wattlight keeps measuring after this window is closed. Start it again to bring the window "
            "back, or quit to stop measuring."
        )
        seen = (w for w in (self._first_run, self._small, self._dashboard) if w is not None and w.isVisible())
        window = next(seen, None)
        if window is None:
            return True
        window.question.ask(Command(Verb.QUIT, question=text, confirm=tr("Quit")))
        return False

    def _raise(self, window: QWidget) -> None:
        if window.isMinimized():
            window.showNormal()
        window.show()
        window.raise_()
        window.activateWindow()

    @staticmethod
    def _place(window: QWidget, tray: QSystemTrayIcon) -> None:
        """Beside the icon, inside the screen. Wayland lets nobody place windows: there it is left alone."""
        if QGuiApplication.platformName() == "wayland" or window.isVisible():
            return
        spot = tray.geometry()
        if spot.isEmpty():  # hosts on the bus do not tell: the mouse that clicked is at the icon
            spot = QRect(QCursor.pos(), QSize(1, 1))
        screen = QGuiApplication.screenAt(spot.center()) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        size = window.frameGeometry().size() + QSize(0, TITLE_BAR)
        x = min(max(spot.center().x() - size.width() // 2, room.left() + 8), room.right() - size.width() - 8)
        below = spot.center().y() < room.center().y()
        y = spot.bottom() + 8 if below else spot.top() - size.height() - 8
        y = min(max(y, room.top() + 8), room.bottom() - size.height() - 8)
        window.move(QPoint(x, y))
