"""The relay between a client and a scripted server: bytes untouched, counters read, everything ends."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes.fake_ollama import FakeOllama
from fakes.recorded_servers import whole
from fakes.scripted_server import LIMIT_S, Line, ScriptedServer
from wattlight.domain.tokens import NO_COUNTERS, TokenUse
from wattlight.runtime import Endpoint, RuntimeProblem
from wattlight.runtime.passthrough import PassThroughServer
from wattlight.runtime.passthrough import exchange as exchange_file
from wattlight.runtime.passthrough import server as server_file

ANSWERS = Path(__file__).resolve().parents[3] / "data" / "answers"
ASK = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:11435\r\nUser-Agent: ollama-python/0.5 (x)\r\n"
    b"x-ODD-case:  kept \r\nContent-Length: 9\r\n\r\n{'hi': 1}"
)


class Relay:
    """A relay in front of a scripted server, and what it took down."""

    def __init__(self, behind: ScriptedServer) -> None:
        self.behind = behind
        self.uses: queue.Queue[TokenUse] = queue.Queue()
        self.server = PassThroughServer(Endpoint("http", "127.0.0.1", behind.port), 0, self.uses.put)

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.server.port), LIMIT_S)
        client.settimeout(LIMIT_S)
        return client

    def ask(self, raw: bytes) -> bytes:
        """Send ``raw`` and read until the relay closes."""
        with self.connect() as client:
            client.sendall(raw)
            return read_all(client)

    def use(self) -> TokenUse:
        return self.uses.get(timeout=LIMIT_S)


@contextmanager
def relay_to(script: Callable[[Line], None]) -> Iterator[Relay]:
    with ScriptedServer(script) as behind:
        relay = Relay(behind)
        server = relay.server
        server.start()
        try:
            yield relay
        finally:
            server.stop()
        assert not [t for t in threading.enumerate() if t.name == "wattlight-pass-through"]
    assert behind.errors == []


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def read_all(client: socket.socket) -> bytes:
    parts = []
    while data := client.recv(65536):
        parts.append(data)
    return b"".join(parts)


def read_until(client: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        piece = client.recv(65536)
        assert piece, data
        data += piece
    return data


def chunked(*pieces: bytes, head: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + head + b"\r\n" + body


def test_bytes_go_through_untouched_and_the_counters_are_taken_down() -> None:
    lines = (ANSWERS / "chat_stream.ndjson").read_bytes().splitlines(keepends=True)
    answer = chunked(*lines, head=b"X-Odd:  kept\r\n")
    seen: list[bytes] = []

    def script(line: Line) -> None:
        while request := b"".join(line.request()):
            seen.append(request)
            for at in range(0, len(answer), 7):
                line.send(answer[at : at + 7])

    with relay_to(script) as relay:
        with relay.connect() as client:
            for _ in range(2):
                client.sendall(ASK)
                assert read_until(client, b"0\r\n\r\n") == answer
        uses = [relay.use(), relay.use()]
        assert relay.behind.connections == 1
    assert seen == [ASK, ASK]
    for use in uses:
        assert (use.client, use.path, use.status, use.complete) == ("ollama-python", "/api/chat", 200, True)
        assert use.model == "127.0.0.1:5055/library/tiny:latest"
        assert (use.counters.prompt_tokens, use.counters.output_tokens) == (4, 8)
        assert use.counters.output_ns == 2_873_000
        assert use.duration_ms >= 0
        assert use.ended_at >= use.started_at


@pytest.mark.parametrize(
    ("name", "path", "ending"),
    [
        ("openai_chat_stream.sse", "/v1/chat/completions", "chunked"),
        ("openai_chat.json", "/v1/chat/completions", "length"),
        ("openai_chat.json", "/v1/chat/completions", "close"),
        ("generate_once.json", "//api/generate?x", "length"),
    ],
)
def test_each_dialect_and_each_way_to_end_a_body(name: str, path: str, ending: str) -> None:
    body = (ANSWERS / name).read_bytes()
    head = b"HTTP/1.1 200 OK\r\n"
    if ending == "chunked":
        answer = chunked(body[:100], body[100:])
    elif ending == "length":
        answer = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    else:
        answer = head + b"\r\n" + body

    def script(line: Line) -> None:
        line.request()
        line.send(answer)

    ask = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with relay_to(script) as relay:
        assert relay.ask(ask.encode()) == answer
        use = relay.use()
    assert use.counters.output_tokens in {8, 16}
    assert use.client == "unknown program"
    assert use.path in {"/v1/chat/completions", "/api/generate"}


def test_a_piece_arrives_before_the_next_one_is_sent() -> None:
    go_on = threading.Event()

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert go_on.wait(LIMIT_S)
        line.send(b"3\r\ntwo\r\n0\r\n\r\n")

    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(ASK)
        read_until(client, b"3\r\none\r\n")
        go_on.set()
        assert read_until(client, b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"


def test_chunked_uploads_and_100_continue() -> None:
    def script(line: Line) -> None:
        head, body = b"", b""
        while b"\r\n\r\n" not in head:
            head += line.sock.recv(1)
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not body.endswith(b"0\r\n\r\n"):
            body += line.sock.recv(65536)
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    upload = b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(
            b"POST /api/blobs HTTP/1.1\r\nHost: [::1]:5\r\nExpect: 100-continue\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        assert read_until(client, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(upload)
        assert read_until(client, b"0\r\n\r\n").endswith(upload)
        assert relay.uses.empty()


def test_requests_sent_ahead_are_answered_in_order() -> None:
    def script(line: Line) -> None:
        while b"".join(head_and_body := line.request()):
            body = b"%d" % len(head_and_body[1])
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with relay_to(script) as relay:
        tags = b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = relay.ask(tags + ASK + b"\r\n" + tags + last)
        assert [part[-1:] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"0", b"9", b"0", b"0"]
        assert relay.use().path == "/api/chat"
        assert relay.uses.empty()


def test_requests_that_overlap_are_not_alone() -> None:
    go_on = threading.Event()

    def script(line: Line) -> None:
        while b"".join(line.request()):
            line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            assert go_on.wait(LIMIT_S)
            line.send(b"0\r\n\r\n")

    with relay_to(script) as relay, relay.connect() as one, relay.connect() as two:
        for client in (one, two):
            client.sendall(ASK)
            read_until(client, b"one\r\n")
        go_on.set()
        for client in (one, two):
            read_until(client, b"0\r\n\r\n")
        assert [relay.use().alone for _ in range(2)] == [False, False]
        one.sendall(ASK)
        read_until(one, b"0\r\n\r\n")
        assert relay.use().alone


def test_head_has_no_body() -> None:
    def script(line: Line) -> None:
        while b"".join(line.request()):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n")

    with relay_to(script) as relay:
        raw = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert relay.ask(raw + last).count(b"200 OK") == 2


def test_a_client_that_leaves_closes_the_server_side() -> None:
    left: queue.Queue[bool] = queue.Queue()

    def script(line: Line) -> None:
        line.request()
        line.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n{"model":"m","x":1}\r\n')
        left.put(line.wait_closed())

    with relay_to(script) as relay:
        with relay.connect() as client:
            client.sendall(ASK)
            read_until(client, b"}\r\n")
        assert left.get(timeout=LIMIT_S)
        use = relay.use()
    assert (use.complete, use.status, use.model) == (False, 200, "m")
    assert use.counters == NO_COUNTERS


def test_an_answer_cut_short_stays_cut_short() -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)

    with relay_to(script) as relay:
        assert relay.ask(ASK).endswith(b"x" * 50)
        assert not relay.use().complete


def test_a_slow_reader_slows_the_writer_and_loses_nothing() -> None:
    size = 12 << 20

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = bytes(range(256)) * 256
        for _ in range(size // len(piece)):
            line.send(piece)

    with relay_to(script) as relay, relay.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /api/blobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = read_all(client)
        body = answer.split(b"\r\n\r\n", 1)[1]
        assert len(body) == size
        assert body == bytes(range(256)) * (size // 256)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
        (b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
         b"Content-Length: 100000\r\n\r\n" + b"x" * 100000, b"403"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 70000 + b"\r\n\r\n", b"431"),
    ],
)  # fmt: skip
def test_refusals_never_reach_the_server(raw: bytes, status: bytes) -> None:
    def script(line: Line) -> None:
        raise AssertionError("reached")

    with relay_to(script) as relay:
        answer = relay.ask(raw)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b'{"error": "Wattlight' in answer
        assert relay.behind.connections == 0
        assert relay.uses.empty()


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b"502"), (b"SSH-2.0\r\n\r\n", b"502"), (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000, b"502")],
)
def test_a_server_that_does_not_answer_properly(sent: bytes, status: bytes) -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(sent)

    with relay_to(script) as relay:
        assert relay.ask(ASK).startswith(b"HTTP/1.1 " + status)
        use = relay.use()
    assert (use.complete, use.status, use.model) == (False, None, "")


def test_no_server_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    uses: queue.Queue[TokenUse] = queue.Queue()
    relay = PassThroughServer(Endpoint("http", "localhost", port), 0, uses.put)
    relay.start()
    try:
        with socket.create_connection(("127.0.0.1", relay.port), LIMIT_S) as client:
            client.sendall(ASK)
            answer = read_all(client)
        assert answer.startswith(b"HTTP/1.1 502")
        assert b"does not answer" in answer
    finally:
        relay.stop()


def test_loads_and_unloads_are_not_requests_for_tokens() -> None:
    def script(line: Line) -> None:
        while b"".join(line.request()):
            body = b'{"model":"m","response":"","done":true,"done_reason":"load"}'
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(ASK)
        read_until(client, b'"load"}')
        client.sendall(ASK)
        read_until(client, b'"load"}')
        assert relay.uses.empty()


def test_a_failing_listener_does_not_stop_the_relay(caplog: pytest.LogCaptureFixture) -> None:
    def script(line: Line) -> None:
        while b"".join(line.request()):
            line.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay, relay.connect() as client:
        relay.server._on_use = lambda use: 1 / 0
        for _ in range(2):
            client.sendall(ASK)
            assert read_until(client, b"{}").startswith(b"HTTP/1.1 404")
    assert "listener" in caplog.text


def test_stopping_ends_open_streams_within_a_second() -> None:
    closed: queue.Queue[bool] = queue.Queue()

    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        closed.put(line.wait_closed())

    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(ASK)
        read_until(client, b"one\r\n")
        began = time.monotonic()
        relay.server.stop()
        assert time.monotonic() - began < 1.0
        assert not relay.server.running
        assert read_all(client) == b""
        assert closed.get(timeout=LIMIT_S)
        assert not relay.use().complete
        with pytest.raises(OSError):
            relay.connect()


def test_many_clients_at_once_and_the_idle_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_file, "MAX_CLIENTS", 4)

    def script(line: Line) -> None:
        while b"".join(line.request()):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay:
        clients = []
        for _ in range(12):
            client = relay.connect()
            clients.append(client)
            client.sendall(ASK)
            read_until(client, b"{}")
        assert clients[0].recv(1) == b""
        assert len(relay.server._exchanges) <= 4
        for client in clients:
            client.close()


def test_a_half_sent_head_and_a_silent_client_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_file, "HEAD_S", 0.05)
    with relay_to(lambda line: None) as relay:
        assert relay.ask(b"GET / HT").startswith(b"HTTP/1.1 408")
        assert relay.ask(b"") == b""
        wait_for(lambda: not relay.server._exchanges)  # each that stayed would take a place for ever


@pytest.mark.parametrize("how", ["late head", "held back", "gone"])
def test_clients_that_were_given_up_leave_their_place(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A relay that keeps them takes nobody in after 240 of them."""
    monkeypatch.setattr(server_file, "MAX_CLIENTS", 4)
    monkeypatch.setattr(exchange_file, "HEAD_S", 0.05)
    monkeypatch.setattr(exchange_file, "BODY_S", 0.05)
    monkeypatch.setattr(exchange_file, "LINGER_S", 0.05)
    said = {"late head": b"GET / HT", "gone": b"GET / HT"}
    held = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx"

    def script(line: Line) -> None:
        if b"".join(line.request()).endswith(b"}"):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay:
        for _ in range(12):
            with relay.connect() as client:
                client.sendall(said.get(how, held))
                if how != "gone":
                    assert b" 408 " in client.recv(4096)
        with relay.connect() as new:
            new.sendall(ASK)
            read_until(new, b"{}")
        wait_for(lambda: len(relay.server._exchanges) <= 1)


