"""What the whole computer draws, learned from minutes on battery: sums of a small model, and its figure.

The model: watts = rest + a x processor + b x GPU + c x screen, by least squares on sums alone (normal
equations), from means of a minute. Each coefficient begins as a guess with its own doubt, so that what never
varied on battery (a screen that stayed as bright as it was) keeps that doubt in the error. None is negative.
A minute far from the rest weighs less (Huber), old minutes fade.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import hypot, isfinite, sqrt

from .power import LearnedFigure, MachineSample, holders
from .values import DeviceSample, Quality, Scope, to_us

REST, PROCESSOR_W, WORK, GPU_W, GPU_LOAD, SCREEN = range(6)
COUNT = 6
_GUESS = (6.0, 1.1, 20.0, 1.1, 15.0, 4.0)
"""Watts of the rest; per watt of the processor's counter (what its converters lose is beside it); of the
processors at full load and clock; per watt of the GPU's sensor; of a GPU at full load; of the screen from
dark to full."""
_DOUBT = (6.0, 0.15, 20.0, 0.15, 15.0, 2.0)
"""How far each guess may be off (our judgement for laptops)."""

LOW_VOLTAGE = 0.45
"""A processor's watts go with the clock and the square of the voltage, which rises with the clock from this
share of its highest (laptops run from about 0.65 V at 1 GHz to 1.3 V at 4.5 GHz)."""
LAW_ERROR = 0.15
"""How far that law may be off on mains, where clocks are higher than on battery: a share of its watts."""

ADAPTER, ADAPTER_OWN_W = 0.895, 0.55
"""Share of the mains' power that an adapter hands on, and what it draws for itself: the rules for external
supplies (EU code of conduct, tier 2) ask 0.89 on average of 25 to 100 % load and 0.79 at 10 %, which is 1.1 W
beside the share at 65 W; those on sale are better than they must be."""
ADAPTER_ERROR, ADAPTER_OWN_ERROR_W = 0.035, 0.7


def adapter_loss(watts: float) -> float:
    """The share of ``watts`` at mains that the adapter is taken to lose."""
    return 1 - max(0.0, watts - ADAPTER_OWN_W) * ADAPTER / watts


GAUGE_ERROR = 0.03
"""How far a battery's own gauge may be off, as a share (our judgement)."""
SETTLE_S = 180.0
"""After the charger was pulled out, and after sleep, the gauge and the computer need this long to settle."""
WINDOW_S, CHARGE_WINDOW_S = 60.0, 240.0
"""Length of a mean: where the battery tells its power, and where only how much is left."""
LONGEST_S = 1200.0
FARTHEST_S = 60.0
"""Two looks further apart tell nothing of what lies between."""
STUCK_S = 300.0
"""A gauge that has told the very same figure for so long stands still."""
READY_MINUTES = 20.0
MEMORY_MINUTES = 1500.0
"""A minute weighs 1/e of a new one after so many more on battery."""
LEAST_W, MOST_W = 0.5, 500.0
_LEAST_SPREAD_W = 0.3
_HUBER = 2.0
_KNOWN = 10.0
"""From so many minutes on one that is far off is doubted rather than the model."""
_ALIKE = 24.0
"""Neighbouring minutes are alike (what a person does, fans, disks and radio change within a quarter of an
hour, not within a minute): so many tell as much as one on its own."""
_LEVEL = 1.4
"""Times the standard deviation: the error that holds four times out of five, with a little to spare."""
_RECENT_MINUTES = 10.0
_WILD = 5.0
"""A single minute counts for no more than this many times the usual distance."""
_DRIFT = 3.0
"""Recent minutes this many times further off than usual: the computer is another one now."""
_FADED = 0.03
MOST_SETS = 3
"""Sets of parts that are remembered."""


