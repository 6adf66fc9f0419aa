"""What a failed exchange means for the person, and for the state of the server."""

from collections.abc import Mapping

from wattlight.domain.state import ServerStatus
from wattlight.web import NOT_UNDERSTOOD, Endpoint, FaultKind, Proxy, WireFault, proxy_for

from .problems import RuntimeProblem

_STATUS = {
    FaultKind.REFUSED: ServerStatus.ABSENT,
    FaultKind.UNREACHABLE: ServerStatus.ABSENT,
    FaultKind.SILENT: ServerStatus.SILENT,
    FaultKind.NOT_HTTP: ServerStatus.FOREIGN,
    FaultKind.REDIRECT: ServerStatus.FOREIGN,
    FaultKind.ENCODED: ServerStatus.FOREIGN,
}


def status_of(fault: WireFault) -> ServerStatus:
    """The state of a server that answered (or not) like this."""
    return _STATUS.get(fault.kind, ServerStatus.ERROR)


def problem_of(fault: WireFault, endpoint: Endpoint) -> RuntimeProblem:
    """One sentence and a next step for ``fault``."""
    url = endpoint.url
    here = endpoint.is_loopback
    messages = {
        FaultKind.REFUSED: (
            "no_server",
            f"No Ollama server is running at {url}.",
            "Start Ollama or install it; Wattlight finds it by itself."
            if here
            else "Start Ollama on that computer and let it listen there (OLLAMA_HOST).",
        ),
        FaultKind.UNREACHABLE: (
            "unreachable_host",
            f"The computer of the server {url} cannot be reached.",
            "Check its name and the network.",
        ),
        FaultKind.SILENT: (
            "silent_server",
            f"The server at {url} accepts connections but does not answer.",
            "It may be overloaded; wait, or start Ollama again.",
        ),
        FaultKind.NOT_HTTP: _foreign(url, "What answers there does not speak as Ollama does."),
        FaultKind.REDIRECT: _foreign(url, "It sends requests elsewhere, which is not followed."),
        FaultKind.ENCODED: _foreign(url, "It answers in a compressed form nobody asked for."),
        FaultKind.TOO_LARGE: (
            "answer_too_large",
            f"The server at {url} sent an answer too large to be true, so it was not read.",
            "Check that Ollama, and nothing else, listens there.",
        ),
        FaultKind.CUT: (
            "cut_stream",
            f"The connection to the server at {url} broke off in the middle of an answer.",
            "Try again; if Ollama was just stopped or updated, wait until it runs again.",
        ),
        FaultKind.TLS: (
            "tls",
            f"The identity of the server at {url} could not be verified ({fault.detail or 'TLS'}), "
            "so nothing was sent.",
            "Correct the server's certificate or its address.",
        ),
        FaultKind.PROXY: (
            "proxy",
            f"The proxy of this computer cannot be used to reach {url}.",
            "Only plain http proxies are understood; add the server's name to NO_PROXY to reach it directly.",
        )
        if fault.detail == NOT_UNDERSTOOD
        else (
            "proxy",
            f"The proxy of this computer does not let requests to {url} through.",
            "Add the server's name to NO_PROXY to reach it directly.",
        ),
        FaultKind.CANCELLED: ("cancelled", "Cancelled.", ""),
    }
    code, message, next_step = messages[fault.kind]
    return RuntimeProblem(message, next_step, code)


def _foreign(url: str, detail: str) -> tuple[str, str, str]:
    return (
        "foreign_server",
        f"Something else than Ollama listens at {url}. {detail}",
        "Stop that program, or start Ollama on another port and set OLLAMA_HOST.",
    )


def proxy_to(endpoint: Endpoint, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy on the way to ``endpoint``.

    Raises:
        RuntimeProblem: it is of a kind that is not understood (code ``proxy``).
    """
    try:
        return proxy_for(endpoint, environ)
    except WireFault as fault:
        raise problem_of(fault, endpoint) from fault
