"""The relay adds at most a millisecond to a request."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.scripted_server import Line, ScriptedServer
from wattlight.runtime import Endpoint
from wattlight.runtime.passthrough import PassThroughServer

SCRIPT = Path(__file__).with_name("passthrough_latency.py")


@pytest.mark.bench
def test_the_relay_adds_at_most_a_millisecond() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=100, check=True
    )
    figures = json.loads(done.stdout)
    print(figures)
    assert figures["first_byte_added_ms"] <= 1.0, figures
    assert figures["line_added_ms"] <= 1.0, figures


ASK = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{'hi': 1}"
HELD = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\nx"
NEWCOMER_MS = 50.0


def answered_ms(port: int) -> float:
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(ASK)
        answer = b""
        while not answer.endswith(b"{}"):
            answer += client.recv(4096)
    return (time.perf_counter() - began) * 1000


@pytest.mark.bench
def test_slow_clients_do_not_delay_a_newcomer() -> None:
    def script(line: Line) -> None:
        while b"".join(line.request()).endswith(b"}"):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with ScriptedServer(script) as behind, contextlib.ExitStack() as held:
        relay = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, lambda _use: None)
        relay.start()
        held.callback(relay.stop)
        alone = max(answered_ms(relay.port) for _ in range(50))
        for _ in range(200):
            client = held.enter_context(socket.create_connection(("127.0.0.1", relay.port), 5))
            client.sendall(HELD)
        time.sleep(1.5)  # until the server behind, a Python one, has accepted them all
        beside = max(answered_ms(relay.port) for _ in range(50))
    print(f"a newcomer: worst {alone:.1f} ms alone, {beside:.1f} ms beside 200 slow clients")
    assert beside - alone < NEWCOMER_MS
