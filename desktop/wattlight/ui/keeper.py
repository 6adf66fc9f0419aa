"""Keeps one tray icon alive when the tray host comes late, goes, or starts again.

An icon made while no tray host is there never registers later (Qt 6.12): it is made anew when one appears.
An icon made with a host registers again by itself when the host restarts: then nothing is rebuilt.
"""

import sys

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from .early import show_icon

WATCHER = "org.kde.StatusNotifierWatcher"
MESSAGE_MS = 10_000
SETTLE_MS = 700
"""A host needs a moment between taking its name and taking icons."""


class TrayIcon(QObject):
    """Owns the icon; ``available_changed`` tells whether a tray can show it."""

    available_changed = Signal(bool)
    activated = Signal(QSystemTrayIcon.ActivationReason)
    remade = Signal()

    def __init__(self, tray: QSystemTrayIcon, menu: QMenu, born_with_host: bool) -> None:
        super().__init__()
        self.tray = tray
        self._menu = menu
        self._born = born_with_host
        self._icon: QIcon | None = None
        self._tip = ""
        self.on_dbus = False
        """Whether the menu is drawn by a host on the bus (which eats single underscores)."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._look_again)
        tray.activated.connect(self.activated)
        self._watch_bus()

    @property
    def available(self) -> bool:
        return QSystemTrayIcon.isSystemTrayAvailable()

    def set_icon(self, icon: QIcon) -> None:
        """Show another icon; call it only when the state changed."""
        self._icon = icon
        self.tray.setIcon(icon)

    def set_tip(self, text: str) -> None:
        """The tooltip, plain text (hosts may take markup: escape it before)."""
        if text != self._tip:
            self._tip = text
            self.tray.setToolTip(text)

    def tell(self, text: str) -> None:
        """Let the desktop show a message, where it can."""
        if self.tray.supportsMessages():
            self.tray.showMessage("Wattlight", text, QSystemTrayIcon.MessageIcon.Warning, MESSAGE_MS)

    def close(self) -> None:
        self._settle.stop()
        self.tray.hide()

    def _watch_bus(self) -> None:
        if sys.platform in {"win32", "darwin"}:
            return
        try:
            from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher
        except ImportError:
            return
        bus = QDBusConnection.sessionBus()
        if not bus.isConnected():
            return
        interface = bus.interface()
        self.on_dbus = bool(interface and interface.isServiceRegistered(WATCHER).value())
        mode = QDBusServiceWatcher.WatchModeFlag.WatchForOwnerChange
        watch = QDBusServiceWatcher(WATCHER, bus, mode, self)
        watch.serviceRegistered.connect(lambda _name: self._settle.start())
        watch.serviceUnregistered.connect(self._vanished)

    def _vanished(self, _name: str) -> None:
        self._settle.stop()
        self.available_changed.emit(self.available)

    def _look_again(self) -> None:
        if not self.available:
            return
        self.on_dbus = True
        if not self._born:
            self._remake()
        self.available_changed.emit(True)

    def _remake(self) -> None:
        old = self.tray
        old.activated.disconnect(self.activated)
        old.hide()
        old.deleteLater()
        self.tray, self._born = show_icon(self._menu)
        if self._icon is not None:
            self.tray.setIcon(self._icon)
        if self._tip:
            self.tray.setToolTip(self._tip)
        self.tray.activated.connect(self.activated)
        self.remade.emit()
