"""How an exchange with a server can fail, before it is put into words."""

from enum import StrEnum


class FaultKind(StrEnum):
    """How an exchange failed."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    NOT_HTTP = "not_http"
    REDIRECT = "redirect"
    ENCODED = "encoded"
    TOO_LARGE = "too_large"
    CUT = "cut"
    TLS = "tls"
    PROXY = "proxy"
    CANCELLED = "cancelled"


class WireFault(Exception):
    """An exchange failed; ``detail`` is for the log, never shown alone."""

    def __init__(self, kind: FaultKind, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
