"""The only place where a call from another thread becomes something on the main thread."""

import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

SHORTEST_S = 0.1
"""Fast streams are merged, the latest wins: at most ten deliveries a second."""


class Bridge(QObject):
    """Carries the latest value to ``deliver`` on the thread that made the bridge.

    ``publish`` and ``call`` may be used from any thread; after :meth:`close` they do nothing.
    """

    _arrived = Signal()
    _asked = Signal(object)

    def __init__(self, deliver: Callable[[Any], None]) -> None:
        super().__init__()
        self._deliver = deliver
        self._guard = threading.Lock()
        self._latest: Any = None
        self._waiting = False
        self._open = True
        self._last = 0.0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._flush)
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)
        self._asked.connect(self._on_asked, Qt.ConnectionType.QueuedConnection)

    def publish(self, value: Any) -> None:
        """Hand over a value; one that was not delivered yet is replaced."""
        with self._guard:
            if not self._open:
                return
            self._latest = value
            if not self._waiting:
                self._waiting = True
                self._arrived.emit()

    def call(self, what: Callable[[], None]) -> None:
        """Run ``what`` on the main thread soon."""
        with self._guard:
            if self._open:
                self._asked.emit(what)

    def close(self) -> None:
        """Take nothing more. Call this before the threads that publish are stopped."""
        with self._guard:
            self._open = False
            self._latest = None
        self._later.stop()

    @Slot()
    def _on_arrived(self) -> None:
        rest = self._last + SHORTEST_S - time.monotonic()
        if rest > 0:
            self._later.start(int(rest * 1000) + 1)
        else:
            self._flush()

    @Slot()
    def _flush(self) -> None:
        with self._guard:
            value, self._latest = self._latest, None
            self._waiting = False
            if not self._open or value is None:
                return
        self._last = time.monotonic()
        self._deliver(value)

    @Slot(object)
    def _on_asked(self, what: Callable[[], None]) -> None:
        if self._open:
            what()
