"""The rules of one device at work: readings in, rows of the ledger out. No thread, no clock of its own."""

from dataclasses import dataclass, field, replace

from wattlight.domain.energy import (
    CounterTrust,
    EnergyRow,
    FixedCadence,
    Gap,
    GapRow,
    Integrator,
    Interval,
    LevelLearner,
    LevelRow,
    Levels,
    Load,
    Reading,
    RollingCadence,
    Rules,
    attribute,
    split_minutes,
)
from wattlight.domain.values import HostId, Quality

_Outcome = Interval[Load | None] | Gap


@dataclass(frozen=True, slots=True)
class MeterRules:
    """How the meter works.

    Attributes:
        rules: limits of the integration.
        whole_intervals: a resident model gets all of an interval (a recorded trace); else what lies above
            the idle level that was learned.
        thresholds_us: known gap thresholds by device; None: learned from the readings.
        check_counters: compare counters with gauges and drop those that disagree.
        step_minutes: rows are no shorter.
        quality: of the rows, whatever the readings are like; None: the readings' own.
        levels: idle and parked levels are learned of them.
    """

    rules: Rules = field(default_factory=Rules)
    whole_intervals: bool = False
    thresholds_us: dict[str, int] | None = None
    check_counters: bool = True
    step_minutes: int = 1
    quality: Quality | None = None
    levels: bool = True


