"""A TCP server that a test scripts byte by byte: each accepted connection is handed to the script."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

LIMIT_S = 10.0


class Line:
    """One accepted connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(LIMIT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def request(self) -> tuple[bytes, bytes]:
        """Head and body of the next request (by Content-Length or chunks); (b"", b"") at the end."""
        while b"\r\n\r\n" not in self._rest:
            data = self.sock.recv(65536)
            if not data:
                return b"", b""
            self._rest += data
        head, self._rest = self._rest.split(b"\r\n\r\n", 1)
        wanted = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                wanted = int(line.split(b":")[1])
        if b"transfer-encoding: chunked" in head.lower():
            while not self._rest.endswith(b"0\r\n\r\n"):
                if not (data := self.sock.recv(65536)):
                    return b"", b""
                self._rest += data
            body, self._rest = self._rest, b""
            return head + b"\r\n\r\n", body
        while len(self._rest) < wanted:
            if not (data := self.sock.recv(65536)):
                return b"", b""
            self._rest += data
        body, self._rest = self._rest[:wanted], self._rest[wanted:]
        return head + b"\r\n\r\n", body

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.sock.sendall(data)

    def wait_closed(self) -> bool:
        """True when the other side closes within the limit."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


class ScriptedServer:
    """Runs ``script(line)`` for each connection in a thread of its own; its errors are kept for the test."""

    def __init__(self, script: Callable[[Line], None]) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.errors: list[Exception] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, name="scripted-server")]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and wait for it."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for sock in list(self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(LIMIT_S)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            thread = threading.Thread(target=self._serve, args=(sock,), name="scripted-line")
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                self._script(Line(sock))
        except Exception as error:  # noqa: BLE001 - the test looks at them
            self.errors.append(error)
        finally:
            self._open.discard(sock)
