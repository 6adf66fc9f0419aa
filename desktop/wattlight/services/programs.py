"""Watches which programs use the measured parts, and adds up today; what it learns of names stays in memory
unless the person wants them kept."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from wattlight.domain.cost import Bucket, By, Sums
from wattlight.domain.energy import (
    LEARNED,
    OTHERS,
    QUARTER_US,
    WAYS,
    ByProgram,
    EnergyRow,
    LevelLearner,
    LevelRow,
    PartUse,
    ProgramsNow,
    State,
    by_program,
)
from wattlight.domain.power import MachineSample, holders
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import UNREADABLE, DeviceSample, Quality, Scope, clean_text, to_us
from wattlight.paths import read_small, write_whole
from wattlight.probes import ProgramTimes, ProgramUse

LOOK_SHOWN_S = 3.0
LOOK_HIDDEN_S = 60.0
QUIET_CORES = 0.1
QUIET_GPU_PERCENT = 5.0
"""Below these a part counts as idle, and its idle level is learned."""
SAVE_EVERY_S = 60.0
MOST_BYTES = 1 << 19
"""Above what the 100 quarters of a day take, with all their programs."""
_NOT_MEASURED = frozenset({LEARNED, *WAYS})
"""What stands for the unmeasured: measured energy alone is divided."""
_HOLDS_PROCESSOR = {Scope.PACKAGE, Scope.MODULE, Scope.SYSTEM, Scope.BATTERY}

Engines = Mapping[str, tuple[Mapping[str, float], float]]
"""Of each GPU: the share (0 to 1) of the time by program, and of those that cannot be seen."""


def part_uses(
    sample: MachineSample,
    amounts: Mapping[str, int],
    idle: Callable[[str], int | None],
    cpu: ProgramUse,
    engines: Engines,
    seconds: float,
) -> list[PartUse]:
    """How each counted part was used.

    A part that holds others that are measured is divided into them and what is left, which is nobody's use.

    Args:
        amounts: power or energy by part, the measured parts inside another one too.
        idle: the idle level of a part in the unit of the amounts.
    """
    held_by, measured = holders(sample.devices), {*sample.total.counted, *sample.total.contained}
    parts = []
    for device in sample.devices:
        if device.id not in measured:
            continue
        inside = [d for d in sample.devices if device.id in held_by[d.id]]
        apart = [d for d in inside if _nearest(held_by[d.id], measured) == device.id and d.id in measured]
        left = amounts.get(device.id, 0) - sum(amounts.get(d.id, 0) for d in apart)
        if apart:
            parts.append(PartUse(left, left))
        else:
            parts.append(_use(device, left, idle(device.id), cpu, engines, seconds, inside))
    return parts


def _nearest(holders_of_it: Iterable[str], measured: set[str]) -> str | None:
    return next((key for key in holders_of_it if key in measured), None)


def _use(
    device: DeviceSample,
    amount: int,
    idle: int | None,
    cpu: ProgramUse,
    engines: Engines,
    seconds: float,
    inside: Iterable[DeviceSample],
) -> PartUse:
    """The use of all that computes in a part, each engine as a share of what it could do."""
    use: dict[str, float] = {}
    hidden = 0.0
    if device.kind == "cpu" or device.power.scope in _HOLDS_PROCESSOR:
        could = max(0.001, seconds * cpu.cores)
        for name, spent_s in cpu.seconds.items():
            use[name] = use.get(name, 0.0) + spent_s / could
        hidden += max(0.0, cpu.busy_s - sum(cpu.seconds.values())) / could
    for key in {device.id, *(d.id for d in inside)}:
        mine, others = engines.get(key, ({}, 0.0))
        for name, part in mine.items():
            use[name] = use.get(name, 0.0) + part
        hidden += others
    return PartUse(amount, idle, use, hidden)


def programs_of(
    sample: MachineSample, use: ProgramUse, levels: Iterable[LevelRow], seconds: float
) -> ByProgram:
    """Who draws what a sample shows, in mW, by the use of the ``seconds`` before and learned levels."""
    idle_mw = {level.device: level.power_uw // 1000 for level in levels if not level.models}
    powers = {d.id: round((d.power_w or 0.0) * 1000) for d in sample.devices}
    engines = {d.id: engine_use(d, use.names) for d in sample.devices if d.kind == "gpu"}
    return by_program(part_uses(sample, powers, idle_mw.get, use, engines, seconds))


def engine_use(device: DeviceSample, names: Mapping[int, str]) -> tuple[dict[str, float], float]:
    """Who kept a GPU busy in the time before a sample, and how busy it was beside them; shares of one."""
    use: dict[str, float] = {}
    for process in device.processes:
        if process.busy_percent:
            name = names.get(process.pid) or clean_text(process.name, 60) or str(process.pid)
            use[name] = use.get(name, 0.0) + process.busy_percent / 100
    return use, max(0.0, (device.load.value or 0.0) / 100 - sum(use.values()))


@dataclass(slots=True)
class _Window:
    """What was measured since the look before."""

    seconds: float = 0.0
    energy_mj: dict[str, int] = field(default_factory=dict)
    bridged_mj: int = 0
    engines: dict[str, tuple[dict[str, float], float]] = field(default_factory=dict)

    def take(
        self, sample: MachineSample, rows: Iterable[EnergyRow], seconds: float, names: Mapping[int, str]
    ) -> None:
        self.seconds += seconds
        for row in rows:
            if row.device in _NOT_MEASURED:
                continue
            if row.observed_ms:
                self.energy_mj[row.device] = self.energy_mj.get(row.device, 0) + row.energy_mj
            else:
                self.bridged_mj += row.energy_mj
        for device in sample.devices:
            if device.kind != "gpu":
                continue
            use, hidden = engine_use(device, names)
            before, was_hidden = self.engines.get(device.id, ({}, 0.0))
            added = {n: before.get(n, 0.0) + use.get(n, 0.0) * seconds for n in {**before, **use}}
            self.engines[device.id] = added, was_hidden + hidden * seconds

    def shares(self) -> Engines:
        span = max(0.001, self.seconds)
        return {
            key: ({name: spent / span for name, spent in use.items()}, hidden / span)
            for key, (use, hidden) in self.engines.items()
        }


class _Day:
    """Today by program: the energy of each quarter of an hour, so that a corrected price corrects all of it,
    and its money by the tariff in force.

    What a look divides counts in the quarter in which the look is.
    """

    def __init__(self, since: datetime | None = None) -> None:
        self.since = since
        self.whole = ByProgram()
        self.quarters: dict[int, ByProgram] = {}
        self._tariff: Tariff | None = None
        self._sums: Sums | None = None

    def add(self, part: ByProgram, at_us: int) -> None:
        start_us = at_us // QUARTER_US * QUARTER_US
        self.whole += part
        self.quarters[start_us] = self.quarters.get(start_us, ByProgram()) + part
        if self._sums is not None:
            self._sums.add_all(_buckets(start_us, part))

    def cost(self, tariff: Tariff | None) -> ByProgram | None:
        """Micro-units, which sum to what the whole costs; None where no price is known for all of it."""
        if tariff is None:
            return None
        if self._sums is None or tariff != self._tariff:
            first_us = min(self.quarters, default=0)
            self._tariff, self._sums = tariff, Sums(tariff, first_us, first_us + DAY_US)
            for start_us, part in self.quarters.items():
                self._sums.add_all(_buckets(start_us, part))
        report = self._sums.report(By.DEVICE)
        if report.unpriced_mj:
            return None
        micro = {line.key: line.cost_micro or 0 for line in report.breakdown}
        apart = {kind: micro.pop(key, 0) for kind, key in _NOBODY.items()}
        named = {name: micro.pop(name, 0) for name in self.whole.programs if name != OTHERS}
        if micro:  # those that were too many to be named in the whole
            named[OTHERS] = sum(micro.values())
        return ByProgram(named, **apart)

    def document(self) -> dict[str, Any]:
        return {str(start_us): asdict(part) for start_us, part in self.quarters.items()}

    @classmethod
    def of(cls, since: datetime, quarters: dict[str, Any]) -> "_Day":
        """Raises what parsing does for a document that is none."""
        day = cls(since)
        for start, part in quarters.items():
            programs = {clean_text(name, 60): int(mj) for name, mj in part["programs"].items()}
            taken = ByProgram(programs, *(int(part[kind]) for kind in _NOBODY))
            if min((taken.idle, taken.rest, taken.undivided, *programs.values())) < 0:
                raise ValueError
            day.add(taken, int(start))
        return day


DAY_US = 90_000_000_000
"""The longest day: with the hour that winter gives."""
_NOBODY = {"idle": "\0idle", "rest": "\0rest", "undivided": "\0undivided"}
"""Keys of what is no program's; no program has such a name."""


