"""The energy ledger in SQLite: one process writes, all may read. Rows are integers; cost is never stored."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backup import back_up, restore
    from .lock import MeterLock
    from .opening import OpenedLedger, open_ledger, open_memory_ledger
    from .pending import Pending
    from .problem import LedgerDamaged, LedgerFull, LedgerProblem
    from .reader import LedgerReader, open_reader
    from .reserve import release_reserve
    from .retention import forget_before
    from .writer import LedgerWriter

_PARTS = {
    "backup": "back_up restore",
    "lock": "MeterLock",
    "opening": "OpenedLedger open_ledger open_memory_ledger",
    "pending": "Pending",
    "problem": "LedgerDamaged LedgerFull LedgerProblem",
    "reader": "LedgerReader open_reader",
    "reserve": "release_reserve",
    "retention": "forget_before",
    "writer": "LedgerWriter",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

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


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
