"""The errors of this room: what a failed exchange and the server's own words mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wattlight.domain.state import ServerStatus
from wattlight.domain.values import Problem, clean_text
from wattlight.web import NOT_UNDERSTOOD, Endpoint, FaultKind, Proxy, WireFault, proxy_for

SERVER_TEXT_LIMIT = 600
"""So many characters of the server's own text are shown."""


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


@dataclass(frozen=True, slots=True)
class _Meaning:
    pattern: str
    code: str
    sentence: str
    next_step: str


_OUT_OF_MEMORY = (
    r"out of (device )?memory|(cuda|hip)malloc failed|failed to allocate|allocation failed|"
    r"(not enough|insufficient) memory|vk_error_out_of_device_memory|erroroutofmemory|"
    r"unable to allocate|requires more system memory|requires .{1,40} but only .{1,40} available"
)
"""The words by which Ollama itself recognises it, and the older and the MLX wording."""

_MEANINGS: tuple[_Meaning, ...] = (
    _Meaning(
        r"invalid model name|invalid name|name is required|model is required",
        "invalid_name",
        "{model} is not a name a model can have.",
        "Use a name like llama3.2:3b.",
    ),
    _Meaning(
        r"no space left on device|not enough space on the disk|disk quota exceeded|no room on device",
        "no_room",
        "There is not enough room on the server's disk for {model}.",
        "Free some space and try again: what has arrived is kept and the download goes on from there.",
    ),
    _Meaning(
        r"digest mismatch",
        "digest_mismatch",
        "What arrived for {model} is damaged, so it was not installed.",
        "Pull it again; if that fails too, try another network.",
    ),
    _Meaning(
        r"requires? flash_attn|quantized v cache",
        "kv_needs_flash",
        "{model} was not loaded, because a compressed KV cache needs flash attention.",
        "Set OLLAMA_FLASH_ATTENTION=1 or remove OLLAMA_KV_CACHE_TYPE for the server and start it again.",
    ),
    _Meaning(
        _OUT_OF_MEMORY,
        "out_of_memory",
        "{model} does not fit into the memory that is free now.",
        "Unload another model, choose a shorter context or a smaller model.",
    ),
    _Meaning(
        r"signal: killed",
        "killed",
        "The operating system stopped {model} while it loaded, most likely for lack of memory.",
        "Close other programs, choose a shorter context or a smaller model.",
    ),
    _Meaning(
        r"timed out waiting for",
        "load_timeout",
        "{model} did not finish loading in the time the server allows.",
        "Try again; a slow disk or another load may be the reason.",
    ),
    _Meaning(
        r"server busy|maximum pending requests",
        "server_busy",
        "The server has too many requests waiting.",
        "Try again in a moment.",
    ),
    _Meaning(
        r"time: (invalid|missing unit in|unknown unit).*duration",
        "invalid_duration",
        "The server does not understand how long to keep {model}.",
        'Use a duration like "5m" or "1h", or -1 for ever.',
    ),
    _Meaning(
        r"requires a newer version of ollama|\b412\b",
        "needs_newer_server",
        "{model} needs a newer Ollama than this one.",
        "Update Ollama and try again.",
    ),
    _Meaning(
        r"incompatible with your version|no longer compatible|unsupported model format",
        "incompatible_model",
        "This version of Ollama cannot run the file of {model}.",
        "Pull the model again, or update Ollama.",
    ),
    _Meaning(
        r"invalid character .* looking for beginning of value",
        "damaged_model",
        "A small file of {model} on the server's disk is damaged.",
        "Remove the model and pull it again.",
    ),
    _Meaning(
        r"realm host|unauthorized|\b401\b|\b403\b|access denied",
        "registry_denied",
        "The registry does not allow {model} to be fetched.",
        "Check the name; a private model needs 'ollama signin' on the server.",
    ),
    _Meaning(
        r"\b429\b|too many requests",
        "registry_limit",
        "The registry answers no more requests for now.",
        "Wait some minutes and try again.",
    ),
    _Meaning(
        r"file does not exist|not found|try pulling it first|manifest unknown",
        "unknown_model",
        "There is no model named {model}.",
        "Check the spelling of the name and of the part after the colon.",
    ),
    _Meaning(
        r"connection refused|no such host|dial tcp|i/o timeout|network is unreachable|tls: |tls handshake|"
        r"proxyconnect|x509|certificate|server misbehaving|connection reset|max retries exceeded|"
        r"no route to host",
        "registry_unreachable",
        "The server cannot reach the registry to fetch {model}.",
        "Check the network connection of the computer the server runs on and try again.",
    ),
    _Meaning(
        r"\b5\d\d\b:",
        "registry_fault",
        "The registry has a fault of its own.",
        "Try again later.",
    ),
    _Meaning(
        r"process has terminated|exit status|process no longer running",
        "engine_stopped",
        "The server's engine stopped while it loaded {model}.",
        "The reason is in the server's log; an unusual OLLAMA_KV_CACHE_TYPE is one.",
    ),
)


def problem_from_server(text: str, model: str = "") -> RuntimeProblem:
    """What an error text of the server means; the text itself is quoted, cleaned, word for word."""
    quoted = clean_text(" ".join(text.split()), SERVER_TEXT_LIMIT)
    shown = clean_text(model, 120) or "the model"
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, text[:4000], re.IGNORECASE):
            sentence, next_step, code = meaning.sentence, meaning.next_step, meaning.code
            break
    else:
        sentence, next_step, code = "The server could not do this.", "Try again.", "server_error"
    sentence = sentence.replace("{model}", shown)
    sentence = sentence[:1].upper() + sentence[1:] if not model else sentence
    message = f'{sentence} The server said: "{quoted}".' if quoted else sentence
    return RuntimeProblem(message, next_step, code, quoted or None)


def with_proxy_advice(problem: RuntimeProblem) -> RuntimeProblem:
    """``problem`` with the hint that the server reads a proxy from its own environment, not from ours."""
    if problem.code not in {"registry_unreachable", "registry_fault"}:
        return problem
    advice = "This computer uses a proxy: Ollama's server needs HTTPS_PROXY in its own environment as well."
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


def problem_of(fault: WireFault, endpoint: Endpoint) -> RuntimeProblem:
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
