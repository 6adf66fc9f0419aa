"""A real Ollama of the test's own: WATTLIGHT_TEST_OLLAMA_PROGRAM names its program."""

import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = os.environ.get("WATTLIGHT_TEST_OLLAMA_PROGRAM", "")


def free_address() -> str:
    """A port of loopback that nobody listens on, none of those that connections of others are given."""
    while True:
        address = ("127.0.0.1", random.randrange(20_000, 32_000))
        with suppress(OSError), socket.create_server(address):
            return f"{address[0]}:{address[1]}"


def begin(folder: Path, address: str) -> "subprocess.Popen[bytes]":
    """Start it with its models in ``folder``/models, and wait until it answers."""
    env = {**os.environ, "HOME": str(folder), "OLLAMA_HOST": address, "OLLAMA_MODELS": str(folder / "models")}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([PROGRAM, "serve"], env=env, stdout=quiet, stderr=quiet)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://{address}/api/version", timeout=5).close()
            return process
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise TimeoutError(f"it ended with {process.wait()}")


@contextmanager
def real_ollama(folder: Path) -> Iterator[str]:
    """Its address, while it runs."""
    address = free_address()
    with begin(folder, address) as process:
        try:
            yield address
        finally:
            process.terminate()
