"""Which kind of server answers at an address, by looks that never load, wake or evict a model."""

from threading import Event

from wattlight.domain.servers import ServerKind
from wattlight.web import POLL, FaultKind, Wire, WireFault

from .openai_server import OWNERS
from .reading import Record, read_object, record, records, text

_NO_ANSWER = frozenset(
    {
        FaultKind.REFUSED,
        FaultKind.UNREACHABLE,
        FaultKind.SILENT,
        FaultKind.TLS,
        FaultKind.PROXY,
        FaultKind.CANCELLED,
    }
)
"""After these nothing else is asked."""
_REFUSED = frozenset((401, 403))


def kind_at(wire: Wire, cancel: Event | None = None) -> ServerKind | None:
    """What answers there; None where nothing does, or no server of models. Never raises.

    At most five short questions, the most telling first: a server at work answers one or two of them.
    """
    try:
        return _kind_at(wire, cancel)
    except WireFault:
        return None


def _kind_at(wire: Wire, cancel: Event | None) -> ServerKind | None:
    version = _Look(wire, "/api/version", cancel)
    if text(version.document.get("version")):
        return ServerKind.OLLAMA
    models = _Look(wire, "/v1/models", cancel)
    items = [record(item) for item in records(models.document.get("data"))]
    owner = (text(items[0].get("owned_by")) or "") if items else ""
    if models.server.lower().startswith("llama.cpp") or owner == "llamacpp":
        return _llama(wire, items, cancel)
    if owner in OWNERS:
        return next(iter(OWNERS[owner]))
    if b"alive" in _Look(wire, "/health/liveliness", cancel).raw[:40]:
        return ServerKind.LITELLM
    if _is_lm_studio(wire, cancel):
        return ServerKind.LM_STUDIO
    if models.status == 401 and text(_Look(wire, "/version", cancel).document.get("version")):
        return ServerKind.VLLM  # its key guards /v1 alone
    listed = isinstance(models.document.get("data"), list)
    # what refuses every page alike may stand in front of any kind
    wants_key = models.status in _REFUSED and models.is_json and version.status not in _REFUSED
    return ServerKind.OPENAI if listed or wants_key else None


def _llama(wire: Wire, items: list[Record], cancel: Event | None) -> ServerKind:
    if items:
        router = "status" in items[0]
    else:
        router = text(_Look(wire, "/props", cancel).document.get("role")) == "router"
    return ServerKind.LLAMA_ROUTER if router else ServerKind.LLAMA_CPP


def _is_lm_studio(wire: Wire, cancel: Event | None) -> bool:
    """Its own list; of an older version, with the state of each model."""
    new = _Look(wire, "/api/v1/models", cancel).document
    if any("loaded_instances" in record(item) for item in records(new.get("models"))):
        return True
    if "Unexpected endpoint" not in (text(new.get("error")) or "") and new.get("models") != []:
        return False
    return isinstance(_Look(wire, "/api/v0/models", cancel).document.get("data"), list)


class _Look:
    """One answer, whatever it was: ``document`` is empty where it was no JSON object."""

    def __init__(self, wire: Wire, path: str, cancel: Event | None) -> None:
        self.status, self.server, self.raw = 0, "", b""
        self.document: Record = {}
        self.is_json = False
        try:
            with wire.ask("GET", path, None, POLL, cancel) as answer:
                self.status, self.server = answer.status, answer.header("Server")
                self.raw = answer.body()
            self.document = read_object(self.raw)
            self.is_json = True
        except WireFault as fault:
            if fault.kind in _NO_ANSWER:
                raise
