"""One tray per user: a lock file decides, a local socket only carries the word "show"."""

import contextlib
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QLockFile, QSysInfo, QTimer

from wattlight.domain import Problem
from wattlight.i18n import tr
from wattlight.paths import Places

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

CAP_BYTES = 4096
"""More than this on the socket is not for us."""
LIMIT_MS = 1000
ASK_SECONDS = 5.0
NETBIOS = 15
"""Characters of a computer's short name on Windows."""
LONGEST_PATH = 100
"""Unix socket paths hold 104 bytes at the least."""
_WORD = re.compile(rb"^show(?: ([A-Za-z0-9_.:/@+-]{1,200}))?\n$")


class OtherComputerProblem(Problem):
    """The lock belongs to a program on another computer that shares the home folder."""

    code = "running_elsewhere"


class SingleInstance:
    """Holds the lock of the one instance, or reaches the one that holds it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = QLockFile(str(places.instance_lock))
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None
        self._on_show: Callable[[str], None] = lambda _token: None

    @property
    def socket_name(self) -> str:
        """Where the living instance listens."""
        path = str(self._places.runtime / "tray.sock")
        if sys.platform != "win32" and len(os.fsencode(path)) <= LONGEST_PATH:
            return path
        import hashlib

        key = hashlib.sha256(os.fsencode(str(self._places.instance_lock))).hexdigest()[:16]
        if sys.platform == "win32":
            return f"wattlight-{key}"
        import tempfile

        return os.path.join(tempfile.gettempdir(), f"wattlight-{key}.sock")  # noqa: PTH118 - a socket name

    def take(self) -> bool:
        """Whether this is the one instance. A lock of a dead process is taken over.

        Raises:
            OtherComputerProblem: another computer holds the lock (a shared home folder).
        """
        try:
            self._places.make(self._places.instance_lock.parent)
        except Problem:
            return True
        if self._lock.tryLock(0):
            with contextlib.suppress(OSError):  # whoever may read it could hold it
                self._places.instance_lock.chmod(0o600)
            return True
        if self._lock.error() is QLockFile.LockError.PermissionError:
            return True  # a read-only home: run without a lock rather than not at all
        host = _lock_host(self._lock)
        if host and not same_computer(host, _own_names()) and not self.ask_to_show(LIMIT_MS / 1000):
            raise OtherComputerProblem(
                tr("Wattlight already runs on {host}, which shares this home folder.", host=host),
                tr("Quit it there, or set WATTLIGHT_HOME to another folder here."),
            )
        return False

    def ask_to_show(self, within_s: float = ASK_SECONDS) -> bool:
        """Ask the living instance to show its window; False when it did not answer in time."""
        from PySide6.QtNetwork import QLocalSocket

        token = os.environ.get("XDG_ACTIVATION_TOKEN", "")
        word = f"show {token}\n" if re.fullmatch(r"[A-Za-z0-9_.:/@+-]{1,200}", token) else "show\n"
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if not _is_ours(self.socket_name):
                return False
            socket = QLocalSocket()
            socket.connectToServer(self.socket_name)
            if socket.waitForConnected(LIMIT_MS):
                socket.write(word.encode("ascii"))
                socket.waitForBytesWritten(LIMIT_MS)
                answered = socket.waitForReadyRead(LIMIT_MS)
                socket.disconnectFromServer()
                if answered:
                    return True
            time.sleep(0.05)
        return False

    def listen(self, on_show: Callable[[str], None]) -> None:
        """Answer other starts; ``on_show`` gets an activation token or "". Main thread, Qt's loop."""
        from PySide6.QtNetwork import QLocalServer

        self._on_show = on_show
        self._server = QLocalServer()
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._connected)
        try:
            if not self.socket_name.startswith("wattlight-"):
                self._places.make(self._places.runtime)
        except Problem:
            return
        if not self._server.listen(self.socket_name):
            QLocalServer.removeServer(self.socket_name)  # ours to remove: we hold the lock
            self._server.listen(self.socket_name)

    def mind(self) -> None:
        """A lock whose file was removed is taken again, so that no second tray begins."""
        if self._lock.isLocked() and not self._places.instance_lock.exists():
            self._lock.unlock()
            self.take()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server.deleteLater()
            self._server = None
        self._lock.unlock()

    def _connected(self) -> None:
        server = self._server
        while server is not None and (socket := server.nextPendingConnection()) is not None:
            socket.setReadBufferSize(CAP_BYTES)
            socket.readyRead.connect(lambda s=socket: self._read(s))
            socket.disconnected.connect(socket.deleteLater)
            QTimer.singleShot(LIMIT_MS, socket, socket.abort)

    def _read(self, socket: "QLocalSocket") -> None:
        heard = bytes(socket.peek(CAP_BYTES).data())
        if b"\n" not in heard:
            if len(heard) >= CAP_BYTES:
                socket.abort()
            return
        match = _WORD.match(heard)
        if match is None:
            socket.abort()
            return
        socket.readAll()
        socket.write(b"ok\n")
        socket.disconnectFromServer()
        self._on_show((match.group(1) or b"").decode("ascii"))


def _is_ours(socket: str) -> bool:
    """Whether nobody else listens there: a name in a folder for all can be taken by another user first."""
    try:
        return sys.platform == "win32" or os.lstat(socket).st_uid == os.getuid()
    except OSError:
        return True


def same_computer(host: str, names: Iterable[str]) -> bool:
    """Whether ``host``, as a lock names a computer, is one of ``names`` of this one.

    Windows writes its short name there, in capitals and cut to 15 characters; elsewhere the domain comes
    and goes with the network.
    """
    short = host.partition(".")[0].casefold()
    own = {name.partition(".")[0].casefold() for name in names if name}
    return short in own or short in {name[:NETBIOS] for name in own if len(name) > NETBIOS}


def _own_names() -> tuple[str, ...]:
    return QSysInfo.machineHostName(), platform.node(), os.environ.get("COMPUTERNAME", "")


def _lock_host(lock: QLockFile) -> str:
    """The computer of whoever holds the lock; "" if it cannot be read."""
    info: Any = lock.getLockInfo()
    return next((value for value in info if isinstance(value, str)), "") if isinstance(info, tuple) else ""
