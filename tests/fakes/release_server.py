"""A release page on loopback: serves archives with ranges, or whatever a bad network serves instead."""

import hashlib
import io
import json
import re
import sys
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import zstandard

from wattlight.runtime.managed import Artefact

VERSION = "0.33.0"
STUB = f"""#!{sys.executable}
import http.server, json, os, sys
if sys.argv[1:] == ["--version"]:
    print("Warning: could not connect to a running Ollama instance")
    print("Warning: client version is VERSION")
    sys.exit(0)
print("stub server VERSION starts", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = b'{{"version":"VERSION"}}' if self.path == "/api/version" else b'{{"models":[]}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
host, _, port = os.environ["OLLAMA_HOST"].rpartition(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def stub_program(version: str = VERSION) -> bytes:
    """A program that says its version and serves as much of Ollama as a start needs."""
    return STUB.replace("VERSION", version).encode()


def tar_zst(*members: tuple[tarfile.TarInfo, bytes], level: int = 1) -> bytes:
    """An archive of exactly these members."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return zstandard.ZstdCompressor(level=level).compress(raw.getvalue())


def member(
    name: str, data: bytes = b"", mode: int = 0o644, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> Any:
    """One member for :func:`tar_zst`."""
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname = mode, kind, link
    return info, data


def server_archive(version: str = VERSION) -> bytes:
    """A whole server: program, library, links as the real archive has them."""
    return tar_zst(
        member("./bin/", mode=0o755, kind=tarfile.DIRTYPE),
        member("./bin/ollama", stub_program(version), 0o755),
        member("lib/ollama/libggml.so.1", b"library" * 1000),
        member("lib/ollama/libggml.so", kind=tarfile.SYMTYPE, link="libggml.so.1"),
        member("lib/ollama/cuda/libggml.so", kind=tarfile.SYMTYPE, link="../libggml.so.1"),
    )


@dataclass
class ReleaseFaults:
    """What goes wrong; may be changed at any time."""

    status: int | None = None
    login_page: bool = False
    wrong_byte: bool = False
    cut_after: int | None = None
    """So many bytes per answer, then the connection ends."""
    no_ranges: bool = False
    no_length: bool = False
    """The length of the answer is not said: it ends where the connection ends."""
    redirect: str | None = None
    extra: bytes = b""
    gate: threading.Semaphore | None = None


@dataclass
class _Kept:
    files: dict[str, bytes] = field(default_factory=dict)


class ReleaseServer:
    """Serves files by name."""

    def __init__(self) -> None:
        self.faults = ReleaseFaults()
        self.requests: list[tuple[str, str]] = []
        """(path, Range header)."""
        self.kept = _Kept()
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.release = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="release")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join(20)
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, name: str, data: bytes, unpacked_bytes: int = 1_000_000, variant: str = "") -> Artefact:
        """Serve ``data`` and describe it as the shipped list would."""
        self.kept.files[f"/{name}"] = data
        digest = hashlib.sha256(data).hexdigest()
        return Artefact(
            system="linux",
            machine="x86_64",
            variant=variant,
            url=f"{self.url}/{name}",
            sha256=digest,
            size_bytes=len(data),
            unpacked_bytes=unpacked_bytes,
        )


def release_list(version: str, *artefacts: Artefact) -> str:
    """The text of a list with one release."""
    items = [
        {
            "system": a.system,
            "machine": a.machine,
            "variant": a.variant,
            "url": a.url,
            "sha256": a.sha256,
            "size_bytes": a.size_bytes,
            "unpacked_bytes": a.unpacked_bytes,
            "about_bytes": a.about_bytes,
            "about_unpacked_bytes": a.about_unpacked_bytes,
        }
        for a in artefacts
    ]
    return json.dumps({"schema": 1, "releases": [{"version": version, "artefacts": items}]})


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    release: ReleaseServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        release = self.server.release
        faults = release.faults
        self.close_connection = True
        release.requests.append((self.path, self.headers.get("Range", "")))
        if faults.status is not None:
            self._answer(faults.status, "text/plain", b"no")
        elif faults.login_page:
            self._answer(200, "text/html", b"<html>Welcome to the hotel. Please sign in.</html>")
        elif faults.redirect is not None and self.path != "/moved":
            self._answer(302, "text/plain", b"", ("Location", faults.redirect))
        elif (data := release.kept.files.get(self.path)) is None:
            self._answer(404, "text/html", b"<html>not here</html>")
        else:
            self._file(data)

    def _file(self, data: bytes) -> None:
        faults = self.server.release.faults
        if faults.wrong_byte:
            data = data[:-1] + bytes([data[-1] ^ 1])
        data += faults.extra
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found and not faults.no_ranges else 0
        if start and start >= len(data):
            self._answer(416, "text/plain", b"")
            return
        piece = data[start:]
        more = (("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}"),) if start else ()
        self._head(206 if start else 200, "application/zstd", len(piece), *more)
        sent = piece if faults.cut_after is None else piece[: faults.cut_after]
        for at in range(0, len(sent), 65536):
            while faults.gate is not None and not faults.gate.acquire(timeout=0.02):
                if self.server.release.ended.is_set():
                    return
            self.wfile.write(sent[at : at + 65536])

    def _answer(self, status: int, content_type: str, data: bytes, *more: tuple[str, str]) -> None:
        self._head(status, content_type, len(data), *more)
        self.wfile.write(data)

    def _head(self, status: int, content_type: str, length: int, *more: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if not self.server.release.faults.no_length:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
