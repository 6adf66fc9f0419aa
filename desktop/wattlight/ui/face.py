"""The desktop face: icon, menu, windows; fed with states, handing clicks to the application."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import AppState
from wattlight.i18n import activate
from wattlight.services.answers import Extras
from wattlight.services.application import Application, ChangeSettings
from wattlight.settings import Settings
from wattlight.viewmodels.activity import told_by_desktop
from wattlight.viewmodels.before_download import asked_before_download
from wattlight.viewmodels.scene import Scene
from wattlight.viewmodels.tray import IconState, TrayView, TrayViews, toggle_command

from .bridge import Bridge
from .early import EarlyIcon
from .icons import tray_icon
from .keeper import TrayIcon
from .network import MeteredNetwork
from .sleep import SleepWatch
from .text import speak
from .theme import Theme
from .tray_menu import TrayMenu
from .windows import Windows

SAY_AGAIN = timedelta(seconds=30)
"""Messages of the desktop are at least so far apart."""


@dataclass(frozen=True, slots=True)
class _News:
    """What the bridge carries."""

    state: AppState
    extras: Extras
    settings: Settings
    changes: int = 0


class DesktopUi:
    """Tray, small window and dashboard of one user.

    Make it and call :meth:`start` on the main thread, which ``keeper`` (the icon) and ``windows`` belong to;
    :meth:`publish` and :meth:`stop` may be called from any. ``clock`` gives aware UTC time.
    """

    def __init__(
        self,
        app: Application,
        initial_state: AppState,
        settings: Settings,
        arguments: list[str],
        early: EarlyIcon,
        extras: Extras,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._changes = 0
        self._said: set[tuple[str, str]] = set()
        self._said_at: datetime | None = None
        self._clock = clock
        self._hidden = "--hidden" in arguments
        self._early = early
        self._state, self._settings, self._extras = initial_state, settings, extras
        speak(early.app)
        self._theme = Theme(early.app, settings.theme)
        self.keeper = TrayIcon(early.tray, early.menu, early.born_with_host)
        self._menu = TrayMenu(early.menu, self.do, self._menu_opens)
        self.windows = Windows(self._theme, self.do, self._save, self.keeper, self._scene())
        self._network = MeteredNetwork(
            lambda known: self._app.do(Command(Verb.NETWORK, number=None if known is None else int(known)))
        )
        self._network.set_wanted(settings.pulls.not_metered)
        self._sleep = SleepWatch(lambda goes: self._app.do(Command(Verb.SLEEP if goes else Verb.WAKE)))
        self._sleep.set_wanted(settings.rules.on_sleep)
        self._bridge = Bridge(self._deliver)
        self._news = _News(initial_state, extras, settings)
        self._news_lock = threading.Lock()
        self._last_model = next((m.name for m in initial_state.local.server.running), "")
        self._views = TrayViews()
        self._shown: TrayView | None = None
        self._shown_icon: tuple[IconState, str, float] | None = None
        self._tick = QTimer()
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._ticked)
        self._notifier: QSocketNotifier | None = None
        self._code = 0
        self._connect()
        self._draw()

    def start(self) -> int:
        """Run until quit; the exit code.

        The small window opens at once, with a tray or without. With ``--hidden`` nothing opens; where there
        is no tray either, a second start brings the window.
        """
        self._early.instance.listen(self._asked_to_show)
        if not self._hidden and not self._settings.first_run_done:
            self.windows.show_first_run()
        elif not self._hidden:
            self.windows.show_small()
        with self._signals():
            code = self._early.app.exec()
        self._leave()
        return self._code or code

    def publish(
        self,
        state: AppState | None = None,
        extras: Extras | None = None,
        settings: Settings | None = None,
        changes: int = 0,
    ) -> None:
        """Show a state (any thread). What is None stays as it was; the latest wins, ten a second at most.

        A state older than the one before is ignored, and so are ``settings`` with fewer ``changes`` in them
        than this window has asked for.
        """
        with self._news_lock:
            before = self._news
            newer = state is not None and state.number >= before.state.number
            self._news = _News(
                state if state is not None and newer else before.state,
                before.extras if extras is None else extras,
                before.settings if settings is None else settings,
                before.changes if settings is None else changes,
            )
            self._bridge.publish(self._news)

    def stop(self, code: int = 0) -> None:
        """End :meth:`start` (any thread). Nothing published after this is shown."""

        def leave() -> None:
            self._code = code
            self._bridge.close()
            self._early.app.exit(code)  # quit() would ask every window, and ours stay

        self._bridge.call(leave)

    def do(self, command: Command) -> None:
        """Carry out a click; a heavy one is asked about in the window first."""
        command = asked_before_download(self._scene(), command, self._state.metered)
        if command.question:
            self.windows.ask(command)
            return
        if self.windows.open(command):
            return
        if command.verb is Verb.PLAN_CACHE:
            self.windows.show_dashboard("settings")  # what is planned is shown there
        if command.verb in {Verb.PAUSE, Verb.RESUME}:
            meter = replace(self._settings.meter, paused=command.verb is Verb.PAUSE)
            self._save(replace(self._settings, meter=meter))
        else:
            self._app.do(command)

    def _connect(self) -> None:
        self.keeper.activated.connect(self._icon_clicked)
        self.keeper.available_changed.connect(self._tray_came_or_went)
        self.keeper.remade.connect(self._redraw_icon)
        self._theme.changed.connect(self._redraw_icon)
        self.windows.visible_changed.connect(self._visible_changed)
        QGuiApplication.instance().commitDataRequest.connect(  # type: ignore[union-attr]
            lambda _manager: self._app.do(Command(Verb.QUIT))
        )

    def _scene(self) -> Scene:
        return Scene(self._state, self._settings, self._clock(), self._extras, setup=self._state.setup)

    def _deliver(self, news: _News) -> None:
        self._early.instance.mind()
        self._state, self._extras = news.state, news.extras
        running = self._state.local.server.running
        self._sleep.loaded(len(running))
        if running:
            self._last_model = running[0].name
        if news.changes >= self._changes and news.settings is not self._settings:
            self._take_settings(news.settings)
        self._draw()

    def _draw(self) -> None:
        scene = self._scene()
        self._draw_tray(scene)
        self.windows.render_scene(scene)
        self._tell_urgent(scene)
        self._mind_tick()

    def _tell_urgent(self, scene: Scene) -> None:
        """Urgent notices through the desktop: each once, few, and none while a window shows them."""
        new = [n for n in scene.state.notices if n.urgent and (n.kind, n.text) not in self._said]
        new = [notice for notice in new if told_by_desktop(scene, notice.kind)]
        if not new:
            return
        if not self.windows.visible:
            if self._said_at is not None and scene.now - self._said_at < SAY_AGAIN:
                return  # what has come meanwhile is told together
            self._said_at = scene.now
            self.keeper.tell("\n".join(notice.text for notice in new))
        self._said.update((notice.kind, notice.text) for notice in new)

    def _draw_tray(self, scene: Scene) -> None:
        view = self._views.view(scene)
        flame = 1.0 if self._theme.still else view.flame
        if (view.icon, view.figure, flame) != self._shown_icon:
            self._shown_icon = view.icon, view.figure, flame
            self.keeper.set_icon(tray_icon(view.icon.value, self._theme.dark_panel, view.figure, flame))
        if view != self._shown:
            self._shown = view
            self.keeper.set_tip(view.tooltip.replace("<", "‹").replace(">", "›"))
            self._menu.show(view.menu, self.keeper.on_dbus)

    def _take_settings(self, settings: Settings) -> None:
        if settings.theme != self._settings.theme:
            self._theme.wish(settings.theme)
        before, self._settings = self._settings, settings
        self._sleep.set_wanted(settings.rules.on_sleep)
        self._network.set_wanted(settings.pulls.not_metered)
        if settings.language != before.language:
            activate(settings.language)
            speak(self._early.app)
            self._shown = None
            self.windows.make_anew(self._scene())

    def _save(self, settings: Settings) -> None:
        before = self._settings
        self._take_settings(settings)
        self._changes += 1
        self._app.do(ChangeSettings(before, settings))
        self._draw()

    def _mind_tick(self) -> None:
        """Seconds pass on the screen only while something is being done and someone looks."""
        wanted = bool(self._state.tasks) and (self.windows.visible or self._menu.is_open)
        if wanted != self._tick.isActive():
            self._tick.start() if wanted else self._tick.stop()

    def _ticked(self) -> None:
        scene = self._scene()
        self.windows.render_scene(scene)
        self._draw_tray(scene)
        self._mind_tick()

    def _menu_opens(self) -> None:
        """Work under way has gone on since the menu was filled."""
        if self._state.tasks:
            self._draw_tray(self._scene())
            self._tick.start()

    def _visible_changed(self) -> None:
        self._app.do(Command(Verb.WATCH if self.windows.visible else Verb.LOOK_AWAY))
        if self.windows.visible:
            self._network.refresh()
        self.windows.render_scene(self._scene())
        self._mind_tick()

    def _icon_clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if sys.platform == "darwin":
            return  # a click opens the menu there
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.windows.toggle_small(self.keeper.tray)
        elif reason is QSystemTrayIcon.ActivationReason.MiddleClick:
            self.do(toggle_command(self._scene(), self._last_model))

    def _tray_came_or_went(self, available: bool) -> None:
        self._shown = None  # another host may want other underscores
        self._draw_tray(self._scene())
        if not available:
            self.windows.tray_lost()

    def _redraw_icon(self) -> None:
        self._shown_icon, self._shown = None, None
        self._draw_tray(self._scene())

    def _asked_to_show(self, token: str) -> None:
        if token:
            os.environ["XDG_ACTIVATION_TOKEN"] = token  # Qt passes it on when the window is raised
        self.windows.show_small()

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
        old = {name: signal.signal(name, lambda *_: self._app.do(Command(Verb.QUIT))) for name in names}
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
        self._sleep.set_wanted(False)
        self._network.set_wanted(False)
        self.windows.close()
        self.keeper.close()
        self._theme.close()
        self._early.instance.close()


def _drain(reader: socket.socket) -> None:
    with contextlib.suppress(OSError):
        reader.recv(4096)
