"""Who draws it over time: each sample's energy ends up somewhere, and names are kept only when wanted."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from fakes.metering import Clock, part
from wattlight.domain.cost import Bucket, Sums
from wattlight.domain.energy import LEARNED, LEARNED_REST, WALL, EnergyRow, ProgramsNow, State
from wattlight.domain.power import MachineSample
from wattlight.domain.tariff import Tariff, flat_tariff, parse_tariff
from wattlight.domain.values import LOCAL_HOST, DeviceSample, Figure, GpuProcess, Quality, Scope
from wattlight.probes import ProgramUse
from wattlight.services.programs import ProgramWatch, engine_use, part_uses

DAY = date(2026, 3, 2)


def card(power_w: float = 200.0, key: str = "gpu", load: float = 90.0, **busy: float) -> DeviceSample:
    processes = tuple(GpuProcess(i, None, name, use) for i, (name, use) in enumerate(busy.items(), 100))
    return part(key, power_w, scope=Scope.BOARD, load=Figure(load), processes=processes)


def chip(power_w: float = 50.0, **more: object) -> DeviceSample:
    return part("cpu", power_w, "cpu", Scope.PACKAGE, **more)  # type: ignore[arg-type]


class Times:
    """Gives what it is told; counts the looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.seconds: dict[str, float] = {}
        self.busy_s = 0.0

    def look(self) -> ProgramUse | None:
        self.looks += 1
        if self.looks == 1:
            return None
        return ProgramUse(dict(self.seconds), self.busy_s, 4, {})


class Watch:
    """A watch over two parts, and a sampler that beats by hand."""

    def __init__(self, folder: Path, base_mw: dict[str, int] | None = None, keep: bool = False) -> None:
        self.clock, self.times, self.keep = Clock(), Times(), keep
        self.file = folder / "programs-today.json"
        levels = {"gpu": 20_000, "cpu": 10_000} if base_mw is None else base_mw

        def base_uw(key: str) -> int | None:
            return levels[key] * 1000 if key in levels else None

        self.watch = ProgramWatch(self.times, base_uw, self.file)  # type: ignore[arg-type]
        self.billed = 0

    def beat(
        self,
        seconds: float,
        *parts: DeviceSample,
        shown: bool = True,
        day: date = DAY,
        tariff: Tariff | None = None,
    ) -> ProgramsNow:
        self.clock.move(seconds)
        sample = MachineSample(LOCAL_HOST, self.clock.at, self.clock.monotonic_s, parts)
        rows = [
            EnergyRow(
                LOCAL_HOST, 1, d.id, None, State.BASE, round((d.power_w or 0) * seconds * 1000), 1000,
                Quality.SAMPLED,
            )
            for d in parts
            if d.id not in sample.total.inside
        ]  # fmt: skip
        self.billed += sum(row.energy_mj for row in rows)
        seen = self.watch.take(sample, rows, day, shown, self.keep, tariff)
        return seen or ProgramsNow(self.watch._today.whole)


