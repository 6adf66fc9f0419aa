"""Opens SQLite connections the way the ledger needs them."""

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

BUSY_MS = 2000
"""How long to wait for another process (a backup tool) that holds the file."""
_COMPANIONS = ("-wal", "-shm")


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


def set_aside(file: Path, now: datetime) -> Path:
    """Rename a damaged ledger and its companions; the new name of the main file."""
    aside = file.with_name(f"{file.name}.corrupt-{now:%Y%m%dT%H%M%S}")
    counter = 1
    while aside.exists():
        aside = file.with_name(f"{file.name}.corrupt-{now:%Y%m%dT%H%M%S}-{counter}")
        counter += 1
    file.rename(aside)
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            file.with_name(file.name + companion).rename(aside.with_name(aside.name + companion))
    return aside
