"""Starts a program, waits until its window is on the screen or its icon in the tray, then ends it.

    python packaging/await_window.py window|wayland|tray COMMAND ...

Prints ``window after 0.61 s`` (or ``tray icon after ...``); the exit code is 1 when nothing came within the
limit, or when the program did not end well on SIGTERM. The window is looked for by asking the X server
itself (on Wayland, where nobody may ask, in the program's own protocol trace), the icon by being the bus's
StatusNotifierWatcher.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

LIMIT_S = 30.0
SETTLE_S = 3.0  # the icon comes first; what ends the program in order comes after it
END_LIMIT_S = 10.0
_QUERY_TREE, _GET_GEOMETRY, _GET_ATTRIBUTES = 15, 14, 3
_VIEWABLE = 2


class Screen:
    """The few requests of the X11 protocol that list windows (no authority, as on a bare Xvfb)."""

    def __init__(self, display: str) -> None:
        number = re.fullmatch(r":(\d+)(?:\.\d+)?", display)
        if number is None:
            raise ValueError(f"not a local display: {display}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(5)
        path = f"/tmp/.X11-unix/X{number[1]}"
        try:
            self._socket.connect("\0" + path)  # the abstract socket of Linux outlives a cleaned /tmp
        except OSError:
            self._socket.connect(path)
        self._socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        state, length = struct.unpack("<BxHHH", self._read(8))[0::3]
        setup = self._read(length * 4)
        if state != 1:
            raise ConnectionError("the X server refused the connection")
        vendor, formats = struct.unpack("<H", setup[16:18])[0], setup[21]
        self.root: int = struct.unpack_from("<I", setup, 32 + (vendor + 3) // 4 * 4 + 8 * formats)[0]

    def close(self) -> None:
        """Leave the server."""
        self._socket.close()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the X server went away")
            data += part
        return data

    def _ask(self, request: int, window: int) -> bytes | None:
        self._socket.sendall(struct.pack("<BxHI", request, 2, window))
        while True:
            head = self._read(32)
            if head[0] == 0:  # an error: the window is gone by now
                return None
            if head[0] == 1:
                return head + self._read(4 * struct.unpack_from("<I", head, 4)[0])

    def windows(self) -> Iterator[tuple[int, int]]:
        """Width and height of every window that is on the screen now."""
        tree = self._ask(_QUERY_TREE, self.root)
        for window in (
            struct.unpack_from(f"<{struct.unpack_from('<H', tree, 16)[0]}I", tree, 32) if tree else ()
        ):
            attributes, geometry = self._ask(_GET_ATTRIBUTES, window), self._ask(_GET_GEOMETRY, window)
            if attributes and geometry and attributes[26] == _VIEWABLE:
                yield struct.unpack_from("<HH", geometry, 16)


async def window_comes(display: str, running: "subprocess.Popen[bytes]") -> None:
    """Return once a window larger than an icon is on the screen."""
    screen = Screen(display)
    try:
        while running.poll() is None:
            if any(width > 100 and height > 60 for width, height in screen.windows()):
                return
            await asyncio.sleep(0.02)
        raise ChildProcessError(f"it ended with code {running.returncode}")
    finally:
        screen.close()


async def wayland_window_comes(running: "subprocess.Popen[bytes]") -> None:
    """Return once the compositor has configured a window and the program has drawn into it."""
    assert running.stderr is not None
    acknowledged = False
    while True:
        line = await asyncio.to_thread(running.stderr.readline)
        if not line:
            raise ChildProcessError(f"it ended with code {running.wait()}")
        if b"WAYLAND_DEBUG" not in line and not re.match(rb"\[ *[0-9.]+\]", line):
            sys.stderr.buffer.write(line)
        acknowledged |= b"ack_configure" in line
        if acknowledged and b"wl_surface" in line and b"commit" in line:
            threading.Thread(target=running.stderr.read, daemon=True).start()
            return


async def tray_icon_comes(registered: "asyncio.Event", running: "subprocess.Popen[bytes]") -> None:
    """Return once an icon has registered with our watcher."""
    while not registered.is_set():
        if running.poll() is not None:
            raise ChildProcessError(f"it ended with code {running.returncode}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(registered.wait(), 0.05)


async def be_the_watcher(registered: "asyncio.Event") -> object:
    """Own org.kde.StatusNotifierWatcher on the session bus, as a desktop's panel does."""
    from dbus_fast import PropertyAccess
    from dbus_fast.aio import MessageBus
    from dbus_fast.service import ServiceInterface, dbus_property, method
    from dbus_fast.service import signal as dbus_signal

    class Watcher(ServiceInterface):
        def __init__(self) -> None:
            super().__init__("org.kde.StatusNotifierWatcher")

        @method()
        def RegisterStatusNotifierItem(self, service: "s"):  # noqa: F821, N802
            registered.set()
            self.StatusNotifierItemRegistered(service)

        @method()
        def RegisterStatusNotifierHost(self, service: "s"):  # noqa: F821, N802
            pass

        @dbus_signal()
        def StatusNotifierItemRegistered(self, service: str) -> "s":  # noqa: F821, N802
            return service

        @dbus_property(access=PropertyAccess.READ)
        def IsStatusNotifierHostRegistered(self) -> "b":  # noqa: F821, N802
            return True

        @dbus_property(access=PropertyAccess.READ)
        def ProtocolVersion(self) -> "i":  # noqa: F821, N802
            return 0

        @dbus_property(access=PropertyAccess.READ)
        def RegisteredStatusNotifierItems(self) -> "as":  # noqa: F722, N802
            return []

    bus = await MessageBus().connect()
    bus.export("/StatusNotifierWatcher", Watcher())
    await bus.request_name("org.kde.StatusNotifierWatcher")
    return bus


async def watch(what: str, command: list[str]) -> int:
    """Start, wait, end; the exit code says whether all went well."""
    registered = asyncio.Event()
    bus = await be_the_watcher(registered) if what == "tray" else None
    begin_s = time.monotonic()
    trace = (
        {"stderr": subprocess.PIPE, "env": {**os.environ, "WAYLAND_DEBUG": "1"}} if what == "wayland" else {}
    )
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL, **trace)
    try:
        coming = (
            wayland_window_comes(running)
            if trace
            else tray_icon_comes(registered, running)
            if bus
            else window_comes(os.environ["DISPLAY"], running)
        )
        await asyncio.wait_for(coming, LIMIT_S)
        print(f"{'tray icon' if bus else 'window'} after {time.monotonic() - begin_s:.2f} s", flush=True)
        await asyncio.sleep(SETTLE_S)
        if running.poll() is not None:
            print(f"it ended by itself with code {running.returncode}")
            return 1
        running.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(running.wait, END_LIMIT_S)
        if code != 0:
            print(f"on SIGTERM it ended with code {code}")
        return 0 if code == 0 else 1
    except (ChildProcessError, TimeoutError, subprocess.TimeoutExpired) as error:
        print(f"no {what} came, or it did not end: {error or 'time is up'}")
        return 1
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(watch(sys.argv[1], sys.argv[2:])))