def test_today_has_every_millijoule_of_the_ledger(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.times.seconds, watch.times.busy_s = {"game": 2.0, "ollama": 1.0}, 6.0
    for second in range(200):
        seen = watch.beat(1.0, card(150 + second, game=70.0, ollama=10.0), chip(), shown=second % 90 < 40)
    seen = watch.beat(60.0, card(), chip(), shown=False)
    assert seen.today_mj is not None
    assert seen.today_mj.total == watch.billed
    assert seen.today_mj.programs["game"] > 3 * seen.today_mj.programs["ollama"] > 0
    assert seen.since is not None


@pytest.mark.parametrize("way", [WALL, LEARNED, LEARNED_REST])
def test_what_is_not_measured_is_no_programs_and_nobodys_rest(tmp_path: Path, way: str) -> None:
    watch = Watch(tmp_path)
    for _ in range(10):
        seen = watch.beat(1.0, card(), chip())
        row = EnergyRow(LOCAL_HOST, 1, way, None, State.BASE, 10**9, 1000, Quality.LEARNED)
        watch.watch._window.take(MachineSample(LOCAL_HOST, watch.clock.at, 1.0, ()), [row], 0.0, {})
    assert seen.today_mj is not None
    assert seen.today_mj.total <= watch.billed


def test_now_sums_to_the_figure_that_is_shown(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.times.seconds, watch.times.busy_s = {"game": 3.0}, 3.0
    for _ in range(4):
        seen = watch.beat(1.0, card(game=45.0, ollama=45.0), chip())
    assert seen.now_mw.total == 250_000
    assert seen.now_mw.idle == 30_000
    assert seen.now_mw.programs == {"game": 90_000 + 40_000, "ollama": 90_000}
    assert seen.now_mw.rest == 0
    seen = watch.beat(1.0, card(120.0, game=45.0, ollama=45.0), chip())
    assert seen.now_mw.total == 170_000  # a new figure, the shares of the last look


def test_processes_are_looked_at_every_three_seconds_or_every_minute(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for _ in range(60):
        watch.beat(1.0, card(), chip())
    assert 19 <= watch.times.looks <= 22
    before = watch.times.looks
    for _ in range(60):
        watch.beat(10.0, card(), chip(), shown=False)
    assert 9 <= watch.times.looks - before <= 11


def test_a_part_nobody_used_shows_its_idle_level(tmp_path: Path) -> None:
    """Whatever the meter took for idle while a program computed all day."""
    watch = Watch(tmp_path, {"cpu": 45_000})
    watch.times.busy_s = 0.1
    for _ in range(12):
        seen = watch.beat(1.0, card(18.0, load=0.0), chip(12.0))
    watch.times.seconds, watch.times.busy_s = {"render": 9.0}, 9.0
    for _ in range(4):
        seen = watch.beat(1.0, card(18.0, load=0.0), chip(52.0))
    assert seen.now_mw.programs == {"render": 40_000}
    assert seen.now_mw.idle == 30_000
    assert seen.now_mw.undivided == 0


def test_other_accounts_and_the_kernel_are_the_rest(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.times.seconds, watch.times.busy_s = {"mine": 1.0}, 4.0
    for _ in range(5):
        seen = watch.beat(1.0, card(20.0, load=0.0), chip(50.0))
    assert seen.now_mw.programs == {"mine": 10_000}
    assert seen.now_mw.rest == 30_000


def test_a_battery_is_divided_into_what_is_measured_inside_it(tmp_path: Path) -> None:
    """On battery the whole computer is measured, and the card in it too."""
    whole = part("battery", 90.0, "battery", Scope.BATTERY)
    inside = replace(card(60.0, game=50.0, ollama=0.0, load=50.0), contained_in="battery")
    watch = Watch(tmp_path)
    for _ in range(5):
        seen = watch.beat(1.0, whole, inside)
    assert seen.now_mw.total == 90_000
    assert seen.now_mw.programs == {"game": 40_000}
    assert seen.now_mw.idle == 20_000 + 30_000
    assert seen.today_mj is not None
    assert seen.today_mj.total == watch.billed


def test_a_chip_with_graphics_is_shared_by_both(tmp_path: Path) -> None:
    apu = part(
        "apu", 40.0, scope=Scope.PACKAGE, load=Figure(50.0), processes=(GpuProcess(7, None, "game", 50.0),)
    )
    sample = MachineSample(LOCAL_HOST, Clock().at, 1.0, (apu,))
    use = ProgramUse({"compiler": 4.0}, 4.0, 8, {})
    (divided,) = part_uses(
        sample, {"apu": 40_000}, lambda _: 10_000, use, {"apu": engine_use(apu, {7: "Game"})}, 1.0
    )
    assert divided.use == {"compiler": 0.5, "Game": 0.5}
    assert divided.hidden == 0.0


def test_at_midnight_today_begins_anew(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for _ in range(9):
        watch.beat(1.0, card(game=90.0), chip())
    watch.billed = 0
    seen = watch.beat(3.0, card(game=90.0), chip(), day=DAY + timedelta(days=1))
    assert seen.today_mj is not None
    assert seen.today_mj.total <= watch.billed + 3 * 250_000


def test_names_are_written_down_only_when_wanted(tmp_path: Path) -> None:
    silent = Watch(tmp_path)
    for _ in range(130):
        silent.beat(1.0, card(game=90.0), chip())
    assert not silent.file.exists()
    wanted = Watch(tmp_path, keep=True)
    for _ in range(130):
        seen = wanted.beat(1.0, card(game=90.0), chip())
    kept = json.loads(wanted.file.read_text())["quarters"]
    assert sum(part["programs"]["game"] for part in kept.values()) > 0
    again = Watch(tmp_path, keep=True)
    again.clock.move(200)
    seen = again.beat(1.0, card(game=90.0), chip())
    assert seen.today_mj is None
    for _ in range(4):
        seen = again.beat(1.0, card(game=90.0), chip())
    assert seen.today_mj is not None
    assert seen.today_mj.programs["game"] > sum(part["programs"]["game"] for part in kept.values())
    another = Watch(tmp_path)  # no longer wanted: what was kept is deleted
    another.beat(1.0, card(), chip())
    assert not another.file.exists()


def written(programs: str, day: str = "2026-03-02", since: str = "", start: str = "1") -> str:
    part = f'{{"programs": {{{programs}}}, "idle": 0, "rest": 0, "undivided": 0}}'
    since = since or f"{day}T09:00:00+00:00"
    return f'{{"day": "{day}", "since": "{since}", "quarters": {{"{start}": {part}}}}}'


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"day": "2026-03-02"}', "\0", written('"a": -5'), written('"a": 1e999'),
        written('"a": [5]'),
        written('"a": 5', since="soon"), written('"a": 5', day="2026-03-01"), written('"a": 5', start="x"),
        '{"day": "2026-03-02", "since": "2026-03-02T09:00:00+00:00", "quarters": {"1": 5}}',
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_of_today_is_not_taken(tmp_path: Path, text: str) -> None:
    watch = Watch(tmp_path, keep=True)
    watch.file.write_text(text)
    for _ in range(5):
        seen = watch.beat(1.0, card(), chip())
    assert seen.today_mj is not None
    assert seen.today_mj.total == watch.billed


BY_THE_HOUR = parse_tariff(
    {
        "currency": "EUR",
        "timezone": "UTC",
        "periods": [
            {
                "price_per_kwh": "0.10",
                "bands": [{"start": "10:30", "end": "11:00", "price_per_kwh": "0.90"}],
            }
        ],
    }
)
"""The clock of these tests begins at 10:00."""


def test_a_program_costs_what_its_quarters_cost(tmp_path: Path) -> None:
    """The game before the dear half hour, the compiler in it."""
    watch = Watch(tmp_path)
    assert watch.clock.at.hour == 10 and watch.clock.at.minute == 0
    for minute in range(60):
        watch.times.seconds = {"game": 120.0} if minute < 29 else {"compiler": 120.0}
        watch.times.busy_s = 120.0
        seen = watch.beat(60.0, chip(), tariff=BY_THE_HOUR)
    assert seen.today_mj is not None and seen.today_micro is not None
    game, compiler = (seen.today_mj.programs[name] for name in ("game", "compiler"))
    assert game == pytest.approx(compiler, rel=0.15)
    cost = seen.today_micro
    assert cost.programs["game"] == pytest.approx(game / 3.6e9 * 0.1e6, abs=2)
    assert cost.programs["compiler"] == pytest.approx(compiler / 3.6e9 * 0.9e6, rel=0.05)
    assert cost.idle > 0 and cost.total > 0
    priced = Sums(BY_THE_HOUR, 0, 2**60)
    for start_us, part_of_day in watch.watch._today.quarters.items():
        priced.add(Bucket(start_us, 1, "all", None, State.BASE, part_of_day.total, 0, Quality.COUNTER))
    assert cost.total == priced.amount().cost_micro  # to the micro-unit
    assert watch.beat(60.0, chip()).today_micro is None, "no price is no money, not 0"


def test_a_corrected_price_corrects_the_whole_day_and_many_programs_still_sum(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for minute in range(70):
        watch.times.seconds = {f"p{minute % 50}": 60.0, "game": 60.0}
        watch.times.busy_s = 120.0
        seen = watch.beat(60.0, chip(), tariff=flat_tariff("0.36", "EUR", "UTC"))
    assert seen.today_mj is not None and seen.today_micro is not None
    assert set(seen.today_micro.programs) == set(seen.today_mj.programs)
    before = seen.today_micro.total
    assert before == pytest.approx(seen.today_mj.total / 3.6e9 * 0.36e6, abs=1)
    seen = watch.beat(0.5, chip(), tariff=flat_tariff("0.72", "EUR", "UTC"))
    assert seen.today_micro is not None
    assert seen.today_micro.total == pytest.approx(2 * before, abs=2)
    assert seen.today_micro.programs["game"] > 0


def test_where_a_part_of_the_day_has_no_price_no_programs_money_is_told(tmp_path: Path) -> None:
    until = {"from": "2026-01-01", "to": "2026-03-02", "price_per_kwh": "0.3"}
    ended = parse_tariff({"currency": "EUR", "timezone": "UTC", "periods": [until]})
    watch = Watch(tmp_path)
    for _ in range(4):
        seen = watch.beat(60.0, chip(), tariff=ended)
    assert seen.today_mj is not None and seen.today_mj.total > 0 and seen.today_micro is None


def test_forgotten_is_forgotten(tmp_path: Path) -> None:
    watch = Watch(tmp_path, keep=True)
    for _ in range(70):
        watch.beat(1.0, card(game=90.0), chip())
    watch.watch.forget()
    assert not watch.file.exists()
    seen = watch.beat(1.0, card(game=90.0), chip())
    assert seen.today_mj is not None
    assert seen.today_mj.total < 5 * 250_000


def test_where_nothing_draws_that_is_known_nobody_is_looked_at(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    for _ in range(30):
        watch.beat(10.0, part("cpu", None, "cpu", Scope.PACKAGE), shown=False)
    assert watch.times.looks == 0
    for _ in range(30):
        watch.beat(10.0, chip(), shown=False)
    assert watch.times.looks > 1
