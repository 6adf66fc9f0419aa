"""The energy ledger in SQLite: one process writes, all may read. Rows are integers; cost is never stored."""

from .backup import back_up, restore
from .lock import MeterLock
from .opening import OpenedLedger, open_ledger, open_memory_ledger
from .pending import Pending
from .problem import LedgerDamaged, LedgerFull, LedgerProblem
from .reader import LedgerReader, open_reader
from .reserve import release_reserve
from .retention import forget_before
from .writer import LedgerWriter

__all__ = [
    "LedgerDamaged",
    "LedgerFull",
    "LedgerProblem",
    "LedgerReader",
    "LedgerWriter",
    "MeterLock",
    "OpenedLedger",
    "Pending",
    "back_up",
    "forget_before",
    "open_ledger",
    "open_memory_ledger",
    "open_reader",
    "release_reserve",
    "restore",
]
