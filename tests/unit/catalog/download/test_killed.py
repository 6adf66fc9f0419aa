"""Killed at any moment, or cut off from power: the next pull goes on, and bad bytes are never taken."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from fakes import fit_truth, gguf_writer, real_ollama
from fakes.loopback_registry import LoopbackRegistry
from fakes.systems import needs_open_names
from wattlight.catalog.download import Puller
from wattlight.catalog.download.store import ModelStore
from wattlight.catalog.installed import blob_file, local_manifest
from wattlight.catalog.registry import ModelAddress, read_address
from wattlight.web import Web

SIZE = 12_000_000
RATE = 6e6
PULL = Path(__file__).with_name("killed_pull.py")
SOURCE = Path(__file__).resolve().parents[4] / "desktop"


@pytest.fixture
def registry() -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry() as registry:
        yield registry


def killed_after(name: str, folder: Path, seconds: float) -> bool:
    """Pull in a process that is killed so long after its first byte; whether it was done before that."""
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, str(PULL), name, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == 0


def lose_what_was_not_written_through(parts: Path, seed: int) -> None:
    """As power that fails may: all bytes that no journal names are something else."""
    noise = random.Random(seed)
    for part in parts.glob("*.part"):
        try:
            done = json.loads(part.with_suffix(".json").read_text())["done"]
        except (OSError, ValueError):
            done = []
        data = bytearray(part.read_bytes())
        kept = bytearray(noise.randbytes(len(data)))
        for start, end in done:
            kept[start:end] = data[start:end]
        part.write_bytes(kept)


def installed(name: str, folder: Path, weights: bytes) -> bool:
    manifest = local_manifest(folder, read_address(name))
    if manifest is None:
        return False
    assert blob_file(folder, manifest.of_kind("model")[0].digest).read_bytes() == weights
    return True


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("power", [False, True], ids=["killed", "without power"])
def test_killed_at_twenty_random_points_it_completes_without_starting_over(
    registry: LoopbackRegistry, tmp_path: Path, power: bool
) -> None:
    chance, kills, pulls = random.Random(11 + power), 0, 0
    while kills < 20:
        weights = chance.randbytes(SIZE)
        name = registry.add(f"model{pulls}", weights)
        pulls += 1
        registry.faults.bytes_per_s = RATE
        before, wasted_s = registry.sent_bytes, 0.0
        for _ in range(40):
            assert not installed(name, tmp_path, weights) or kills, "never half installed"
            if killed_after(name, tmp_path, chance.uniform(0.0, 1.6)):
                break
            kills += 1
            wasted_s += 1.2  # a second between two journals
            if power:
                lose_what_was_not_written_through(tmp_path / "wattlight-parts", kills)
        registry.faults.bytes_per_s = None
        assert list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))[-1].done
        assert installed(name, tmp_path, weights)
        assert registry.sent_bytes - before <= SIZE + wasted_s * RATE + 2e6
    assert [path.name for path in tmp_path.iterdir() if path.name == "wattlight-parts"] == []


@pytest.mark.slow
@pytest.mark.real_ollama
@pytest.mark.timeout(900)
@pytest.mark.skipif(not real_ollama.PROGRAM, reason="WATTLIGHT_TEST_OLLAMA_PROGRAM is not set")
def test_we_and_a_real_server_killed_at_twenty_random_points(
    registry: LoopbackRegistry, tmp_path: Path
) -> None:
    """A server that starts removes what belongs to no model: nothing of ours is lost by that."""
    chance, kills, pulls = random.Random(5), 0, 0
    header = gguf_writer.header(fit_truth.raw_shapes()["llama31-8b"], vocabulary=500)
    folder, address = tmp_path / "models", real_ollama.free_address()
    folder.mkdir()
    server = real_ollama.begin(tmp_path, address)
    try:
        while kills < 20:
            weights = header + chance.randbytes(SIZE - len(header))  # the server ends over what is no header
            name = registry.add(f"model{pulls}", weights)
            pulls += 1
            registry.faults.bytes_per_s = RATE
            before, wasted_s = registry.sent_bytes, 0.0
            for _ in range(40):
                if killed_after(name, folder, chance.uniform(0.0, 1.6)):
                    break
                kills += 1
                wasted_s += 1.2
                server.kill()
                server.wait()
                server = real_ollama.begin(tmp_path, address)
            registry.faults.bytes_per_s = None
            assert list(Puller(Web(os.environ)).pull(name, folder, Event()))[-1].done
            assert registry.sent_bytes - before <= SIZE + wasted_s * RATE + 2e6
            with urllib.request.urlopen(f"http://{address}/api/tags", timeout=10) as answer:
                listed = json.load(answer)["models"]
            digest = sha256(registry.manifest(f"model{pulls - 1}") or b"").hexdigest()
            assert digest in {model["digest"] for model in listed}
    finally:
        server.kill()
        server.wait()


def test_one_that_was_killed_goes_on(registry: LoopbackRegistry, tmp_path: Path) -> None:
    weights = random.Random(3).randbytes(6_000_000)
    name = registry.add("tiny", weights)
    registry.faults.bytes_per_s = 3e6
    assert not killed_after(name, tmp_path, 1.5)
    lose_what_was_not_written_through(tmp_path / "wattlight-parts", 5)
    registry.faults.bytes_per_s = None
    states = list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))
    assert states[1].completed_bytes > 400_000
    assert installed(name, tmp_path, weights)


@needs_open_names
def test_the_journal_names_only_what_was_written_through(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the moment the journal takes its place, every byte that it names has been flushed."""
    name = registry.add("tiny", random.Random(4).randbytes(6_000_000))
    registry.faults.bytes_per_s = 4e6
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(handle: int) -> None:
        order.append(Path(f"/proc/self/fd/{handle}").readlink().suffix)
        fsync(handle)

    def replaced(self: Path, target: Path) -> Path:
        if self.suffix == ".new":
            order.append("journal")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", replaced)
    begun_s = time.monotonic()
    assert list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))[-1].done
    assert time.monotonic() - begun_s > 1.0
    at = order.index("journal")
    assert order[at - 2 : at] == [".part", ".new"]


def test_killed_before_the_manifest_while_the_server_clears_up_nothing_is_fetched_again(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = random.Random(5).randbytes(2_000_000)
    name = registry.add("tiny", weights)

    def killed(*_: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ModelStore, "_place_of", killed)
        with pytest.raises(KeyboardInterrupt):
            list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))
    blobs = list((tmp_path / "blobs").iterdir())
    assert len(blobs) == 3
    for blob in blobs:  # as a server does that starts now
        blob.unlink()
    before = registry.sent_bytes
    assert list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))[-1].done
    assert registry.sent_bytes == before
    assert installed(name, tmp_path, weights)


def test_layers_that_the_server_clears_up_beside_the_manifest_are_put_back(
    registry: LoopbackRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = random.Random(6).randbytes(2_000_000)
    name = registry.add("tiny", weights)
    place_of = ModelStore._place_of

    def cleared(self: ModelStore, address: ModelAddress) -> Path:
        for blob in (tmp_path / "blobs").iterdir():
            blob.unlink()
        return place_of(self, address)

    monkeypatch.setattr(ModelStore, "_place_of", cleared)
    assert list(Puller(Web(os.environ)).pull(name, tmp_path, Event()))[-1].done
    assert installed(name, tmp_path, weights)
