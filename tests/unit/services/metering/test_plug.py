"""A desktop with a card, a processor and a plug: the ledger holds what the plug counted, to the mJ."""

from dataclasses import dataclass, field, replace

import pytest
from tests.fakes.metering import QWEN, Clock, energy, part

from wattlight.domain.cost import By, Sums
from wattlight.domain.energy import WALL, Batch
from wattlight.domain.plug import PlugPart, PlugReading
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.tariff import flat_tariff
from wattlight.domain.values import LOCAL_HOST, DeviceSample, Quality, Scope, to_us
from wattlight.domain.wall import PLUG, Wall, WallModel
from wattlight.services.metering import Meter
from wattlight.store import LedgerReader, Pending, open_memory_ledger

LOSS = 0.12


@dataclass
class Desktop:
    """Rest, card and processor behind a supply with its loss; a plug that is asked every ten seconds."""

    clock: Clock = field(default_factory=Clock)
    card_w: float = 20.0
    cpu_w: float = 15.0
    rest_w: float = 30.0
    card_mj: int = 7_000_000
    cpu_mj: int = 3_000_000
    plug_mj: int = 40_000_000
    answers: bool = True
    with_counter: bool = True
    boot_id: str = "boot-1"
    part: PlugPart = field(default_factory=lambda: PlugPart("computer", "k"))
    reading: PlugReading | None = None
    since_s: float = 10.0
    batches: list[Batch] = field(default_factory=list)

    @property
    def wall_w(self) -> float:
        return (self.card_w + self.cpu_w + self.rest_w) / (1 - LOSS)

    def second(self) -> None:
        self.clock.move(1)
        self.card_mj += round(self.card_w * 1000)
        self.cpu_mj += round(self.cpu_w * 1000)
        self.plug_mj += round(self.wall_w * 1000)
        self.since_s += 1
        if self.answers and self.since_s >= 10:
            self.since_s = 0.0
            counter = self.plug_mj if self.with_counter else None
            self.reading = PlugReading(self.clock.monotonic_s, self.wall_w, counter, 0)

    def look(self) -> MachineSample:
        inside: tuple[DeviceSample, ...] = (
            part("card", self.card_w, quality=Quality.COUNTER, counter_mj=self.card_mj, scope=Scope.BOARD),
            part("cpu", self.cpu_w, "cpu", Scope.PACKAGE, Quality.COUNTER, counter_mj=self.cpu_mj),
        )
        plug = self.part.sample(self.reading, None, self.clock.monotonic_s, self.card_w + self.cpu_w)
        parts = (plug, *(replace(one, contained_in=PLUG) for one in inside))
        return MachineSample(LOCAL_HOST, self.clock.at, self.clock.monotonic_s, parts, boot_id=self.boot_id)

    def run(self, meter: Meter, seconds: int, running: tuple[RunningModel, ...] = (), every: int = 1) -> None:
        for at in range(seconds):
            self.second()
            if at % every == 0:
                self.batches.append(meter.process(self.look(), running))


def booked(batches: list[Batch], device: str | None = None) -> int:
    return sum(row.energy_mj for b in batches for row in b.rows if device in {None, row.device})


def fresh() -> tuple[Desktop, Meter]:
    desktop, meter = Desktop(), Meter(LOCAL_HOST)
    meter.expect(1.0)
    return desktop, meter


def test_wall_models_and_computer_add_up() -> None:
    desktop, meter = fresh()
    desktop.run(meter, 1)
    start = desktop.plug_mj
    desktop.run(meter, 900)
    desktop.card_w, desktop.cpu_w = 26.0, 15.0
    desktop.run(meter, 300, (QWEN,))
    desktop.card_w, desktop.cpu_w = 260.0, 45.0
    desktop.run(meter, 600, (QWEN,))
    desktop.card_w, desktop.cpu_w = 20.0, 15.0
    desktop.run(meter, 300)
    sums = energy(desktop.batches)
    assert desktop.reading is not None
    assert booked(desktop.batches) == (desktop.reading.counter_mj or 0) - start
    assert {row.device for b in desktop.batches for row in b.rows} == {PLUG}
    assert {row.quality for b in desktop.batches for row in b.rows} == {Quality.METERED}
    rise_mj = (240 + 30) / (1 - LOSS) * 600_000
    models = sums[QWEN.digest, "active"] + sums[QWEN.digest, "parked"]
    assert models == pytest.approx(rise_mj + 6 / (1 - LOSS) * 300_000, rel=0.05), "with the supply's loss"


def test_rows_of_ten_seconds_are_not_lumps_of_a_second() -> None:
    desktop, meter = fresh()
    desktop.run(meter, 120)
    base = desktop.wall_w
    assert meter.mean_uw[PLUG] / 1e6 == pytest.approx(base, rel=0.01)
    assert sum(ms for b in desktop.batches for _, _, ms in b.presence) == pytest.approx(110_000, abs=10_000)


