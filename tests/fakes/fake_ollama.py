"""An Ollama server that exists only in a test: same paths, same words, same oddities, no models.

Built on the recorded answers of a real one (``recordings.py``); the contract suite holds both against the
same expectations. It listens on a free loopback port, answers each request in a thread of its own and ends
all of them when it is closed.

    with FakeOllama() as fake:
        fake.install("llama3.2:3b")
        fake.faults["/api/ps"] = faulty_answers.hang
"""

import json
import re
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from fakes.fake_answers import Prompt, openai_document, openai_events, own_lines, read_prompt
from fakes.faulty_answers import Fault

FOREVER = datetime(2319, 3, 5, 15, 4, 46, 989402, tzinfo=UTC)
"""What a real server reports for ``keep_alive`` -1 (now + Go's longest duration)."""
LIMIT_S = 20.0
"""No wait inside the fake is longer: a broken test ends."""
KV_BYTES_PER_TOKEN = 1000
OUT_OF_MEMORY = "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory"
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_NAME = re.compile(r"(?:[\w.-]+(?::\d+)?/)?(?:[\w-]+/)?\w[\w.-]*(?::\w[\w.-]*)?", re.ASCII)


@dataclass(frozen=True)
class FakeModel:
    """A model on the disk or in the registry."""

    name: str
    size: int = 2_000_000_000
    family: str = "llama"
    parameter_size: str = "3.2B"
    quantization: str = "Q4_K_M"
    trained_context: int = 8192
    digest: str = ""
    embeds_only: bool = False
    remote_host: str = ""
    own_context: int | None = None
    """``num_ctx`` of its Modelfile."""
    weights: str = ""
    """Models with the same text here have one file of weights, and so one runner."""
    shape: dict[str, Any] | None = field(default=None, compare=False)
    """{"kv", "tensors"} of its header, which /api/show tells."""
    parameters: str = 'stop                           "</s>"'

    @property
    def weights_digest(self) -> str:
        """Of the file of weights."""
        return sha256(f"{self.weights or self.name}weights".encode()).hexdigest()

    @property
    def layers(self) -> tuple[tuple[str, int], ...]:
        """(digest, bytes) of the weights and of two small files."""
        small = (("template", 13), ("params", 279))
        big = ("weights", self.size - sum(size for _, size in small))
        return tuple(
            ("sha256:" + sha256(f"{self.name}{what}".encode()).hexdigest(), size)
            for what, size in (big, *small)
        )


@dataclass
class FakeRunner:
    """A loaded model."""

    model: FakeModel
    context: int
    expires_at: datetime

    @property
    def size(self) -> int:
        """Weights and KV cache."""
        return self.model.size + self.context * KV_BYTES_PER_TOKEN


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class PullScript:
    """How the next pulls go."""

    steps: int = 4
    """Lines for the large layer."""
    gate: threading.Semaphore | None = None
    """When set, each of these lines waits for one release."""
    error_at: float | None = None
    """Share of the large layer after which ``error`` ends the pull."""
    error: str = ""
    cut_at: float | None = None
    """Share after which the connection simply ends."""
    hang_at: float | None = None
    """Share after which nothing more comes."""


@dataclass
class _State:
    installed: dict[str, FakeModel] = field(default_factory=dict)
    offered: dict[str, FakeModel] = field(default_factory=dict)
    running: list[FakeRunner] = field(default_factory=list)
    parts: dict[str, int] = field(default_factory=dict)


