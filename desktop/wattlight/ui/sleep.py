"""When the computer goes to sleep and wakes up, as the system tells it; on Linux sleep waits a moment."""

import contextlib
import os
import struct
import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import SLOT, QAbstractNativeEventFilter, QCoreApplication, QObject, QTimer, Slot

from wattlight.i18n import tr
from wattlight.system import MacSleep

from .network import has_system_bus

_NAME = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
_LONGEST_MS = 4000
"""logind lets a lock delay sleep for five seconds."""
_POWER_BROADCAST, _SUSPEND, _RESUMED = 0x0218, 4, 0x12
_MESSAGE = "P" if struct.calcsize("P") == 4 else "Q"
Told = Callable[[], None]


class LogindSleep(QObject):
    """Hears PrepareForSleep; holds a delay lock, so that what is begun when it is heard can be ended.

    ``bus`` None is the system's; another one is for tests.
    """

    def __init__(self, going: Told, woke: Told, bus: Any = None) -> None:
        super().__init__()
        self._going, self._woke, self._bus = going, woke, bus
        self._lock: int | None = None
        self._asked: Any = None
        self._listens = False
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_LONGEST_MS)
        self._late.timeout.connect(self.let_sleep)

    def start(self) -> bool:
        """Listen from now on; False where no logind can be asked."""
        if self._bus is None:
            if not has_system_bus():
                return False
            from PySide6.QtDBus import QDBusConnection

            self._bus = QDBusConnection.systemBus()
        if not self._bus.isConnected():
            return False
        self._bus.connect(_NAME, _PATH, _MANAGER, "PrepareForSleep", self, SLOT("_prepare(bool)"))
        self._listens = True
        self._hold()
        return True

    def stop(self) -> None:
        """Listen no more, and let sleep begin at once."""
        if self._bus is not None:
            self._bus.disconnect(_NAME, _PATH, _MANAGER, "PrepareForSleep", self, SLOT("_prepare(bool)"))
        self._listens = False
        self.let_sleep()

    def let_sleep(self) -> None:
        """What was begun is done: nothing delays sleep any more."""
        self._late.stop()
        lock, self._lock = self._lock, None
        if lock is not None:
            with contextlib.suppress(OSError):
                os.close(lock)

    @Slot(bool)
    def _prepare(self, going: bool) -> None:
        if going:
            self._late.start()
            self._going()
        else:
            self._hold()
            self._woke()

    def _hold(self) -> None:
        """Ask for the lock; the answer comes later or never."""
        from PySide6.QtDBus import QDBusMessage, QDBusPendingCallWatcher

        if self._lock is not None or self._asked is not None:
            return
        call = QDBusMessage.createMethodCall(_NAME, _PATH, _MANAGER, "Inhibit")
        call.setArguments(["sleep", "Wattlight", tr("Models are unloaded before."), "delay"])
        call.setAutoStartService(False)
        self._asked = QDBusPendingCallWatcher(self._bus.asyncCall(call, 2000), self)
        self._asked.finished.connect(self._held)

    @Slot()
    def _held(self) -> None:
        from PySide6.QtDBus import QDBusMessage

        watcher, self._asked = self._asked, None
        reply = watcher.reply()
        watcher.deleteLater()
        if reply.type() is QDBusMessage.MessageType.ReplyMessage and reply.arguments():
            found = reply.arguments()[0]
            if found.isValid():
                self._lock = os.dup(found.fileDescriptor())
        if not self._listens:
            self.let_sleep()


class WindowsSleep(QAbstractNativeEventFilter):
    """Hears WM_POWERBROADCAST. Windows does not wait. Untested on a real Windows."""

    def __init__(self, going: Told, woke: Told) -> None:
        super().__init__()
        self._going, self._woke = going, woke

    def start(self) -> bool:
        application = QCoreApplication.instance()
        if application is None:
            return False
        application.installNativeEventFilter(self)
        return True

    def stop(self) -> None:
        application = QCoreApplication.instance()
        if application is not None:
            application.removeNativeEventFilter(self)

    def let_sleep(self) -> None:
        """Nothing is held."""

    def nativeEventFilter(self, kind: Any, message: Any) -> tuple[bool, int]:
        """Look at a message (its window, its number, its first word); it goes on to whom it is for."""
        if bytes(kind) == b"windows_generic_MSG":
            import ctypes

            size = struct.calcsize("P")
            raw = ctypes.string_at(int(message), 3 * size)
            _, number, word = struct.unpack(f"@{_MESSAGE}{'I' if size == 4 else 'I4x'}{_MESSAGE}", raw)
            if number == _POWER_BROADCAST:
                if word == _SUSPEND:
                    self._going()
                elif word == _RESUMED:
                    self._woke()
        return False, 0


SleepSource = LogindSleep | WindowsSleep | MacSleep


def sleep_source(going: Told, woke: Told, platform: str = sys.platform) -> SleepSource:
    """What tells it on this system; both are called on the main thread."""
    if platform == "win32":
        return WindowsSleep(going, woke)
    return MacSleep(going, woke) if platform == "darwin" else LogindSleep(going, woke)


class SleepWatch:
    """Turned on and off by the settings; lets sleep begin once no model is loaded.

    ``ask`` gets whether the computer goes to sleep (True) or has woken up.
    """

    def __init__(
        self, ask: Callable[[bool], None], source: Callable[[Told, Told], SleepSource] = sleep_source
    ) -> None:
        self._ask, self._make = ask, source
        self._source: SleepSource | None = None
        self._on = self._going = False

    def set_wanted(self, wanted: bool) -> None:
        """Listen or not."""
        if wanted == self._on:
            return
        if self._source is None:
            self._source = self._make(self._goes, self._wakes)
        self._on = wanted
        if wanted:
            self._source.start()
        else:
            self._source.stop()

    def loaded(self, count: int) -> None:
        """So many models are loaded now; called with each state."""
        if self._going and not count and self._source is not None:
            self._source.let_sleep()

    def _goes(self) -> None:
        self._going = True
        self._ask(True)

    def _wakes(self) -> None:
        self._going = False
        self._ask(False)
