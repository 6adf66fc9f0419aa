"""What the relay adds to a request, against the same requests made directly.

Client, relay and server are three processes, as in real use. Run alone it prints one JSON line:
``python tests/bench/passthrough_latency.py``.
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

LINE = b'{"model":"m","created_at":"2026-11-24T00:00:00Z","message":{"role":"assistant","content":"w"}}\n'
LAST = b'{"model":"m","done":true,"prompt_eval_count":9,"eval_count":100,"eval_duration":1000000}\n'
ASK = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60\r\n\r\n" + b" " * 60
)
LINES = 100
ROUNDS = 200


def answer_chunks() -> list[bytes]:
    lines = [LINE] * (LINES - 1) + [LAST]
    return [b"%x\r\n%s\r\n" % (len(line), line) for line in lines] + [b"0\r\n\r\n"]


def serve() -> None:
    """Answers each request at once: a head and a hundred lines, each in a packet of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    chunks = answer_chunks()
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock:
            rest = b""
            while data := sock.recv(65536):
                rest += data
                if len(rest) < len(ASK):
                    continue
                rest = rest[len(ASK) :]
                sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for chunk in chunks:
                    sock.sendall(chunk)


def relay(port: int) -> None:
    from wattlight.runtime import Endpoint
    from wattlight.runtime.passthrough import PassThroughServer

    server = PassThroughServer(Endpoint("http", "127.0.0.1", port), 0, lambda use: None)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()


def one(sock: socket.socket) -> tuple[float, float]:
    """Seconds to the first byte and to the last."""
    began = time.perf_counter()
    sock.sendall(ASK)
    data = sock.recv(65536)
    first = time.perf_counter() - began
    while not data.endswith(b"\r\n0\r\n\r\n"):
        data = data[-16:] + sock.recv(65536)
    return first, time.perf_counter() - began


def measure() -> dict[str, float]:
    """Medians in ms; direct and relayed requests take turns, so that other load meets both alike."""
    me = str(Path(__file__).resolve())
    server = subprocess.Popen([sys.executable, me, "serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    between = subprocess.Popen(
        [sys.executable, me, "relay", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert between.stdout is not None and between.stdin is not None
    try:
        ports = {"relayed": int(between.stdout.readline())}
        # the server takes one connection at a time: a second one for direct requests
        other = subprocess.Popen([sys.executable, me, "serve"], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        ports["direct"] = int(other.stdout.readline())
        socks = {}
        for name, number in ports.items():
            socks[name] = socket.create_connection(("127.0.0.1", number), 10)
            socks[name].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in socks}
        for _ in range(ROUNDS):
            for name, sock in socks.items():
                times[name].append(one(sock))
        for sock in socks.values():
            sock.close()
        other.kill()
        other.wait()
        other.stdout.close()
    finally:
        between.stdin.close()
        between.wait(10)
        between.stdout.close()
        server.kill()
        server.wait()
        server.stdout.close()
    return figures(times)


def figures(times: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    result = {}
    for place, what in enumerate(("first_byte", "whole_answer")):
        direct = statistics.median(t[place] for t in times["direct"]) * 1000
        relayed = statistics.median(t[place] for t in times["relayed"]) * 1000
        result |= {
            f"{what}_direct_ms": round(direct, 4),
            f"{what}_relayed_ms": round(relayed, 4),
            f"{what}_added_ms": round(relayed - direct, 4),
            f"{what}_ratio": round(relayed / direct, 2),
        }
    return result


if __name__ == "__main__":
    role = sys.argv[1] if len(sys.argv) > 1 else "measure"
    if role == "serve":
        serve()
    elif role == "relay":
        relay(int(sys.argv[2]))
    else:
        print(json.dumps(measure()))
