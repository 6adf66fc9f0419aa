"""The lock and the socket of the one instance, the first icon, and the metered network, in one process."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QLockFile
from PySide6.QtDBus import QDBusMessage
from PySide6.QtWidgets import QApplication, QMenu

from fakes.systems import needs_posix
from wattlight.paths import Places
from wattlight.ui import early, network, single
from wattlight.ui.early import ScreenProblem, check_screen, early_icon, make_application
from wattlight.ui.network import MeteredNetwork, metered_of
from wattlight.ui.single import CAP_BYTES, OtherComputerProblem, SingleInstance, same_computer

pytestmark = pytest.mark.qt


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(*(tmp_path / name for name in ("c", "d", "s", "k", "r")))


FIRST = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(5)
print("ready", flush=True)
client, _ = server.accept()
print(client.recv(4096).decode(), end="")
client.sendall(b"ok\\n")
client.recv(1)
"""


class Listening:
    """An instance that listens, and what it was told."""

    def __init__(self, places: Places) -> None:
        self.instance = SingleInstance(places)
        self.shown: list[str] = []
        assert self.instance.take()
        self.instance.listen(self.shown.append)


@pytest.fixture
def living(places: Places, qapp: QApplication) -> Iterator[Listening]:
    made = Listening(places)
    yield made
    made.instance.close()


def meanwhile(qtbot: Any, work: Callable[[], object]) -> None:
    """Run ``work`` on another thread while Qt's loop turns here."""
    thread = threading.Thread(target=work)
    thread.start()
    qtbot.waitUntil(lambda: not thread.is_alive(), timeout=20_000)
    thread.join()


def say(living: Listening, raw: bytes, answers: list[bytes]) -> None:
    if sys.platform == "win32":
        try:
            with Path(rf"\\.\pipe\{living.instance.socket_name}").open("r+b", buffering=0) as pipe:
                pipe.write(raw)
                answers.append(pipe.read(100))
        except OSError:
            answers.append(b"")
        return
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(living.instance.socket_name)
        try:
            client.sendall(raw)
            answers.append(client.recv(100))
        except ConnectionError:
            answers.append(b"")


@pytest.mark.parametrize(
    ("raw", "answer", "shown"),
    [
        (b"show\n", b"ok\n", [""]),
        (b"show a_TOKEN-1:2/3@4+5.6\n", b"ok\n", ["a_TOKEN-1:2/3@4+5.6"]),
        (b"show \n", b"", []),
        (b"show two words\n", b"", []),
        (b"show " + b"x" * 201 + b"\n", b"", []),
        (b"show \xc3\xa4\n", b"", []),
        (b"show <img>\n", b"", []),
        (b"hide\n", b"", []),
        (b"\n", b"", []),
        (b"show\nshow\n", b"", []),
        (b"x" * (CAP_BYTES + 10), b"", []),
        (b"show", b"", []),
    ],
)
def test_fault_53_only_the_one_word_is_heard(
    living: Listening, qtbot: Any, raw: bytes, answer: bytes, shown: list[str]
) -> None:
    answers: list[bytes] = []
    meanwhile(qtbot, lambda: say(living, raw, answers))
    assert answers == [answer]
    assert living.shown == shown
    meanwhile(qtbot, lambda: say(living, b"show\n", answers))
    assert answers[-1] == b"ok\n"


@needs_posix
@pytest.mark.parametrize(
    ("token", "told"),
    [("", ""), ("gnome-1_TIME5", "gnome-1_TIME5"), ("two words", ""), ("x" * 300, ""), ("a\nshow b", "")],
)
def test_a_second_start_asks_the_first_with_its_token(
    places: Places, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, token: str, told: str
) -> None:
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", token)
    second = SingleInstance(places)
    places.make(places.runtime)
    # a process of its own: a wait of Qt's lets no other thread of Python run
    first = subprocess.Popen(
        [sys.executable, "-c", FIRST, second.socket_name], stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    assert second.ask_to_show()
    assert first.communicate(timeout=20)[0] == f"show {told}\n".replace(" \n", "\n")


def test_an_instance_that_does_not_answer_is_not_waited_for_for_ever(
    places: Places, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "ASK_SECONDS", 0.2)
    holder = SingleInstance(places)
    assert holder.take()
    assert not SingleInstance(places).ask_to_show()
    holder.close()
    assert SingleInstance(places).take()


@needs_posix
def test_a_socket_that_a_dead_instance_left_is_replaced(places: Places, qtbot: Any) -> None:
    places.make(places.runtime)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(places.runtime / "tray.sock"))
    left.close()
    living = Listening(places)
    answers: list[bytes] = []
    meanwhile(qtbot, lambda: say(living, b"show\n", answers))
    assert answers == [b"ok\n"]
    living.instance.close()


def test_fault_52_a_lock_of_another_computer_is_said_and_respected(
    living: Listening, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "_lock_host", lambda _lock: "workstation-2")
    with pytest.raises(OtherComputerProblem, match="workstation-2") as caught:
        SingleInstance(places).take()
    assert "WATTLIGHT_HOME" in caught.value.next_step


@pytest.mark.parametrize(
    ("host", "names", "same"),
    [
        ("WORKSTATION-OFF", ("workstation-office-3", ""), True),
        ("DESKTOP-4F7K2QX", ("Desktop-4f7k2qx", ""), True),
        ("annas-mac.fritz.box", ("Annas-Mac.local", ""), True),
        ("WORKSTATION-OFF", ("workstation-of", ""), False),
        ("workstation-2", ("workstation-20", ""), False),
        ("vm", ("", ""), False),
    ],
)
def test_a_computer_is_known_by_every_form_of_its_name(host: str, names: tuple[str, ...], same: bool) -> None:
    assert same_computer(host, names) is same


