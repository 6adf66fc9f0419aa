"""The errors of this room: what a failed exchange and the server's own words mean."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from wattlight.domain.servers import ServerStatus
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.web import NOT_UNDERSTOOD, Endpoint, FaultKind, Proxy, WireFault, proxy_for

PAGE = "page"
"""Detail of a ``NOT_HTTP`` fault: the answer is a web page."""


class RuntimeProblem(Problem):
    """Something about a model server, in words a person can act on.

    ``server_text`` is what the server itself said, cleaned; it is part of ``message`` too.
    """

    code = "runtime"

    def __init__(
        self, message: str, next_step: str = "", code: str | None = None, server_text: str | None = None
    ) -> None:
        super().__init__(message, next_step, code)
        self.server_text = server_text


def with_proxy_advice(problem: RuntimeProblem) -> RuntimeProblem:
    """``problem`` with the hint that the server reads a proxy from its own environment, not from ours."""
    if problem.code not in {"registry_unreachable", "registry_fault"}:
        return problem
    advice = tr(
        "This computer uses a proxy: Ollama's server needs HTTPS_PROXY in its own environment as well."
    )
    return RuntimeProblem(
        problem.message, f"{problem.next_step} {advice}".strip(), problem.code, problem.server_text
    )


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


_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"}
)
"""OpenSSL's reasons when what answers does not speak TLS at all."""
_GATEWAY = frozenset({"502", "503", "504"})
"""The status of what stands before a server that does not answer it."""
_UNREACHED = frozenset({"refused", "unreachable", "silent"})


def problem_of(
    fault: WireFault, endpoint: Endpoint, proxy: Proxy | None = None, server: str = "Ollama"
) -> RuntimeProblem:
    """What a failed exchange with a ``server`` at ``endpoint``, over ``proxy``, means."""
    url = endpoint.url
    here = endpoint.is_loopback
    if fault.kind is FaultKind.PROXY:
        return _proxy_problem(fault.detail, endpoint, proxy)
    if fault.kind is FaultKind.NOT_HTTP and fault.detail == PAGE and proxy is not None:
        return _proxy_problem(PAGE, endpoint, proxy)
    if fault.kind is FaultKind.REDIRECT and (elsewhere := _wants_https(fault.detail, endpoint)):
        return elsewhere
    if fault.kind is FaultKind.TLS and fault.detail in _NO_TLS:
        plain = endpoint.url.replace("https:", "http:", 1)
        return RuntimeProblem(
            tr("What answers at {url} does not speak https.", url=url),
            tr("Write the address as {plain}.", plain=plain),
            "wants_http",
        )
    messages = {
        FaultKind.REFUSED: (
            "no_server",
            tr("No Ollama server is running at {url}.", url=url)
            if server == "Ollama"
            else tr("Nothing answers at {url} any more.", url=url),
            _how_to_start(server, here),
        ),
        FaultKind.UNREACHABLE: (
            "unreachable_host",
            tr("The computer of the server {url} cannot be reached.", url=url),
            tr("Check its name and the network."),
        ),
        FaultKind.SILENT: (
            "silent_server",
            tr("The server at {url} accepts connections but does not answer.", url=url),
            tr("It may be overloaded; wait, or start {server} again.", server=server),
        ),
        FaultKind.NOT_HTTP: _foreign(
            endpoint,
            tr("What answers there is a web page.")
            if fault.detail == PAGE
            else tr("What answers there does not speak as {server} does.", server=server),
            server,
        ),
        FaultKind.REDIRECT: _foreign(
            endpoint, tr("It sends requests elsewhere, which is not followed."), server
        ),
        FaultKind.ENCODED: _foreign(
            endpoint, tr("It answers in a compressed form nobody asked for."), server
        ),
        FaultKind.TOO_LARGE: (
            "answer_too_large",
            tr("The server at {url} sent an answer too large to be true, so it was not read.", url=url),
            tr("Check that {server}, and nothing else, listens there.", server=server),
        ),
        FaultKind.CUT: (
            "cut_stream",
            tr("The connection to the server at {url} broke off in the middle of an answer.", url=url),
            tr(
                "Try again; if {server} was just stopped or updated, wait until it runs again.", server=server
            ),
        ),
        FaultKind.TLS: (
            "tls",
            tr(
                "The identity of the server at {url} could not be verified ({reason}), so nothing was sent.",
                url=url,
                reason=fault.detail or "TLS",
            ),
            tr("Correct the server's certificate or its address."),
        ),
        FaultKind.CANCELLED: ("cancelled", tr("Cancelled."), ""),
    }
    code, message, next_step = messages[fault.kind]
    return RuntimeProblem(message, next_step, code)


