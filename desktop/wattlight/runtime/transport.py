"""The transport given to the ``ollama`` package: our own wire, answers re-written from what we understood.

The package validates strictly and raises on anything odd; here it only ever sees clean records.
"""

import json
from collections.abc import Iterator
from threading import Event

import httpx

from wattlight.web import Answer, FaultKind, Limits, Wire, WireFault

from .fields import Record, count, error_text, read_object, text
from .parse import PullLine, read_pull_line

PULL_IDLE_S = 120.0
"""The server writes a line every 60 ms while it fetches."""
VERIFY_IDLE_S = 1800.0
"""While it hashes the whole model it is silent: 100 GB at 60 MB/s."""
_HASHING = ("verifying", "writing", "removing")


class WireTransport(httpx.BaseTransport):
    """Sends the package's requests over a :class:`~.wire.Wire`, to its endpoint and nowhere else.

    Raises:
        WireFault: passes through the package untouched.
    """

    def __init__(self, wire: Wire, limits: Limits, cancel: Event | None) -> None:
        self._wire = wire
        self._limits = limits
        self._cancel = cancel

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make one exchange. Only the package's path and body are used; its headers are not."""
        path = request.url.raw_path.decode("ascii")
        prefix = self._wire.endpoint.path
        if prefix and path.startswith(prefix):
            path = path[len(prefix) :]
        answer = self._wire.ask(request.method, path, request.read() or None, self._limits, self._cancel)
        try:
            if answer.status == 200 and answer.content_type == "application/x-ndjson":
                return httpx.Response(200, stream=_CleanLines(answer), request=request)
            content = _clean_body(answer)
        except BaseException:
            answer.close()
            raise
        answer.close()
        return httpx.Response(answer.status, content=content, request=request)


class _CleanLines(httpx.SyncByteStream):
    """The lines of a pull, each read by us and written again."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        for line in self._answer.lines():
            try:
                document = read_object(line)
            except WireFault as fault:
                raise WireFault(FaultKind.CUT, f"line: {fault.detail}") from fault
            clean = read_pull_line(document)
            self._answer.allow_idle(VERIFY_IDLE_S if clean.status.startswith(_HASHING) else PULL_IDLE_S)
            yield json.dumps(_progress(clean)).encode() + b"\n"

    def close(self) -> None:
        self._answer.close()


def _progress(line: PullLine) -> Record:
    if line.error is not None:
        return {"error": json.dumps({"error": line.error or "unknown error"})}
    fields: Record = {
        "status": line.status,
        "digest": line.digest,
        "total": line.total_bytes,
        "completed": line.completed_bytes,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _clean_body(answer: Answer) -> bytes:
    raw = answer.body()
    if answer.status != 200:
        return json.dumps({"error": error_text(raw)}).encode()
    if not raw.strip():
        return b"{}"
    document = read_object(raw)
    if (error := document.get("error")) is not None:
        raise WireFault(FaultKind.CUT, str(error)[:200])
    clean: Record = {
        "model": text(document.get("model")) or "",
        "response": text(document.get("response")) or "",
        "done": document.get("done") is True,
        "done_reason": text(document.get("done_reason")) or "",
        "total_duration": count(document.get("total_duration")),
        "load_duration": count(document.get("load_duration")),
        "embeddings": [],
    }
    return json.dumps(clean).encode()
