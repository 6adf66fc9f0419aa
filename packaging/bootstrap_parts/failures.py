"""What pip's words mean. Its last line ("from versions: none") never names the cause; the warnings do."""

import re
from dataclasses import dataclass

from .say import StepError

_UNCHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an installation failed: a kind, and the error for the person."""

    kind: str
    error: StepError


_NETWORK = (
    "NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|"
    "Name or service not known|getaddrinfo failed|nodename nor servname|NameResolutionError|"
    "Network is unreachable|No route to host|Connection refused|ConnectTimeoutError|ReadTimeoutError|"
    "Read timed out|Connection reset|RemoteDisconnected|IncompleteRead|Max retries exceeded|connection broken"
)
_TLS = (
    "CERTIFICATE_VERIFY_FAILED|confirming the ssl certificate|SSLCertVerificationError|SSLError|"
    "TLS CA certificate bundle"
)


def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def explain(output: str) -> Failure:
    """Turn pip's whole output into one of a few causes, each with its way out."""
    if _search(r"No space left on device|Errno 28|disk quota exceeded", output):
        return Failure("disk", StepError("The disk is full.", f"{_UNCHANGED} Make room and run again."))
    if _search("DO NOT MATCH THE HASHES", output):
        return Failure(
            "hash",
            StepError(
                "A downloaded package is not the one that was checked when this version was made.",
                f"{_UNCHANGED} Try again later; if it stays so, report it: something changes downloads.",
            ),
        )
    if _search(_TLS, output):
        return Failure(
            "tls",
            StepError(
                "The certificate of the download server was not accepted (a company proxy on the way?).",
                f"{_UNCHANGED} Put your company's certificate into the system's store, or name it: PIP_CERT.",
            ),
        )
    if _search(r"407 Proxy Authentication|ProxyError.*407", output):
        return Failure(
            "proxy",
            StepError(
                "The proxy wants a name and a password.",
                f"{_UNCHANGED} Put them into HTTPS_PROXY and run again.",
            ),
        )
    if _search(_NETWORK, output):
        return Failure(
            "network",
            StepError("The download server cannot be reached.", f"{_UNCHANGED} Connect and run again."),
        )
    found = re.search(r"No matching distribution found for ([^\s;]+)", output)
    if found:
        return Failure(
            "no_wheel",
            StepError(
                f"There is no ready-made package {found[1]} for this computer and this Python.",
                f"{_UNCHANGED} Try Python 3.11, 3.12 or 3.13; with --wheels, put it into that folder.",
            ),
        )
    return Failure(
        "other",
        StepError(f"Installing the packages failed: {_last_error(output)}", f"{_UNCHANGED} Run again."),
    )


def _last_error(output: str) -> str:
    errors = [line.strip() for line in output.splitlines() if line.strip().startswith(("ERROR", "error"))]
    lines = errors or [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "pip said nothing"
