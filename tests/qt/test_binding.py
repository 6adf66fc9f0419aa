"""The binding to Qt keeps count of None, True and False: one that does not ends the program after a while."""

import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QSystemTrayIcon

pytestmark = [
    pytest.mark.qt,
    pytest.mark.skipif(
        sys.version_info >= (3, 12), reason="None cannot die in this Python, whatever is counted (PEP 683)"
    ),
]
CALLS = 300


class Sender(QObject):
    """Something that sends."""

    sent = Signal(object)


def test_calls_into_qt_take_no_reference_of_none_or_true_away(qapp: QApplication) -> None:
    label, timer, tray, menu, sender = QLabel(), QTimer(), QSystemTrayIcon(QIcon()), QMenu(), Sender()
    action = menu.addAction("x")
    sender.sent.connect(lambda _value: None)
    calls: dict[str, Callable[[], object]] = {
        "setText": lambda: label.setText("x"),
        "setVisible": lambda: label.setVisible(False),
        "update": label.update,
        "parent": label.parent,
        "stop": timer.stop,
        "setToolTip": lambda: tray.setToolTip("x"),
        "action": lambda: action.setText("x"),
        "emit": lambda: sender.sent.emit(True),
    }
    lost = {}
    for name, call in calls.items():
        call()
        before = [sys.getrefcount(value) for value in (None, True, False)]
        for _ in range(CALLS):
            call()
        now = [sys.getrefcount(value) for value in (None, True, False)]
        if any(one - other > CALLS // 2 for one, other in zip(before, now, strict=True)):
            lost[name] = [other - one for one, other in zip(before, now, strict=True)]
    assert not lost
