"""A pull of our own beside the same one by a real server, and what it costs.

WATTLIGHT_TEST_OLLAMA_PROGRAM is the program of a real Ollama; without it only our own cost is measured.
"""

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from statistics import median
from threading import Event

import psutil
import pytest

from fakes.real_ollama import PROGRAM, real_ollama
from fakes.registry_process import registry_process
from wattlight.catalog.download import Puller
from wattlight.catalog.registry import read_address
from wattlight.domain.pulls import QueuedPull
from wattlight.runtime import connect
from wattlight.services.models import PullGuard
from wattlight.settings import ServerAddress
from wattlight.web import RateLimit, Web

FLOOR = 0.98
"""Our speed over theirs."""
LINE = 100e6 / 8
MIB = 150
MOST_CPU = 0.01
"""Of a core, while the server downloads."""
MOST_OVER_LEAST = 1.5
"""Our processor time over that of receiving, hashing and writing the same bytes."""


def ours(name: str, folder: Path, limit: float | None = None) -> float:
    begun = time.monotonic()
    assert list(Puller(Web(os.environ)).pull(name, folder, Event(), RateLimit(limit)))[-1].done
    return time.monotonic() - begun


def theirs(name: str, address: str) -> float:
    body = json.dumps({"model": name, "insecure": True}).encode()
    begun = time.monotonic()
    with urllib.request.urlopen(f"http://{address}/api/pull", body, timeout=300) as answer:
        assert b'"success"' in list(answer)[-1]
    return time.monotonic() - begun


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.skipif(not PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set")
@pytest.mark.parametrize(
    ("mib", "bytes_per_s"), [(400, 0.0), (200, 30e6)], ids=["as fast as it goes", "30 MB/s"]
)
def test_a_pull_of_our_own_is_as_fast_as_the_servers(tmp_path: Path, mib: int, bytes_per_s: float) -> None:
    mine, other = [], []
    with registry_process(mib, bytes_per_s) as name:
        for turn in range(3):
            folder = tmp_path / str(turn)
            mine.append(ours(name, folder / "ours"))
            with real_ollama(folder) as address:
                other.append(theirs(name, address))
            shutil.rmtree(folder)
    print(
        f"ours {median(mine):.2f} s, the server's {median(other):.2f} s: {median(other) / median(mine):.0%}"
    )
    assert median(other) / median(mine) >= FLOOR


@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.skipif(not PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set")
def test_a_pull_that_is_watched_over_is_as_fast_as_a_plain_one_and_costs_little(tmp_path: Path) -> None:
    """The server downloads; we follow, and check the small files at the end."""
    watched, plain, cpu = [], [], 0.0
    with registry_process(200, 30e6) as name:
        for turn in range(3):
            folder = tmp_path / str(turn)
            with real_ollama(folder / "a") as address:
                guard = PullGuard(lambda _, folder=folder: (folder / "a" / "models",))  # type: ignore[misc]
                server = connect(ServerAddress(url=f"http://{address}"), {})
                begun, begun_cpu = time.monotonic(), time.process_time()
                assert guard.run(server, QueuedPull(name), lambda _: None, Event()) is None
                watched.append(time.monotonic() - begun)
                cpu += time.process_time() - begun_cpu
            with real_ollama(folder / "b") as address:
                plain.append(theirs(name, address))
            shutil.rmtree(folder)
    share = cpu / sum(watched)
    print(
        f"watched {median(watched):.2f} s, plain {median(plain):.2f} s: "
        f"{median(plain) / median(watched):.0%}; {share:.2%} of a core"
    )
    assert median(plain) / median(watched) >= FLOOR
    assert share <= MOST_CPU


@pytest.mark.bench
def test_a_pull_at_a_limit_costs_little_more_than_receiving_and_hashing(tmp_path: Path) -> None:
    """At 100 Mbit/s, beside the least that one process can do: read the same bytes, hash and write them."""
    begin_with(tmp_path)
    with registry_process(MIB, LINE) as name:
        floor, _ = cost_of(lambda: least(name, tmp_path))
    with registry_process(MIB) as name:
        cpu, seconds = cost_of(lambda: ours(name, tmp_path, LINE))
    print(
        f"{cpu / seconds:.2%} of a core at 100 Mbit/s; the least is {floor / seconds:.2%}: {cpu / floor:.2f}"
    )
    assert 0.93 <= seconds / ((MIB << 20) / LINE) <= 1.05
    assert cpu / floor <= MOST_OVER_LEAST


@pytest.mark.bench
@pytest.mark.skipif(not PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set")
def test_a_pull_of_our_own_beside_the_servers_on_a_line(tmp_path: Path) -> None:
    """Processor time of all processes that take part, registry apart, on a line of 100 Mbit/s."""
    begin_with(tmp_path)
    with registry_process(MIB, LINE) as name:
        cpu, seconds = cost_of(lambda: ours(name, tmp_path / "ours"))
        with real_ollama(tmp_path / "theirs") as address:
            server = next(p for p in psutil.Process().children() if p.cmdline()[:1] == [PROGRAM])
            before = spent(server)
            their_seconds = theirs(name, address)
            their_cpu = spent(server) - before
    print(
        f"ours {cpu / seconds:.2%} of a core for {seconds:.1f} s, "
        f"the server's {their_cpu / their_seconds:.2%} for {their_seconds:.1f} s: {cpu / their_cpu:.2f}"
    )
    assert cpu <= MOST_OVER_LEAST * their_cpu


def begin_with(folder: Path) -> None:
    """What only the first pull of a program costs, its imports, is no part of a speed."""
    with registry_process(1) as name:
        ours(name, folder / "first")


def cost_of(work: Callable[[], object]) -> tuple[float, float]:
    """Processor time of this process and seconds of ``work``."""
    begun, begun_cpu = time.monotonic(), time.process_time()
    work()
    return time.process_time() - begun_cpu, time.monotonic() - begun


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def least(name: str, folder: Path) -> None:
    """Receive the largest file of a model over one connection, hash it, and write it."""
    address = read_address(name)
    with urllib.request.urlopen(address.manifest_url) as answer:
        layer = max(json.load(answer)["layers"], key=lambda layer: layer["size"])
    digest, buffer = sha256(), memoryview(bytearray(1 << 20))
    with (
        urllib.request.urlopen(address.blob_url(layer["digest"])) as answer,
        (folder / "least").open("wb", 0) as out,
    ):
        while count := answer.readinto(buffer):
            digest.update(buffer[:count])
            out.write(buffer[:count])
    assert layer["digest"] == f"sha256:{digest.hexdigest()}"
