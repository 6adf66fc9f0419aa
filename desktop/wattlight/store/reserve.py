"""A file that only takes room, so that a full disk still lets the ledger delete and commit."""

import contextlib
import os
import shutil
from pathlib import Path

RESERVE_BYTES = 1 << 20
_ROOM_NEEDED = 16 << 20


def reserve_file(ledger: Path) -> Path:
    """Where the reserve of a ledger lies."""
    return ledger.with_name(ledger.name + ".reserve")


def keep_reserve(ledger: Path) -> bool:
    """Make the reserve if it is missing and the disk has room; True if it is there."""
    file = reserve_file(ledger)
    with contextlib.suppress(OSError):
        if file.exists() and file.stat().st_size == RESERVE_BYTES:
            return True
        if shutil.disk_usage(ledger.parent).free < _ROOM_NEEDED:
            return False
        with file.open("wb") as stream:
            stream.write(os.urandom(RESERVE_BYTES))  # random: a compressing file system cannot shrink it
        return True
    return False


def release_reserve(ledger: Path) -> bool:
    """Give the room back; True if there was any."""
    try:
        reserve_file(ledger).unlink()
    except OSError:
        return False
    return True
