"""What the meter costs: a tick, a commit, idling; and what a year in the ledger costs to add up.

Figures are CPU time of this process (the machine may be busy with other things).
"""

import resource
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.metering import QWEN, Clock, Machine, part
from wattlight.domain.cost import By
from wattlight.domain.energy import Batch, DeviceInfo, EnergyRow, State
from wattlight.domain.tariff import parse_tariff
from wattlight.domain.values import LOCAL_HOST, Quality, to_us
from wattlight.services.metering import LiveMeter, Recorder, close_days, sums_of_days
from wattlight.store import LedgerFile, Pending, open_ledger, open_reader

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

NOW = datetime(2026, 12, 31, 12, 0, tzinfo=UTC)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
MODELS = [f"sha256:{i}" for i in range(5)]
TARIFF = parse_tariff(
    {
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "periods": [
            {
                "from": "2025-01-01",
                "price_per_kwh": "0.39",
                "bands": [{"start": "22:00", "end": "06:00", "price_per_kwh": "0.28"}],
            }
        ],
    }
)


WHOLE = date(2026, 1, 1), date(2026, 12, 30)
NOVEMBER = date(2026, 11, 1), date(2026, 11, 30)


def best(work: Callable[[], object], rounds: int = 5) -> float:
    """Least CPU seconds of a few rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def rows_of(minute: int, number: int) -> list[EnergyRow]:
    """Two devices: base always, one of five models idle or working two thirds of the time."""
    rows = []
    for device in ("GPU-1", "CPU"):
        rows.append(EnergyRow(LOCAL_HOST, minute, device, None, State.BASE, 9000, 60_000, Quality.COUNTER))
        if number % 3:
            model = MODELS[(number // 40) % 5]
            for state in (State.PARKED, State.ACTIVE) if number % 2 else (State.PARKED,):
                rows.append(
                    EnergyRow(LOCAL_HOST, minute, device, model, state, 7001, 60_000, Quality.COUNTER, 1, 9)
                )
    return rows


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year up to NOW: each quarter hour in one of its minutes, the latest 14 days in every minute."""
    file = tmp_path_factory.mktemp("year") / "ledger.sqlite3"
    writer = open_ledger(file, NOW).writer
    minute, end = to_us(FIRST) // 60_000_000, to_us(NOW) // 60_000_000
    pending, number = Pending(), 0
    info = tuple(DeviceInfo(LOCAL_HOST, d, d, "gpu", "") for d in ("GPU-1", "CPU"))
    names = tuple((digest, f"model-{digest[-1]}:8b") for digest in MODELS)
    pending.add(Batch(devices=info, models=names))
    while minute < end:
        number += 1
        presence = ((LOCAL_HOST, minute, 60_000),)
        pending.add(Batch(rows=tuple(rows_of(minute, number)), presence=presence))
        minute += 15 if end - minute > 14 * 1440 + 30 else 1
        if number % 5000 == 0:
            writer.write(pending)
            pending = Pending()
    writer.write(pending)
    writer.roll_up(to_us(NOW))
    close_days(writer, TARIFF, to_us(NOW), UTC_ZONE)
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    return file


def test_a_years_sums(year: Path) -> None:
    def dashboard() -> int:
        with open_reader(year) as reader:
            days = sums_of_days(reader, TARIFF, UTC_ZONE, *WHOLE, by_model=True)
            return sum(line.energy_mj for line in days.sums.report(By.MODEL).by_model)

    def bars() -> int:
        with open_reader(year) as reader:
            days = sums_of_days(reader, TARIFF, UTC_ZONE, *WHOLE)
            return len(days.each())

    def from_rows() -> int:
        with open_reader(year) as reader:
            return sum(b.energy_mj for b in reader.buckets(0, 2**60))

    with open_reader(year) as reader:
        count = sum(1 for _ in reader.buckets(0, 2**60))
        month = best(
            lambda: sums_of_days(reader, TARIFF, UTC_ZONE, *NOVEMBER, by_model=True).sums.report(By.MODEL)
        )
    cpu = best(dashboard)
    size = year.stat().st_size / 1e6
    each_day = best(bars)
    print(
        f"\nyear: {count} rows, {size:.1f} MB; by model {cpu * 1000:.1f} ms CPU, each day "
        f"{each_day * 1000:.1f} ms, a month by model {month * 1000:.1f} ms; straight from the rows "
        f"{best(from_rows, 1):.2f} s"
    )
    assert bars() == 364
    assert each_day <= 0.030  # with the error of each part of each day
    assert dashboard() > 0
    assert size <= 50
    assert cpu <= 0.020
    assert month <= 0.020