def _buckets(start_us: int, part: ByProgram) -> Iterator[Bucket]:
    energy = {**part.programs, **{key: getattr(part, kind) for kind, key in _NOBODY.items()}}
    for name, energy_mj in energy.items():
        if energy_mj:
            yield Bucket(start_us, QUARTER_US, name, None, State.BASE, energy_mj, 0, Quality.ESTIMATED)


class ProgramWatch:
    """Called with each sample, on the sampler's thread; looks at processes only now and then.

    Args:
        base_uw: the meter's idle level of a part, None before it is known.
        file: where today's sums are kept while the person wants that.
    """

    def __init__(self, times: ProgramTimes, base_uw: Callable[[str], int | None], file: Path) -> None:
        self._times, self._base_uw, self._file = times, base_uw, file
        self._learners: dict[str, LevelLearner] = {}
        self._window = _Window()
        self._last_s: float | None = None
        self._use: ProgramUse | None = None
        self._engines: Engines = {}
        self._use_s = 1.0
        self._date: date | None = None
        self._today = _Day()
        self._saved_s = float("-inf")

    def take(
        self,
        sample: MachineSample,
        rows: Iterable[EnergyRow],
        day: date | None,
        shown: bool,
        keep: bool,
        tariff: Tariff | None = None,
    ) -> ProgramsNow | None:
        """Who draws it after this sample; None before the second look.

        Args:
            rows: what the meter has settled with this sample.
            day: today where the price applies.
            shown: somebody looks.
            keep: today's sums by name may be written down.
            tariff: the one in force.
        """
        if day is not None and day != self._date:
            self._begin(day, sample.at, keep)
        last_s, self._last_s = self._last_s, sample.monotonic_s
        step_s = 0.0 if last_s is None else max(0.0, sample.monotonic_s - last_s)
        self._window.take(sample, rows, step_s, self._use.names if self._use else {})
        every_s, window = LOOK_SHOWN_S if shown else LOOK_HIDDEN_S, self._window
        draws = any((*window.energy_mj.values(), window.bridged_mj, *(d.power_w for d in sample.devices)))
        if draws and (self._use is None or window.seconds >= every_s - 0.5):
            self._look(sample)
        if keep and sample.monotonic_s - self._saved_s >= SAVE_EVERY_S:
            self._saved_s = sample.monotonic_s
            self._save()
        if self._use is None:
            return None
        powers = {d.id: round((d.power_w or 0.0) * 1000) for d in sample.devices}
        parts = part_uses(sample, powers, self._idle_mw, self._use, self._engines, self._use_s)
        today = self._today
        return ProgramsNow(by_program(parts), today.whole, today.since, today.cost(tariff) if shown else None)

    def forget(self) -> None:
        """Today's sums by name are deleted."""
        self._today = _Day()
        self._file.unlink(missing_ok=True)

    def _look(self, sample: MachineSample) -> None:
        use = self._times.look()
        window, self._window = self._window, _Window()
        if use is None or window.seconds <= 0:
            rest = ByProgram(rest=sum(window.energy_mj.values()) + window.bridged_mj)
            self._today.add(rest, to_us(sample.at))
            return
        self._use, self._engines, self._use_s = use, window.shares(), window.seconds
        amounts = dict(window.energy_mj)
        for device in sample.devices:
            if device.id not in amounts and device.power_w:
                amounts[device.id] = round(device.power_w * window.seconds * 1000)
        self._learn(sample, amounts, window)
        measured = {key: amounts[key] if key in window.energy_mj else 0 for key in sample.total.counted}
        inner = {key: amounts.get(key, 0) for key in sample.total.contained}  # no energy of their own is kept
        parts = part_uses(
            sample,
            {**inner, **measured},
            lambda key: _energy(self._idle_mw(key), window.seconds),
            use,
            self._engines,
            window.seconds,
        )
        gone = sum(mj for key, mj in window.energy_mj.items() if key not in measured)
        self._today.add(by_program(parts) + ByProgram(rest=window.bridged_mj + gone), to_us(sample.at))
        self._today.since = self._today.since or sample.at

    def _learn(self, sample: MachineSample, amounts: Mapping[str, int], window: _Window) -> None:
        """A part that hardly anybody used shows its idle level."""
        assert self._use is not None
        calm = self._use.busy_s < QUIET_CORES * self._use.cores * window.seconds
        for device in sample.devices:
            if device.kind == "gpu":
                use, hidden = self._engines.get(device.id, ({}, 0.0))
                quiet = sum(use.values()) + hidden < QUIET_GPU_PERCENT / 100
                quiet = quiet and (calm or device.power.scope not in _HOLDS_PROCESSOR)
            else:
                quiet = calm
            if quiet and amounts.get(device.id):
                mean_uw = round(amounts[device.id] * 1000 / window.seconds)
                learner = self._learners.setdefault(device.id, LevelLearner())
                learner.note(mean_uw, round(window.seconds * 1e6), to_us(sample.at))

    def _idle_mw(self, key: str) -> int | None:
        """The lower of what quiet moments and the meter have shown: a program that computes all day is no
        idle level."""
        learner = self._learners.get(key)
        levels = (learner.level_uw() if learner else None, self._base_uw(key))
        known = [level for level in levels if level is not None]
        return min(known) // 1000 if known else None

    def _begin(self, day: date, at: datetime, keep: bool) -> None:
        first, self._date = self._date is None, day
        self._today = _Day()
        if first and keep:
            self._load(day, at)
        elif first:
            self._file.unlink(missing_ok=True)

    def _load(self, day: date, at: datetime) -> None:
        try:
            kept: Any = json.loads(read_small(self._file, MOST_BYTES))
            if kept["day"] != day.isoformat():
                return
            today = _Day.of(datetime.fromisoformat(kept["since"]), kept["quarters"])
            if today.since is not None and today.since <= at:
                self._today = today
        except UNREADABLE:
            return

    def _save(self) -> None:
        today = self._today
        if self._date is None or today.since is None:
            return
        day, since = self._date.isoformat(), today.since.isoformat()
        kept = {"day": day, "since": since, "quarters": today.document()}
        try:
            write_whole(self._file, json.dumps(kept).encode())
        except OSError as error:
            logging.getLogger("wattlight").warning("today's programs are not kept: %s", error)


def _energy(idle_mw: int | None, seconds: float) -> int | None:
    return None if idle_mw is None else round(idle_mw * seconds)