@dataclass(frozen=True, slots=True)
class Settled:
    rows: tuple[EnergyRow, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    observed: tuple[tuple[int, int], ...] = ()
    """Spans (microseconds) in which the device was observed."""
    levels: tuple[LevelRow, ...] = ()
    mean_uw: int | None = None
    """Mean power of the latest interval, None if there is none."""


class DeviceMeter:
    def __init__(self, host: HostId, device: str, rules: MeterRules) -> None:
        self._host = host
        self._device = device
        self._rules = rules
        self._rolling = RollingCadence()
        self._integrator = self._fresh_integrator()
        self._trust = CounterTrust()
        self._learners: dict[tuple[str, ...], LevelLearner] = {}
        self._saved_us: dict[tuple[str, ...], int | None] = {}

    @property
    def counted(self) -> Reading | None:
        return self._integrator.counted

    @property
    def distrusted(self) -> bool:
        """The counter disagreed with the gauge and is not used."""
        return self._trust.distrusted

    def start_again(self) -> None:
        """Forget the latest reading, so that nothing since then is billed; learned powers stay."""
        self._integrator = self._fresh_integrator()

    def _fresh_integrator(self) -> Integrator[Load | None]:
        cadence: FixedCadence | RollingCadence = self._rolling
        known = self._rules.thresholds_us
        if known is not None and self._device in known:
            cadence = FixedCadence(known[self._device])
        return Integrator(self._rules.rules, cadence)

    def expect(self, beat_us: int) -> None:
        self._rolling.expect(beat_us)

    def resume(self, reading: Reading) -> None:
        """Continue from a stored counter; what it bridges is attributed to nobody."""
        self._integrator.resume(reading, None)

    def recount(self, counter_mj: int) -> None:
        """See :meth:`Integrator.recount`."""
        self._integrator.recount(counter_mj)

    def restore_level(self, level: LevelRow) -> None:
        self._learners[level.models] = LevelLearner(level.power_uw, level.learned_us)
        self._saved_us[level.models] = level.learned_us

    def base_uw(self) -> int | None:
        """Learned power without any model resident, None before it is known."""
        learner = self._learners.get(())
        return None if learner is None else learner.level_uw()

    def idle_left_s(self) -> int:
        """Quiet seconds that are missing until the idle power is trusted; 0 once it was learned."""
        return self._learners.get((), LevelLearner()).left_s if self._rules.levels else 0

    def forget_levels(self) -> None:
        self._learners.clear()
        self._saved_us.clear()

    def feed(self, reading: Reading, load: Load | None) -> Settled:
        if self._rules.check_counters and not self._trust.note(
            reading.epoch, reading.mono_us, reading.counter_mj, reading.power_uw
        ):
            reading = replace(reading, counter_mj=None)
        outcomes = self._integrator.feed(reading, load)
        if load is not None and load.other_heavy:
            outcomes = [_shared_with_others(outcome, reading.at_us) for outcome in outcomes]
        return self._settle(outcomes)

    def finish(self) -> Settled:
        """What was waiting for a counter that will not come."""
        return self._settle(self._integrator.finish())

    def _settle(self, outcomes: list[_Outcome]) -> Settled:
        rows: list[EnergyRow] = []
        gaps, observed, levels = [], [], []
        mean_uw = None
        for outcome in outcomes:
            if isinstance(outcome, Gap):
                gaps.append(
                    GapRow(self._host, self._device, outcome.start_us, outcome.end_us, outcome.reason)
                )
                continue
            if outcome.energy_mj == 0 and outcome.start_us == outcome.end_us:
                continue  # the same moment twice
            rows += self._rows(outcome)
            if outcome.observed:
                observed.append((outcome.start_us, outcome.end_us))
                mean_uw = outcome.mean_uw
                levels += self._learn(outcome)
        return Settled(tuple(rows), tuple(gaps), tuple(observed), tuple(levels), mean_uw)

    def _rows(self, interval: Interval[Load | None]) -> list[EnergyRow]:
        load = interval.context
        if load is not None and load.residents and interval.worked:
            load = _with_work(load, interval.worked)
        parts = attribute(interval.energy_mj, interval.awake_us, load, self._levels(load))
        return [
            EnergyRow(
                self._host,
                minute,
                self._device,
                part.model,
                part.state,
                energy_mj,
                observed_ms if interval.observed else 0,
                self._rules.quality or interval.quality,
            )
            for part in parts
            for minute, energy_mj, observed_ms in split_minutes(
                part.energy_mj, interval.start_us, interval.end_us, self._rules.step_minutes
            )
        ]

    def _levels(self, load: Load | None) -> Levels:
        if self._rules.whole_intervals:
            return Levels(0, None)
        if load is None or not load.residents:
            return Levels()
        base, parked = self._learners.get(()), self._learners.get(_key(load))
        return Levels(
            None if base is None else base.level_uw(), None if parked is None else parked.level_uw()
        )

    def _learn(self, interval: Interval[Load | None]) -> list[LevelRow]:
        load = interval.context
        if (
            not self._rules.levels
            or self._rules.whole_intervals
            or load is None
            or load.other_heavy
            or interval.worked
        ):
            return []
        if load.residents and load.busy:
            return []
        key = _key(load)
        learner = self._learners.setdefault(key, LevelLearner())
        learner.note(interval.mean_uw, interval.awake_us, interval.end_us)
        if learner.learned_us is None or learner.learned_us == self._saved_us.get(key):
            return []
        self._saved_us[key] = learner.learned_us
        level_uw = learner.level_uw() or 0
        return [LevelRow(self._host, self._device, key, level_uw, learner.learned_us, learner.observed_s)]


def _key(load: Load) -> tuple[str, ...]:
    return tuple(sorted(r.digest for r in load.residents))


def _shared_with_others(outcome: _Outcome, at_us: int) -> _Outcome:
    """Use by process is told of the time before a look: it holds for the interval that ends there."""
    if isinstance(outcome, Gap) or outcome.end_us != at_us or outcome.context is None:
        return outcome
    return replace(outcome, context=replace(outcome.context, other_heavy=True))


def _with_work(load: Load, worked: frozenset[str]) -> Load:
    """Models whose tokens were counted are busy; of tokens of a model not resident here, any may be."""
    residents = frozenset(r.digest for r in load.residents)
    return replace(load, busy=(load.busy or frozenset()) | ((worked & residents) or residents))