def test_export_of_a_year(year: Path, tmp_path: Path) -> None:
    from unit.cli.test_energy_verbs import Shop, call

    shop = Shop(tmp_path, NOW)
    shop.places.ledger_file.write_bytes(year.read_bytes())
    call(shop, "tariff", "set", "--price", "0.36", "--currency", "EUR")
    words = ["export", "--from", "2026-01-01", "--to", "2026-12-31", "--output", str(tmp_path / "y.csv")]
    cpu = best(lambda: call(shop, *words, "--force"), 3)
    lines = (tmp_path / "y.csv").read_bytes().count(b"\n")
    print(f"\nexport of a year: {lines} lines, {cpu:.2f} s CPU")
    assert lines > 200_000
    assert cpu <= 2.0


def test_a_tick(tmp_path: Path) -> None:
    """A sample of two devices with a resident model: settle, add up, publish, hand over; and the commits."""
    machine = Machine(Clock(), extra=(part("CPU", 20.0, "cpu"),))
    recorder = Recorder(LedgerFile(tmp_path / "l.sqlite3", machine.clock.now), machine.clock.now)
    recorder.open()
    views: list[object] = []
    running = [()] * 100 + [(QWEN,)] * 10_000
    meter = LiveMeter(
        recorder.accept,
        lambda: running[min(len(views), 5000)],
        lambda: TARIFF,
        machine.clock.now,
        views.append,
    )
    samples = []
    for _ in range(3000):
        machine.run(1)
        samples.append((machine.clock.at, machine.look()))
    tick = commit = 0.0
    for number, (at, sample) in enumerate(samples):
        machine.clock.at = at
        start = time.process_time()
        meter.take(sample)
        middle = time.process_time()
        if number % 10 == 9:
            recorder.commit()
        tick += middle - start
        commit += time.process_time() - middle
    recorder.stop()
    each = tick / len(samples) * 1000
    share = (each + commit / len(samples) * 1000) / 10
    print(
        f"\ntick {each:.3f} ms CPU; commit {commit / len(samples) * 10_000:.3f} ms CPU each ten seconds; "
        f"together {share:.4f} % of a core at 1 Hz"
    )
    assert each <= 0.3


def test_an_idle_recorder(tmp_path: Path) -> None:
    """Thirty seconds with nothing to record: CPU and context switches of the whole process."""
    recorder = Recorder(LedgerFile(tmp_path / "l.sqlite3", lambda: NOW), lambda: NOW)
    recorder.open()
    recorder.start()
    time.sleep(1)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    time.sleep(30)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - start
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    switches = after.ru_nvcsw - before.ru_nvcsw
    recorder.stop()
    print(f"\nidle recorder: {cpu / wall * 100:.4f} % of a core, {switches} switches in {wall:.0f} s")
    assert cpu / wall <= 0.0002
    assert switches <= 5


def test_a_month_of_days_straight_from_rows(year: Path) -> None:
    """Without the cache (a new tariff): a month must still come quickly."""
    other = parse_tariff({"currency": "EUR", "timezone": "UTC", "periods": [{"price_per_kwh": "1"}]})
    with open_reader(year) as reader:
        cpu = best(lambda: sums_of_days(reader, other, UTC_ZONE, *NOVEMBER).each(), 3)
    print(f"\na month without the cache: {cpu * 1000:.0f} ms CPU")
    assert cpu <= 0.5
    assert timedelta(seconds=cpu) < timedelta(seconds=1)