def test_an_outage_is_a_gap_that_the_counter_bridges() -> None:
    desktop, meter = fresh()
    desktop.run(meter, 300)
    desktop.answers = False
    desktop.run(meter, 600)
    alone = booked(desktop.batches, "card") + booked(desktop.batches, "cpu")
    assert alone == pytest.approx(35 * 565_000, rel=0.02), "the parts count by themselves meanwhile"
    desktop.answers = True
    desktop.run(meter, 300)
    assert desktop.reading is not None
    start = 40_000_000 + round(Desktop().wall_w * 1000)
    assert booked(desktop.batches) == (desktop.reading.counter_mj or 0) - start
    alone = booked(desktop.batches, "card") + booked(desktop.batches, "cpu")
    assert booked(desktop.batches, PLUG) == (desktop.reading.counter_mj or 0) - start - alone


def test_without_a_counter_the_outage_is_what_the_parts_say() -> None:
    desktop, meter = fresh()
    desktop.with_counter = False
    desktop.run(meter, 300)
    desktop.answers = False
    desktop.run(meter, 600)
    desktop.answers = True
    desktop.run(meter, 300)
    assert [gap.device for b in desktop.batches for gap in b.gaps] == [PLUG]
    wall = booked(desktop.batches, PLUG)
    assert wall == pytest.approx(desktop.wall_w * 570_000, rel=0.04)


def test_a_part_that_comes_out_of_another_does_not_reach_back() -> None:
    """Also without a plug: a card in what a battery gives, whose counter goes on meanwhile."""
    desktop, meter = Desktop(), Meter(LOCAL_HOST)
    meter.expect(1.0)
    for on_battery in (False, True, False):
        for _ in range(60):
            desktop.second()
            battery = part("battery", 65.0 if on_battery else None, "battery", Scope.SYSTEM)
            card = replace(desktop.look().devices[1], contained_in="battery")
            sample = replace(desktop.look(), devices=(card, battery))
            desktop.batches.append(meter.process(sample, ()))
    assert booked(desktop.batches, "card") == pytest.approx(118 * 20_000, abs=40_000)


def test_a_restart_in_an_outage_counts_nothing_twice() -> None:
    desktop, meter = fresh()
    desktop.run(meter, 300)
    desktop.answers = False
    desktop.run(meter, 300)
    counters = {c.device: c for b in desktop.batches for c in b.counters}
    assert counters[PLUG].counter_mj is None
    again = Meter(LOCAL_HOST)
    again.expect(1.0)
    again.resume(counters.values(), ())
    desktop.answers = True
    before = booked(desktop.batches)
    mark = desktop.plug_mj
    desktop.run(again, 60)
    assert booked(desktop.batches) - before <= desktop.plug_mj - mark


def test_a_restart_goes_on_from_the_counter() -> None:
    desktop, meter = fresh()
    desktop.run(meter, 301)
    counters = {c.device: c for b in desktop.batches for c in b.counters}
    for _ in range(7200):
        desktop.second()
    again = Meter(LOCAL_HOST)
    again.expect(1.0)
    again.resume(counters.values(), ())
    desktop.run(again, 60)
    assert desktop.reading is not None
    start = 40_000_000 + round(Desktop().wall_w * 1000)
    assert booked(desktop.batches) == (desktop.reading.counter_mj or 0) - start


def test_the_way_to_the_plug_is_not_assumed_while_its_counter_will_tell() -> None:
    desktop, meter = fresh()
    meter.set_wall(Wall(assumed=WallModel(40.0, "gold", 500.0)))
    desktop.run(meter, 120)
    desktop.answers = False
    desktop.run(meter, 300)
    desktop.answers = True
    desktop.run(meter, 60)
    assert booked(desktop.batches, WALL) == 0
    assert desktop.reading is not None
    start = 40_000_000 + round(Desktop().wall_w * 1000)
    assert booked(desktop.batches) == (desktop.reading.counter_mj or 0) - start


def test_the_ledger_and_the_report_say_the_same() -> None:
    desktop, meter = fresh()
    opened = open_memory_ledger()
    desktop.run(meter, 1)
    start, begun = desktop.plug_mj, to_us(desktop.clock.at)
    desktop.run(meter, 900)
    desktop.card_w, desktop.cpu_w = 240.0, 40.0
    desktop.run(meter, 300, (QWEN,))
    desktop.answers = False
    desktop.run(meter, 300, (QWEN,))
    desktop.answers = True
    desktop.run(meter, 60, (QWEN,))
    for batch in desktop.batches:
        pending = Pending()
        pending.add(batch)
        opened.writer.write(pending)
    reader = LedgerReader(opened.writer.connection, owns=False)
    end = to_us(desktop.clock.at) + 60_000_000
    sums = Sums(flat_tariff("0.36", "EUR", "UTC"), begun - 60_000_000, end)
    sums.know(reader.devices())
    sums.add_all(reader.buckets(begun - 60_000_000, end))
    report = sums.report(By.MODEL)
    opened.writer.connection.close()
    assert desktop.reading is not None
    assert report.energy_mj == (desktop.reading.counter_mj or 0) - start
    assert report.energy_mj == sum(line.energy_mj for line in report.breakdown)
    rest = sum(line.energy_mj for line in report.breakdown if not line.is_model)
    assert report.models.energy_mj + rest == report.energy_mj
    assert report.models.energy_mj > 0
    assert "Wall plug (computer alone)" in report.covers
