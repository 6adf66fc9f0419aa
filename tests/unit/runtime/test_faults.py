"""The fault list of servers, one named test each: one plain sentence, nothing lost, nothing followed."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from fakes import faulty_answers
from fakes.fake_ollama import FakeOllama
from fakes.systems import child_environ
from wattlight.domain.servers import ServerPart
from wattlight.domain.state import ServerStatus
from wattlight.runtime import OllamaServer, RuntimeProblem, connect, parse_endpoint
from wattlight.settings import ServerAddress
from wattlight.web import FaultKind, Limits, Proxy, Wire, WireFault

DESKTOP = Path(__file__).resolve().parents[3] / "desktop"
OPENSSL = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost"
QUICK = Limits(connect_s=1.0, idle_s=0.3, total_s=0.6)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sentences(text: str | None) -> str:
    assert text
    assert "\n" not in text
    assert "Traceback" not in text
    assert text.endswith(".")
    return text


def quick(server: OllamaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.runtime.ollama_connection.POLL", QUICK)
    monkeypatch.setattr("wattlight.runtime.ollama_server._ACT", QUICK)


def test_fault_01_no_server() -> None:
    server = connect(ServerAddress(url=f"127.0.0.1:{closed_port()}"), {})
    state = server.state()
    assert state.status is ServerStatus.ABSENT
    assert "No Ollama server is running" in sentences(state.message)
    with pytest.raises(RuntimeProblem) as caught:
        server.load("tiny")
    assert caught.value.code == "no_server"
    assert "install" in caught.value.next_step


@pytest.mark.parametrize(
    "fault",
    [
        faulty_answers.html,
        faulty_answers.ssh_banner,
        faulty_answers.not_found,
        faulty_answers.json_text("[1,2]"),
        faulty_answers.json_text('{"version": 5}'),
        faulty_answers.json_text('{"hello": "world"}'),
        faulty_answers.deep_json,
        faulty_answers.body(b"\xff\xfe\x00garbage"),
    ],
)
def test_fault_02_something_else_on_the_port(
    fake: FakeOllama, server: OllamaServer, fault: faulty_answers.Fault
) -> None:
    fake.faults["*"] = fault
    state = server.state()
    assert state.status is ServerStatus.FOREIGN
    assert "Something else than Ollama" in sentences(state.message)


def test_fault_03_a_server_that_hangs(
    fake: FakeOllama, server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(server, monkeypatch)
    fake.faults["*"] = faulty_answers.hang
    begun = time.monotonic()
    state = server.state()
    assert time.monotonic() - begun < 3
    assert state.status is ServerStatus.SILENT
    assert "does not answer" in sentences(state.message)


def test_fault_03_a_server_that_drips(
    fake: FakeOllama, server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(server, monkeypatch)
    fake.faults["*"] = faulty_answers.drip
    begun = time.monotonic()
    assert server.state().status is ServerStatus.SILENT
    assert time.monotonic() - begun < 3


def test_fault_03_the_default_limit_is_three_seconds() -> None:
    assert Limits().idle_s == 3.0
    assert Limits().connect_s == 3.0
    assert Limits().total_s is not None


def test_a_cancel_ends_a_wait_at_once(fake: FakeOllama, server: OllamaServer) -> None:
    fake.faults["*"] = faulty_answers.hang
    cancel = Event()
    timer = threading.Timer(0.1, cancel.set)
    timer.start()
    begun = time.monotonic()
    state = server.state(cancel=cancel)
    assert time.monotonic() - begun < 1.5
    assert state.status is ServerStatus.UNKNOWN
    timer.join()


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/ps"])
def test_fault_04_cut_in_the_middle_keeps_the_last_state(
    fake: FakeOllama, server: OllamaServer, path: str
) -> None:
    fake.install("tiny")
    fake.start("tiny")
    before = server.state()
    fake.faults[path] = faulty_answers.cut_json({"version": "1", "models": [{"name": "a", "size": 1}] * 9})
    after = server.state(before)
    assert after.status is ServerStatus.ERROR
    assert "broke off" in sentences(after.message)
    assert (after.installed, after.running) == (before.installed, before.running)
    del fake.faults[path]
    assert server.state(after).status is ServerStatus.READY


def test_fault_04_a_pull_cut_in_the_middle(fake: FakeOllama, server: OllamaServer) -> None:
    fake.offer("tiny")
    fake.pulling.cut_at = 0.5
    seen = []
    with pytest.raises(RuntimeProblem) as caught:
        seen.extend(server.pull("tiny"))
    assert caught.value.code == "cut_stream"
    fake.pulling.cut_at = None
    states = list(server.pull("tiny"))
    assert states[-1].done
    assert states[1].completed_bytes >= 1_000_000_000


def test_fault_04_a_server_that_is_gone_is_not_shown_with_loaded_models(
    fake: FakeOllama, server: OllamaServer
) -> None:
    fake.install("tiny")
    fake.start("tiny")
    before = server.state()
    fake.close()
    after = server.state(before)
    assert after.status is ServerStatus.ABSENT
    assert after.running == ()


MEMORY_PROBE = """
import sys
from fakes.systems import peak_bytes
from wattlight.runtime import connect, RuntimeProblem
from wattlight.settings import ServerAddress
server = connect(ServerAddress(url=sys.argv[1]), {})
list(server.pull("warm-up"))
before = peak_bytes()
state = server.state()
try:
    list(server.pull("tiny"))
    code = "none"
