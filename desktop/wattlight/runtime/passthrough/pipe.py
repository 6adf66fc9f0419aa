"""Bytes on their way to one socket."""

import socket


class Pipe:
    """Sends at once what the socket takes and keeps the rest; never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._waiting = bytearray()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the socket did not take yet."""
        return len(self._waiting)

    def push(self, data: bytes) -> None:
        """Send ``data`` after what is waiting.

        Raises:
            OSError: the other side is gone.
        """
        if not self._waiting:
            sent = self._send(data)
            if sent == len(data):
                return
            data = data[sent:]
        self._waiting += data

    def hold(self, data: bytes) -> None:
        """Keep ``data`` until :meth:`flush`."""
        self._waiting += data

    def flush(self) -> None:
        """Send what is waiting.

        Raises:
            OSError: the other side is gone.
        """
        while self._waiting:
            sent = self._send(bytes(self._waiting[: 256 << 10]))
            if not sent:
                return
            del self._waiting[:sent]

    def _send(self, data: bytes) -> int:
        try:
            return self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