@dataclass
class Model:
    """The sums of one set of parts with one battery; everything that is kept of the past."""

    parts: str
    battery: str
    minutes: float = 0.0
    first_us: int = 0
    last_us: int = 0
    weight: float = 0.0
    gram: list[list[float]] = field(default_factory=lambda: [[0.0] * COUNT for _ in range(COUNT)])
    moment: list[float] = field(default_factory=lambda: [0.0] * COUNT)
    square: float = 0.0
    miss_w: float = 0.0
    """Mean distance of the latest minutes from what was expected of them."""
    _solved: "tuple[list[float], list[list[float]], float] | None" = None

    def learn(self, seen: Sequence[float], watts: float, minutes: float, at_us: int) -> None:
        """Take the means of some minutes: what was seen of the parts, and what the battery gave."""
        weight = minutes
        if self.weight >= _KNOWN:
            factors, _, spread = self.solved()
            miss = abs(watts - _product(factors, seen))
            told = min(miss, _WILD * spread)
            self.miss_w += min(1.0, minutes / _RECENT_MINUTES) * (told - self.miss_w)
            usual = _HUBER * max(spread, self.miss_w)
            if self.miss_w > _DRIFT * spread:
                self._fade(_FADED)
                self.miss_w = 0.0
            elif miss > usual:
                weight *= usual / miss
        self._fade(max(0.0, 1 - minutes / MEMORY_MINUTES))
        for row, value in zip(self.gram, seen, strict=True):
            for column, other in enumerate(seen):
                row[column] += weight * value * other
        for index, value in enumerate(seen):
            self.moment[index] += weight * value * watts
        self.square += weight * watts * watts
        self.weight += weight
        self.minutes += minutes
        self.first_us = self.first_us or at_us
        self.last_us = at_us
        self._solved = None

    def _fade(self, share: float) -> None:
        self.gram = [[share * value for value in row] for row in self.gram]
        self.moment = [share * value for value in self.moment]
        self.square *= share
        self.weight *= share

    def expected(self, seen: Sequence[float]) -> tuple[float, float]:
        """(watts, error) for what is seen now; the error holds four times out of five."""
        factors, doubt, spread = self.solved()
        spread = max(spread, 1.25 * self.miss_w)
        watts = max(0.0, _product(factors, seen))
        unsure = sum(a * _product(row, seen) for a, row in zip(seen, doubt, strict=True))
        law = LAW_ERROR * factors[WORK] * seen[WORK]
        return watts, hypot(_LEVEL * sqrt(spread * spread + max(0.0, unsure)), law, GAUGE_ERROR * watts)

    def solved(self) -> tuple[list[float], list[list[float]], float]:
        """(coefficients, their covariance, standard deviation of a minute in watts)."""
        if self._solved is None:
            spread = max(_LEAST_SPREAD_W, 1.0)
            for _ in range(2):  # the spread decides how much the guesses weigh, and follows from the fit
                factors, doubt = self._fit(spread)
                spread = self._spread(factors)
            self._solved = factors, doubt, spread
        return self._solved

    def _fit(self, spread: float) -> tuple[list[float], list[list[float]]]:
        scale = 1 / (spread * spread)
        free = list(range(COUNT))
        while True:
            matrix = [[scale * self.gram[i][j] / _ALIKE for j in free] for i in free]
            right = [scale * self.moment[i] / _ALIKE for i in free]
            for place, i in enumerate(free):
                matrix[place][place] += 1 / _DOUBT[i] ** 2
                right[place] += _GUESS[i] / _DOUBT[i] ** 2
            inverse = _inverse(matrix)
            found = [_product(row, right) for row in inverse]
            if all(value >= 0 for value in found):
                break
            free = [i for i, value in zip(free, found, strict=True) if value >= 0]
        factors, doubt = [0.0] * COUNT, [[0.0] * COUNT for _ in range(COUNT)]
        for place, i in enumerate(free):
            factors[i] = found[place]
            for other, j in enumerate(free):
                doubt[i][j] = inverse[place][other]
        return factors, doubt

    def _spread(self, factors: Sequence[float]) -> float:
        if self.weight <= 0:
            return _DOUBT[REST]
        bent = sum(a * _product(row, factors) for a, row in zip(factors, self.gram, strict=True))
        left = max(0.0, self.square - 2 * _product(factors, self.moment) + bent)
        return max(_LEAST_SPREAD_W, sqrt(left / self.weight))

    @property
    def sound(self) -> bool:
        """Whether these can be sums (a file may be damaged)."""
        numbers = [self.minutes, self.weight, self.square, self.miss_w, *self.moment]
        numbers += [value for row in self.gram for value in row]
        diagonal = all(self.gram[i][i] >= 0 for i in range(COUNT))
        return diagonal and all(isfinite(n) and abs(n) < 1e12 for n in numbers) and min(numbers[:4]) >= 0


