"""A pull of our own beside the same one by a real server, and what it costs.

WATTLIGHT_TEST_OLLAMA_PROGRAM is the program of a real Ollama; without it only our own cost is measured.
"""

import json
import os
import shutil
import time
import urllib.request
from hashlib import sha256
from pathlib import Path
from statistics import median
from threading import Event

import pytest

from fakes.real_ollama import PROGRAM, real_ollama
from fakes.registry_process import registry_process
from wattlight.catalog.download import Puller
from wattlight.domain.pulls import QueuedPull
from wattlight.runtime import connect
from wattlight.services.models import PullGuard
from wattlight.settings import ServerAddress
from wattlight.web import RateLimit, Web

FLOOR = 0.98
"""Our speed over theirs."""
LINE = 100e6 / 8
MOST_CPU = 0.01
"""Of a core at 100 Mbit/s, without the hashing: the memory of what is hashed cannot be had cheaper."""


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
def test_a_slowed_pull_costs_little_and_keeps_its_limit(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    begun = time.process_time()
    digest = sha256()
    for _ in range(150):
        digest.update(data)
    hashing = time.process_time() - begun
    with registry_process(150) as name:
        begun = time.process_time()
        seconds = ours(name, tmp_path, LINE)
        cpu = time.process_time() - begun
    print(
        f"{cpu / seconds:.2%} of a core at 100 Mbit/s, of it {hashing / seconds:.2%} hashing; {seconds:.1f} s"
    )
    assert 0.93 <= seconds / ((150 << 20) / LINE) <= 1.05
    assert (cpu - hashing) / seconds <= MOST_CPU * 1.5
