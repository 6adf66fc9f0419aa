"""``wattlight meter`` as a process: it ends within a second, leaves no lock, and two never record at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from wattlight.store import open_reader

PROGRAM = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from fakes.metering import Clock, Machine
import time
from datetime import UTC, datetime
from wattlight.services.factory import ServiceFactory
from wattlight.cli import run

class Probe:
    def __init__(self):
        self.machine = Machine(Clock())
    def watch_ports(self, _ports: object) -> None:
        pass

    def sample(self):
        clock = self.machine.clock
        clock.at, clock.monotonic_s = datetime.now(UTC), time.monotonic()
        self.machine.counter_mj = 1_000_000 + int(time.monotonic() * 20_000)
        return self.machine.look()
    def close(self):
        pass

class Shop(ServiceFactory):
    def prober(self, *args, **kwargs):
        return Probe()

sys.exit(run(["meter", "--json", *sys.argv[2:]], Shop()))
"""


def start(home: Path, *words: str, beat_s: float = 1.0) -> "subprocess.Popen[str]":
    settings = home / "config" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"schema": 1, "meter": {"hidden_interval_s": beat_s}}))
    env = {
        **os.environ,
        "WATTLIGHT_HOME": str(home),
        "OLLAMA_HOST": "127.0.0.1:9",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    folders = ":".join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folders, *words], stdout=subprocess.PIPE, text=True, env=env
    )


def line(stream: IO[str] | None) -> dict[str, object]:
    assert stream is not None
    answer: dict[str, object] = json.loads(stream.readline())
    return answer


def wait_until_recorded(home: Path) -> None:
    """Until the ledger's file is there; the process has said that it started."""
    deadline = time.monotonic() + 20
    while not (home / "data" / "ledger.sqlite3").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for_rows(home: Path) -> None:
    """Until the first commit (ten seconds after the first sample)."""
    deadline = time.monotonic() + 40
    while True:
        with open_reader(home / "data" / "ledger.sqlite3") as reader:
            if reader.span() is not None:
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_fault_55_it_flushes_and_ends_within_a_second_of_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path)
    assert line(process.stdout)["event"] == "started"
    wait_until_recorded(tmp_path)
    time.sleep(3)
    sent = time.monotonic()
    process.send_signal(number)
    said = line(process.stdout)
    assert process.wait(10) == 0
    took = time.monotonic() - sent
    assert said["event"] == "stopped"
    with open_reader(tmp_path / "data" / "ledger.sqlite3") as reader:
        energy = sum(bucket.energy_mj for bucket in reader.buckets(0, 2**60))
        observed = reader.observed_ms(0, 2**60)
    assert energy == pytest.approx(observed * 20, rel=0.05)
    assert observed >= 1500
    assert took < 3  # a second of work; the rest is for a busy machine
    assert process.stdout is not None
    process.stdout.close()


def test_less_than_a_beat_is_recorded_by_a_last_look(tmp_path: Path) -> None:
    process = start(tmp_path, "--for", "4", beat_s=60.0)
    assert process.stdout is not None
    said = [json.loads(text) for text in process.stdout]
    assert process.wait(20) == 0
    assert said[-1]["today"]["observed_s"] >= 3
    assert said[-1]["today"]["energy_mj"] == pytest.approx(80_000, rel=0.2)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_meter_leaves_no_lock_and_the_next_continues_its_counter(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert line(first.stdout)["event"] == "started"
    second = start(tmp_path, "--for", "1")
    assert second.stdout is not None
    refused = json.loads(second.stdout.read())
    assert second.wait(20) == 1
    assert refused["error"]["code"] == "recording"
    assert str(first.pid) in refused["error"]["message"]
    wait_for_rows(tmp_path)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    third = start(tmp_path, "--for", "3")
    assert line(third.stdout)["event"] == "started"
    assert line(third.stdout)["event"] == "stopped"
    assert third.wait(20) == 0
    with open_reader(tmp_path / "data" / "ledger.sqlite3") as reader:
        buckets = list(reader.buckets(0, 2**60))
        gaps = reader.gaps(0, 2**60)
    assert gaps == ()
    assert {b.state.value for b in buckets} == {"base", "unattributed"}
    for process in (first, second, third):
        assert process.stdout is not None
        process.stdout.close()
