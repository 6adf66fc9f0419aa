"""A registry of models on loopback, as much of one as a real Ollama needs to pull from it.

A GET of a blob is answered with a redirect to the *other* loopback name (127.0.0.1 and localhost): on the
same name a real server ends the pull with "http: no Location header in response".
"""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_TYPES = "application/vnd.ollama.image."
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_PIECE = 1 << 16


@dataclass
class RegistryFaults:
    """What goes wrong; may be changed at any time."""

    manifest_status: int | None = None
    blob_status: int | None = None
    wrong_bytes: bool = False
    short_by: int = 0
    gate: threading.Semaphore | None = None
    """When set, each 64 KiB of a blob waits for one release."""
    blob_errors: list[int] = field(default_factory=list)
    """Statuses of the next answers of the storage, before it serves."""
    retry_after: str = ""
    ignore_range: bool = False
    cut_after: int | None = None
    """Every answer of the storage breaks off after so many bytes."""
    wrong_answers: int = 0
    """So many of the next answers of over 1,000 bytes are wrong in one byte."""
    token: str | None = None
    """What the registry demands; the storage must never see it."""
    uses: int | None = None
    """So many requests with one token, then there is a new one."""
    new_etags: bool = False
    bytes_per_s: float | None = None
    """All connections together."""


@dataclass(frozen=True)
class _Blob:
    digest: str
    data: bytes


@dataclass
class _Content:
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, _Blob] = field(default_factory=dict)


