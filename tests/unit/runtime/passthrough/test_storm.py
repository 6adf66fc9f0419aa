"""Many clients, odd pieces, garbage from both sides: every answer right or refused, nothing left behind."""

import random
import socket
import threading
import time

import pytest

from fakes.scripted_server import LIMIT_S, Line, ScriptedServer
from wattlight.domain.tokens import TokenUse
from wattlight.runtime import Endpoint
from wattlight.runtime.passthrough import PassThroughServer
from wattlight.runtime.passthrough.server import MAX_CLIENTS


def echo(line: Line) -> None:
    """Answers with the request's own body in chunks of odd sizes, sent in odd pieces."""
    dice = random.Random(1)
    while True:
        head, body = line.request()
        if not head:
            return
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        at = 0
        while at < len(body):
            size = dice.randint(1, 3000)
            piece = body[at : at + size]
            answer += b"%x\r\n%s\r\n" % (len(piece), piece)
            at += size
        answer += b"0\r\n\r\n"
        at = 0
        while at < len(answer):
            size = dice.randint(1, 5000)
            line.send(answer[at : at + size])
            at += size


def content(answer: bytes) -> bytes:
    body, rest = b"", answer.split(b"\r\n\r\n", 1)[1]
    while True:
        size, rest = rest.split(b"\r\n", 1)
        if int(size, 16) == 0:
            return body
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]


def settled(server: PassThroughServer) -> bool:
    """True when no connection is left, within the limit."""
    end = time.monotonic() + LIMIT_S
    while server._exchanges and time.monotonic() < end:
        time.sleep(0.01)
    return not server._exchanges


def client(port: int, seed: int, rounds: int, faults: list[str]) -> None:
    dice = random.Random(seed)
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as sock:
        sock.settimeout(LIMIT_S)
        for _ in range(rounds):
            body = dice.randbytes(dice.randint(0, 20000))
            head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
            raw, at = head + body, 0
            while at < len(raw):
                size = dice.randint(1, 7000)
                sock.sendall(raw[at : at + size])
                at += size
            answer = b""
            while not answer.endswith(b"\r\n0\r\n\r\n"):
                piece = sock.recv(65536)
                if not piece:
                    faults.append("ended early")
                    return
                answer += piece
            if content(answer) != body:
                faults.append("bytes changed")


def test_many_clients_in_odd_pieces() -> None:
    uses: list[TokenUse] = []
    faults: list[str] = []
    with ScriptedServer(echo) as behind:
        server = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, uses.append)
        server.start()
        try:
            threads = [
                threading.Thread(target=client, args=(server.port, seed, 15, faults)) for seed in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert faults == []
            assert settled(server)
            assert server._under_way == set()
        finally:
            server.stop()
        assert behind.errors == []
    assert len(uses) == 8 * 15
    assert all(use.complete for use in uses)


@pytest.mark.parametrize("seed", range(6))
def test_garbage_from_both_sides(seed: int) -> None:
    dice = random.Random(seed)
    good = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    def spoiled(raw: bytes) -> bytes:
        kind = dice.randrange(4)
        at = dice.randrange(len(raw))
        if kind == 0:
            return raw[:at]
        if kind == 1:
            return raw[:at] + dice.randbytes(dice.randint(1, 30)) + raw[at:]
        if kind == 2:
            return raw[:at] + bytes([raw[at] ^ (1 << dice.randrange(8))]) + raw[at + 1 :]
        return dice.randbytes(dice.randint(1, 200))

    def script(line: Line) -> None:
        line.sock.recv(65536)
        line.send(spoiled(reply))

    with ScriptedServer(script) as behind:
        server = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, lambda _use: None)
        server.start()
        try:
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as sock:
                    sock.settimeout(0.02)
                    try:
                        sock.sendall(dice.choice([good, spoiled(good)]))
                        while sock.recv(65536):
                            pass
                    except OSError:
                        pass
            assert settled(server)
            assert server.running
            assert server._under_way == set()
        finally:
            server.stop()


WHOLE = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
SLOW = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nh"


def answered(sock: socket.socket) -> bool:
    answer = b""
    while not answer.endswith(b"\r\n0\r\n\r\n"):
        piece = sock.recv(65536)
        if not piece:
            return False
        answer += piece
    return content(answer) == b"hello"


def test_more_clients_than_there_is_room_for_wait_and_all_are_answered() -> None:
    gate = threading.Event()

    def when_told(line: Line) -> None:
        gate.wait(LIMIT_S)
        echo(line)

    with ScriptedServer(when_told) as behind:
        server = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, lambda _use: None)
        server.start()
        clients = []
        try:
            for _ in range(MAX_CLIENTS + 20):
                sock = socket.create_connection(("127.0.0.1", server.port), LIMIT_S)
                sock.settimeout(LIMIT_S)
                sock.sendall(WHOLE)
                clients.append(sock)
            gate.set()
            assert [answered(sock) for sock in clients] == [True] * len(clients)
        finally:
            gate.set()
            for sock in clients:
                sock.close()
            server.stop()


def test_a_newcomer_is_never_closed_to_make_room_for_the_next() -> None:
    with ScriptedServer(echo) as behind:
        server = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, lambda _use: None)
        server.start()
        slow = []
        try:
            for _ in range(MAX_CLIENTS - 1):
                sock = socket.create_connection(("127.0.0.1", server.port), LIMIT_S)
                sock.sendall(SLOW)
                slow.append(sock)
            for _ in range(3):  # one place is left; each of them comes with the next behind it
                with (
                    socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as one,
                    socket.create_connection(("127.0.0.1", server.port), LIMIT_S) as two,
                ):
                    for sock in (one, two):
                        sock.settimeout(LIMIT_S)
                    one.sendall(WHOLE)
                    assert answered(one)
                    one.close()
                    two.sendall(WHOLE)
                    assert answered(two)
        finally:
            for sock in slow:
                sock.close()
            server.stop()