class FakeOllama:
    """The fake server. Attributes may be changed at any time while it runs."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self.version = "0.33.0"
        self.faults: dict[str, Fault] = {}
        """Path ("/api/ps", or "*" for all) to the wrong answer it gives."""
        self.requests: list[Request] = []
        self.loads: list[tuple[str, int]] = []
        """Every load that happened: (name, context)."""
        self.load_errors: dict[str, str] = {}
        """Name to the text of the HTTP 500 that a load of it ends with."""
        self.load_gate: threading.Event | None = None
        """When set, a load waits for it; one whose client goes away before is given up."""
        self.word_gate: threading.Semaphore | None = None
        """When set, each word of an answer waits for one release."""
        self.memory_bytes: int | None = None
        """When set, a load that does not fit first pushes other models out, then fails."""
        self.vram_share = 1.0
        self.default_context = 4096
        self.pulling = PullScript()
        self.abandoned_pulls: list[str] = []
        self.omit_fields: frozenset[str] = frozenset()
        """Fields an older version does not know."""
        self.extra_fields: dict[str, Any] = {}
        """Fields only a newer version knows."""
        self.ended = threading.Event()
        self._state = _State()
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake-ollama")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering; returns when every thread has ended. Calling it again does nothing."""
        if self.ended.is_set():
            return
        self.ended.set()
        self._server.shutdown()
        self._thread.join(LIMIT_S)
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def install(self, name: str, **facts: Any) -> FakeModel:
        """Put a model on its disk."""
        with self._lock:
            model = _model(name, facts)
            self._state.installed[model.name] = model
            return model

    def offer(self, name: str, **facts: Any) -> FakeModel:
        """Put a model into the registry it pulls from."""
        with self._lock:
            model = _model(name, facts)
            self._state.offered[model.name] = model
            return model

    def start(self, name: str, context: int | None = None, keep: str | float = "5m") -> None:
        """Load a model without a request."""
        with self._lock:
            model = self._state.installed[_tagged(name)]
            expiry = self.now() + (_go_duration(keep) or timedelta(0))
            self._state.running.append(FakeRunner(model, context or self.default_context, expiry))

    @property
    def installed_names(self) -> list[str]:
        """What is on the disk."""
        with self._lock:
            return list(self._state.installed)

    @property
    def running_names(self) -> list[str]:
        """What is loaded and has not expired."""
        with self._lock:
            self._expire()
            return [runner.model.name for runner in self._state.running]

    @property
    def parts(self) -> dict[str, int]:
        """Bytes kept of unfinished pulls."""
        with self._lock:
            return dict(self._state.parts)

    # What follows answers requests; each returns (status, document) or streams through the handler.

    def tags(self) -> Any:
        """``/api/tags``."""
        with self._lock:
            return {"models": [self._shaped(_tag_record(model)) for model in self._state.installed.values()]}

    def ps(self) -> Any:
        """``/api/ps``."""
        with self._lock:
            self._expire()
            return {"models": [self._shaped(self._ps_record(runner)) for runner in self._state.running]}

    def show(self, body: Any) -> tuple[int, Any]:
        """``/api/show``."""
        name = str(body.get("model", ""))
        with self._lock:
            model = self._state.installed.get(_tagged(name))
        if model is None:
            return 404, {"error": f"model '{_tagged(name)}' not found"}
        return 200, self._shaped(_show_record(model, bool(body.get("verbose"))))

    def delete(self, body: Any) -> tuple[int, Any]:
        """``/api/delete``: a loaded model stays loaded."""
        name = str(body.get("model", ""))
        with self._lock:
            if self._state.installed.pop(_tagged(name), None) is None:
                return 404, {"error": f"model '{name}' not found"}
        return 200, None

    def copy(self, body: Any) -> tuple[int, Any]:
        """``/api/copy``: another name of the same files; what had that name loses it."""
        name = str(body.get("source", ""))
        with self._lock:
            model = self._state.installed.get(_tagged(name))
            if model is None:
                return 404, {"error": f"model '{name}' not found"}
            other = _tagged(str(body.get("destination", "")))
            self._state.installed[other] = replace(
                model, name=other, digest=model.digest, weights=model.weights or model.name
            )
        return 200, None

    def create(self, body: Any) -> tuple[int, Any]:
        """``/api/create`` from another model: its files under another name, with parameters of its own."""
        name = str(body.get("from", ""))
        with self._lock:
            model = self._state.installed.get(_tagged(name))
            if model is None:
                return 404, {"error": f"model '{name}' not found"}
            other, wanted = _tagged(str(body.get("model", ""))), body.get("parameters") or {}
            self._state.installed[other] = replace(
                model,
                name=other,
                digest=sha256(f"{model.digest}{other}{wanted}".encode()).hexdigest(),
                weights=model.weights or model.name,
                own_context=wanted.get("num_ctx"),
            )
        return 200, {"status": "success"}

    def generate(self, body: Any, handler: "_Handler") -> tuple[int, Any]:
        """Load what is asked for words, or unload with ``keep_alive`` 0."""
        name = str(body.get("model", ""))
        with self._lock:
            model = self._state.installed.get(_tagged(name))
        if model is None:
            return 404, {"error": f"model '{name}' not found"}
        if model.embeds_only and handler.path == "/api/generate":
            return 400, {"error": f'"{name}" does not support generate'}
        keep = _go_duration(body.get("keep_alive", "5m"))
        if keep is None:
            return 400, {"error": f'time: invalid duration "{body["keep_alive"]}"'}
        answer = {"model": name, "created_at": _go_time(self.now()), "response": "", "done": True}
        if keep == timedelta(0):
            with self._lock:
                gone = model.weights_digest
                self._state.running = [r for r in self._state.running if r.model.weights_digest != gone]
            return 200, {**answer, "done_reason": "unload"}
        if (failure := self._load(model, body, keep, handler)) is not None:
            return failure
        return 200, {**answer, "done_reason": "load"}

    def pull(self, body: Any, handler: "_Handler") -> None:
        """``/api/pull``: what fails after the start fails inside an HTTP 200."""
        name = str(body.get("model") or body.get("name") or "")
        if not _NAME.fullmatch(name):
            handler.json(400, {"error": "invalid model name"})
            return
        handler.begin_stream()
        handler.stream({"status": "pulling manifest"})
        with self._lock:
            model = self._state.offered.get(_tagged(name))
        if model is None:
            handler.stream({"error": "pull model manifest: file does not exist"})
        elif self._transfer(model, handler):
            for status in ("verifying sha256 digest", "writing manifest", "success"):
                handler.stream({"status": status})
            with self._lock:
                self._state.parts.pop(model.name, None)
                self._state.installed[model.name] = model
        handler.end_stream()

    def _transfer(self, model: FakeModel, handler: "_Handler") -> bool:
        script = self.pulling
        (digest, size), *small = model.layers
        done = self.parts.get(model.name, 0)
        step = max(1, size // script.steps)
        while done < size:
            if not self.may_go_on(script.gate, handler):
                self.abandoned_pulls.append(model.name)
                return False
            done = min(size, done + step)
            with self._lock:
                self._state.parts[model.name] = done
            share = done / size
            if script.error_at is not None and share >= script.error_at:
                handler.stream(_layer(digest, size, done))
                handler.stream({"error": script.error})
                return False
            if script.cut_at is not None and share >= script.cut_at:
                handler.cut = True
                return False
            if script.hang_at is not None and share >= script.hang_at:
                handler.wait_for_the_end()
                return False
            if not handler.stream(_layer(digest, size, done)):
                self.abandoned_pulls.append(model.name)
                return False
        for name, length in small:
            handler.stream(_layer(name, length, length))
        return True

    def may_go_on(self, gate: threading.Semaphore | None, handler: "_Handler") -> bool:
        """Wait for one release of ``gate``; False when nobody listens any more."""
        if gate is None:
            return not handler.gone()
        for _ in range(int(LIMIT_S / 0.02)):
            if gate.acquire(timeout=0.02):
                return True
            if handler.gone():
                return False
        return False

    def _load(
        self, model: FakeModel, body: Any, keep: timedelta, handler: "_Handler"
    ) -> tuple[int, Any] | None:
        context = int((body.get("options") or {}).get("num_ctx") or model.own_context or self.default_context)
        context = min(context, model.trained_context)
        with self._lock:
            weights = model.weights_digest
            same = next((r for r in self._state.running if r.model.weights_digest == weights), None)
            if same is not None and same.context == context:
                same.expires_at = self.now() + keep if keep > timedelta(0) else FOREVER
                return None
        if self.load_gate is not None and not handler.wait_for(self.load_gate):
            return 499, {"error": "client closed request"}
        if model.name in self.load_errors:
            return 500, {"error": self.load_errors[model.name]}
        with self._lock:
            self._state.running = [r for r in self._state.running if r is not same]
            runner = FakeRunner(model, context, self.now() + keep if keep > timedelta(0) else FOREVER)
            if not self._make_room(runner):
                return 500, {"error": OUT_OF_MEMORY}
            self._state.running.append(runner)
            self.loads.append((model.name, context))
        return None

    def _make_room(self, runner: FakeRunner) -> bool:
        if self.memory_bytes is None:
            return True
        while self._state.running and self._used() + runner.size > self.memory_bytes:
            self._state.running.pop(0)
        return runner.size <= self.memory_bytes

    def _used(self) -> int:
        return sum(runner.size for runner in self._state.running)

    def _expire(self) -> None:
        now = self.now()
        self._state.running = [r for r in self._state.running if r.expires_at > now]

    def _ps_record(self, runner: FakeRunner) -> dict[str, Any]:
        model = runner.model
        details = _details(model)
        return {
            "name": model.name,
            "model": model.name,
            "size": runner.size,
            "digest": model.digest,
            "details": details,
            "expires_at": _go_time(runner.expires_at),
            "size_vram": int(runner.size * self.vram_share),
            "context_length": runner.context,
        }

    def _shaped(self, document: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in document.items() if key not in self.omit_fields}
        return {**kept, **self.extra_fields}


def _model(name: str, facts: dict[str, Any]) -> FakeModel:
    model = FakeModel(_tagged(name), **facts)
    digest = model.digest or sha256(model.name.encode()).hexdigest()
    return replace(model, digest=digest)


def _tagged(name: str) -> str:
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def _layer(digest: str, total: int, completed: int) -> dict[str, Any]:
    return {
        "status": f"pulling {digest.removeprefix('sha256:')[:12]}",
        "digest": digest,
        "total": total,
        "completed": completed,
    }


def _details(model: FakeModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }


def _tag_record(model: FakeModel) -> dict[str, Any]:
    more = {"context_length": model.trained_context, "embedding_length": 4096}
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": "2026-11-23T15:17:29.718875738Z",
        "size": model.size,
        "digest": model.digest,
        "details": {**_details(model), **more},
        "capabilities": ["embedding" if model.embeds_only else "completion"],
        **({"remote_host": model.remote_host} if model.remote_host else {}),
    }


