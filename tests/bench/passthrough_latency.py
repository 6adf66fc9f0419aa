"""What the relay adds to a request, against the same requests made directly.

Client, relay and server are three processes, as in real use; answers come as a model's do, a line every
2 ms. Run alone it prints one JSON line: ``python tests/bench/passthrough_latency.py``.
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

END = b'{"model":"m","done":true,"prompt_eval_count":9,"eval_count":100,"eval_duration":1000000}\n'
ASK = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60\r\n\r\n" + b" " * 60
)
LINES = 50
PACE_S = 0.002
ROUNDS = 40


def chunk(line: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(line), line)


def serve() -> None:
    """Answers each request at once, then with a line every 2 ms that tells when it was sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
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
                for _ in range(LINES):
                    time.sleep(PACE_S)
                    sock.sendall(chunk(b'{"model":"m","response":"w","sent":%d}\n' % time.monotonic_ns()))
                sock.sendall(chunk(END) + b"0\r\n\r\n")


def relay(port: int) -> None:
    from wattlight.runtime import Endpoint
    from wattlight.runtime.passthrough import PassThroughServer

    server = PassThroughServer(Endpoint("http", "127.0.0.1", port), 0, lambda use: None)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.stop()


def one(sock: socket.socket) -> tuple[float, list[float]]:
    """Milliseconds to the first byte, and the delay of each line from its sending to its arrival."""
    began = time.monotonic_ns()
    sock.sendall(ASK)
    data = sock.recv(65536)
    first = (time.monotonic_ns() - began) / 1e6
    delays: list[float] = []
    while not data.endswith(b"\r\n0\r\n\r\n"):
        data = sock.recv(65536)
        now = time.monotonic_ns()
        delays += [(now - int(part.split(b"}", 1)[0])) / 1e6 for part in data.split(b'"sent":')[1:]]
    return first, delays


@contextmanager
def process(*words: str) -> Iterator[int]:
    """A process of this file that says its port first."""
    me = str(Path(__file__).resolve())
    with subprocess.Popen(
        [sys.executable, me, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.kill()


def measure() -> dict[str, float]:
    """Direct and relayed requests take turns, so that other load meets both alike."""
    # a server takes one connection at a time: one for each way
    with process("serve") as direct, process("serve") as behind, process("relay", str(behind)) as relayed:
        ports = {"direct": direct, "relayed": relayed}
        socks = {name: socket.create_connection(("127.0.0.1", port), 10) for name, port in ports.items()}
        firsts: dict[str, list[float]] = {name: [] for name in socks}
        delays: dict[str, list[float]] = {name: [] for name in socks}
        for _ in range(ROUNDS):
            for name, sock in socks.items():
                first, lines = one(sock)
                firsts[name].append(first)
                delays[name] += lines
        for sock in socks.values():
            sock.close()
    return {
        **figures("first_byte", firsts, statistics.median),
        **figures("line", delays, statistics.median),
        **figures("line_p99", delays, lambda values: sorted(values)[len(values) * 99 // 100]),
    }


def figures(what: str, times: dict[str, list[float]], of: Callable[[list[float]], float]) -> dict[str, float]:
    direct, relayed = of(times["direct"]), of(times["relayed"])
    return {
        f"{what}_direct_ms": round(direct, 3),
        f"{what}_relayed_ms": round(relayed, 3),
        f"{what}_added_ms": round(relayed - direct, 3),
        f"{what}_ratio": round(relayed / direct, 2),
    }


if __name__ == "__main__":
    role = sys.argv[1] if len(sys.argv) > 1 else "measure"
    if role == "serve":
        serve()
    elif role == "relay":
        relay(int(sys.argv[2]))
    else:
        print(json.dumps(measure()))