def test_a_request_that_is_held_back_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that trickle in are no progress; a body that comes in order may take as long as it likes."""
    monkeypatch.setattr(exchange_file, "BODY_S", 0.3)
    monkeypatch.setattr(exchange_file, "BODY_STEP_BYTES", 100)

    def script(line: Line) -> None:
        if line.request():
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    head = b"POST /api/embed HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1600\r\n\r\n"
    with relay_to(script) as relay, relay.connect() as slow, relay.connect() as steady:
        slow.sendall(head)
        steady.sendall(head)
        for _ in range(8):
            time.sleep(0.1)
            steady.sendall(b"x" * 200)
            with contextlib.suppress(OSError):
                slow.sendall(b"x")
        assert read_all(steady).endswith(b"{}")
        with contextlib.suppress(ConnectionResetError):
            assert b" 408 " in slow.recv(65536)


def test_held_back_requests_make_room_for_a_newcomer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_file, "MAX_CLIENTS", 6)
    monkeypatch.setattr(server_file, "SPARED_S", 0.1)

    def script(line: Line) -> None:
        if b"".join(line.request()).endswith(b"}"):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay:
        held = [relay.connect() for _ in range(9)]
        for client in held:
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nx"
            )
        begun = time.monotonic()
        with relay.connect() as new:
            new.sendall(ASK)
            read_until(new, b"{}")
        assert time.monotonic() - begun < 5  # by itself none of them ends before the server gives up
        for client in held:
            client.close()


def test_a_client_that_only_ends_its_own_side_gets_its_answer() -> None:
    told: queue.Queue[bool] = queue.Queue()

    def script(line: Line) -> None:
        line.request()
        told.put(line.wait_closed())  # a real server stops computing here, and answers what is quick
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(ASK)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).endswith(b"{}")
        assert told.get(timeout=LIMIT_S)
        assert relay.use().complete


@pytest.mark.parametrize("path", [b"/api%2Fchat", b"/%61pi//chat", b"/v1%2fchat%2Fcompletions"])
def test_a_path_written_otherwise_is_counted_too(path: bytes) -> None:
    def script(line: Line) -> None:
        line.request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with relay_to(script) as relay, relay.connect() as client:
        client.sendall(ASK.replace(b"/api/chat", path))
        read_until(client, b"{}")
        assert relay.use().status == 200


def test_problems_before_it_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeProblem) as problem:
            PassThroughServer(Endpoint("http", "127.0.0.1", 1), port, print).start()
        assert problem.value.code == "port_taken"
    for endpoint in (
        Endpoint("https", "127.0.0.1", 443),
        Endpoint("http", "example.org", 80),
        Endpoint("http", "127.0.0.1", 80, "/behind"),
    ):
        with pytest.raises(RuntimeProblem):
            PassThroughServer(endpoint, 0, print)
    with pytest.raises(RuntimeProblem):
        PassThroughServer(Endpoint("http", "127.0.0.1", 11434), 11434, print)
    with pytest.raises(RuntimeProblem):
        PassThroughServer(Endpoint("http", "127.0.0.1", 11434), 70000, print).start()


def test_the_fake_server_answers_the_same_through_the_relay() -> None:
    with FakeOllama() as fake:
        fake.install("llama3.2:3b")
        relay = PassThroughServer(Endpoint("http", "127.0.0.1", fake.port), 0, print)
        relay.start()
        try:
            answers = []
            for port in (fake.port, relay.port):
                with socket.create_connection(("127.0.0.1", port), LIMIT_S) as client:
                    client.sendall(b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answers.append(read_all(client).split(b"\r\n\r\n", 1)[1])
            assert answers[0] == answers[1]
            assert b"llama3.2:3b" in answers[1]
        finally:
            relay.stop()


@pytest.mark.parametrize(
    ("path", "name", "head", "model", "tokens"),
    [
        ("/completion", "llamacpp/completion_native", b"", "tiny-b", (13, 8)),
        ("/v1/chat/completions", "llamacpp/chat_stream_no_usage", b"", "tiny-b", (30, 4)),
        (
            "/v1/chat/completions",
            "litellm/chat_context_to_cloud",
            b"x-litellm-model-name: openai/cloud-big\r\n",
            "cloud-big",
            (1208, 3),
        ),
        (
            "/v1/chat/completions",
            "litellm/chat_local_stream",
            b"X-LiteLLM-Model-Name: ollama_chat/tiny-a\r\n",
            "tiny-a",
            (30, 4),
        ),
    ],
)
def test_answers_of_other_servers_are_counted_for_the_model_that_answered(
    path: str, name: str, head: bytes, model: str, tokens: tuple[int, int]
) -> None:
    body = whole(name)[2]

    def script(line: Line) -> None:
        line.request()
        size = str(len(body)).encode()
        line.send(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: " + size + b"\r\n\r\n" + body)

    with relay_to(script) as relay:
        ask = ASK.replace(b"/api/chat", path.encode()).replace(
            b"x-ODD-case", b"Connection: close\r\nx-ODD-case"
        )
        assert relay.ask(ask).endswith(body)
        use = relay.use()
    assert use.model == model
    assert (use.counters.prompt_tokens, use.counters.output_tokens) == tokens