except RuntimeProblem as problem:
    code = problem.code
grown = (peak_bytes() - before) // (1 << 20)
print(state.status.value, code, grown)
"""


@pytest.mark.parametrize(
    "fault", [faulty_answers.huge_body(500_000_000), faulty_answers.endless_line, faulty_answers.gzip_bomb]
)
def test_fault_05_endless_answers(fake: FakeOllama, fault: faulty_answers.Fault) -> None:
    fake.offer("warm-up", size=100_000)

    for path in ("/api/version", "/api/tags", "/api/ps"):
        fake.faults[path] = fault
    pulls = iter([None, fault])
    fake_pull = fake.pull

    def pull(body: object, handler: faulty_answers.Answering) -> None:
        chosen = next(pulls)
        fake_pull(body, handler) if chosen is None else chosen(handler)  # type: ignore[arg-type]

    fake.pull = pull  # type: ignore[method-assign]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_PROBE, fake.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=child_environ(PYTHONPATH=os.pathsep.join([str(DESKTOP), str(DESKTOP.parent / "tests")])),
    )
    status, code, grown = done.stdout.split()
    assert status in {"error", "foreign"}
    assert code in {"answer_too_large", "foreign_server", "cut_stream"}
    assert int(grown) < 50


def test_fault_06_bad_records_are_refused_one_by_one(fake: FakeOllama, server: OllamaServer) -> None:
    for path in ("/api/tags", "/api/ps"):
        fake.faults[path] = faulty_answers.nan_and_friends
    state = server.state()
    assert state.status is ServerStatus.READY
    assert [model.name for model in state.installed] == ["good:1b"]
    assert [model.name for model in state.running] == ["good:1b"]


def test_fault_07_a_compressed_answer_is_not_unpacked(fake: FakeOllama, server: OllamaServer) -> None:
    fake.faults["/api/version"] = faulty_answers.gzip_bomb
    assert server.state().status is ServerStatus.FOREIGN
    assert fake.requests[0].headers["Accept-Encoding"] == "identity"


def test_fault_08_redirects_are_not_followed(fake: FakeOllama, server: OllamaServer) -> None:
    with FakeOllama() as elsewhere:
        elsewhere.install("trap")
        for target in (elsewhere.url, "file:///etc/passwd"):
            fake.faults["*"] = faulty_answers.redirect(target)
            assert server.state().status is ServerStatus.FOREIGN
            for act in (lambda: server.load("trap"), lambda: list(server.pull("trap"))):
                with pytest.raises(RuntimeProblem) as caught:
                    act()
                assert caught.value.code == "foreign_server"
        assert elsewhere.requests == []


def test_fault_09_the_token_goes_to_its_server_only(
    fake: FakeOllama, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "key-of-the-environment")
    caplog.set_level(logging.DEBUG)
    fake.install("tiny")
    plain = connect(ServerAddress(url=fake.url), dict(os.environ))
    plain.state()
    plain.load("tiny")
    assert not any("Authorization" in request.headers for request in fake.requests)
    with_token = connect(ServerAddress(url=fake.url), {}, "Bearer sesame")
    with_token.state()
    with_token.load("tiny")
    assert fake.requests[-1].headers["Authorization"] == "Bearer sesame"
    fake.faults["*"] = faulty_answers.error(401, "who are you")
    assert "sesame" not in str(with_token.state().message)
    assert "sesame" not in caplog.text
    assert not parse_endpoint("http://box.lan").is_private
    head = Wire(parse_endpoint("http://box.lan"), "Bearer sesame")._head("GET", "/api/ps", None)
    assert b"sesame" not in head


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here to make a certificate")
def test_fault_10_a_certificate_nobody_knows_is_refused(tmp_path: Path) -> None:
    import ssl

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        [*OPENSSL.split(), "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl is not here to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        state = connect(ServerAddress(url=f"https://127.0.0.1:{listener.getsockname()[1]}"), {}).state()
        thread.join(5)
    assert state.status is ServerStatus.ERROR
    assert "could not be verified" in sentences(state.message)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("write /models/blobs/sha256-d8-partial: no space left on device", "no_room"),
        ("digest mismatch, file must be downloaded again: want sha256:d8, got sha256:13", "digest_mismatch"),
    ],
)
def test_fault_12_a_pull_that_fails_at_the_end(
    fake: FakeOllama, server: OllamaServer, text: str, code: str
) -> None:
    fake.offer("tiny")
    fake.pulling.steps = 100
    fake.pulling.error_at = 0.99
    fake.pulling.error = text
    states = []
    with pytest.raises(RuntimeProblem) as caught:
        for state in server.pull("tiny"):
            states.append(state)
    assert caught.value.code == code
    assert f'"{text}"' in caught.value.message
    assert states[-1].completed_bytes >= 1_900_000_000
    assert fake.parts["tiny:latest"] > 0, "the server keeps what has arrived"
    fake.pulling.error_at = None
    assert list(server.pull("tiny"))[-1].done


HOSTILE = [
    "<img src=/etc/passwd>",
    "<b>:8b",
    "a&b_c",
    "new\nline",
    "rtl\u202eoverride",
    "esc\x1b[31m",
    "x" * 10_000,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_fault_15_names_are_shown_literally_and_sent_as_they_are(
    fake: FakeOllama, server: OllamaServer, name: str
) -> None:
    fake.install(name + ":1b")
    model = server.installed()[0]
    assert len(model.name) <= 200
    assert not any(ch in model.name for ch in "\n\u202e\x1b")
    if name.isprintable() and len(name) < 200:
        assert model.name == name + ":1b"
    server.load(model.name)
    assert fake.requests[-2].body["model"] == name + ":1b"
    assert fake.running_names == [name + ":1b"]
    server.unload(model.name)
    server.remove(model.name)
    assert fake.installed_names == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a%2e%2e/b", "a\0b", "-rf", "--help"])
@pytest.mark.parametrize("act", ["load", "unload", "remove", "check_installed", "pull"])
def test_fault_16_names_that_could_be_paths_or_options_are_not_sent(
    fake: FakeOllama, server: OllamaServer, name: str, act: str
) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        result = getattr(server, act)(name)
        list(result)
    assert caught.value.code == "invalid_name"
    assert fake.requests == []


def test_fault_16_a_name_travels_in_the_body_never_in_the_path(
    fake: FakeOllama, server: OllamaServer
) -> None:
    fake.install("me/model:x")
    server.load("me/model:x")
    server.check_installed("me/model:x")
    server.remove("me/model:x")
    assert all("model:x" not in request.path for request in fake.requests)


def test_fault_17_terminal_escapes_in_errors_are_stripped(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("tiny")
    fake.load_errors["tiny:latest"] = "\x1b]0;owned\x07boo\x1b[2J"
    with pytest.raises(RuntimeProblem) as caught:
        server.load("tiny")
    assert not any(ch in str(caught.value) for ch in "\x1b\x07")
    assert "boo" in caught.value.message


def test_fault_18_five_thousand_models(fake: FakeOllama, server: OllamaServer) -> None:
    for number in range(5000):
        fake.install(f"model-{number}:1b")
    assert len(server.installed()) == 5000


def test_fault_19_older_and_newer_versions(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("tiny")
    fake.start("tiny")
    fake.omit_fields = frozenset(
        {"context_length", "details", "digest", "modified_at", "model", "expires_at"}
    )
    fake.extra_fields = {"brand_new": {"deep": [1, 2]}, "details2": None}
    state = server.state()
    assert state.status is ServerStatus.READY
    assert state.installed[0].family == ""
    assert state.running[0].context_length is None
    assert server.load("tiny") is not None


PROXIES = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5h://127.0.0.1:9",
    "OLLAMA_HOST": "http://[broken",
    "SSL_CERT_FILE": "/nonexistent",
}
PROXY_PROBE = """
import sys
from wattlight.runtime import connect
from wattlight.settings import ServerAddress
import os
before = dict(os.environ)
server = connect(ServerAddress(url=sys.argv[1]), os.environ)
state = server.state()
loaded, pulled = server.load("tiny").name, list(server.pull("tiny"))[-1].done
print(state.status.value, loaded, pulled, dict(os.environ) == before)
"""


def test_fault_65_a_proxy_in_the_environment_never_stands_before_loopback(fake: FakeOllama) -> None:
    fake.install("tiny")
    fake.offer("tiny")
    done = subprocess.run(
        [sys.executable, "-c", PROXY_PROBE, fake.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=child_environ(**PROXIES),
    )
    assert done.stdout.split() == ["ready", "tiny:latest", "True", "True"], done.stderr


def test_fault_65_a_pull_that_fails_behind_a_proxy_says_what_the_server_needs(fake: FakeOllama) -> None:
    fake.offer("tiny")
    fake.pulling.error_at, fake.pulling.error = 0.0, "pull model manifest: dial tcp: no such host"
    for environ, hinted in (({"HTTPS_PROXY": "http://proxy:3128"}, True), ({}, False)):
        server = connect(ServerAddress(url=fake.url), environ)
        with pytest.raises(RuntimeProblem) as caught:
            list(server.pull("tiny"))
        assert caught.value.code == "registry_unreachable"
        assert ("HTTPS_PROXY" in caught.value.next_step) is hinted


def test_fault_65_a_proxy_is_used_for_other_computers(fake: FakeOllama) -> None:
    environ = {"http_proxy": f"http://127.0.0.1:{fake.port}", "no_proxy": "near.lan,.intern"}
    fake.faults["*"] = faulty_answers.html
    far = connect(ServerAddress(url="http://far.example:11434", plain_http=True), environ)
    assert far.state().status is ServerStatus.FOREIGN
    assert fake.requests[0].headers["Host"] == "far.example:11434"
    with pytest.raises(RuntimeProblem) as caught:
        connect(ServerAddress(url="http://far.example:1", plain_http=True), {"all_proxy": "socks5h://x:1"})
    assert caught.value.code == "proxy"
    for name in ("near.lan", "box.intern"):
        connect(
            ServerAddress(url=f"http://{name}:1", plain_http=True), {"all_proxy": "socks5h://x:1", **environ}
        )


def test_fault_65_a_dead_proxy_is_named(fake: FakeOllama) -> None:
    wire = Wire(parse_endpoint("https://far.example"), proxy=Proxy("127.0.0.1", fake.port))
    fake.faults["*"] = faulty_answers.error(407, "sign in")
    with pytest.raises(WireFault) as caught:
        wire.ask("GET", "/api/ps")
    assert caught.value.kind is FaultKind.PROXY


def test_out_of_memory_while_loading_is_said_plainly(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("big", size=9_000_000_000)
    fake.memory_bytes = 1_000_000_000
    with pytest.raises(RuntimeProblem) as caught:
        server.load("big")
    assert caught.value.code == "out_of_memory"


def test_an_embedding_model_is_loaded_the_other_way(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("embed", embeds_only=True)
    loaded = server.load("embed")
    assert loaded is not None
    assert fake.requests[-2].path == "/api/embed"


def test_the_steady_poll_imports_no_library(fake: FakeOllama) -> None:
    code = (
        "import sys\nfrom wattlight.runtime import connect\nfrom wattlight.settings import ServerAddress\n"
        "connect(ServerAddress(url=sys.argv[1]), {}).state()\n"
        "print([m for m in ('ollama', 'httpx', 'pydantic', 'anyio') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, fake.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=child_environ(),
    )
    assert done.stdout.strip() == "[]"


def test_where_nobody_listens_fit_loads_neither_http_nor_tariffs() -> None:
    code = (
        "import contextlib, sys\nimport wattlight.cli.verb_fit\nfrom wattlight.domain.values import Problem\n"
        "from wattlight.runtime import connect\nfrom wattlight.settings import ServerAddress\n"
        "with contextlib.suppress(Problem):\n"
        "    connect(ServerAddress(url='http://127.0.0.1:1'), {}).version()\n"
        "print([m for m in ('http.client', 'ssl', 'wattlight.domain.tariff') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=child_environ(),
    )
    assert done.stdout.strip() == "[]"


def test_a_light_poll_asks_for_the_loaded_models_only(fake: FakeOllama, server: OllamaServer) -> None:
    state = server.state(part=ServerPart.LOADED)
    fake.requests.clear()
    again = server.state(state, part=ServerPart.LOADED)
    assert [request.path for request in fake.requests] == ["/api/ps"]
    assert again == state


def test_closing_a_pull_early_closes_its_connection(fake: FakeOllama, server: OllamaServer) -> None:
    fake.offer("tiny")
    fake.pulling.steps = 50
    fake.pulling.gate = threading.Semaphore(3)
    states = server.pull("tiny")
    assert next(states).status == "pulling manifest"
    assert next(states).completed_bytes > 0
    states.close()  # type: ignore[attr-defined]
    for _ in range(300):
        if fake.abandoned_pulls:
            break
        time.sleep(0.01)
    assert fake.abandoned_pulls == ["tiny:latest"]


def test_a_cancel_in_the_middle_of_a_pull(fake: FakeOllama, server: OllamaServer) -> None:
    fake.offer("tiny")
    fake.pulling.steps = 50
    fake.pulling.gate = threading.Semaphore(3)
    cancel = Event()
    states = []
    for state in server.pull("tiny", cancel):
        states.append(state)
        if state.completed_bytes:
            cancel.set()
    assert states[-1].cancelled
    assert not states[-1].done
    assert states[-1].completed_bytes > 0


def test_a_refusal_of_what_stands_in_front_is_named(fake: FakeOllama, server: OllamaServer) -> None:
    page = b"<html>who are you?</html>"
    for status, code, word in (
        (401, "sign_in", "asks for a sign-in"),
        (403, "refused_address", "refuses requests"),
        (503, "bad_gateway", "the server behind it does not"),
        (504, "bad_gateway", "HTTP 504"),
    ):
        fake.faults["*"] = lambda handler, status=status: handler.reply(status, "text/html", page)
        for act in (server.installed, lambda: server.load("tiny")):
            with pytest.raises(RuntimeProblem, match=word) as caught:
                act()
            assert caught.value.code == code
            assert "who are you" not in str(caught.value)
        assert server.state().status is ServerStatus.ERROR


def test_a_busy_server_is_no_gateway(fake: FakeOllama, server: OllamaServer) -> None:
    fake.faults["*"] = lambda handler: handler.json(503, {"error": "server busy, please try again."})
    with pytest.raises(RuntimeProblem) as caught:
        server.running()
    assert caught.value.code == "server_busy"


def test_an_old_server_says_its_version(fake: FakeOllama, server: OllamaServer) -> None:
    fake.version = "0.1.29"
    fake.faults["/api/ps"] = faulty_answers.not_found
    state = server.state()
    assert "Ollama 0.1.29" in sentences(state.message)
    assert "too old" in sentences(state.message)
    assert state.status is ServerStatus.ERROR


def test_a_path_after_the_port_is_named(fake: FakeOllama) -> None:
    with pytest.raises(RuntimeProblem, match=f"answers at {fake.url}, not at") as caught:
        connect(ServerAddress(url=f"{fake.url}/api/chat"), {}).installed()
    assert caught.value.next_step == "Write the address without /api/chat."


def test_a_redirect_to_https_names_the_address(fake: FakeOllama, server: OllamaServer) -> None:
    place = f"https://127.0.0.1:{fake.port}/api/version"
    fake.faults["*"] = lambda handler: handler.raw(
        f"HTTP/1.1 308 Moved\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    with pytest.raises(RuntimeProblem) as caught:
        server.version()
    assert caught.value.code == "wants_https"
    assert f"https://127.0.0.1:{fake.port}" in caught.value.next_step


def test_plain_words_to_a_port_of_https(fake: FakeOllama, server: OllamaServer) -> None:
    text = b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"
    fake.faults["*"] = lambda handler: handler.reply(400, "text/html", text)
    with pytest.raises(RuntimeProblem) as caught:
        server.version()
    assert caught.value.code == "wants_https"


def test_https_to_a_port_of_plain_words(fake: FakeOllama) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        connect(ServerAddress(url=fake.url.replace("http:", "https:")), {}).version()
    assert caught.value.code == "wants_http"
    assert f"http://127.0.0.1:{fake.port}" in caught.value.next_step


@pytest.mark.parametrize(
    ("status", "word"),
    [(502, "could not reach"), (504, "HTTP 504"), (407, "asks for a sign-in"), (200, "web page")],
)
def test_a_failing_proxy_is_named(fake: FakeOllama, status: int, word: str) -> None:
    fake.faults["*"] = lambda handler: handler.reply(status, "text/html", b"<html>proxy</html>")
    environ = {"http_proxy": fake.url}
    with pytest.raises(RuntimeProblem, match=word) as caught:
        connect(ServerAddress(url="http://far.example:11434", plain_http=True), environ).installed()
    assert f"The proxy 127.0.0.1:{fake.port}" in caught.value.message
    assert "far.example" in caught.value.message
    assert "Add far.example to NO_PROXY" in caught.value.next_step


def test_a_proxy_that_is_not_there_is_named() -> None:
    port = closed_port()
    for url in ("http://far.example:11434", "https://far.example"):
        environ = {"http_proxy": f"127.0.0.1:{port}", "https_proxy": f"127.0.0.1:{port}"}
        with pytest.raises(RuntimeProblem, match=f"The proxy 127.0.0.1:{port} does not answer") as caught:
            connect(ServerAddress(url=url, plain_http=True), environ).version()
        assert caught.value.code == "proxy"


def test_the_end_of_a_model_is_told_by_the_servers_clock() -> None:
    for minutes in (-25, 45):
        with FakeOllama(now=lambda m=minutes: datetime.now(UTC) + timedelta(minutes=m)) as fake:
            fake.install("tiny")
            fake.start("tiny", keep="5m")
            (model,) = connect(ServerAddress(url=fake.url), {}).running()
        assert model.expires_at is not None
        assert abs((model.expires_at - datetime.now(UTC)).total_seconds() - 300) < 5


def test_a_model_that_only_embeds_is_unloaded(fake: FakeOllama, server: OllamaServer) -> None:
    fake.install("words", embeds_only=True)
    fake.install("tiny")
    server.load("words")
    fake.start("tiny")
    server.unload("words")
    assert fake.running_names == ["tiny:latest"]
    assert [r.body.get("keep_alive") for r in fake.requests if r.path == "/api/embed"][-1] == 0
