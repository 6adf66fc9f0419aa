"""The shared database for parts that are built before it is needed: opened with the first question."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from wattlight.domain.learning import Comparison
from wattlight.domain.tokens import MeasuredSpeed, TokenUse
from wattlight.domain.values import LOCAL_HOST, HostId

if TYPE_CHECKING:
    from wattlight.store.jobs import JobsBook, TokenHour


class JobsShelf:
    """Does what the book does; any thread. Each method raises a Problem while the file cannot be used."""

    def __init__(self, book: Callable[[], "JobsBook"]) -> None:
        self._book = book
        self._lock = threading.Lock()

    def add_comparison(self, comparison: Comparison) -> None:
        """Remember a load."""
        self._open().add_comparison(comparison)

    def comparisons(self, host: HostId = LOCAL_HOST, limit: int = 500) -> tuple[Comparison, ...]:
        """The newest loads of a computer, newest first."""
        return self._open().comparisons(host, limit)

    def add_speed(self, speed: MeasuredSpeed) -> None:
        """Remember a run of the benchmark."""
        self._open().add_speed(speed)

    def speeds(self) -> tuple[MeasuredSpeed, ...]:
        """Runs of the benchmark, newest first."""
        return self._open().speeds()

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        """Add requests to the sums of their hours."""
        self._open().add_uses(uses)

    def token_hours(self, start: datetime, end: datetime) -> tuple["TokenHour", ...]:
        """Sums of the hours in [start, end)."""
        return self._open().token_hours(start, end)

    def _open(self) -> "JobsBook":
        with self._lock:
            return self._book()
