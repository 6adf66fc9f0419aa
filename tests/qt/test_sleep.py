"""Sleep and the network as the system tells them: services of the test's own, a message of
Windows, a stand-in for a Mac."""

import ctypes
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from fakes.fake_system_bus import FakeLogind, FakeNetwork, own_bus
from wattlight.system import MacSleep
from wattlight.ui.network import MeteredNetwork
from wattlight.ui.sleep import LogindSleep, SleepWatch, WindowsSleep, sleep_source

pytestmark = [pytest.mark.qt, pytest.mark.timeout(60)]


def until(true: Callable[[], bool]) -> None:
    """Turn Qt's loop until it is so."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        QApplication.processEvents()
        time.sleep(0.01)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon here")
    with own_bus(tmp_path) as made:
        yield made


class Heard:
    def __init__(self) -> None:
        self.told: list[bool] = []
        self.source: LogindSleep | None = None

    def watch(self, address: str, name: str) -> SleepWatch:
        from PySide6.QtDBus import QDBusConnection

        def make(going: Callable[[], None], woke: Callable[[], None]) -> LogindSleep:
            self.source = LogindSleep(going, woke, QDBusConnection.connectToBus(address, name))
            return self.source

        return SleepWatch(self.told.append, make)


def test_sleep_waits_until_the_models_are_gone(qapp: QApplication, address: str) -> None:
    heard = Heard()
    with FakeLogind(address) as logind:
        watch = heard.watch(address, "waits")
        watch.set_wanted(False)
        assert logind.asked == [], "nothing is asked while the rule is off"
        watch.set_wanted(True)
        until(lambda: logind.held() == 1)
        assert [logind.asked[0][i] for i in (0, 1, 3)] == ["sleep", "Wattlight", "delay"]
        time.sleep(0.6)  # the copy of the one who gave it is closed
        watch.loaded(0)
        assert logind.held() == 1, "no sleep, no need"
        logind.sleep(True)
        until(lambda: heard.told == [True])
        watch.loaded(2)
        QApplication.processEvents()
        assert logind.held() == 1
        watch.loaded(0)
        until(lambda: logind.held() == 0)
        logind.sleep(False)
        until(lambda: heard.told == [True, False])
        until(lambda: logind.held() == 1)
        time.sleep(0.6)
        watch.set_wanted(False)
        until(lambda: logind.held() == 0)
        logind.sleep(True)
        QApplication.processEvents()
        assert heard.told == [True, False]


def test_what_hangs_does_not_keep_the_computer_awake(qapp: QApplication, address: str) -> None:
    heard = Heard()
    with FakeLogind(address) as logind:
        watch = heard.watch(address, "late")
        watch.set_wanted(True)
        until(lambda: logind.held() == 1)
        assert heard.source is not None
        heard.source._late.setInterval(700)
        logind.sleep(True)
        until(lambda: logind.held() == 0)
        watch.set_wanted(False)


def test_a_logind_that_refuses_is_heard_all_the_same(qapp: QApplication, address: str) -> None:
    heard = Heard()
    with FakeLogind(address) as logind:
        logind.refuse()
        watch = heard.watch(address, "refuses")
        watch.set_wanted(True)
        until(lambda: len(logind.asked) == 1)
        logind.sleep(True)
        until(lambda: heard.told == [True])
        watch.loaded(0)
        watch.set_wanted(False)


def test_without_a_bus_nothing_is_told(qapp: QApplication, address: str) -> None:
    from PySide6.QtDBus import QDBusConnection

    gone = QDBusConnection.connectToBus(f"{address}-gone", "gone")
    source = LogindSleep(lambda: None, lambda: None, gone)
    assert not source.start()
    source.stop()


def message(number: int, word: int) -> tuple[Any, int]:
    """An MSG of Windows in memory, and where it is."""
    size = struct.calcsize("P")
    kinds = "PIP" if size == 4 else "QI4xQ"
    buffer = ctypes.create_string_buffer(struct.pack(f"@{kinds}", 7, number, word) + b"\0" * 32)
    return buffer, ctypes.addressof(buffer)


@pytest.mark.parametrize(
    ("kind", "number", "word", "told"),
    [
        (b"windows_generic_MSG", 0x218, 4, ["going"]),
        (b"windows_generic_MSG", 0x218, 0x12, ["woke"]),
        (b"windows_generic_MSG", 0x218, 0x0A, []),
        (b"windows_generic_MSG", 0x11, 4, []),
        (b"xcb_generic_event_t", 0x218, 4, []),
    ],
)
def test_the_message_of_windows(
    kind: bytes, number: int, word: int, told: list[str], qapp: QApplication
) -> None:
    heard: list[str] = []
    source = WindowsSleep(lambda: heard.append("going"), lambda: heard.append("woke"))
    assert source.start()
    _kept, at = message(number, word)
    assert source.nativeEventFilter(kind, at) == (False, 0)
    source.let_sleep()
    source.stop()
    assert heard == told


class Objc:
    """As much of the Objective-C runtime as is asked, on paper."""

    class _Function:
        def __init__(self, run: Callable[..., Any]) -> None:
            self.run, self.restype = run, None

        def __call__(self, *words: Any) -> Any:
            return self.run(*words)

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.methods: dict[bytes, Any] = {}
        self.observed: dict[bytes, bytes] = {}
        self.made = False
        for name in ("objc_getClass", "sel_registerName", "objc_allocateClassPair", "objc_msgSend"):
            setattr(self, name, self._Function(getattr(self, f"_{name}")))

    def _number(self, name: bytes) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name) + 1000

    def _name(self, pointer: Any) -> bytes:
        return self.names[pointer.value - 1000]

    def _objc_getClass(self, name: bytes) -> int | None:
        return None if name == b"WattlightSleepObserver" and not self.made else self._number(name)

    def _sel_registerName(self, name: bytes) -> int:
        return self._number(name)

    def _objc_allocateClassPair(self, parent: Any, name: bytes, extra: int) -> int:
        assert self._name(parent) == b"NSObject"
        return self._number(name)

    def class_addMethod(self, made: Any, selector: Any, method: Any, signature: bytes) -> bool:
        self.methods[self._name(selector)] = method
        return True

    def objc_registerClassPair(self, made: Any) -> None:
        self.made = True

    def _objc_msgSend(self, receiver: Any, selector: Any, *words: Any) -> int | None:
        said = self._name(selector)
        if said == b"addObserver:selector:name:object:":
            assert self._name(words[0]) == b"an observer"
            self.observed[self._name(words[2])] = self._name(words[1])
            return None
        if said == b"removeObserver:":
            self.observed.clear()
            return None
        if said == b"stringWithUTF8String:":
            return self._number(words[0].value)
        return self._number({b"init": b"an observer"}.get(said, said))


def test_a_mac_is_observed_and_left() -> None:
    heard: list[str] = []
    objc = Objc()
    source = MacSleep(lambda: heard.append("going"), lambda: heard.append("woke"), lambda _path: objc)
    assert source.start()
    assert objc.observed == {
        b"NSWorkspaceWillSleepNotification": b"going:",
        b"NSWorkspaceDidWakeNotification": b"woke:",
    }
    for name in (b"going:", b"woke:"):
        objc.methods[name](1, 2, 3)
    assert heard == ["going", "woke"]
    source.stop()
    assert objc.observed == {}
    assert source.start(), "again, with the class that is known"
    source.let_sleep()


def test_each_system_has_its_own() -> None:
    def nothing() -> None:
        raise AssertionError

    assert isinstance(sleep_source(nothing, nothing, "linux"), LogindSleep)
    assert isinstance(sleep_source(nothing, nothing, "win32"), WindowsSleep)
    assert isinstance(sleep_source(nothing, nothing, "darwin"), MacSleep)
    if sys.platform != "darwin":
        assert not MacSleep(nothing, nothing).start()


def test_a_network_that_becomes_a_metered_one_is_told_while_that_is_wanted(
    qapp: QApplication, address: str
) -> None:
    from PySide6.QtDBus import QDBusConnection

    told: list[bool | None] = []
    with FakeNetwork(address, metered=2) as manager:
        network = MeteredNetwork(told.append, QDBusConnection.connectToBus(address, "network"))
        network.set_wanted(True)
        until(lambda: told == [False])
        manager.set_metered(1)
        until(lambda: told == [False, True])
        manager.set_metered(0)
        until(lambda: told == [False, True, None])
        network.set_wanted(False)
        manager.set_metered(3)
        for _ in range(20):
            QApplication.processEvents()
            time.sleep(0.02)
        assert told == [False, True, None], "nobody listens"
        network.refresh()
        until(lambda: told == [False, True, None, True])
