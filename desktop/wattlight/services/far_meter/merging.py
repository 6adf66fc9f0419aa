"""Carries what meters on other computers recorded into the ledger here, by host, each hour once."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from zoneinfo import ZoneInfo

from wattlight.domain.cost import By, CostReport, Sums
from wattlight.domain.state import FarMeter
from wattlight.domain.tariff import Tariff, day_start_us, local_day
from wattlight.domain.values import HostId, clean_text, to_us
from wattlight.i18n import joined, percent, tr
from wattlight.settings import ServerAddress
from wattlight.store import LedgerReader, LedgerWriter, hour_marks, replace_hours, set_watermark
from wattlight.system import Tunnel

from .asking import FarLedger, FarProblem, FarState, open_far
from .lane import Lane, LaneParts

LOOKED_BACK_HOURS = 48
"""Hours before the last merge are compared once more: a counter that bridged a gap fills them late."""
MERGE_S = 60.0
HOUR_S = 3600

Write = Callable[[Callable[[LedgerWriter], object]], bool]
"""Lets the one writer of the ledger do something; False where this process does not record."""


def merge(
    far: FarLedger, state: FarState, host: HostId, reader: LedgerReader, write: Write, now_s: float
) -> int:
    """Fetch the hours that differ and put them in the place of ours; how many.

    Raises:
        Problem: the meter cannot be read, its records are already here under another name, or nothing can
            be written. What was carried until then stays, and the next merge goes on.
    """
    refuse_twice(state, host, reader)
    if state.first_hour is None or state.last_hour is None:
        return 0
    known = reader.watermarks().get(host)
    first = state.first_hour
    if known is not None and known[0] == state.instance:
        first = max(first, known[1] - LOOKED_BACK_HOURS)
    first = max(first, reader.first_hour(host))
    end = max(first, min(state.last_hour, int(now_s // HOUR_S) + 24)) + 1
    theirs, ours = far.marks(first, end), hour_marks(reader, first, end, host)
    changed = [hour for hour in sorted({*theirs, *ours}) if theirs.get(hour) != ours.get(hour)]
    for start, until in _runs(changed):
        at = start
        while at < until:
            shipment = far.hours(host, at, until)
            if not write(lambda writer, shipment=shipment: replace_hours(writer, host, shipment)):  # type: ignore[misc]
                raise FarProblem(tr("What the other computer recorded cannot be written here now."))
            at = shipment.end
    mark = state.instance, end - 1
    if known != mark:
        write(lambda writer: set_watermark(writer, host, mark))
    return len(changed)


def refuse_twice(state: FarState, host: HostId, reader: LedgerReader) -> None:
    """Raises:
    FarProblem: the same ledger is merged under another host, or is the one of this computer.
    """
    if state.instance == reader.instance():
        raise FarProblem(tr("The meter there is the one of this computer: it is counted already."))
    for other, (instance, _) in reader.watermarks().items():
        if instance == state.instance and other != host:
            raise FarProblem(
                tr("Its records are counted already, as those of {name}.", name=clean_text(other, 60))
            )


def _runs(hours: list[int]) -> Iterator[tuple[int, int]]:
    for _, group in groupby(enumerate(hours), lambda item: item[1] - item[0]):
        run = [hour for _, hour in group]
        yield run[0], run[-1] + 1


def figures(state: FarState) -> FarMeter:
    """What the meter says now, for the faces."""
    basis = tr("whole computer") if state.whole else joined(state.parts)
    if basis and state.error_fraction is not None:
        basis = tr("{basis}, about ±{error}", basis=basis, error=percent(state.error_fraction))
    return FarMeter(state.power_w, basis, state.at)


def host_costs(
    reader: LedgerReader, host: HostId, tariff: Tariff | None, zone: ZoneInfo, now_us: int
) -> tuple[CostReport, CostReport]:
    """Today and this month of another computer, at the prices here."""
    today = local_day(now_us, zone)
    reports = []
    for first in (today, today.replace(day=1)):
        sums = Sums(tariff, day_start_us(first, zone), now_us, zone)
        sums.know(reader.devices(host))
        sums.add_all(reader.buckets(sums.start_us, now_us, host))
        sums.observed_ms = reader.observed_ms(sums.start_us, now_us, host)
        reports.append(sums.report(By.MODEL, now_us))
    return reports[0], reports[1]


class LedgerLane(Lane):
    """A Wattlight that serves its ledger: its watts often, its rows every minute."""

    def __init__(self, address: ServerAddress, parts: LaneParts) -> None:
        super().__init__(address, parts)
        self._merged_s = float("-inf")
        self._tunnel: Tunnel | None = None

    def ask(self) -> None:
        far = self._open()
        state = far.state()
        self.tell(figures(state))
        host, hub = self.address.host, self.parts.hub
        if state.profile is not None:
            hub.update_host(host, lambda item: replace(item, profile=state.profile))
        now_s, now = time.monotonic(), self.parts.factory.now()
        if now_s - self._merged_s < MERGE_S:
            return
        self._merged_s = now_s
        write = self.parts.meter.write
        with closing(self.parts.factory.ledger()) as reader:
            count = merge(far, state, host, reader, write, now.timestamp())
        if count or any(item.id == host and item.today is None for item in hub.state.hosts):
            tariff = self.parts.settings.tariff()
            zone = self.parts.zone if tariff is None else tariff.zone
            with closing(self.parts.factory.ledger()) as reader:
                today, month = host_costs(reader, host, tariff, zone, to_us(now))
            hub.update_host(host, lambda item: replace(item, today=today, month=month))

    def end(self) -> None:
        if self._tunnel is not None:
            self._tunnel.close()

    def _open(self) -> FarLedger:
        address, environ = self.address.meter, self.parts.factory.environ
        if address.startswith("ssh://"):
            if self._tunnel is None:
                self._tunnel = Tunnel(address, environ)
            address = f"127.0.0.1:{self._tunnel.port()}"
        return open_far(address, self.address.name, self.token(), environ, self.leaving)
