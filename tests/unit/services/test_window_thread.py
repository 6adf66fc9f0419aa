"""Nothing that may wait happens on the thread of the window, whatever it asks for."""

import os
import socket
import sqlite3
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.services.test_application import Standing
from wattlight.domain.command import Command, Verb
from wattlight.services.application import ChangeSettings
from wattlight.settings import BreakEvenEntry, MeterSettings, Price, ServerAddress, Settings


class Blocked:
    """Calls that may wait, made on the thread that made this."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._window = threading.get_ident()
        self.calls: list[str] = []
        for where, name in ((sqlite3, "connect"), (os, "fsync"), (os, "replace"), (socket, "getaddrinfo")):
            monkeypatch.setattr(where, name, self._watched(getattr(where, name), name))
        for name in ("open", "unlink", "replace", "mkdir", "write_text", "read_text"):
            monkeypatch.setattr(Path, name, self._watched(getattr(Path, name), f"Path.{name}"))
        monkeypatch.setattr(socket.socket, "connect", self._watched(socket.socket.connect, "socket.connect"))

    def _watched(self, real: Any, name: str) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            if threading.get_ident() == self._window:
                self.calls.append(name)
            return real(*values, **named)

        return call


CHANGES: tuple[dict[str, object], ...] = (
    {"price": Price("0.39", "EUR")},
    {"meter": MeterSettings(hidden_interval_s=20.0, daily_budget_micro=1)},
    {"servers": (ServerAddress(url="http://127.0.0.1:8"),)},
    {"passthrough_on": True},
    {"start_at_login": True},
    {"context_length": 8192},
    {"break_even": BreakEvenEntry(calls="1")},
    {"window_geometry": "1,2,3,4"},
    {"theme": "dark"},
)


def test_every_command_and_setting_returns_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Standing(tmp_path)
    made.app.start()
    made.settle()
    blocked = Blocked(monkeypatch)
    shown: Settings = made.now
    for verb in Verb:
        made.app.do(Command(verb, "x:1b", text="x"))
    for change in CHANGES:
        before, shown = shown, replace(shown, **change)  # type: ignore[arg-type]
        made.app.do(ChangeSettings(before, shown))
    found = tuple(blocked.calls)
    made.settle()
    monkeypatch.undo()
    assert made.app.stop()
    made.services.factory.jobs().close()
    assert found == ()


def test_a_price_reaches_the_services_in_few_calls(tmp_path: Path) -> None:
    made = Standing(tmp_path)
    calls: list[str] = []
    reached: list[int] = []
    made.services.settings.subscribe(lambda s: s.price, lambda: reached.append(len(calls)))

    def count(frame: Any, event: str, _argument: object) -> None:
        if event == "call" and "/wattlight/" in frame.f_code.co_filename:
            calls.append(frame.f_code.co_name)

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        made.change(price=Price("0.39", "EUR"))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    assert reached and reached[0] <= 300
    assert made.app.stop()
