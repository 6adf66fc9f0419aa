"""The ledger's file as the recorder sees it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from wattlight.store import LedgerProblem, OpenedLedger, open_ledger, open_memory_ledger, release_reserve


class LedgerFile:
    """Opens the ledger, again after damage. Where the place cannot be written, it lives in memory."""

    def __init__(self, file: Path, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now

    def open(self) -> OpenedLedger:
        """The ledger, and what the user should know.

        Raises:
            LedgerProblem: it was made by a newer Wattlight, or another program holds it just now.
        """
        try:
            return open_ledger(self._file, self._now())
        except LedgerProblem as problem:
            if problem.code in {"ledger_newer", "ledger_busy"}:
                raise
            notice = f"{problem} Until then the meter counts in memory only."
            return OpenedLedger(open_memory_ledger().writer, (notice,))

    def release_reserve(self) -> bool:
        """Give the reserved room back to a full disk."""
        return release_reserve(self._file)