def _show_record(model: FakeModel, verbose: bool) -> dict[str, Any]:
    family = model.family
    told: dict[str, Any] = {}
    if model.shape is not None:
        told["model_info"] = {
            key: [] if isinstance(value, list) and len(value) > 5 and not verbose else value
            for key, value in model.shape["kv"].items()
        }
        told["tensors"] = [{"name": n, "type": t, "shape": list(d)} for n, d, t in model.shape["tensors"]]
    return {
        "modelfile": f"FROM /models/blobs/sha256-{model.weights_digest}\n",
        "parameters": model.parameters,
        "template": "{{ .Prompt }}",
        "details": _details(model),
        "model_info": {
            "general.architecture": family,
            "general.parameter_count": 3_212_749_888,
            f"{family}.block_count": 28,
            f"{family}.context_length": model.trained_context,
        },
        "capabilities": ["embedding" if model.embeds_only else "completion"],
        "modified_at": "2026-11-23T15:17:29.718875738Z",
        **told,
    }


def _go_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def _go_duration(value: object) -> timedelta | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=-1) if value < 0 else timedelta(seconds=value)
    text = str(value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.lstrip("-"):
        return None
    seconds = sum(float(number) * _GO_UNITS[unit] for number, unit in parts)
    return timedelta(seconds=-1 if text.startswith("-") else seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64
    fake: FakeOllama

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    cut = False

    @property
    def fake(self) -> FakeOllama:
        return self.server.fake

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._route()

    do_POST = do_DELETE = do_HEAD = do_GET

    def _route(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        path = urlsplit(self.path).path
        try:
            document = json.loads(raw) if raw else None
        except ValueError as error:
            self.json(400, {"error": str(error)})
            return
        self.fake.requests.append(Request(self.command, path, document, dict(self.headers.items())))
        fault = self.fake.faults.get(path) or self.fake.faults.get("*")
        if fault is not None:
            fault(self)
            return
        self._answer(path, document)

    def _answer(self, path: str, body: Any) -> None:
        fake = self.fake
        match (self.command, path):
            case ("GET" | "HEAD", "/"):
                self.reply(200, "text/plain; charset=utf-8", b"Ollama is running")
            case ("GET", "/api/version"):
                self.json(200, {"version": fake.version})
            case ("GET", "/api/tags"):
                self.json(200, fake.tags())
            case ("GET", "/api/ps"):
                self.json(200, fake.ps())
            case ("POST" | "DELETE", _) if body is None:
                self.json(400, {"error": "missing request body"})
            case ("POST", "/api/show"):
                self.json(*fake.show(body))
            case ("DELETE", "/api/delete"):
                self.json(*fake.delete(body))
            case ("POST", "/api/copy"):
                self.json(*fake.copy(body))
            case ("POST", "/api/create"):
                self.json(*fake.create(body))
            case ("POST", "/api/generate" | "/api/embed" | "/api/chat"):
                self._generate(path, body)
            case ("POST", "/v1/chat/completions" | "/v1/completions"):
                self._generate(path, body)
            case ("POST", "/api/pull"):
                fake.pull(body, self)
            case _:
                self.reply(404, "text/plain", b"404 page not found")

    def _generate(self, path: str, body: Any) -> None:
        prompt = None if path == "/api/embed" else read_prompt(path, body)
        status, document = self.fake.generate(body, self)
        if prompt is None or status != 200:
            self.json(status, document)
        elif prompt.shape.startswith("openai"):
            self._openai(prompt)
        elif prompt.streamed:
            self.begin_stream()
            for line in own_lines(prompt):
                if not self._next_word() or not self.stream(line):
                    return
            self.end_stream()
        else:
            self.json(200, next(own_lines(prompt)))

    def _openai(self, prompt: Prompt) -> None:
        if not prompt.streamed:
            self.json(200, openai_document(prompt))
            return
        self.begin_stream("text/event-stream")
        for event in openai_events(prompt):
            if not self._next_word() or not self.chunk(event):
                return
        self.end_stream()

    def _next_word(self) -> bool:
        gate = self.fake.word_gate
        return gate is None or self.fake.may_go_on(gate, self)

    def json(self, status: int, document: Any) -> None:
        """One JSON answer; None is an empty body."""
        data = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
        self.reply(status, "application/json; charset=utf-8", data)

    def reply(self, status: int, content_type: str, data: bytes) -> None:
        """One whole answer."""
        head = [
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(data)}",
            f"Date: {format_datetime(self.fake.now(), usegmt=True)}",
            "Connection: close",
        ]
        self.raw(("\r\n".join(head) + "\r\n\r\n").encode() + (b"" if self.command == "HEAD" else data))

    def begin_stream(self, content_type: str = "application/x-ndjson") -> None:
        """The head of a stream."""
        self.raw(
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        )

    def stream(self, document: Any) -> bool:
        """One line; False when nobody listens any more."""
        return self.chunk(json.dumps(document, separators=(",", ":")).encode() + b"\n")

    def chunk(self, data: bytes) -> bool:
        """One piece of a stream; False when nobody listens any more."""
        return not self.gone() and self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end_stream(self) -> None:
        """The last chunk, unless the stream is to be cut."""
        if not self.cut:
            self.raw(b"0\r\n\r\n")

    def raw(self, data: bytes) -> bool:
        """Write bytes; False when the other side has gone or the fake closes."""
        if self.fake.ended.is_set():
            return False
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            return False
        return True

    def gone(self) -> bool:
        """True when the fake closes or the other side has closed its connection."""
        if self.fake.ended.is_set():
            return True
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def pause(self, seconds: float) -> bool:
        """Wait a little; True when it is time to go."""
        return self.fake.ended.wait(seconds) or self.gone()

    def wait_for_the_end(self) -> None:
        """Wait until the fake closes or the other side goes away."""
        for _ in range(int(LIMIT_S / 0.02)):
            if self.pause(0.02):
                return

    def wait_for(self, event: threading.Event) -> bool:
        """Wait for an event of the test; False when the other side goes away first."""
        for _ in range(int(LIMIT_S / 0.02)):
            if event.wait(0.02):
                return True
            if self.gone():
                return False
        return False
