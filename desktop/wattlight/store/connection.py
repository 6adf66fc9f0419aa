"""Opens SQLite connections the way the ledger needs them."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

BUSY_MS = 2000
"""How long to wait for another process (a backup tool) that holds the file."""


def connect_for_writing(file: Path | str) -> sqlite3.Connection:
    """A connection in WAL mode with synchronous NORMAL: a killed process loses nothing that was committed;
    a power cut may lose the last commits but never the file."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def connect_for_reading(file: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    uri = f"file:{quote(str(file))}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000
    )