def test_a_lock_with_the_short_name_of_windows_is_our_own(
    living: Listening, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "_own_names", lambda: ("Kitchen-Computer-12",))
    monkeypatch.setattr(single, "_lock_host", lambda _lock: "KITCHEN-COMPUTE")
    assert not SingleInstance(places).take()


@needs_posix
def test_who_answers_on_this_computer_runs_on_it_whatever_its_name_was(
    places: Places, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that was renamed while the program ran."""
    holder, second = SingleInstance(places), SingleInstance(places)
    assert holder.take()
    places.make(places.runtime)
    monkeypatch.setattr(single, "_lock_host", lambda _lock: "the-name-before")
    command = [sys.executable, "-c", FIRST, second.socket_name]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "ready\n"
    assert not second.take()
    assert first.communicate(timeout=20)[0] == "show\n"
    holder.close()


def test_fault_30_a_home_that_cannot_be_written_runs_without_a_lock(
    places: Places, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    places.data.write_text("in the way")
    assert SingleInstance(places).take()
    places.data.unlink()
    monkeypatch.setattr(QLockFile, "tryLock", lambda _self, _ms: False)
    monkeypatch.setattr(QLockFile, "error", lambda _self: QLockFile.LockError.PermissionError)
    assert SingleInstance(places).take()


def test_where_no_socket_can_be_made_the_program_runs_without(places: Places, qapp: QApplication) -> None:
    places.runtime.write_text("in the way")
    instance = SingleInstance(places)
    assert instance.take()
    instance.listen(lambda _token: None)
    instance.close()


def test_a_path_too_long_for_a_socket_gets_a_short_one_of_its_own(tmp_path: Path) -> None:
    def name(folder: str) -> str:
        return SingleInstance(Places(*(tmp_path / folder / n for n in "cdskr"))).socket_name

    long, other = name("x" * 120), name("y" * 120)
    assert max(len(long), len(other)) <= 100
    assert long != other
    assert name("x" * 120) == long


@pytest.mark.parametrize(
    ("environ", "platform", "refused"),
    [
        ({}, "linux", True),
        ({"DISPLAY": ":0"}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", False),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", False),
        ({}, "darwin", False),
        ({}, "win32", False),
    ],
)
def test_without_a_screen_there_is_a_sentence_before_qt_ends_the_process(
    environ: dict[str, str], platform: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(early.sys, "platform", platform)
    if refused:
        with pytest.raises(ScreenProblem, match="no screen"):
            check_screen()
    else:
        check_screen()


def test_the_first_icon_and_a_second_start_that_shows_the_first(
    places: Places, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(SingleInstance, "ask_to_show", lambda _self: asked.append(True))
    icon = early_icon(places)
    assert icon is not None
    assert icon.app is qapp is make_application([])
    assert [(a.text(), a.isEnabled()) for a in icon.menu.actions()] == [("Wattlight", False)]
    assert early_icon(places) is None
    assert asked == [True]
    icon.tray.hide()
    icon.tray.deleteLater()
    icon.menu.deleteLater()
    icon.instance.close()
    assert isinstance(icon.menu, QMenu)


@pytest.mark.parametrize(
    ("value", "metered"),
    [
        (0, None),
        (1, True),
        (3, True),
        (2, False),
        (4, False),
        (5, None),
        ("1", None),
        (None, None),
        ([], None),
    ],
)
def test_what_networkmanager_says(value: object, metered: bool | None) -> None:
    assert metered_of(value) is metered
    assert metered_of(SimpleNamespace(variant=lambda: value)) is metered


class Watcher:
    """An answer of the bus."""

    def __init__(self, arguments: list[object], good: bool = True) -> None:
        kinds = QDBusMessage.MessageType
        kind = kinds.ReplyMessage if good else kinds.ErrorMessage
        self._reply = SimpleNamespace(type=lambda: kind, arguments=lambda: arguments)
        self.gone = False

    def reply(self) -> object:
        return self._reply

    def deleteLater(self) -> None:
        self.gone = True


def test_an_error_or_an_empty_answer_of_the_bus_changes_nothing(qapp: QApplication) -> None:
    net = MeteredNetwork()
    for watcher, metered in (
        (Watcher([1]), True),
        (Watcher([]), True),
        (Watcher([2], good=False), True),
        (Watcher([4]), False),
        (Watcher([0]), None),
    ):
        net._watcher = watcher
        net._answered()
        assert watcher.gone
        assert net._watcher is None
        assert net.metered is metered


def test_windows_is_asked_when_a_window_is_shown_and_while_it_is_wanted(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[bool | None] = [False, False, True, None]
    monkeypatch.setattr(network, "network_is_metered", lambda: answers.pop(0))
    monkeypatch.setattr(network, "LOOK_MS", 5)
    told: list[bool | None] = []
    net = MeteredNetwork(told.append, platform="win32")
    net.refresh()
    assert told == [False]
    net.set_wanted(True)
    deadline = time.monotonic() + 5
    while answers and time.monotonic() < deadline:
        qapp.processEvents()
    net.set_wanted(False)
    assert told == [False, True, None]


def test_without_a_bus_nothing_is_asked(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    monkeypatch.setattr(network, "_SOCKETS", ("/nowhere/socket",))
    net = MeteredNetwork(platform="linux")
    net.refresh()
    assert net._watcher is None
    assert net.metered is None