class LoopbackRegistry:
    """Serves models under ``127.0.0.1:PORT/library/NAME``."""

    def __init__(self) -> None:
        self.faults = RegistryFaults()
        self.requests: list[tuple[str, str, str]] = []
        """(method, Host header, path)."""
        self.leaked: list[str] = []
        """Authorisations that the storage was sent."""
        self.sent_bytes = 0
        """Of blobs."""
        self.ended = threading.Event()
        self._turn = threading.Lock()
        self._free_at = 0.0
        self._content = _Content()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="registry")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join(20)
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def add(self, name: str, weights: bytes, template: str = "{{ .Prompt }}") -> str:
        """Offer a model; any bytes will do for a pull. Returns the name to pull it by."""
        layers = [
            self._layer(f"{_TYPES}model", weights),
            self._layer(f"{_TYPES}template", template.encode()),
        ]
        facts = {
            "model_format": "gguf",
            "model_family": "llama",
            "model_families": ["llama"],
            "model_type": "1B",
            "file_type": "F16",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        config = self._layer("application/vnd.docker.container.image.v1+json", json.dumps(facts).encode())
        manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
        self._content.manifests[name] = json.dumps(manifest).encode()
        return f"127.0.0.1:{self.port}/library/{name}:latest"

    def _layer(self, media_type: str, data: bytes) -> dict[str, Any]:
        digest = "sha256:" + sha256(data).hexdigest()
        self._content.blobs[digest] = _Blob(digest, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def manifest(self, name: str) -> bytes | None:
        """The manifest of a model."""
        return self._content.manifests.get(name)

    def blob(self, digest: str) -> bytes | None:
        """The bytes of a layer, wrong ones when that fault is on."""
        blob = self._content.blobs.get(digest)
        if blob is None:
            return None
        data = blob.data
        return bytes(byte ^ 0xFF for byte in data) if self.faults.wrong_bytes else data

    def admits(self, authorization: str) -> bool:
        """Whether a request to the registry bears the token of now."""
        faults = self.faults
        if faults.token is None or authorization != f"Bearer {faults.token}":
            return faults.token is None
        if faults.uses is not None:
            with self._turn:
                faults.uses -= 1
                if faults.uses <= 0:
                    faults.token, faults.uses = faults.token + "x", 8
        return True

    def pace(self, size: int) -> None:
        """Wait until ``size`` more bytes may be sent."""
        rate = self.faults.bytes_per_s
        with self._turn:
            self.sent_bytes += size
            if rate is None:
                return
            self._free_at = max(self._free_at, time.monotonic()) + size / rate
            pause_s = self._free_at - time.monotonic()
        self.ended.wait(max(0.0, pause_s))


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    registry: LoopbackRegistry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        registry = self.server.registry
        self.close_connection = True
        registry.requests.append((self.command, self.headers.get("Host", ""), self.path))
        secret = self.headers.get("Authorization", "")
        if self.path.startswith("/token?"):
            self._reply(200, json.dumps({"token": registry.faults.token}).encode())
            return
        if self.path.startswith("/v2/") and not registry.admits(secret):
            self._demand()
            return
        if not self.path.startswith("/v2/") and secret:
            registry.leaked.append(secret)
        if found := re.fullmatch(r"/v2/library/([^/]+)/manifests/[^/]+", self.path):
            self._manifest(found[1])
        elif found := re.fullmatch(r"/v2/library/[^/]+/blobs/(sha256:[0-9a-f]{64})", self.path):
            self._blob(found[1])
        elif found := re.fullmatch(r"/storage/(sha256:[0-9a-f]{64})", self.path):
            self._storage(found[1])
        else:
            self._reply(404, b"{}")

    do_HEAD = do_GET

    def _demand(self) -> None:
        realm = f"http://127.0.0.1:{self.server.registry.port}/token"
        self.send_response(401)
        self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="made up",scope="pull"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _manifest(self, name: str) -> None:
        registry = self.server.registry
        if registry.faults.manifest_status is not None:
            self._reply(
                registry.faults.manifest_status, b'{"errors":[{"code":"FAULT","message":"injected"}]}'
            )
            return
        manifest = registry.manifest(name)
        if manifest is None:
            self._reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        else:
            self._reply(200, manifest, _MANIFEST)

    def _blob(self, digest: str) -> None:
        registry = self.server.registry
        data = registry.blob(digest)
        if data is None:
            self._reply(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        elif self.command == "HEAD":
            self._reply(200, data, "application/octet-stream")
        else:
            here = self.headers.get("Host", "").split(":")[0]
            other = "localhost" if here == "127.0.0.1" else "127.0.0.1"
            self.send_response(307)
            self.send_header("Location", f"http://{other}:{registry.port}/storage/{digest}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _storage(self, digest: str) -> None:
        registry = self.server.registry
        faults = registry.faults
        data = registry.blob(digest)
        if data is None or (faults.blob_status is not None and self.command == "GET"):
            self._reply(faults.blob_status or 404, b"{}")
            return
        if faults.blob_errors and self.command == "GET":
            self._reply(faults.blob_errors.pop(0), b"{}")
            return
        if faults.wrong_answers and len(data) > 1000:
            faults.wrong_answers -= 1
            data = bytes((data[0] ^ 1, *data[1:-1], data[-1] ^ 1))
        start, end, status = 0, len(data) - 1, 200
        if not faults.ignore_range and (
            found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        ):
            start, end, status = int(found[1]), int(found[2] or len(data) - 1), 206
        piece = data[start : end + 1]
        self.send_response(status)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Accept-Ranges", "bytes")
        if faults.new_etags:
            self.send_header("ETag", f'"{len(registry.requests)}"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{start + len(piece) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            most = len(piece) if faults.cut_after is None else faults.cut_after
            self._send_slowly(piece[: min(most, len(piece) - faults.short_by)])

    def _send_slowly(self, data: bytes) -> None:
        registry = self.server.registry
        for at in range(0, len(data), _PIECE):
            gate = registry.faults.gate
            while gate is not None and not gate.acquire(timeout=0.02):
                if registry.ended.is_set():
                    return
            piece = data[at : at + _PIECE]
            registry.pace(len(piece))
            self.wfile.write(piece)

    def _reply(self, status: int, data: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        if status in {429, 503} and self.server.registry.faults.retry_after:
            self.send_header("Retry-After", self.server.registry.faults.retry_after)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
