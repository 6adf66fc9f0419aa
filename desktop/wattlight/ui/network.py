"""Whether the network connection is a metered one, as NetworkManager says; only read, never waited for."""

import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Slot

_NAME = "org.freedesktop.NetworkManager"
_PATH = "/org/freedesktop/NetworkManager"
_METERED = {1: True, 3: True, 2: False, 4: False}
"""NMMetered: yes, guessed yes; no, guessed no. 0 is unknown."""
_SOCKETS = ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")


class MeteredNetwork(QObject):
    """Asks in the background each time a window is shown. ``metered`` None: not known."""

    def __init__(self) -> None:
        super().__init__()
        self.metered: bool | None = None
        self._watcher: Any = None

    def refresh(self) -> None:
        """Ask anew; the answer comes later or never."""
        if self._watcher is not None or not has_system_bus():
            return
        from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher

        bus = QDBusConnection.systemBus()
        if not bus.isConnected():
            return
        call = QDBusMessage.createMethodCall(_NAME, _PATH, "org.freedesktop.DBus.Properties", "Get")
        call.setArguments([_NAME, "Metered"])
        call.setAutoStartService(False)
        self._watcher = QDBusPendingCallWatcher(bus.asyncCall(call, 2000), self)
        self._watcher.finished.connect(self._answered)

    @Slot()
    def _answered(self) -> None:
        from PySide6.QtDBus import QDBusMessage

        watcher, self._watcher = self._watcher, None
        reply = watcher.reply()
        watcher.deleteLater()
        if reply.type() is not QDBusMessage.MessageType.ReplyMessage or not reply.arguments():
            return
        self.metered = metered_of(reply.arguments()[0])


def metered_of(value: object) -> bool | None:
    """What the property says; a variant is opened, everything unknown is None."""
    inner = value.variant() if hasattr(value, "variant") else value
    return _METERED.get(inner) if isinstance(inner, int) else None


def has_system_bus() -> bool:
    """Whether there is a system bus. Without one Qt would only warn."""
    return bool(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")) or any(Path(name).exists() for name in _SOCKETS)
