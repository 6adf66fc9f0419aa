"""A page of figures for Prometheus, on this computer alone."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import BaseServer
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from wattlight import StartThread
from wattlight.domain.state import AppState
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime.passthrough import names_this_computer
from wattlight.system import not_installed

from .figures import Published, published

if TYPE_CHECKING:
    from prometheus_client.core import Metric

ASK_S = 5.0
"""A program that asks and then waits longer is let go."""
_UNITS = {"W": "watts", "J": "joules", "bytes": "bytes", "tokens": "tokens"}


class PrometheusPage:
    """Serves ``/metrics`` at 127.0.0.1:port, one asker at a time.

    ``state`` is read when somebody asks; between, the thread sleeps.
    """

    def __init__(self, state: Callable[[], AppState], port: int, start: StartThread) -> None:
        self._state, self._port, self._start = state, port, start
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._ended = False

    @property
    def url(self) -> str:
        port = self._port if self._server is None else self._server.server_port
        return f"http://127.0.0.1:{port}/metrics"

    def start(self) -> None:
        """Listen.

        Raises:
            Problem: the library is missing, or the port is taken.
        """
        answer = _wsgi_app(self._state)
        try:
            self._server = make_server("127.0.0.1", self._port, answer, _Server, _Handler)
        except OSError as error:
            raise Problem(
                tr("Port {port} cannot be used ({reason}).", port=self._port, reason=error.strerror or "?"),
                tr("Choose another port for Prometheus in Settings."),
                "port_taken",
            ) from error
        self._thread = self._start("wattlight-prometheus", self._run)

    def stop(self) -> None:
        """Listen no more."""
        self._ended = True
        if self._server is None:
            return
        with contextlib.suppress(OSError):  # wakes what waits for an asker
            socket.create_connection(("127.0.0.1", self._server.server_port), 1.0).close()
        if self._thread is not None:
            self._thread.join(ASK_S + 1)
        self._server.server_close()

    def _run(self) -> None:
        while not self._ended and self._server is not None:
            self._server.handle_request()


class _Server(WSGIServer):
    def handle_error(self, _request: object, _address: object) -> None:
        """An asker that went away is no fault of ours."""

    def server_bind(self) -> None:
        # without the look-up of this computer's name, which may ask a network
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = ASK_S

    def __init__(self, request: Any, address: Any, server: BaseServer) -> None:
        super().__init__(request, address, server)

    def log_message(self, *_: object) -> None:
        """Nothing of an asker is written down."""

    def address_string(self) -> str:
        return "local"


def _wsgi_app(state: Callable[[], AppState]) -> Callable[..., Iterable[bytes]]:
    try:
        from prometheus_client import CollectorRegistry, make_wsgi_app
    except ImportError as error:
        raise not_installed("prometheus-client>=0.20") from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(state))
    page: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # a web page may have a name of its own point to this computer
        ours = names_this_computer(environ.get("HTTP_HOST", "")) and "HTTP_ORIGIN" not in environ
        if not ours:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Only programs on this computer are answered.\n"]
        if environ.get("PATH_INFO") not in {"/metrics", "/"}:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The figures are at /metrics.\n"]
        return page(environ, start_response)

    return answer


class _Collected:
    """What the library asks for at each look."""

    def __init__(self, state: Callable[[], AppState]) -> None:
        self._state = state

    def collect(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        families: dict[str, GaugeMetricFamily] = {}
        for figure in published(self._state()):
            name = metric_name(figure)
            labels = [label for label, _ in figure.labels]
            if name not in families:
                families[name] = GaugeMetricFamily(name, figure.about, labels=labels)
            families[name].add_metric([value for _, value in figure.labels], figure.value)
        yield from families.values()


def metric_name(figure: Published) -> str:
    """``wattlight_power_watts``: the base unit at the end, as is the custom; money's is a label."""
    unit = _UNITS.get(figure.unit, "")
    return "_".join(part for part in ("wattlight", figure.name, unit) if part)
