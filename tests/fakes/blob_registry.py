"""A registry of model files on loopback, for reading headers: a second server for blobs, ranges, faults."""

import json
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PREFIX = "application/vnd.ollama.image."
_CONFIG = "application/vnd.docker.container.image.v1+json"
_PIECE = 1 << 15


@dataclass
class Conduct:
    """How the servers behave; may be changed at any time."""

    redirect_to: str | None = None
    redirect_status: int = 307
    direct: bool = False
    """The registry serves blobs itself."""
    ignore_range: bool = False
    wrong_part: bool = False
    manifest_status: int = 200
    endless: bytes = b""
    """Sent over and over instead of the blob."""
    loops: bool = False
    packed: bool = False


@dataclass
class Request:
    """A request as it came."""

    server: str
    path: str
    headers: dict[str, str]


@dataclass
class _Content:
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


class BlobRegistry:
    """Two servers: the registry and its storage. Blobs may claim more bytes than they hold."""

    def __init__(self) -> None:
        self.conduct = Conduct()
        self.requests: list[Request] = []
        self.sent_bytes = 0
        self.content = _Content()
        self._servers = [_Server(name, self) for name in ("registry", "storage")]
        self._threads = [threading.Thread(target=s.serve_forever, args=(0.01,)) for s in self._servers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(20)

    def port(self, server: int = 0) -> int:
        """Port of the registry (0) or the storage (1)."""
        return int(self._servers[server].server_address[1])

    def add(
        self,
        name: str,
        header: bytes,
        size: int,
        config: dict[str, Any] | None = None,
        extra: tuple[tuple[str, bytes], ...] = (),
        kind: str = "model",
    ) -> str:
        """Offer a model whose file begins with ``header`` and has ``size`` bytes; returns its full name."""
        layers = [self._layer(_PREFIX + kind, header, size)]
        layers += [self._layer(_PREFIX + media, data, len(data)) for media, data in extra]
        facts = json.dumps({"model_format": "gguf", **(config or {})}).encode()
        document = {"schemaVersion": 2, "config": self._layer(_CONFIG, facts, len(facts)), "layers": layers}
        self.content.manifests[name] = json.dumps(document).encode()
        return f"127.0.0.1:{self.port()}/library/{name}:latest"

    def add_manifest(self, name: str, raw: bytes) -> str:
        """Offer a manifest as it is."""
        self.content.manifests[name] = raw
        return f"127.0.0.1:{self.port()}/library/{name}:latest"

    def _layer(self, media: str, data: bytes, size: int) -> dict[str, Any]:
        digest = "sha256:" + sha256(data).hexdigest()
        self.content.blobs[digest] = data
        self.content.sizes[digest] = size
        return {"mediaType": media, "digest": digest, "size": size}


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, name: str, registry: BlobRegistry) -> None:
        self.name, self.registry = name, registry
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what is wanted."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        registry, conduct = self.server.registry, self.server.registry.conduct
        registry.requests.append(Request(self.server.name, self.path, dict(self.headers.items())))
        parts = self.path.split("/")
        if "manifests" in parts:
            self._manifest(parts[-3], conduct)
            return
        digest = parts[-1]
        if digest not in registry.content.blobs:
            self._answer(404, b"")
        elif self.server.name == "storage" or conduct.direct or registry.content.sizes[digest] < 4096:
            self._blob(digest, conduct)
        else:
            target = f"http://127.0.0.1:{registry.port(1)}/data/{digest}"
            if conduct.loops:
                target = f"http://127.0.0.1:{registry.port()}{self.path}"
            self.send_response(conduct.redirect_status)
            self.send_header("Location", target if conduct.redirect_to is None else conduct.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _manifest(self, name: str, conduct: Conduct) -> None:
        raw = self.server.registry.content.manifests.get(name)
        status = conduct.manifest_status if raw is not None else 404
        self._answer(status, raw if raw is not None and status == 200 else b"{}")

    def _blob(self, digest: str, conduct: Conduct) -> None:
        registry = self.server.registry
        data, size = registry.content.blobs[digest], registry.content.sizes[digest]
        wanted = self.headers.get("Range", "")
        if wanted and not conduct.ignore_range:
            last = min(size - 1, int(wanted.rpartition("-")[2]))
            self.send_response(206)
            start = 4096 if conduct.wrong_part else 0
            self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
            size = last + 1
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(size))
        if conduct.packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self._pour(data, size, conduct.endless)

    def _pour(self, data: bytes, size: int, endless: bytes) -> None:
        """Send ``data`` and zeros up to ``size`` until the client hangs up."""
        registry = self.server.registry
        filler = (endless or b"\0") * (_PIECE // len(endless or b"\0"))
        sent = 0
        while sent < size:
            piece = data[sent : sent + _PIECE] if sent < len(data) else filler[: size - sent]
            self.wfile.write(piece)
            sent += len(piece)
            registry.sent_bytes += len(piece)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
