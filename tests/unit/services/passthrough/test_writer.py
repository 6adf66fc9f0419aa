"""Counted requests are written together, and none is lost."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from wattlight.domain.tokens import NO_COUNTERS, Counters, TokenUse
from wattlight.domain.values import Problem
from wattlight.services.passthrough import TokenWriter
from wattlight.services.passthrough import keeper as keeper_file

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def use(output: int | None = 5) -> TokenUse:
    counters = NO_COUNTERS if output is None else Counters(output_tokens=output)
    return TokenUse("m", "curl", "/api/chat", NOW, NOW, 100, 200, True, counters)


class Disk:
    """Takes written requests; fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.written: list[TokenUse] = []
        self.batches = 0
        self.told = threading.Semaphore(0)

    def add_uses(self, uses: Sequence[TokenUse]) -> None:
        self.batches += 1
        try:
            if self.failures:
                self.failures -= 1
                raise Problem("The disk is full.", "Free some space.")
            self.written += uses
        finally:
            self.told.release()


def test_requests_are_written_together_and_all_at_the_end() -> None:
    disk = Disk()
    keeper = TokenWriter(disk, gather_s=60)
    for _ in range(100):
        keeper.take(use())
    assert keeper.stop()
    assert len(disk.written) == 100
    assert disk.batches == 1
    assert keeper.stop()


def test_a_full_disk_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(failures=2)
    keeper = TokenWriter(disk, gather_s=0)
    for number in range(3):
        keeper.take(use(number))
        assert disk.told.acquire(timeout=5)
    assert keeper.stop()
    assert [u.counters.output_tokens for u in disk.written] == [0, 1, 2]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_file, "MOST_WAITING", 2)
    disk = Disk(failures=3)
    keeper = TokenWriter(disk, gather_s=0)
    for number in range(4):
        keeper.take(use(number))
        assert disk.told.acquire(timeout=5)
    assert keeper.stop()
    assert [u.counters.output_tokens for u in disk.written] == [1, 2, 3]
