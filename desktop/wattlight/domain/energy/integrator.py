"""Readings of one device to intervals of energy and gaps."""

from dataclasses import replace
from typing import Generic

from ..power import CEILING_W, STEADY_W
from ..values import Quality
from .cadence import Cadence
from .reading import C, Elapsed, Gap, Interval, Reading, Rules, elapsed_between

RESET = "counter reset"
NO_READING = "no reading"
ASLEEP = "asleep"
IMPLAUSIBLE = "implausible reading"

_HALF_PJ_PER_MJ = 2_000_000_000
"""Microwatt x microsecond is a picojoule; the sum of two powers counts each twice."""

Outcome = Interval[C] | Gap


class Integrator(Generic[C]):
    """The rules for one device. The counter wins over the gauge; gaps are never filled with guesses.

    - Gauge: trapezoid between neighbouring readings; a longer distance than the cadence allows, or sleep
      in between, is a gap. Fractions of a mJ are carried to the next interval.
    - Counter: the difference. It bridges a gap (``observed`` False). A decrease is a wrap where the range
      is known and cannot have passed twice, else a gap, and counting starts again from the new value.
    - Readings without counter between two that have one are covered by the counter. If it stays away for
      longer than the rules allow, their gauge is taken after all, and counting starts again.
    """

    def __init__(self, rules: Rules, cadence: Cadence) -> None:
        self._rules = rules
        self._cadence = cadence
        self._counted: tuple[Reading, C] | None = None
        self._gauged: tuple[Reading, C] | None = None
        self._waiting: list[Outcome[C]] = []
        self._worked: frozenset[str] = frozenset()
        self._carry = 0
        self._resumed = False

    def resume(self, reading: Reading, context: C) -> None:
        """Continue from a counter value that was stored when recording ended."""
        self._counted = (reading, context)
        self._resumed = True

    def recount(self, counter_mj: int) -> None:
        """The counter stood at another value at the latest reading: a part of it was booked elsewhere."""
        if self._counted is not None:
            reading, context = self._counted
            self._counted = replace(reading, counter_mj=counter_mj), context

    @property
    def counted(self) -> Reading | None:
        """The reading from which the counter goes on; None where there is none."""
        return None if self._counted is None else self._counted[0]

    def feed(self, reading: Reading, context: C) -> list[Outcome[C]]:
        """Take one reading and return what it settles. Readings come in the order of the clock."""
        has_power = reading.power_uw is not None and self._plausible(reading.power_uw, reading)
        if reading.counter_mj is not None:
            return self._feed_counter(reading, context, has_power)
        if not has_power:
            self._keep_worked(reading)
            return []
        settled = self._gauge_step(reading)
        self._gauged = (reading, context)
        if self._counted is None:
            return settled
        self._waiting += settled
        limit = self._rules.fallback_after_us
        if limit is None or reading.at_us - self._counted[0].at_us <= limit:
            return []
        return self.finish()

    def finish(self) -> list[Outcome[C]]:
        """The gauge's intervals that were waiting for the counter; called when no more readings come."""
        if not self._waiting:
            return []
        settled, self._waiting = self._waiting, []
        self._counted = None
        self._worked = frozenset()
        return settled

    def _feed_counter(self, reading: Reading, context: C, has_power: bool) -> list[Outcome[C]]:
        settled: list[Outcome[C]] = []
        if self._counted is not None:
            settled = self._counter_step(*self._counted, reading)
        elif self._gauged is not None:
            if has_power:
                settled = self._gauge_step(reading)
            elif reading.at_us > self._gauged[0].at_us:
                settled = [Gap(self._gauged[0].at_us, reading.at_us, NO_READING)]
        self._waiting = []
        self._counted = (reading, context)
        self._gauged = (reading, context) if has_power else None
        return settled

    def _counter_step(self, first: Reading, context: C, second: Reading) -> list[Outcome[C]]:
        time = self._elapsed(first, second)
        if first.counter_mj is None or second.counter_mj is None:
            return []
        delta = second.counter_mj - first.counter_mj
        if delta < 0 and first.epoch == second.epoch:
            delta = self._unwrapped(delta, second, time)
        if delta < 0 or first.epoch != second.epoch:
            return [Gap(time.start_us, second.at_us, RESET)]
        if second.limit_uw is not None and time.awake_us > 0:
            mean_uw = delta * 1_000_000_000 // time.awake_us
            if mean_uw > second.limit_uw * self._rules.plausible_factor:
                return [Gap(time.start_us, second.at_us, IMPLAUSIBLE)]
        bridged = self._too_long(time)
        end_us = time.start_us + time.awake_us if time.slept else second.at_us
        worked = self._take_worked(second)
        settled: list[Outcome[C]] = [
            Interval(
                time.start_us,
                end_us,
                time.awake_us,
                delta,
                not bridged,
                Quality.COUNTER,
                context,
                worked,
            )
        ]
        if time.slept:
            settled.append(Gap(end_us, second.at_us, ASLEEP))
        return settled

    def _gauge_step(self, second: Reading) -> list[Outcome[C]]:
        if self._gauged is None:
            self._keep_worked(second)
            return []
        first, context = self._gauged
        time = self._elapsed(first, second)
        if self._too_long(time):
            reason = ASLEEP if time.slept else second.reason or NO_READING
            return [Gap(time.start_us, second.at_us, reason)]
        if self._counted is not None:
            self._keep_worked(second)  # in case the counter takes over what waits
            worked = second.worked
        else:
            worked = self._take_worked(second)
        energy_mj = self._trapezoid(first, second, time.awake_us)
        return [
            Interval(
                time.start_us,
                second.at_us,
                time.awake_us,
                energy_mj,
                True,
                Quality.SAMPLED,
                context,
                worked,
            )
        ]

    def _elapsed(self, first: Reading, second: Reading) -> Elapsed:
        return elapsed_between(first, second, self._rules.suspend_us)

    def _too_long(self, time: Elapsed) -> bool:
        """Whether the span is a gap; an ordinary one teaches the cadence."""
        if time.slept:
            return True
        too_long = time.awake_us > self._cadence.threshold_us()
        if not self._resumed:
            self._cadence.note(time.awake_us)
        self._resumed = False
        return too_long

    def _trapezoid(self, first: Reading, second: Reading, awake_us: int) -> int:
        self._carry += ((first.power_uw or 0) + (second.power_uw or 0)) * awake_us
        energy_mj = _divide_half_even(self._carry, _HALF_PJ_PER_MJ)
        self._carry -= energy_mj * _HALF_PJ_PER_MJ
        return energy_mj

    def _unwrapped(self, delta: int, second: Reading, time: Elapsed) -> int:
        """``delta`` of a counter that passed its range once; where it may have done so twice, or would have
        counted more than any part draws, it was reset."""
        span, limit = second.counter_range_mj, second.limit_uw
        if span is None or delta + span < 0 or time.awake_us <= 0:
            return delta
        most_uw = self._rules.plausible_factor * limit if limit else STEADY_W * 1e6
        whole = delta + span
        mean_w = whole * 1_000 / time.awake_us
        if time.awake_us >= span * 1_000_000_000 / most_uw or (not limit and mean_w > CEILING_W):
            return delta
        return whole

    def _plausible(self, power_uw: int, reading: Reading) -> bool:
        if power_uw < 0:
            return False
        if self._rules.sane_power_uw is not None and power_uw > self._rules.sane_power_uw:
            return False
        return reading.limit_uw is None or power_uw <= reading.limit_uw * self._rules.plausible_factor

    def _keep_worked(self, reading: Reading) -> None:
        self._worked |= reading.worked

    def _take_worked(self, reading: Reading) -> frozenset[str]:
        kept, self._worked = self._worked, frozenset()
        return kept | reading.worked


def _divide_half_even(value: int, by: int) -> int:
    whole, rest = divmod(value, by)
    if 2 * rest > by or (2 * rest == by and whole % 2):
        whole += 1
    return whole
