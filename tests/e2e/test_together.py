"""Trays, meters and verbs of one user in every order of start and stop: one records, and nothing is lost.

The counter of the made-up machine grows only by what a test adds: the ledger's sum is known to the mJ.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.power_tree import PowerTree
from wattlight.domain.values import LOCAL_HOST
from wattlight.store import MeterLock, open_reader

ROOT = Path(__file__).resolve().parents[2]
PART_J = 40.0
"""What is added in a second: no more than a processor draws."""
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
READING = (
    "cost", "cost --by device", "export", "doctor", "hardware", "ps", "models", "power", "fit no:9b",
    "tariff", "breakeven no:9b", "recommend",
)  # fmt: skip
REFUSED = ("meter", "export --purge --yes", "export --restore FILE")
"""Verbs that need the lock which whoever records holds."""


class House:
    """The programs of one user, and the energy they were shown."""

    def __init__(self, folder: Path, ollama: str) -> None:
        self.tree = PowerTree(folder / "machine")
        self.home = folder / "home"
        self.added_mj = 0
        self._env = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "VIRTUAL_ENV"}},
            "QT_QPA_PLATFORM": "offscreen",
            "WATTLIGHT_HOME": str(self.home),
            "WATTLIGHT_SYSROOT": str(self.tree.root),
            "XDG_CONFIG_HOME": str(folder / "xdg"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "desktop"), str(ROOT / "tests")]),
            "LC_ALL": "C.UTF-8",
            "OLLAMA_HOST": ollama,
            "DBUS_SYSTEM_BUS_ADDRESS": "",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }
        settings = self.home / "config" / "settings.json"
        settings.parent.mkdir(parents=True)
        wanted = {"first_run_done": True, "meter": {"hidden_interval_s": 1.0, "shown_interval_s": 1.0}}
        settings.write_text(json.dumps(wanted))
        self.running: dict[str, subprocess.Popen[str]] = {}

    @property
    def ledger(self) -> Path:
        return self.home / "data" / "ledger.sqlite3"

    def start(self, name: str) -> subprocess.Popen[str]:
        """A tray or a meter; the first letters of ``name`` say which."""
        words = ["meter", "--json"] if name.startswith("meter") else ["--hidden"]
        process = subprocess.Popen(
            [sys.executable, "-m", "wattlight", *words],
            env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.running[name] = process
        return process

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.running.pop(name)
        process.send_signal(how)
        said, _ = process.communicate(timeout=30)
        assert "Traceback" not in said
        assert process.returncode == (0 if how is signal.SIGTERM else -how)

    def ends(self, name: str, code: int) -> str:
        """``name`` ends by itself."""
        process = self.running.pop(name)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == code, said
        return said

    def add(self, seconds: int = 3) -> None:
        """The machine works; whoever looks sees it."""
        for _ in range(seconds):
            self.tree.add(PART_J)
            self.added_mj += round(PART_J * 1000)
            time.sleep(1.1)

    def recorder(self) -> int | None:
        """Process id of whoever records; the lock's file names it."""
        lock = MeterLock(self.home / "data" / "meter.lock")
        if lock.acquire():
            lock.release()
            return None
        return lock.holder()

    def records(self, name: str, within_s: float = 40.0) -> None:
        """Wait until ``name`` is the one that records, and has looked."""
        end = time.monotonic() + within_s
        while not self.ledger.exists() or self.recorder() != self.running[name].pid:
            assert time.monotonic() < end, (name, self.recorder())
            time.sleep(0.3)
        time.sleep(2.5)

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "wattlight", *words, "--json"],
            env=self._env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert done.stdout.startswith("{"), (words, done.stdout[:200], done.stderr)
        return done.returncode, json.loads(done.stdout)

    def settled(self) -> None:
        """Everybody has ended: all that was added is in the ledger, once."""
        assert self.running == {}
        with open_reader(self.ledger) as reader:
            energy_mj = sum(bucket.energy_mj for bucket in reader.buckets(0, 2**60, LOCAL_HOST))
        assert energy_mj == self.added_mj
        assert self.run("cost")[1]["energy_mj"] == self.added_mj


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with FakeOllama() as ollama:
        made = House(tmp_path, ollama.url)
        yield made
        for process in made.running.values():
            process.kill()
            process.communicate(timeout=10)


def test_a_tray_beside_a_meter_takes_over_and_a_second_meter_is_refused(house: House) -> None:
    house.start("meter")
    house.records("meter")
    house.add()
    house.start("tray")
    house.add()
    house.start("meter 2")
    assert json.loads(house.ends("meter 2", 1))["error"]["code"] == "recording"
    house.add()
    house.stop("meter")
    house.add()
    house.records("tray")
    house.add()
    house.stop("tray")
    house.settled()


@pytest.mark.slow
def test_two_trays_and_every_verb_beside_them(house: House, tmp_path: Path) -> None:
    house.start("tray")
    house.records("tray")
    house.start("tray 2")
    house.add()
    house.ends("tray 2", 0)
    assert house.run("export", "--backup", str(tmp_path / "backup"))[0] == 0
    for verb in READING:
        house.add(1)
        code, answer = house.run(*verb.split())
        assert code == 0 or answer["error"]["code"], verb
        assert house.recorder() == house.running["tray"].pid, verb
    for verb in REFUSED:
        house.add(1)
        code, answer = house.run(*verb.replace("FILE", str(tmp_path / "backup")).split())
        assert (code, answer["error"]["code"]) == (1, "recording"), verb
    house.stop("tray")
    house.settled()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    "steps",
    [
        "+tray +meter -tray -meter",
        "+meter +tray -tray -meter",
        "+tray -tray +meter -meter +tray -tray",
        "+meter +tray -meter +meter -tray -meter",
    ],
)
def test_orders_of_start_and_end(house: House, steps: str, how: signal.Signals) -> None:
    """``+``: starts, ``-``: ends, in order or by a kill; the counter bridges what was not committed."""
    recorder = ""
    for step in steps.split():
        name = step[1:]
        if step[0] == "+":
            house.start(name)
            if name == "meter" and recorder:
                assert "recording" in house.ends(name, 1)
        elif name in house.running:
            house.stop(name, signal.SIGTERM if house.running.keys() == {name} else how)
            recorder = "" if recorder == name else recorder
        if not recorder and house.running:
            recorder = next(iter(house.running))
            house.records(recorder)
        if house.running:
            house.add()
    house.settled()
