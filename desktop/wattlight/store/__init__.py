"""The energy ledger in SQLite: one process writes, all may read. Rows are integers; cost is never stored."""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .backup import back_up, restore
    from .lock import MeterLock
    from .months import MonthSpan, close_months, closed_months, known_months
    from .opening import LedgerFile, OpenedLedger, open_ledger, open_memory_ledger
    from .pending import Pending
    from .problem import LedgerDamaged, LedgerFull, LedgerProblem
    from .reader import LedgerReader, open_reader
    from .shipping import (
        Shipment,
        hour_marks,
        hours_of,
        make_instance,
        read_shipment,
        replace_hours,
        set_watermark,
        shipment_document,
    )
    from .writer import LedgerWriter
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "backup": "back_up restore",
            "lock": "MeterLock",
            "months": "MonthSpan close_months closed_months known_months",
            "opening": "LedgerFile OpenedLedger open_ledger open_memory_ledger",
            "pending": "Pending",
            "problem": "LedgerDamaged LedgerFull LedgerProblem",
            "reader": "LedgerReader open_reader",
            "shipping": "Shipment hour_marks hours_of make_instance read_shipment replace_hours "
            "set_watermark shipment_document",
            "writer": "LedgerWriter",
        },
    )
