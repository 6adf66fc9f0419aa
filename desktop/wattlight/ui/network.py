"""Whether the network connection is metered, as NetworkManager or Windows says; macOS does not tell it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import SLOT, QObject, QTimer, Slot

from wattlight.system import network_is_metered

_NAME = "org.freedesktop.NetworkManager"
_PATH = "/org/freedesktop/NetworkManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_METERED = {1: True, 3: True, 2: False, 4: False}
"""NMMetered: yes, guessed yes; no, guessed no. 0 is unknown."""
LOOK_MS = 60_000
_SOCKETS = ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")


class MeteredNetwork(QObject):
    """Asks in the background each time a window is shown, and listens while somebody wants to know always.

    ``metered`` None: not known. ``told`` gets it whenever it has changed. ``bus`` None is the system's;
    another one is for tests.
    """

    def __init__(
        self,
        told: Callable[[bool | None], None] = lambda _: None,
        bus: Any = None,
        platform: str = sys.platform,
    ) -> None:
        super().__init__()
        self.metered: bool | None = None
        self._told, self._bus = told, bus
        self._watcher: Any = None
        self._again = self._listens = False
        self._on_windows = platform == "win32"
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.refresh)

    def set_wanted(self, wanted: bool) -> None:
        """Listen from now on, or no more; on Windows look once a minute."""
        if self._on_windows:
            self._listens = wanted
            self._timer.start() if wanted else self._timer.stop()
            if wanted:
                self.refresh()
            return
        if wanted == self._listens or not self._connected():
            return
        self._listens = wanted
        change = self._bus.connect if wanted else self._bus.disconnect
        change(_NAME, _PATH, _PROPERTIES, "PropertiesChanged", self, SLOT("_changed(QDBusMessage)"))
        if wanted:
            self.refresh()

    def refresh(self) -> None:
        """Ask anew; the answer comes later or never. Windows answers in a few milliseconds."""
        if self._on_windows:
            self._found(network_is_metered())
            return
        if self._watcher is not None:
            self._again = True
            return
        if not self._connected():
            return
        from PySide6.QtDBus import QDBusMessage, QDBusPendingCallWatcher

        call = QDBusMessage.createMethodCall(_NAME, _PATH, _PROPERTIES, "Get")
        call.setArguments([_NAME, "Metered"])
        call.setAutoStartService(False)
        self._watcher = QDBusPendingCallWatcher(self._bus.asyncCall(call, 2000), self)
        self._watcher.finished.connect(self._answered)

    def _connected(self) -> bool:
        if self._bus is None:
            if not has_system_bus():
                return False
            from PySide6.QtDBus import QDBusConnection

            self._bus = QDBusConnection.systemBus()
        return bool(self._bus.isConnected())

    @Slot("QDBusMessage")
    def _changed(self, _message: object) -> None:
        self.refresh()

    @Slot()
    def _answered(self) -> None:
        from PySide6.QtDBus import QDBusMessage

        watcher, self._watcher = self._watcher, None
        reply = watcher.reply()
        watcher.deleteLater()
        again, self._again = self._again, False
        if again:
            self.refresh()
        if reply.type() is not QDBusMessage.MessageType.ReplyMessage or not reply.arguments():
            return
        self._found(metered_of(reply.arguments()[0]))

    def _found(self, metered: bool | None) -> None:
        before, self.metered = self.metered, metered
        if metered is not before:
            self._told(metered)


def metered_of(value: object) -> bool | None:
    """What the property says; a variant is opened, everything unknown is None."""
    inner = value.variant() if hasattr(value, "variant") else value
    return _METERED.get(inner) if isinstance(inner, int) else None


def has_system_bus() -> bool:
    """Whether there is a system bus. Without one Qt would only warn."""
    return bool(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")) or any(Path(name).exists() for name in _SOCKETS)
