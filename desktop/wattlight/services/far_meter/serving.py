"""The side that answers: a page for one other Wattlight, read-only, behind a token."""

import contextlib
import hmac
import json
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wattlight import StartThread, __version__
from wattlight.domain.machine_file import machine_document
from wattlight.domain.power import MachineSample
from wattlight.domain.values import MachineProfile, Problem, to_us
from wattlight.i18n import tr
from wattlight.runtime import Endpoint, parse_endpoint
from wattlight.store import LedgerReader, hour_marks, hours_of, shipment_document
from wattlight.system import SecretStore

SERVED_SECRET = "meter served"
"""Name of the token that is asked for, in the keyring of the computer that serves."""
USUAL_PORT = 9189
PROTOCOL = 1
ASK_S = 10.0
LONGEST_ASK_S = 60.0
MOST_ASKERS = 4
HOUR_US = 3_600_000_000
_MOST_MARKS = 24 * 366 * 3


def served_token(keyring: SecretStore, in_file: bool = False) -> str:
    """The token that is asked for; made with the first call.

    Raises:
        Problem: it can be kept nowhere (code ``no_keyring``): the person may agree to a file.
    """
    known = keyring.get(SERVED_SECRET)
    if known:
        return known
    token = secrets.token_urlsafe(32)
    keyring.put(SERVED_SECRET, token, in_file)
    return token


def listening_at(text: str, encrypted: bool) -> Endpoint:
    """Where the page listens. Without encryption only this computer is answered: a tunnel or a proxy with
    encryption stands before it.

    Raises:
        Problem: not an address, or one at which the token could be read on the way (code ``unencrypted``).
    """
    host = text.partition("://")[2] or text
    given = host if ":" in host or "." in host or not host.isdigit() else f":{host}"
    open_to_all = given.startswith(("0.0.0.0", "[::]"))
    found = parse_endpoint(given, tr("the address to serve at"))
    port = found.port if given.rpartition(":")[2].isdigit() else USUAL_PORT
    address = given.rpartition(":")[0].strip("[]") if open_to_all else found.host
    if not encrypted and (open_to_all or not found.is_loopback):
        raise Problem(
            tr("Others on the way could read the token: at {address} it is not encrypted.", address=address),
            tr("Serve at 127.0.0.1 behind a tunnel or a proxy with https, or give --tls-cert and --tls-key."),
            "unencrypted",
        )
    return Endpoint("https" if encrypted else "http", address, port)


