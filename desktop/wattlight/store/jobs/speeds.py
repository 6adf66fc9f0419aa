"""Rows of benchmark runs."""

import sqlite3
from typing import Any

from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import HostId, from_us, to_us

KEPT = 1000
_COLUMNS = (
    "host, at_us, model, digest, device, context, output_tokens, output_tokens_per_s, prompt_tokens_per_s, "
    "server_version, joules_per_token, energy_error_fraction, energy_reason, power_w"
)


def add(connection: sqlite3.Connection, s: MeasuredSpeed) -> None:
    """Insert one row and drop the oldest above :data:`KEPT`."""
    row = (
        s.host, to_us(s.at), s.model, s.digest, s.device, s.context, s.output_tokens, s.output_tokens_per_s,
        s.prompt_tokens_per_s, s.server_version, s.joules_per_token, s.energy_error_fraction, s.energy_reason,
        s.power_w,
    )  # fmt: skip
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(f"INSERT INTO speed ({_COLUMNS}) VALUES ({marks})", row)
    connection.execute("DELETE FROM speed WHERE id <= ?", ((cursor.lastrowid or 0) - KEPT,))


def newest(connection: sqlite3.Connection, host: HostId, digest: str | None) -> tuple[MeasuredSpeed, ...]:
    """Rows of a computer, of one model or of all."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM speed WHERE host = ? AND (? IS NULL OR digest = ?) "
        "ORDER BY at_us DESC, id DESC",
        (host, digest, digest),
    )
    return tuple(_read(row) for row in rows)


def _read(row: tuple[Any, ...]) -> MeasuredSpeed:
    (host, at_us, model, digest, device, context, tokens, speed, prompt_speed, version, joules, error, reason,
     power) = row  # fmt: skip
    return MeasuredSpeed(
        model=model,
        digest=digest,
        device=device,
        context=context,
        at=from_us(at_us),
        output_tokens=tokens,
        output_tokens_per_s=speed,
        prompt_tokens_per_s=prompt_speed,
        server_version=version,
        joules_per_token=joules,
        energy_error_fraction=error,
        energy_reason=reason,
        power_w=power,
        host=HostId(host),
    )
