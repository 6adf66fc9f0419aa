"""Services of the system on a bus of the test's own.

A logind hands out locks, knows which are held, and tells of sleep; a NetworkManager tells whether the
connection is a metered one.
"""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from dbus_fast import PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property, method, signal

LIMIT_S = 10.0


@contextmanager
def own_bus(folder: Path) -> Iterator[str]:
    """The address of a real ``dbus-daemon`` that nobody else uses."""
    file = folder / "bus"
    daemon = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={file}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + LIMIT_S
        while not file.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        yield f"unix:path={file}"
    finally:
        daemon.terminate()
        daemon.wait(LIMIT_S)


class _Manager(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.asked: list[list[str]] = []
        self.readers: list[int] = []
        self.refuses = False

    @method()
    def Inhibit(self, what: "s", who: "s", why: "s", mode: "s") -> "h":  # type: ignore[name-defined]  # noqa: F821
        self.asked.append([what, who, why, mode])
        if self.refuses:
            raise PermissionError("no locks")
        reader, writer = os.pipe()
        self.readers.append(reader)
        asyncio.get_running_loop().call_later(0.5, os.close, writer)  # its copy has gone over the bus by then
        return writer

    @signal()
    def PrepareForSleep(self, going: Any) -> "b":  # type: ignore[name-defined]  # noqa: F821
        return going


class _Network(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.freedesktop.NetworkManager")
        self.value = 0

    @dbus_property(access=PropertyAccess.READ)
    def Metered(self) -> "u":  # type: ignore[name-defined]  # noqa: F821
        return self.value

    def set(self, value: int) -> None:
        self.value = value
        self.emit_properties_changed({"Metered": value})


class _Served:
    """A service on the bus at ``address``, in a thread of its own, within the block."""

    def __init__(self, address: str, name: str, path: str, service: ServiceInterface) -> None:
        self._address, self._name, self._path, self._service = address, name, path, service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"fake {name}")

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(LIMIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(LIMIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()

    async def _begin(self) -> None:
        self._bus = await MessageBus(bus_address=self._address, negotiate_unix_fd=True).connect()
        self._bus.export(self._path, self._service)
        await self._bus.request_name(self._name)

    async def _end(self) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()


class FakeNetwork(_Served):
    """``with FakeNetwork(address) as network:``."""

    def __init__(self, address: str, metered: int) -> None:
        self._manager = _Network()
        self._manager.value = metered
        name = "org.freedesktop.NetworkManager"
        super().__init__(address, name, f"/{name.replace('.', '/')}", self._manager)

    def set_metered(self, value: int) -> None:
        """Tell that it is another one now, as NMMetered has it."""
        self._loop.call_soon_threadsafe(self._manager.set, value)


class FakeLogind(_Served):
    """``with FakeLogind(address) as logind:``. A lock is held as long as its pipe has a writer."""

    def __init__(self, address: str) -> None:
        self._manager = _Manager()
        super().__init__(address, "org.freedesktop.login1", "/org/freedesktop/login1", self._manager)

    def __exit__(self, *what: object) -> None:
        super().__exit__(*what)
        for reader in self._manager.readers:
            os.close(reader)

    def refuse(self) -> None:
        """Hand out no more locks."""
        self._manager.refuses = True

    @property
    def asked(self) -> list[list[str]]:
        """Every lock that was asked for: what, who, why, how."""
        return list(self._manager.asked)

    def sleep(self, going: bool) -> None:
        """Tell that the computer goes to sleep, or has woken up."""
        self._loop.call_soon_threadsafe(self._manager.PrepareForSleep, going)

    def wait_for_held(self, count: int) -> None:
        """Until somebody holds just so many locks; our own copies of them are closed after half a second."""
        end = time.monotonic() + LIMIT_S
        while self.held() != count:
            assert time.monotonic() < end
            time.sleep(0.05)

    def held(self) -> int:
        """How many locks somebody holds."""
        count = 0
        for reader in self._manager.readers:
            os.set_blocking(reader, False)
            try:
                count += os.read(reader, 1) != b""
            except BlockingIOError:
                count += 1
        return count
