"""Rows of hosts that were contacted, each with its reason and the last time."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.values import clean_text, from_us, to_us

MOST = 200
"""A person who types the names of many registries must not fill the disk."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One host and why it was asked; ``reason`` is a code ("model", "shape", "server")."""

    host: str
    reason: str
    last_at: datetime
    times: int = 1


def note(connection: sqlite3.Connection, host: str, reason: str, at: datetime) -> None:
    """Count a contact, and drop the oldest above :data:`MOST`."""
    connection.execute(
        "INSERT INTO contact VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "at_us = max(at_us, excluded.at_us), times = times + 1",
        (clean_text(host, 260), reason, to_us(at)),
    )
    connection.execute(
        "DELETE FROM contact WHERE (host, reason) NOT IN "
        "(SELECT host, reason FROM contact ORDER BY at_us DESC LIMIT ?)",
        (MOST,),
    )


def newest(connection: sqlite3.Connection) -> tuple[Contact, ...]:
    """All of them, the latest first."""
    rows = connection.execute(
        "SELECT host, reason, at_us, times FROM contact ORDER BY at_us DESC, host, reason"
    )
    return tuple(Contact(host, reason, from_us(at_us), times) for host, reason, at_us, times in rows)