def _product(one: Sequence[float], two: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Of a positive definite matrix (the doubts on its diagonal make it one)."""
    size = len(matrix)
    rows = [[*row, *(1.0 if i == j else 0.0 for j in range(size))] for i, row in enumerate(matrix)]
    for pivot in range(size):
        by = 1 / rows[pivot][pivot]
        rows[pivot] = [by * value for value in rows[pivot]]
        for i in range(size):
            factor = rows[i][pivot]
            if i != pivot and factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[pivot], strict=True)]
    return [row[size:] for row in rows]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look as the model takes it: the set of parts, what they do, and the sum of the measured ones."""

    parts: str
    values: tuple[float, ...]
    measured_w: float
    counter: bool


def seen_in(sample: MachineSample) -> Seen | None:
    """None where the whole computer is measured otherwise, or nothing tells what the processor does."""
    usage = sample.usage
    if usage is None:
        return None
    parts = [part for part in sample.devices if part.kind != "battery"]
    known, held_by = {part.id for part in parts if _known(part)}, holders(parts)
    processor_w = gpu_w = gpu_load = 0.0
    counted = False
    for part in parts:
        if part.id in known:
            if part.power.scope is Scope.SYSTEM:
                return None
            if known.intersection(held_by[part.id]):
                continue
            if part.kind == "gpu":
                gpu_w += part.power_w or 0.0
            else:
                processor_w, counted = processor_w + (part.power_w or 0.0), True
        elif part.counter_mj is not None:
            return None  # its first watts come with the next look
        elif part.kind == "gpu" and not part.asleep and part.load.value is not None:
            gpu_load += part.load.value / 100
    if not counted and usage.busy is None:
        return None
    clock = 1.0 if usage.clock is None else usage.clock
    work = 0.0 if counted else (usage.busy or 0.0) * clock * (LOW_VOLTAGE + (1 - LOW_VOLTAGE) * clock) ** 2
    values = (1.0, processor_w, work, gpu_w, gpu_load, usage.brightness or 0.0)
    names = " ".join([*(part.id for part in parts), "counter" if counted else "load"])
    return Seen(names[-400:], values, processor_w + gpu_w, counted)


def _known(part: DeviceSample) -> bool:
    return part.power_w is not None and part.power.quality is not Quality.ESTIMATED


class BatteryLearner:
    """Takes every look at the computer; learns while the battery drives it, tells its figure otherwise.

    Not for use by two threads at once.
    """

    def __init__(self, models: Iterable[Model] = ()) -> None:
        self.models = list(models)[-MOST_SETS:]
        """The latest used last."""
        self._last: tuple[float, int] | None = None
        self._since_s: float | None = None
        self._rate: tuple[float, float] | None = None
        self._stuck = False
        self._parts = ""
        self._sums = [0.0] * COUNT
        self._length_s = self._energy_ws = 0.0
        self._charge_wh: float | None = None
        self._charge_last_wh: float | None = None

    def rest(self) -> None:
        """There is no battery: what was begun is no longer true when there is one again."""
        self._last = self._since_s = None
        self._stuck = False

    def take(self, sample: MachineSample) -> bool:
        """Learn of a look; whether a mean was learned."""
        last, self._last = self._last, (sample.monotonic_s, to_us(sample.at))
        usage, battery = sample.usage, _battery(sample)
        if usage is None or battery is None or sample.on_battery is not True or usage.screens or last is None:
            self._since_s, self._stuck = None, False
            self._begin()
            return False
        now_s, step_s = sample.monotonic_s, sample.monotonic_s - last[0]
        slept = (self._last[1] - last[1]) / 1e6 - step_s > 2 or step_s < 0
        if self._since_s is None or slept:
            self._since_s, self._rate = now_s, None
        seen = seen_in(sample)
        settled = now_s - self._since_s >= SETTLE_S
        if not settled or seen is None or step_s > FARTHEST_S or seen.parts != (self._parts or seen.parts):
            self._begin()
            return False
        self._parts = seen.parts
        rate_w = self._moving(battery.power_w, now_s)
        if rate_w is None:
            return self._by_charge(sample, seen, usage.battery, usage.battery_wh, step_s)
        if self._charge_last_wh is not None:
            self._begin()
            self._parts = seen.parts
        if not LEAST_W <= rate_w <= MOST_W:
            return False
        self._add(seen.values, step_s)
        self._energy_ws += rate_w * step_s
        if self._length_s < WINDOW_S:
            return False
        return self._learn(seen.parts, usage.battery, self._energy_ws / self._length_s, sample)

    def figure(self, sample: MachineSample) -> LearnedFigure | None:
        """What the computer draws now; None where it is measured, or where too little was learned of it."""
        usage = sample.usage
        if usage is None or sample.on_battery is None:
            return None
        battery = _battery(sample)
        if sample.on_battery and battery is not None and battery.power_w is not None:
            return None
        seen = seen_in(sample)
        model = None if seen is None else self._model(seen.parts, usage.battery)
        if seen is None or model is None or model.minutes < READY_MINUTES:
            return None
        watts, error = model.expected(seen.values)
        at_mains = not sample.on_battery
        if at_mains:
            drawn = watts / ADAPTER
            error = hypot(error / ADAPTER, ADAPTER_ERROR * drawn, ADAPTER_OWN_ERROR_W)
            watts = drawn + ADAPTER_OWN_W
        watts = max(watts, seen.measured_w)
        return LearnedFigure(
            watts, error, watts - seen.measured_w, model.minutes, model.last_us,
            seen.counter, at_mains, usage.screens,
        )  # fmt: skip

    @property
    def stuck(self) -> bool:
        """The battery's gauge tells the very same figure for too long."""
        return self._stuck

    def _moving(self, rate_w: float | None, now_s: float) -> float | None:
        """The gauge's figure; None where it says nothing or stands still."""
        if rate_w is None or rate_w <= 0:
            return None
        if self._rate is None or self._rate[0] != rate_w:
            self._rate = (rate_w, now_s)
        self._stuck = now_s - self._rate[1] > STUCK_S
        return None if self._stuck else rate_w

    def _by_charge(
        self, sample: MachineSample, seen: Seen, battery: str, left_wh: float | None, step_s: float
    ) -> bool:
        """From one change of what is left in the battery to another, so that no step of it is cut."""
        if left_wh is None:
            self._begin()
            return False
        if self._charge_wh is not None:
            self._add(seen.values, step_s)
        moved = self._charge_last_wh is not None and left_wh != self._charge_last_wh
        self._charge_last_wh = left_wh
        if not moved:
            return False
        if self._charge_wh is None or left_wh > self._charge_wh or self._length_s > LONGEST_S:
            self._begin()
            self._charge_wh = self._charge_last_wh = left_wh
            return False
        if self._length_s < CHARGE_WINDOW_S:
            return False
        watts = (self._charge_wh - left_wh) * 3600 / self._length_s
        learned = LEAST_W <= watts <= MOST_W and self._learn(seen.parts, battery, watts, sample)
        self._begin()
        self._charge_wh = self._charge_last_wh = left_wh
        return learned

    def _learn(self, parts: str, battery: str, watts: float, sample: MachineSample) -> bool:
        model = self._model(parts, battery)
        if model is None:
            self.models = [*self.models[1 - MOST_SETS :], Model(parts, battery)]
            model = self.models[-1]
        elif self.models[-1] is not model:
            self.models.remove(model)
            self.models.append(model)
        means = [value / self._length_s for value in self._sums]
        model.learn(means, watts, self._length_s / 60, to_us(sample.at))
        self._begin()
        return True

    def _model(self, parts: str, battery: str) -> Model | None:
        return next((m for m in self.models if m.parts == parts and m.battery == battery), None)

    def _begin(self) -> None:
        self._parts = ""
        self._sums = [0.0] * COUNT
        self._length_s = self._energy_ws = 0.0
        self._charge_wh = self._charge_last_wh = None

    def _add(self, values: Sequence[float], step_s: float) -> None:
        self._length_s += step_s
        for index, value in enumerate(values):
            self._sums[index] += value * step_s


def _battery(sample: MachineSample) -> DeviceSample | None:
    return next((part for part in sample.devices if part.kind == "battery"), None)
