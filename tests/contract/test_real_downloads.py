"""Downloads into a real Ollama of the test's own, whatever happens to it, to us, and to the registry.

WATTLIGHT_TEST_OLLAMA_PROGRAM names its program; no GPU and no engine are needed:
``pytest -m "slow and real_ollama" tests/contract/test_real_downloads.py``
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from fakes import fit_truth, gguf_writer, real_ollama
from fakes.loopback_registry import LoopbackRegistry
from wattlight.catalog.download import Puller
from wattlight.catalog.registry import Registry, ShapeCache, read_address
from wattlight.domain.pulls import PullState, QueuedPull
from wattlight.domain.state import same_model
from wattlight.domain.values import Problem
from wattlight.runtime import ModelServer, connect
from wattlight.services.models import (
    PullBook,
    PullGuard,
    damaged_layers,
    remove_damaged,
    with_pull,
)
from wattlight.settings import ServerAddress
from wattlight.web import Web

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_ollama,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not real_ollama.PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set"),
]
PROCESS = Path(__file__).with_name("queue_process.py")
SOURCE = Path(__file__).resolve().parents[2] / "desktop"
SIZE = 12_000_000
RATE = 6e6


@dataclass
class Ollama:
    """A server that may be killed and comes back at the same address."""

    home: Path
    address: str
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def folder(self) -> Path:
        return self.home / "models"

    @property
    def server(self) -> ModelServer:
        return connect(ServerAddress(url=self.url), {})

    def again(self) -> None:
        """Kill it and start it anew."""
        self.process.kill()
        self.process.wait()
        self.process = real_ollama.begin(self.home, self.address)

    def digests(self) -> dict[str, str]:
        return {model.name: model.digest for model in self.server.installed()}


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as made:
        yield made


@pytest.fixture
def ollama(tmp_path: Path) -> Iterator[Ollama]:
    (tmp_path / "models").mkdir(exist_ok=True)
    address = real_ollama.free_address()
    made = Ollama(tmp_path, address, real_ollama.begin(tmp_path, address))
    yield made
    made.process.kill()
    made.process.wait()


def weights(chance: random.Random, size: int = SIZE) -> bytes:
    """A file of weights whose header a server can read."""
    header = gguf_writer.header(fit_truth.raw_shapes()["llama31-8b"], vocabulary=500)
    return header + chance.randbytes(size - len(header))


def guarded(ollama: Ollama, by_us: bool) -> PullGuard:
    web = Web({})
    asked = Registry(ShapeCache(ollama.home / "shapes"), web)
    return PullGuard(
        lambda _: (ollama.folder,),
        Puller(web, patience_s=2.0) if by_us else None,
        asked,
        is_ours=lambda _: True,
        awake=lambda _: nullcontext(),
    )


def run(guard: PullGuard, ollama: Ollama, name: str) -> tuple[Problem | None, list[PullState]]:
    states: list[PullState] = []
    return guard.run(ollama.server, QueuedPull(name), states.append, Event()), states


def program(ollama: Ollama, book: Path, way: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(PROCESS), ollama.url, str(ollama.folder), str(book), way]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def is_whole(ollama: Ollama, name: str, registry: LoopbackRegistry) -> bool:
    """The server lists just what the registry has, and every byte of it is right."""
    listed = {name: digest.removeprefix("sha256:") for name, digest in ollama.digests().items()}
    manifest = registry.manifest(read_address(name).model)
    assert manifest is not None
    right = any(same_model(n, name) and d == sha256(manifest).hexdigest() for n, d in listed.items())
    return right and damaged_layers(name, (ollama.folder,), Event()) == ()


@pytest.mark.parametrize("way", ["by-us", "by-the-server"])
def test_killed_at_twenty_random_points_it_completes_without_starting_over(
    ollama: Ollama, registry: LoopbackRegistry, tmp_path: Path, way: str
) -> None:
    """We, the server, or both. A server that starts removes what it has of its own downloads: where it
    downloads itself only we are killed."""
    chance, kills, models = random.Random(len(way)), 0, 0
    book = tmp_path / "data" / "pulls.json"
    registry.faults.bytes_per_s = RATE
    while kills < 20:
        name = registry.add(f"model{models}", weights(chance))
        models += 1
        wanted = QueuedPull(name)
        PullBook(book).change(lambda queue, wanted=wanted: with_pull(queue, wanted))  # type: ignore[misc]
        before, wasted_s = registry.sent_bytes, 0.0
        while True:
            with program(ollama, book, way) as process:
                assert process.stdout is not None
                process.stdout.readline()
                try:
                    process.wait(chance.uniform(0.0, 2.0))
                except subprocess.TimeoutExpired:
                    whom = chance.choice(("us", "server", "both")) if way == "by-us" else "us"
                    if whom != "us":
                        ollama.again()
                    if whom != "server":
                        process.kill()
                    kills += 1
                    wasted_s += 1.2  # a second between two journals
                    if whom == "server":
                        process.wait(60)
                code = process.wait()
                said = "" if process.stderr is None else process.stderr.read()
            assert code in {0, -9}, said
            if code == 0:
                break
        assert PullBook(book).read() == ()
        assert is_whole(ollama, name, registry)
        assert registry.sent_bytes - before <= SIZE + wasted_s * RATE + 2e6, "it started over"
    assert kills >= 20


FAULTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "throttled": ({"bytes_per_s": 3e6}, ("",)),
    "drops every connection after 3 MB": ({"cut_after": 3_000_000}, ("",)),
    "401": ({"manifest_status": 401}, ("sign_in", "registry_denied")),
    "429": ({"manifest_status": 429}, ("registry_limit", "registry_busy")),
    "503": ({"manifest_status": 503}, ("registry_fault", "registry_busy")),
    "503 from the storage": ({"blob_status": 503}, ("registry_busy", "registry_unreachable")),
    "wrong bytes": ({"wrong_bytes": True}, ("digest_mismatch",)),
}


@pytest.mark.parametrize("by_us", [True, False], ids=["by us", "by the server"])
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_registry_does_models_stay_whole_and_the_next_try_completes(
    ollama: Ollama, registry: LoopbackRegistry, by_us: bool, fault: str
) -> None:
    chance = random.Random(3)
    kept = registry.add("kept", weights(chance))
    guard = guarded(ollama, by_us)
    assert run(guard, ollama, kept)[0] is None
    name = registry.add("next", weights(chance))
    changes, codes = FAULTS[fault]
    usual = {key: getattr(registry.faults, key) for key in changes}
    for key, value in changes.items():
        setattr(registry.faults, key, value)
    problem, states = run(guard, ollama, name)
    assert ("" if problem is None else problem.code) in codes
    if problem is not None:
        assert states[-1].error
        assert "Traceback" not in str(problem)
        assert "\n" not in problem.message
        assert problem.next_step
        assert not any(same_model(n, name) for n in ollama.digests())
    assert is_whole(ollama, kept, registry)
    for key, value in usual.items():
        setattr(registry.faults, key, value)
    problem, states = run(guard, ollama, name)
    if problem is not None and problem.code == "damaged_layers":  # the server keeps a wrong small file
        assert states[-1].damaged
        remove_damaged(damaged_layers(name, (ollama.folder,), Event()))
        problem, states = run(guard, ollama, name)
    assert problem is None
    assert states[-1].done
    assert is_whole(ollama, name, registry)
    assert is_whole(ollama, kept, registry)


@pytest.mark.parametrize("by_us", [True, False], ids=["by us", "by the server"])
def test_fault_12_a_disk_that_runs_full(registry: LoopbackRegistry, tmp_path: Path, by_us: bool) -> None:
    """It is said before; where another program takes the room meanwhile, what came is kept."""
    place = tmp_path / "models"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    address = real_ollama.free_address()
    ollama = Ollama(tmp_path, address, real_ollama.begin(tmp_path, address))
    try:
        chance = random.Random(4)
        guard = guarded(ollama, by_us)
        kept = registry.add("kept", weights(chance, 6_000_000))
        assert run(guard, ollama, kept)[0] is None
        filler = place / "filler"
        filler.write_bytes(bytes(46_000_000))
        name = registry.add("next", weights(chance))
        problem, _ = run(guard, ollama, name)
        assert problem is not None
        assert problem.code == "no_room"
        assert not list(place.glob("**/*partial*"))
        filler.unlink()
        registry.faults.bytes_per_s = 8e6
        takes = Timer(0.7, lambda: _fill(filler))
        takes.start()
        problem, states = run(guard, ollama, name)
        takes.join()
        assert problem is not None
        assert problem.code in {"no_room", "disk_full"}
        assert states[-1].error
        assert is_whole(ollama, kept, registry)
        filler.unlink()
        registry.faults.bytes_per_s = None
        before = registry.sent_bytes
        problem, states = run(guard, ollama, name)
        assert problem is None
        if by_us:
            assert registry.sent_bytes - before < SIZE, "what came was kept"
        assert is_whole(ollama, name, registry)
    finally:
        ollama.process.kill()
        ollama.process.wait()
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def _fill(file: Path) -> None:
    """Take all the room there is."""
    with file.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 20))
                stream.flush()
        except OSError:
            pass


@pytest.mark.parametrize("by_us", [True, False], ids=["by us", "by the server"])
def test_fault_11_a_server_that_is_killed_and_comes_back_during_a_pull(
    ollama: Ollama, registry: LoopbackRegistry, by_us: bool
) -> None:
    name = registry.add("next", weights(random.Random(6)))
    registry.faults.bytes_per_s = 4e6
    kill = Timer(1.0, ollama.again)
    kill.start()
    problem, states = run(guarded(ollama, by_us), ollama, name)
    kill.join()
    assert problem is None, str(problem)
    shown = [state.completed_bytes for state in states]
    assert shown == sorted(shown), "progress never jumps back"
    assert is_whole(ollama, name, registry)


def test_fault_1_a_server_that_is_gone_is_one_sentence(ollama: Ollama, registry: LoopbackRegistry) -> None:
    name = registry.add("next", weights(random.Random(7), 6_000_000))
    ollama.process.kill()
    ollama.process.wait()
    problem, states = run(guarded(ollama, False), ollama, name)
    assert problem is not None
    assert problem.code == "no_server"
    assert states[-1].error


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x>:8b",
        "<b>:8b",
        "a&b_c",
        "two\nlines",
        "\u202eleft",
        "x" * 10_000,
        "../../../etc/passwd",
        "%2e%2e/x",
        "a\0b",
        "-rf",
        "127.0.0.1:9/../../x:y",
    ],
)
@pytest.mark.parametrize("by_us", [True, False], ids=["by us", "by the server"])
def test_faults_15_and_16_names_that_cannot_be_are_one_sentence_and_touch_nothing(
    ollama: Ollama, name: str, by_us: bool
) -> None:
    guard = PullGuard(
        lambda _: (ollama.folder,),
        Puller(Web({"HTTPS_PROXY": "http://127.0.0.1:9"}), patience_s=0.5) if by_us else None,
        is_ours=lambda _: True,
        awake=lambda _: nullcontext(),
    )
    before = sorted(ollama.home.rglob("*"))
    names = {path for path in before if "models" not in path.parts}
    problem, states = run(guard, ollama, name)
    assert problem is not None
    assert problem.code not in {"internal", "no_server"}, str(problem)
    assert all(ord(letter) >= 32 for letter in str(problem))
    assert len(str(problem)) < 1000
    assert "\u202e" not in str(problem)
    assert states[-1].error
    assert ollama.server.installed() == ()
    assert {p for p in ollama.home.rglob("*") if "models" not in p.parts} == names


def test_fault_18_thousands_of_models_are_listed_quickly(ollama: Ollama, registry: LoopbackRegistry) -> None:
    name = registry.add("first", weights(random.Random(8), 6_000_000))
    assert run(guarded(ollama, True), ollama, name)[0] is None
    (manifest,) = [path for path in (ollama.folder / "manifests").rglob("latest") if path.is_file()]
    for number in range(2000):
        (manifest.parent / f"v{number}").write_bytes(manifest.read_bytes())
    begun = time.monotonic()
    assert len(ollama.server.installed()) == 2001
    print(f"2001 models in {time.monotonic() - begun:.2f} s")
    assert run(guarded(ollama, True), ollama, name)[0] is None, "and it still is one we may write into"
