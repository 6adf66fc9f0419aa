"""What waits in memory for the next commit, merged by key so that it stays small."""

from wattlight.domain.energy import Batch, CounterBase, DeviceInfo, EnergyRow, GapRow, LevelRow, worst_quality
from wattlight.domain.values import HostId

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
