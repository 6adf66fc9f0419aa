"""One answered request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wattlight.domain.values import LOCAL_HOST, HostId

from .counters import Counters


class TokenSource(StrEnum):
    """Who saw the request."""

    PASS_THROUGH = "pass_through"
    BENCHMARK = "benchmark"
    TRY_IT = "try_it"


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What one request took. It never holds a prompt or an answer.

    Attributes:
        model: as the server named it in its answer; empty if it did not say.
        client: the program that asked (its user agent without the version), cleaned.
        path: which endpoint of the server ("/api/chat").
        started_at, ended_at: aware UTC, first byte of the request to last byte of the answer.
        duration_ms: the same span by a monotonic clock.
        first_byte_ms: until the answer began; None if it never did.
        status: HTTP status; None if there was no answer.
        complete: the whole answer went through (not cancelled by the client, not cut by the server).
        counters: the server's own figures; each None where it sent none.
        alone: no other counted request was under way at any moment of this one.
    """

    model: str
    client: str
    path: str
    started_at: datetime
    ended_at: datetime
    duration_ms: int
    first_byte_ms: int | None
    status: int | None
    complete: bool
    counters: Counters
    source: TokenSource = TokenSource.PASS_THROUGH
    alone: bool = True
    host: HostId = LOCAL_HOST
