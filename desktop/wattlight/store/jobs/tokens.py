"""Sums of requests by hour, model and client."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.tokens import TokenSource, TokenUse
from wattlight.domain.values import HostId, from_us, to_us

from ..files import transaction

HOUR_US = 3_600_000_000
CLIENTS_AN_HOUR = 200
"""A client that changes its name with each request must not fill the disk."""
OTHER = "other programs"

_ADD = """INSERT INTO token_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, counted = counted + excluded.counted,
prompt_tokens = prompt_tokens + excluded.prompt_tokens,
cached_prompt_tokens = cached_prompt_tokens + excluded.cached_prompt_tokens,
output_tokens = output_tokens + excluded.output_tokens, output_ns = output_ns + excluded.output_ns,
timed_tokens = timed_tokens + excluded.timed_tokens, duration_ms = duration_ms + excluded.duration_ms"""


@dataclass(frozen=True, slots=True)
class TokenHour:
    """An hour's requests of one client to one model.

    Tokens are sums over ``counted`` of the ``requests``; ``output_tokens_per_s`` over those with a duration.
    """

    start: datetime
    model: str
    client: str
    source: str
    requests: int
    counted: int
    prompt_tokens: int
    cached_prompt_tokens: int
    output_tokens: int
    output_tokens_per_s: float | None
    duration_ms: int


def add(connection: sqlite3.Connection, uses: Sequence[TokenUse]) -> None:
    """Add requests in one transaction; each belongs to the hour it ended in."""
    with transaction(connection):
        for use in uses:
            connection.execute(_ADD, _row(connection, use))


def _row(connection: sqlite3.Connection, use: TokenUse) -> tuple[object, ...]:
    hour = to_us(use.ended_at) // HOUR_US
    counters = use.counters
    timed = counters.output_tokens is not None and bool(counters.output_ns)
    return (
        use.host,
        hour,
        use.model,
        _client(connection, use, hour),
        TokenSource(use.source).value,
        1,
        1 if counters.output_tokens is not None else 0,
        counters.prompt_tokens or 0,
        counters.cached_prompt_tokens or 0,
        counters.output_tokens or 0,
        counters.output_ns or 0 if timed else 0,
        counters.output_tokens or 0 if timed else 0,
        use.duration_ms,
    )


def _client(connection: sqlite3.Connection, use: TokenUse, hour: int) -> str:
    here = (use.host, hour)
    known, count = connection.execute(
        "SELECT coalesce(max(client = ?), 0), count(DISTINCT client) FROM token_hour "
        "WHERE host = ? AND hour = ?",
        (use.client, *here),
    ).fetchone()
    return use.client if known or count < CLIENTS_AN_HOUR else OTHER


def between(
    connection: sqlite3.Connection, start: datetime, end: datetime, host: HostId
) -> tuple[TokenHour, ...]:
    rows = connection.execute(
        "SELECT hour, model, client, source, requests, counted, prompt_tokens, cached_prompt_tokens, "
        "output_tokens, output_ns, timed_tokens, duration_ms FROM token_hour "
        "WHERE host = ? AND hour >= ? AND hour < ? ORDER BY hour, model, client, source",
        (host, -(-to_us(start) // HOUR_US), -(-to_us(end) // HOUR_US)),
    )
    return tuple(
        TokenHour(
            start=from_us(hour * HOUR_US),
            model=model,
            client=client,
            source=source,
            requests=requests,
            counted=counted,
            prompt_tokens=prompt,
            cached_prompt_tokens=cached,
            output_tokens=output,
            output_tokens_per_s=timed * 1e9 / ns if ns else None,
            duration_ms=duration,
        )
        for hour, model, client, source, requests, counted, prompt, cached, output, ns, timed, duration in (
            rows
        )
    )
