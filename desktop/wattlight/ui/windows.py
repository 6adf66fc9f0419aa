"""The windows: made when first shown, dropped some minutes after they are closed."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRect, QSize, QTimer, Signal
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon, QWidget

from wattlight.domain.command import Command, Verb
from wattlight.i18n import tr
from wattlight.settings import Settings
from wattlight.viewmodels.scene import Scene

from .controls import Ask
from .dashboard import Dashboard
from .keeper import TrayIcon
from .small_window import SmallWindow
from .theme import Theme
from .window import ThemedWindow, geometry_text, restore

if TYPE_CHECKING:
    from .compare import CompareWindow
    from .first_run import FirstRunWindow

DROP_AFTER_MS = 10 * 60 * 1000
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
        self, theme: Theme, do: Ask, save: Callable[[Settings], None], icon: TrayIcon, scene: Scene
    ) -> None:
        super().__init__()
        self._theme, self._do, self._save, self._icon, self._scene = theme, do, save, icon, scene
        self._watched = False
        self._asked_advice = False
        self.small: SmallWindow | None = None
        self.dashboard: Dashboard | None = None
        self.first_run: FirstRunWindow | None = None
        self.compare: CompareWindow | None = None
        self._drop = QTimer(self)
        self._drop.setSingleShot(True)
        self._drop.setInterval(DROP_AFTER_MS)
        self._drop.timeout.connect(self._drop_hidden)

    @property
    def visible(self) -> bool:
        return any(w.isVisible() and not w.isMinimized() for w in self._made())

    def render_scene(self, scene: Scene) -> None:
        self._scene = scene
        if self.small is not None and self.small.isVisible():
            self.small.render_scene(scene)
        if self.dashboard is not None and self.dashboard.isVisible():
            self.dashboard.render_scene(scene)
        if self.first_run is not None and self.first_run.isVisible():
            self.first_run.render_scene(scene)
        if self.compare is not None and self.compare.isVisible():
            self.compare.render_scene(scene)

    def open(self, command: Command) -> bool:
        """Open the window that this command asks for; False where it asks for none."""
        if command.verb in PAGE_OF:
            self.show_dashboard(PAGE_OF[command.verb], command.model)
        elif command.verb is Verb.OPEN_WINDOW:
            self.show_small()
        elif command.verb is Verb.ASK_PRICE:
            self.show_dashboard("settings").ask_price()
        elif command.verb is Verb.OPEN_COMPARE:
            self.show_compare(command.model)
        elif command.verb is Verb.SET_UP:
            self.show_first_run()
        else:
            return False
        return True

    def ask(self, command: Command) -> None:
        """Put a question in the window that is seen, else in the small window."""
        for window in (self.first_run, self.dashboard):
            if window is not None and window.isVisible():
                window.question.ask(command)
                self._raise(window)
                return
        self.show_small().question.ask(command)

    def show_small(self, tray: QSystemTrayIcon | None = None) -> SmallWindow:
        """Show the small window, near the icon ``tray`` where one is given and the platform allows it."""
        if self.small is None:
            self.small = SmallWindow(self._theme, self._do, self._seen)
            self.small.may_close = self._may_close
            restore(self.small, self._scene.settings.small_geometry)
        self.small.render_scene(self._scene)
        if tray is not None:
            self._place(self.small, tray)
        self._raise(self.small)
        return self.small

    def toggle_small(self, tray: QSystemTrayIcon) -> None:
        if self.small is not None and self.small.isVisible() and self.small.isActiveWindow():
            self.small.hide()
        else:
            self.show_small(tray)

    def show_first_run(self) -> None:
        if self.first_run is None:
            from .first_run import FirstRunWindow

            self.first_run = FirstRunWindow(self._theme, self._do, self._seen, self._save, self.show_small)
            self.first_run.may_close = self._may_close
        self._do(Command(Verb.ADVISE))
        self._do(Command(Verb.LOOK_FOR_SERVER))
        self.first_run.render_scene(self._scene)
        self._raise(self.first_run)

    def show_compare(self, model: str) -> "CompareWindow":
        if self.compare is None:
            from .compare import CompareWindow

            self.compare = CompareWindow(self._theme, self._do, self._seen)
            self.compare.may_close = self._may_close
        self._do(Command(Verb.READ_PROMPTS))
        self.compare.show_model(model, self._scene)
        self._raise(self.compare)
        return self.compare

    def show_dashboard(self, page: str = "now", model: str = "") -> Dashboard:
        if self.dashboard is None:
            self.dashboard = Dashboard(self._theme, self._do, self._seen, self._save)
            self.dashboard.may_close = self._may_close
            restore(self.dashboard, self._scene.settings.window_geometry)
        self.dashboard.render_scene(self._scene)
        if page == "privacy":
            self._do(Command(Verb.READ_CONTACTS))
        self.dashboard.open_page(page, model)
        if page in {"models", "machine"} and not self._asked_advice:
            self._asked_advice = True
            self._do(Command(Verb.ADVISE))
        self._raise(self.dashboard)
        return self.dashboard

    def tray_lost(self) -> None:
        """The tray has gone: the window is the way in from now on."""
        if not self.visible:
            self.show_small()

    def close(self) -> None:
        self._drop.stop()
        for window in self._made():
            window.hide()
            window.deleteLater()
        self.small = self.dashboard = self.first_run = self.compare = None

    def make_anew(self, scene: Scene) -> None:
        """The language has changed: the windows are made again; the one that is seen comes back."""
        self._scene = scene
        compared, seen = self.compare, next((w for w in self._made() if w.isVisible()), None)
        page = self.dashboard.page if self.dashboard is not None else "now"
        self.close()
        if isinstance(seen, Dashboard):
            self.show_dashboard(page)
        elif isinstance(seen, SmallWindow):
            self.show_small()
        elif seen is not None and seen is not compared:
            self.show_first_run()

    def _made(self) -> list[ThemedWindow]:
        return [w for w in (self.first_run, self.small, self.dashboard, self.compare) if w is not None]

    def _seen(self, seen: bool) -> None:
        if not seen:
            self._keep_places()
        visible = self.visible
        if visible != self._watched:
            self._watched = visible
            self.visible_changed.emit()
        if not all(w.isVisible() for w in self._made()):
            self._drop.start()

    def _keep_places(self) -> None:
        """Size and place of what has been hidden."""
        before = self._scene.settings
        after = before
        if self.dashboard is not None and not self.dashboard.isVisible():
            after = replace(after, window_geometry=geometry_text(self.dashboard))
        if self.small is not None and not self.small.isVisible():
            after = replace(after, small_geometry=geometry_text(self.small))
        if after != before:
            self._save(after)

    def _drop_hidden(self) -> None:
        for name in ("small", "dashboard", "first_run", "compare"):
            window = getattr(self, name)
            if window is not None and not window.isVisible():
                setattr(self, name, None)
                window.deleteLater()

    def _may_close(self) -> bool:
        """Without a tray, closing is explained once; the second click closes."""
        settings = self._scene.settings
        if settings.told_tray_closing or self._icon.available:
            return True
        self._save(replace(settings, told_tray_closing=True))
        text = tr(
            "Wattlight keeps measuring after this window is closed. Start it again to bring the window "
            "back, or quit to stop measuring."
        )
        window = next((w for w in self._made() if w.isVisible()), None)
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
