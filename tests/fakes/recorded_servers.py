"""Servers of other kinds than Ollama that answer as real ones were recorded, and note what they are asked."""

import json
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).resolve().parents[1] / "data" / "engines" / "recorded.json"
LLAMA_UNKNOWN = "llamacpp/api_tags"
LM_STUDIO_LIST = {
    "models": [
        {
            "type": "llm",
            "publisher": "someone",
            "key": "someone/small-3b",
            "display_name": "Small 3B",
            "architecture": "llama",
            "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
            "size_bytes": 2_019_377_696,
            "params_string": "3B",
            "loaded_instances": [{"id": "someone/small-3b", "config": {"context_length": 8192}}],
            "max_context_length": 131_072,
            "format": "gguf",
        },
        {
            "type": "embedding",
            "publisher": "someone",
            "key": "text-embedding-small",
            "display_name": "Small",
            "quantization": {"name": "F16", "bits_per_weight": 16},
            "size_bytes": 84_106_624,
            "params_string": None,
            "loaded_instances": [],
            "max_context_length": 2048,
            "format": "gguf",
        },
    ]
}
"""As its documentation says ``GET /api/v1/models`` answers."""


@cache
def recorded() -> dict[str, Any]:
    """Every recorded answer by name."""
    documents: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return documents


class RecordedServer:
    """Answers ``pages`` ("GET /path" -> the name of a recording, or (status, document)) until it is closed.

    A page that is not there is answered with ``unknown``. Pages may be changed while it runs.
    """

    def __init__(self, pages: dict[str, Any], unknown: Any = (404, {"detail": "Not Found"})) -> None:
        self.pages = dict(pages)
        self.unknown = unknown
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.tokens: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = False
        self._server.home = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def respond(self, request: str, body: Any) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to ``request`` ("GET /path")."""
        return whole(self.pages.get(request, self.unknown))


def whole(page: Any) -> tuple[int, dict[str, str], bytes]:
    """A page as it goes over the wire."""
    if isinstance(page, tuple):
        status, document = page[:2]
        headers = {"content-type": "application/json", **(page[2] if len(page) > 2 else {})}
        return status, headers, document if isinstance(document, bytes) else json.dumps(document).encode()
    told = recorded()[page]
    if "lines" in told:
        return told["status"], told["headers"], "\n".join(told["lines"]).encode()
    body = told["body"]
    raw = body.encode() if isinstance(body, str) and "json" not in str(told["headers"]) else None
    return told["status"], told["headers"], raw if raw is not None else json.dumps(body).encode()


class _Handler(BaseHTTPRequestHandler):
    def version_string(self) -> str:
        return ""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        home: RecordedServer = self.server.home  # type: ignore[attr-defined]
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        request = f"{self.command} {self.path}"
        home.asked.append(request)
        home.bodies.append(body)
        home.tokens.append(self.headers.get("Authorization"))
        status, headers, raw = home.respond(request, body)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_GET


class FakeRouter(RecordedServer):
    """llama.cpp's router as it was recorded: a load has only begun at success, an unload takes a while.

    ``slow`` looks pass until a load or unload is over; ``broken`` models end with exit code 1; of more than
    ``most`` loaded models the oldest goes.
    """

    def __init__(self, names: tuple[str, ...] = ("tiny-a", "tiny-b", "broken"), most: int = 2) -> None:
        super().__init__({"GET /props": "llamacpp_router/props_router"}, LLAMA_UNKNOWN)
        self.states = dict.fromkeys(names, "unloaded")
        self.failed: set[str] = set()
        self.broken = {"broken"}
        self.slow, self.most = 2, most
        self._ends: dict[str, tuple[int, str]] = {}

    def respond(self, request: str, body: Any) -> tuple[int, dict[str, str], bytes]:
        here = {"server": "llama.cpp"}
        if request in {"GET /models", "GET /v1/models"}:
            self._tick()
            return whole((200, {"data": [self._model(name) for name in self.states]}, here))
        name = str(body.get("model")) if isinstance(body, dict) else ""
        if request == "POST /models/load":
            if name not in self.states:
                return whole("llamacpp_router/load_unknown")
            if self.states[name] != "unloaded":
                return whole("llamacpp_router/load_already_loaded")
            self.failed.discard(name)
            loaded = [n for n, state in self.states.items() if state == "loaded"]
            if len(loaded) >= self.most:
                self.states[loaded[0]] = "unloaded"
            self.states[name] = "loading"
            self._ends[name] = (self.slow, "unloaded" if name in self.broken else "loaded")
            return whole((200, {"success": True}, here))
        if request == "POST /models/unload":
            if self.states.get(name) not in {"loaded", "sleeping"}:
                return whole("llamacpp_router/unload_not_loaded")
            self._ends[name] = (self.slow, "unloaded")
            return whole((200, {"success": True}, here))
        if request == "POST /tokenize" and self.states.get(name) == "sleeping":
            self.states[name] = "loaded"
            return whole((200, {"tokens": [1]}, here))
        return super().respond(request, body)

    def _tick(self) -> None:
        for name, (left, end) in list(self._ends.items()):
            if left:
                self._ends[name] = (left - 1, end)
                continue
            if self.states[name] == "loading" and end == "unloaded":
                self.failed.add(name)
            self.states[name] = end
            del self._ends[name]

    def _model(self, name: str) -> dict[str, Any]:
        told = {item["id"]: item for item in recorded()["llamacpp_router/models"]["body"]["data"]}
        item = {k: v for k, v in told.get(name, told["tiny-b"]).items() if k != "meta"}
        state: dict[str, Any] = {"value": self.states[name]}
        if name in self.failed:
            state |= {"failed": True, "exit_code": 1}
        item |= {"id": name, "status": state}
        if self.states[name] in {"loaded", "sleeping"}:
            item["meta"] = told["tiny-a"]["meta"]
        return item