class MeterPage:
    """Listens and answers until :meth:`stop`.

    Args:
        reader: opens the ledger anew for each question; what waits for the recorder is in it then.
        sample, profile: the last look at the computer; None before there was one.
    """

    def __init__(
        self,
        place: Endpoint,
        token: str,
        reader: Callable[[], LedgerReader],
        sample: Callable[[], MachineSample | None],
        profile: Callable[[], MachineProfile | None],
        start: StartThread,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self._place, self._token = place, token
        self._reader, self._sample, self._profile = reader, sample, profile
        self._start, self._tls = start, tls
        self._server: _MeterServer | None = None
        self._ended = False

    @property
    def url(self) -> str:
        """Where it is reached."""
        port = self._place.port if self._server is None else self._server.server_address[1]
        return Endpoint(self._place.scheme, self._place.host, int(port)).url

    def start(self) -> None:
        """Listen.

        Raises:
            Problem: the port is taken, or the certificate cannot be used.
        """
        context = None if self._tls is None else _context(*self._tls)
        try:
            self._server = _MeterServer((self._place.host, self._place.port), self, self._start, context)
        except OSError as error:
            why = error.strerror or "?"
            raise Problem(
                tr("Port {port} cannot be used ({reason}).", port=self._place.port, reason=why),
                tr("Choose another one: --serve 127.0.0.1:PORT."),
                "port_taken",
            ) from error
        self._thread = self._start("wattlight-far-meter", self._run)

    def stop(self) -> None:
        self._ended = True
        if self._server is not None:
            self._thread.join(3.0)
            self._server.close_all()
            self._server.server_close()

    def _run(self) -> None:
        while not self._ended and self._server is not None:
            self._server.handle_request()
            self._server.close_old()

    def allows(self, header: str) -> bool:
        return hmac.compare_digest(header.encode(), f"Bearer {self._token}".encode())

    def answer(self, path: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        """The document of a page; None where there is none.

        Raises:
            ValueError: the question makes no sense.
        """
        if path == "/v1/state":
            return self._state()
        if path not in {"/v1/marks", "/v1/hours"}:
            return None
        first, end = (int(query[name][0][:12]) for name in ("from", "to"))
        if not 0 <= first < end or end - first > _MOST_MARKS:
            raise ValueError(path)
        with self._reader() as reader:
            if path == "/v1/hours":
                return shipment_document(hours_of(reader, first, end))
            return {"marks": [[hour, mark] for hour, mark in hour_marks(reader, first, end).items()]}

    def _state(self) -> dict[str, Any]:
        sample, profile = self._sample(), self._profile()
        with self._reader() as reader:
            span, instance = reader.span(), reader.instance()
        total = None if sample is None else sample.total
        names = {d.id: d.name for d in sample.devices} if sample is not None else {}
        return {
            "schema": PROTOCOL,
            "wattlight": __version__,
            "instance": instance,
            "first_hour": None if span is None else span[0] // HOUR_US,
            "last_hour": None if span is None else (span[1] - 1) // HOUR_US,
            "at_us": None if sample is None else to_us(sample.at),
            "power_w": None if total is None else total.measured_w,
            "error_fraction": None if total is None else total.error_fraction,
            "whole": total is not None and total.whole,
            "parts": [] if total is None else [names[key] for key in total.counted if key in names],
            "profile": None if profile is None else machine_document(profile),
        }


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Problem(
            tr("The certificate or its key cannot be used ({reason}).", reason=error.strerror or str(error)),
            tr("Both are PEM files; the key has no password."),
            "bad_certificate",
        ) from error
    return context


class _MeterServer(HTTPServer):
    """Each question on a thread of its own, a few at once; what takes too long is closed."""

    timeout = 0.5
    request_queue_size = 16

    def __init__(
        self, place: tuple[str, int], page: MeterPage, start: StartThread, context: ssl.SSLContext | None
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        super().__init__(place, _MeterHandler)
        self.page = page
        self._start, self._context = start, context
        self._lock = threading.Lock()
        self._open: dict[Any, float] = {}

    def server_bind(self) -> None:
        # without the look-up of this computer's name, which may ask a network
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= MOST_ASKERS:
                self.shutdown_request(request)
                return
            self._open[request] = time.monotonic()
        self._start("wattlight-far-meter asker", lambda: self._ask(request, client_address))

    def _ask(self, request: Any, client_address: Any) -> None:
        inner = request
        try:
            request.settimeout(ASK_S)
            if self._context is not None:
                inner = self._context.wrap_socket(request, server_side=True)
            self.finish_request(inner, client_address)
        except (OSError, ValueError):
            pass  # an asker that went away, or does not speak this
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(inner)

    def close_old(self) -> None:
        old = time.monotonic() - LONGEST_ASK_S
        with self._lock:
            requests = [request for request, since in self._open.items() if since < old]
        _close(requests)

    def close_all(self) -> None:
        with self._lock:
            requests = list(self._open)
        _close(requests)


def _close(requests: list[Any]) -> None:
    for request in requests:
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class _MeterHandler(BaseHTTPRequestHandler):
    server: _MeterServer
    server_version, sys_version = "Wattlight", ""

    def do_GET(self) -> None:
        page = self.server.page
        if not page.allows(self.headers.get("Authorization") or ""):
            self._send(401, {"error": "token"})
            return
        parts = urlsplit(self.path)
        try:
            document = page.answer(parts.path, parse_qs(parts.query))
        except (ValueError, KeyError):
            self._send(400, {"error": "question"})
        except Problem as problem:
            self._send(503, {"error": problem.code})
        else:
            self._send(200 if document is not None else 404, document or {"error": "page"})

    def _send(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing of an asker is written down."""