def _how_to_start(server: str, here: bool) -> str:
    if server != "Ollama":
        return tr("Start it again; Wattlight finds it by itself.")
    if here:
        return tr("Start Ollama or install it; Wattlight finds it by itself.")
    return tr("Start Ollama on that computer and let it listen there (OLLAMA_HOST).")


def _foreign(endpoint: Endpoint, detail: str, server: str) -> tuple[str, str, str]:
    message = tr("Something else than {server} listens at {url}.", server=server, url=endpoint.url)
    next_step = (
        tr("Stop that program, or start Ollama on another port and set OLLAMA_HOST.")
        if endpoint.is_loopback
        else tr("Check the address; the sign-in page of a network may stand in between.")
    )
    return "foreign_server", f"{message} {detail}", next_step


def _wants_https(detail: str, endpoint: Endpoint) -> RuntimeProblem | None:
    """The sentence for a redirect that only asks for encryption."""
    try:
        target = urlsplit(detail.partition(" ")[2])
        host, port = target.hostname or "", target.port
    except ValueError:
        return None
    if endpoint.scheme != "http" or target.scheme != "https" or host != endpoint.host.lower():
        return None
    return RuntimeProblem(
        tr("The server at {url} speaks https only.", url=endpoint.url),
        tr("Write the address as {other}.", other=Endpoint("https", endpoint.host, port or 443).url),
        "wants_https",
    )


def _proxy_problem(detail: str, endpoint: Endpoint, proxy: Proxy | None) -> RuntimeProblem:
    url = endpoint.url
    name = tr("of this computer") if proxy is None else f"{proxy.host}:{proxy.port}"
    next_step = tr("Add {host} to NO_PROXY to reach it directly.", host=endpoint.host)
    if detail == NOT_UNDERSTOOD:
        message = tr("The proxy {name} cannot be used to reach {url}.", name=name, url=url)
        next_step = tr("Only plain http proxies are understood.") + f" {next_step}"
    elif detail in _UNREACHED:
        message = tr("The proxy {name} does not answer, so {url} cannot be reached.", name=name, url=url)
        next_step = tr("Correct HTTP_PROXY and HTTPS_PROXY.") + f" {next_step}"
    elif detail == "407":
        message = tr("The proxy {name} asks for a sign-in before it reaches {url}.", name=name, url=url)
        next_step = tr("Put name and password into HTTP_PROXY and HTTPS_PROXY.") + f" {next_step}"
    elif detail in _GATEWAY:
        message = tr(
            "The proxy {name} could not reach {url} (HTTP {status}).", name=name, url=url, status=detail
        )
    elif detail == PAGE:
        message = tr(
            "The proxy {name}, or what is behind it, answered with a web page instead of the server {url}.",
            name=name,
            url=url,
        )
    else:
        message = tr("The proxy {name} does not let requests to {url} through.", name=name, url=url)
    return RuntimeProblem(message, next_step, "proxy")


def gateway_problem(status: int, endpoint: Endpoint, proxy: Proxy | None) -> RuntimeProblem | None:
    """An answer that comes from what stands before the server, not from the server; None for any other."""
    if status == 407 or (proxy is not None and str(status) in _GATEWAY):
        return _proxy_problem(str(status), endpoint, proxy)
    if str(status) not in _GATEWAY:
        return None
    return RuntimeProblem(
        tr(
            "A web server or proxy answers at {url}, but the server behind it does not (HTTP {status}).",
            url=endpoint.url,
            status=status,
        ),
        tr("Start Ollama behind it, or use the address of Ollama itself."),
        "bad_gateway",
    )


def old_server(endpoint: Endpoint, version: str) -> RuntimeProblem:
    """An Ollama that lacks what every request here needs."""
    return RuntimeProblem(
        tr("Ollama {version} at {url} is too old for Wattlight.", version=version, url=endpoint.url)
        if version
        else tr("The Ollama at {url} is too old for Wattlight.", url=endpoint.url),
        tr("Update Ollama; 0.1.33 is the oldest that tells which models are loaded."),
        "old_server",
    )


def path_in_address(endpoint: Endpoint, bare: Endpoint) -> RuntimeProblem:
    """The address goes on after the port, where Ollama's own has nothing."""
    return RuntimeProblem(
        tr("Ollama answers at {bare}, not at {url}.", bare=bare.url, url=endpoint.url),
        tr("Write the address without {path}.", path=endpoint.path),
        "path_in_address",
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
