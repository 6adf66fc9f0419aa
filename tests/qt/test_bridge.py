"""The bridge: values cross to the main thread, the latest wins, nothing crosses after the end."""

import itertools
import threading
import time

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from wattlight.ui.bridge import Bridge

pytestmark = pytest.mark.qt


def in_thread(work: object) -> None:
    """Run to the end in another thread."""
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    thread.join()


def test_a_value_arrives_on_the_thread_of_the_bridge(qtbot: QtBot) -> None:
    got: list[tuple[int, object]] = []
    bridge = Bridge(lambda value: got.append((value, QThread.currentThread())))
    in_thread(lambda: bridge.publish(7))
    qtbot.waitUntil(lambda: bool(got))
    assert got == [(7, QThread.currentThread())]
    bridge.close()


def test_fast_values_are_merged_and_the_last_one_is_delivered(qtbot: QtBot) -> None:
    got: list[int] = []
    times: list[float] = []
    bridge = Bridge(lambda value: (got.append(value), times.append(time.monotonic())))
    in_thread(lambda: [bridge.publish(n) for n in range(1, 5001)])
    qtbot.waitUntil(lambda: bool(got) and got[-1] == 5000)
    assert len(got) <= 3
    in_thread(lambda: [bridge.publish(n) for n in range(5001, 9001)])
    qtbot.waitUntil(lambda: got[-1] == 9000)
    assert all(later - sooner >= 0.09 for sooner, later in itertools.pairwise(times))
    bridge.close()


def test_nothing_is_delivered_after_the_end(qtbot: QtBot) -> None:
    got: list[int] = []
    bridge = Bridge(got.append)
    bridge.publish(1)
    bridge.call(lambda: got.append(2))
    bridge.close()
    in_thread(lambda: bridge.publish(3))
    in_thread(lambda: bridge.call(lambda: got.append(4)))
    qtbot.wait(150)
    assert got == []


def test_a_call_runs_on_the_main_thread(qtbot: QtBot) -> None:
    got: list[object] = []
    bridge = Bridge(lambda _value: None)
    in_thread(lambda: bridge.call(lambda: got.append(threading.current_thread())))
    qtbot.waitUntil(lambda: bool(got))
    assert got == [threading.main_thread()]
    bridge.close()
