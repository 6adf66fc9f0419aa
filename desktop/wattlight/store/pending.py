"""What waits in memory for the next commit, merged by key so that it stays small; the ledger's own time."""

from collections import deque

from wattlight.domain.energy import Batch, CounterBase, DeviceInfo, EnergyRow, GapRow, LevelRow, worst_quality
from wattlight.domain.values import HostId

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MOST_HOURS = 60

_Key = tuple[HostId, int, str, str | None, str]


class Pending:
    """Rows not yet in the ledger. Not for use by two threads at once."""

    def __init__(self) -> None:
        self.rows: dict[_Key, EnergyRow] = {}
        self.presence: dict[tuple[HostId, int], int] = {}
        self.gaps: list[GapRow] = []
        self.counters: dict[tuple[HostId, str], CounterBase] = {}
        self.devices: dict[tuple[HostId, str], DeviceInfo] = {}
        self.models: dict[str, str] = {}
        self.levels: dict[tuple[HostId, str, tuple[str, ...]], LevelRow] = {}
        self.estimates: dict[tuple[HostId, int], tuple[int, int, int]] = {}
        """(low mJ, high mJ, milliseconds) by quarter hour."""

    def add(self, batch: Batch) -> None:
        for row in batch.rows:
            key = (row.host, row.minute, row.device, row.model, row.state.value)
            known = self.rows.get(key)
            self.rows[key] = row if known is None else _merged(known, row)
        for host, minute, milliseconds in batch.presence:
            self.presence[host, minute] = self.presence.get((host, minute), 0) + milliseconds
        self.gaps += batch.gaps
        for counter in batch.counters:
            self.counters[counter.host, counter.device] = counter
        for device in batch.devices:
            self.devices[device.host, device.device] = device
        self.models.update(batch.models)
        for level in batch.levels:
            self.levels[level.host, level.device, level.models] = level
        for estimate in batch.estimates:
            quarter = estimate.host, estimate.quarter
            low_mj, high_mj, seen_ms = self.estimates.get(quarter, (0, 0, 0))
            self.estimates[quarter] = (
                low_mj + estimate.low_mj,
                high_mj + estimate.high_mj,
                seen_ms + estimate.seen_ms,
            )

    @property
    def empty(self) -> bool:
        return not (
            self.rows
            or self.presence
            or self.gaps
            or self.counters
            or self.devices
            or self.models
            or self.levels
            or self.estimates
        )

    def remember(self, known: "Pending") -> None:
        """Take what a new ledger must be told again: devices, names, learned powers, counters."""
        self.devices = known.devices | self.devices
        self.models = known.models | self.models
        self.levels = known.levels | self.levels
        self.counters = known.counters | self.counters

    def forget_before(self, minute: int) -> int:
        """Drop rows of minutes before ``minute`` and return how many mJ went with them.

        Only for a disk that has been full for more than an hour.
        """
        old = [key for key in self.rows if key[1] < minute]
        lost = sum(self.rows.pop(key).energy_mj for key in old)
        for key in [key for key in self.presence if key[1] < minute]:
            del self.presence[key]
        for key in [key for key in self.estimates if key[1] < minute // 15]:
            del self.estimates[key]
        self.gaps = [gap for gap in self.gaps if gap.end_us >= minute * 60_000_000]
        return lost


def _merged(one: EnergyRow, two: EnergyRow) -> EnergyRow:
    return EnergyRow(
        one.host,
        one.minute,
        one.device,
        one.model,
        one.state,
        one.energy_mj + two.energy_mj,
        one.observed_ms + two.observed_ms,
        worst_quality((one.quality, two.quality)) or one.quality,
        one.tokens_in + two.tokens_in,
        one.tokens_out + two.tokens_out,
    )


class OwnTime:
    """The ledger's own time: what the clock said at every moment of the last day in which the meter ran.

    A clock may be wrong for seconds or hours, and what is deleted on its word is gone for good. So nothing
    is old that was not old all through a day of metering, told by a clock that cannot be set. Kept are hours
    of metering, the latest last: how long each is, and the earliest the clock said in it. ``text`` is what
    :meth:`text` made; anything else begins anew.
    """

    def __init__(self, text: str = "") -> None:
        self._hours: deque[tuple[int, int]] = deque()
        try:
            for part in text.split()[-MOST_HOURS:]:
                length_us, earliest_us = (int(number[:20]) for number in part.split(":"))
                if 0 <= length_us <= 2 * HOUR_US:
                    self._hours.append((length_us, earliest_us))
        except ValueError:
            self._hours.clear()

    def note(self, now_us: int, metered_us: int) -> None:
        """The clock says ``now_us``, after ``metered_us`` more of metering."""
        if self._hours and self._hours[-1][0] < HOUR_US:
            length_us, earliest_us = self._hours.pop()
            metered_us, now_us = metered_us + length_us, min(now_us, earliest_us)
        self._hours.append((max(0, metered_us), now_us))
        while sum(length for length, _ in self._hours) - self._hours[0][0] >= DAY_US:
            self._hours.popleft()

    def told_us(self) -> int | None:
        """The moment that has surely come; None before a day of metering."""
        if sum(length for length, _ in self._hours) < DAY_US:
            return None
        return min(earliest for _, earliest in self._hours)

    def text(self) -> str:
        return " ".join(f"{length}:{earliest}" for length, earliest in self._hours)
