"""The desktop face: icon, menu, windows; fed with states, turning clicks into the controller's commands."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon

from wattlight.domain.state import AppState, SetupFacts
from wattlight.paths import Places
from wattlight.services import Controller
from wattlight.settings import FirstRun, Settings
from wattlight.viewmodels import (
    Command,
    Extras,
    IconState,
    Scene,
    TrayView,
    Verb,
    asked_before_download,
    tray_view,
)

from .bridge import Bridge
from .early import EarlyIcon, early_icon
from .icons import tray_icon
from .keeper import TrayKeeper
from .network import MeteredNetwork
from .theme import Theme
from .tray_menu import TrayMenu
from .windows import Windows

if TYPE_CHECKING:
    from wattlight.services.first_run import SetupControls


@dataclass(frozen=True, slots=True)
class _News:
    """What the bridge carries; None: as before."""

    state: AppState
    extras: Extras | None = None
    settings: Settings | None = None
    setup: SetupFacts | None = None


class DesktopFace:
    """Tray, small window and dashboard of one user.

    Make it and call :meth:`start` on the main thread; :meth:`publish` and :meth:`stop` may be called from
    any. ``clock`` gives aware UTC time.
    """

    def __init__(
        self,
        controller: Controller,
        initial_state: AppState,
        settings: Settings,
        places: Places,
        arguments: list[str],
        early: EarlyIcon | None = None,
        extras: Extras | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        setup: "SetupControls | None" = None,
    ) -> None:
        self._controller = controller
        self._setup = setup
        self._facts = SetupFacts()
        self._clock = clock
        self._hidden = "--hidden" in arguments
        self._early = early if early is not None else early_icon(places, arguments)
        if self._early is None:
            raise RuntimeError("Another Wattlight of this user is running.")
        first = self._early
        self._state, self._settings = initial_state, settings
        self._extras = extras if extras is not None else Extras()
        self._theme = Theme(first.app, settings.theme)
        self._keeper = TrayKeeper(first.tray, first.menu, first.born_with_host)
        self._menu = TrayMenu(first.menu, self.do)
        self._windows = Windows(
            self._theme, self.do, controller.set_watching, self._save, controller.request_advice, setup
        )
        self._network = MeteredNetwork()
        self._windows.keeper = self._keeper
        self._windows.told_closing = settings.told_tray_closing
        self._windows.on_told = lambda: self._save(replace(self._settings, told_tray_closing=True))
        self._windows.geometry_text = settings.window_geometry
        self._windows.on_moved = lambda text: self._save(replace(self._settings, window_geometry=text))
        self._bridge = Bridge(self._deliver)
        self._news = _News(initial_state)
        self._news_lock = threading.Lock()
        self._shown: TrayView | None = None
        self._shown_icon: IconState | None = None
        self._tick = QTimer()
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._ticked)
        self._notifier: QSocketNotifier | None = None
        self._code = 0
        self._connect()
        self._draw()

    @property
    def bridge(self) -> Bridge:
        """The one way from other threads to the main thread."""
        return self._bridge

    @property
    def windows(self) -> Windows:
        """The two windows. Main thread only."""
        return self._windows

    @property
    def keeper(self) -> TrayKeeper:
        """The icon. Main thread only."""
        return self._keeper

    def start(self) -> int:
        """Run until quit; the exit code.

        The small window opens at once, with a tray or without. With ``--hidden`` nothing opens; where there
        is no tray either, a second start brings the window.
        """
        assert self._early is not None
        self._early.instance.listen(self._asked_to_show)
        if not self._hidden and self._setup is not None and not self._settings.first_run_done:
            self._windows.show_first_run()
        elif not self._hidden:
            self._windows.show_small(self._keeper.tray, at_icon=False)
        with self._signals():
            code = self._early.app.exec()
        self._leave()
        return self._code or code

    def publish(
        self,
        state: AppState | None = None,
        extras: Extras | None = None,
        settings: Settings | None = None,
        setup: SetupFacts | None = None,
    ) -> None:
        """Show a state (any thread). What is None stays as it was; the latest wins, ten a second at most."""
        with self._news_lock:
            before = self._news
            self._news = _News(
                before.state if state is None else state,
                before.extras if extras is None else extras,
                settings,
                before.setup if setup is None else setup,
            )
            self._bridge.publish(self._news)

    def change_settings(self, change: Callable[[Settings], Settings]) -> None:
        """Change the settings in force and save them (any thread)."""
        self._bridge.call(lambda: self._save(change(self._settings)))

    def stop(self, code: int = 0) -> None:
        """End :meth:`start` (any thread). Nothing published after this is shown."""

        def leave() -> None:
            self._code = code
            self._bridge.close()
            if self._early is not None:
                self._early.app.exit(code)  # quit() would ask every window, and ours stay

        self._bridge.call(leave)

    def do(self, command: Command) -> None:
        """Carry out a click; a heavy one is asked about in the window first."""
        command = asked_before_download(self._scene(), command, self._network.metered)
        if command.question:
            self._windows.ask(command)
            return
        opener = self._windows.opener(command)
        if opener is not None:
            opener()
            return
        controller, model = self._controller, command.model
        act: dict[Verb, Callable[[], None]] = {
            Verb.SWITCH: lambda: controller.switch(model),
            Verb.LOAD: lambda: controller.load(model),
            Verb.UNLOAD: lambda: controller.unload(model or None),
            Verb.KEEP: lambda: controller.keep_loaded(model, True),
            Verb.RELEASE: lambda: controller.keep_loaded(model, False),
            Verb.REMOVE: lambda: controller.remove(model),
            Verb.PULL: lambda: controller.pull(model),
            Verb.JUDGE: lambda: controller.judge(model, False),
            Verb.LOOK_UP: lambda: controller.judge(model, True),
            Verb.CANCEL_PULL: lambda: controller.cancel_pull(model),
            Verb.CANCEL_TASK: lambda: controller.cancel_task(model),
            Verb.MEASURE: lambda: controller.measure_speed(model),
            Verb.REPAIR: lambda: controller.repair(model),
            Verb.PAUSE: lambda: self._pause(True),
            Verb.RESUME: lambda: self._pause(False),
            Verb.REFRESH: self._refresh,
            Verb.START_SERVER: controller.start_server,
            Verb.START_SMALL: lambda: self._start_small(model),
            Verb.SET_UP: lambda: None,
            Verb.INSTALL_SERVER: lambda: self._setup.install_server() if self._setup else None,
            Verb.CANCEL_INSTALL: lambda: self._setup.cancel_install() if self._setup else None,
            Verb.GO_BACK: lambda: self._setup.go_back() if self._setup else None,
            Verb.DELETE_LEDGER: lambda: self._setup.delete_ledger() if self._setup else None,
            Verb.DISMISS: lambda: controller.dismiss(model),
            Verb.DECLINE_PRICE: self._decline_price,
            Verb.QUIT: controller.quit,
        }
        act[command.verb]()

    def _connect(self) -> None:
        self._keeper.activated.connect(self._icon_clicked)
        self._keeper.available_changed.connect(self._tray_came_or_went)
        self._keeper.remade.connect(self._tray_remade)
        self._theme.changed.connect(self._theme_changed)
        self._windows.visible_changed.connect(self._visible_changed)
        QGuiApplication.instance().commitDataRequest.connect(  # type: ignore[union-attr]
            lambda _manager: self._controller.quit()
        )

    def _scene(self) -> Scene:
        return Scene(self._state, self._settings, self._clock(), self._extras, setup=self._facts)

    def _deliver(self, news: _News) -> None:
        self._state = news.state
        self._extras = news.extras if news.extras is not None else self._extras
        self._facts = news.setup if news.setup is not None else self._facts
        if news.settings is not None:
            self._take_settings(news.settings)
        self._draw()

    def _draw(self) -> None:
        scene = self._scene()
        self._draw_tray(scene)
        self._windows.render_scene(scene)
        self._mind_tick()

    def _draw_tray(self, scene: Scene) -> None:
        view = tray_view(scene)
        if view.icon is not self._shown_icon:
            self._shown_icon = view.icon
            self._keeper.set_icon(tray_icon(view.icon.value, self._theme.dark_panel))
        if view != self._shown:
            self._shown = view
            self._keeper.set_tip(view.tooltip.replace("<", "‹").replace(">", "›"))
            self._menu.show(view.menu, self._keeper.on_dbus)

    def _take_settings(self, settings: Settings) -> None:
        if settings.theme != self._settings.theme:
            self._theme.wish(settings.theme)
        self._settings = settings
        self._windows.told_closing = settings.told_tray_closing

    def _save(self, settings: Settings) -> None:
        self._take_settings(settings)
        self._controller.apply_settings(settings)
        self._draw()

    def _pause(self, paused: bool) -> None:
        """The desk remembers it in the settings, so the next change here must start from there."""
        self._settings = replace(self._settings, meter=replace(self._settings.meter, paused=paused))
        self._controller.set_paused(paused)

    def _refresh(self) -> None:
        self._controller.refresh()
        if self._setup is not None:
            self._setup.look()

    def _start_small(self, model: str) -> None:
        """Begin with a smaller model; the larger one is offered again once that answers."""
        larger = [p.model for p in self._state.pulls if not (p.done or p.error or p.cancelled)]
        for name in larger:
            self._controller.cancel_pull(name)
        self._controller.pull(model)
        step = "login" if self._settings.first_run.step == "model" else self._settings.first_run.step
        self._save(replace(self._settings, first_run=FirstRun(step, model, larger[0] if larger else None)))

    def _decline_price(self) -> None:
        self._save(replace(self._settings, price=replace(self._settings.price, declined=True)))

    def _mind_tick(self) -> None:
        """Seconds pass on the screen only while something is being done and someone looks."""
        wanted = bool(self._state.tasks) and self._windows.visible
        if wanted != self._tick.isActive():
            self._tick.start() if wanted else self._tick.stop()

    def _ticked(self) -> None:
        self._windows.render_scene(self._scene())

    def _visible_changed(self) -> None:
        if self._windows.visible:
            self._network.refresh()
        self._windows.render_scene(self._scene())
        self._mind_tick()

    def _icon_clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if sys.platform == "darwin":
            return  # a click opens the menu there
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self._windows.toggle_small(self._keeper.tray)

    def _tray_came_or_went(self, available: bool) -> None:
        self._shown = None  # another host may want other underscores
        self._draw_tray(self._scene())
        if not available:
            self._windows.tray_lost()

    def _tray_remade(self) -> None:
        self._shown_icon, self._shown = None, None
        self._draw_tray(self._scene())

    def _theme_changed(self) -> None:
        self._shown_icon = None
        self._draw_tray(self._scene())

    def _asked_to_show(self, token: str) -> None:
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token  # Qt passes it on when the window is raised
        self._windows.show_small(self._keeper.tray, at_icon=False)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl+C reach Python at once, without a timer that wakes the processor."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        old_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(reader.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(lambda *_: _drain(reader))
        names = (signal.SIGTERM, signal.SIGINT)
        old = {name: signal.signal(name, lambda *_: self._controller.quit()) for name in names}
        try:
            yield
        finally:
            for name, handler in old.items():
                signal.signal(name, handler)
            signal.set_wakeup_fd(old_fd)
            self._notifier.setEnabled(False)
            self._notifier = None
            reader.close()
            writer.close()

    def _leave(self) -> None:
        """Take everything off the screen; the bridge is closed before."""
        self._bridge.close()
        self._tick.stop()
        self._windows.close()
        self._keeper.close()
        self._theme.close()
        if self._early is not None:
            self._early.instance.close()


def _drain(reader: socket.socket) -> None:
    with contextlib.suppress(OSError):
        reader.recv(4096)
