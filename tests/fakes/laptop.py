"""A made-up laptop whose true watts are known: a week of mains, battery, charging and sleep.

Its true law is another one than the program's model: the processor's watts go with the square of the clock,
the adapter loses more at low load, the rest of the computer wanders, and the gauge lags and errs.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from wattlight.domain.power import MachineSample, Usage, measured
from wattlight.domain.values import (
    LOCAL_HOST,
    Device,
    DeviceSample,
    Figure,
    Quality,
    Scope,
    unknown,
)
from wattlight.probes.report import Battery, CpuPower
from wattlight.probes.samples import device_samples

MONDAY = datetime(2026, 11, 9, 0, 0, tzinfo=UTC)
PLAN = (
    (7.0, "asleep", "-"),
    (8.5, "mains", "office"),
    (10.5, "battery", "office"),
    (13.0, "charging", "office"),
    (14.0, "asleep", "-"),
    (17.0, "mains", "heavy"),
    (18.5, "battery", "film"),
    (22.0, "charging", "mixed"),
    (24.0, "asleep", "-"),
)
"""Of a day: until which hour, where the power comes from, what is done."""
WORK = {
    "office": ((0.02, 6), (0.06, 5), (0.15, 3), (0.5, 1)),
    "film": ((0.05, 4), (0.09, 4), (0.04, 2)),
    "heavy": ((0.04, 3), (0.3, 3), (0.85, 3), (1.0, 1)),
    "mixed": ((0.02, 4), (0.1, 4), (0.6, 2), (0.95, 1)),
}
"""(busy share of the processors, how often)."""
WH = 52.0


@dataclass
class Laptop:
    """One computer and its week.

    Attributes:
        counter: the processor's energy counter may be read.
        card: it has a graphics card with a sensor, which sleeps half of the time.
        batteries: 1, or 2 that are emptied one after the other, with a look that says nothing in between.
        gauge: ``power``, ``charge`` (only what is left), or ``stuck`` (the first figure after the plug was
            pulled, for good).
        docked: on mains a second screen hangs on it.
        law: power of the clock that the processor's watts go with.
        adapter: share of the mains' power that it hands on at high load, and what it loses besides, in watts.
        wander: how much the rest of the computer changes from look to look, in watts.
        card_from: day on which a card appears that was not there before.
    """

    seed: int = 1
    counter: bool = False
    card: bool = False
    batteries: int = 1
    gauge: str = "power"
    docked: bool = False
    card_from: int | None = None
    law: float = 2.0
    adapter: tuple[float, float] = (0.895, 0.5)
    wander: float = 0.12
    beat_s: float = 10.0
    days: int = 7
    names: tuple[str, ...] = ("Maker X1 52000",)
    at: datetime = MONDAY
    monotonic_s: float = 500.0
    true_w: float = 0.0
    """At the plug on mains, out of the battery otherwise; without what charges it."""
    inside_w: float = 0.0
    _left_wh: float = WH
    _told: tuple[float, float] = (0.0, 0.0)
    _energy_j: float = 1e6
    _second: bool = False
    _rest: float = 0.0
    _random: random.Random = field(default_factory=random.Random)

    def week(self) -> Iterator[MachineSample]:
        """Every look of the sampler; :attr:`true_w` is the draw since the look before."""
        self._random.seed(self.seed)
        source = ""
        for day in range(self.days):
            hour = 0.0
            for until, now, work in PLAN:
                length_s = round((until - hour) * 3600)
                hour = until
                if now == "asleep":
                    self.at += timedelta(seconds=length_s)
                    self.monotonic_s += 0.5
                    continue
                if now != source:
                    source, self._told = now, (0.0, 0.0)
                yield from self._span(day, now, work, length_s)

    def _span(self, day: int, source: str, work: str, length_s: int) -> Iterator[MachineSample]:
        left = float(length_s)
        brightness = self._random.choice((0.35, 0.6) if source == "battery" else (0.6, 0.8, 1.0))
        busy, until, gpu_w = 0.0, left, 0.0
        levels, often = zip(*WORK[work], strict=True)
        while left > 0:
            if left <= until:
                busy = self._random.choices(levels, often)[0]
                until = left - self._random.uniform(60, 900)
                has_card = self.card or (self.card_from is not None and day >= self.card_from)
                gpu_w = self._random.choice((0.0, 0.0, 6.0, 35.0)) if has_card else -1.0
                if self._random.random() < 0.15:
                    brightness = min(1.0, max(0.2, brightness + self._random.uniform(-0.3, 0.3)))
            left -= self.beat_s
            yield self._look(source, busy, brightness, gpu_w)

    def _look(self, source: str, busy: float, brightness: float, gpu_w: float) -> MachineSample:
        dice, on_battery = self._random, source == "battery"
        busy = min(1.0, max(0.005, busy * dice.uniform(0.8, 1.2)))
        clock = min(1.0, (0.35 + 0.6 * busy**0.5) * (0.85 if on_battery else 1.0) * dice.uniform(0.95, 1.05))
        processor_w = 0.9 + 24 * busy * clock**self.law * dice.uniform(0.97, 1.03)
        self._rest += 0.02 * (0.0 - self._rest) + dice.gauss(0, self.wander)
        other_w = 0.05 * processor_w + 3.4 + 4.4 * brightness + self._rest
        self.inside_w = processor_w + other_w + 1.08 * max(0.0, gpu_w)
        self.true_w = (
            self.inside_w
            if on_battery
            else self.inside_w / (self.adapter[0] - self.adapter[1] / self.inside_w)
        )
        self.at += timedelta(seconds=self.beat_s)
        self.monotonic_s += self.beat_s
        self._energy_j += processor_w * self.beat_s
        battery = self._battery(source)
        devices = device_samples(self._cards(gpu_w), self._processor(processor_w), battery, "boot")
        usage = Usage(
            busy, clock, brightness, int(self.docked and not on_battery), " ".join(self.names),
            battery.energy_now_wh,
        )  # fmt: skip
        return MachineSample(LOCAL_HOST, self.at, self.monotonic_s, devices, None, on_battery, "boot", usage)

    def _battery(self, source: str) -> Battery:
        if source != "battery":
            charging = source == "charging" and self._left_wh < WH
            self._left_wh = min(WH, self._left_wh + (30 * self.beat_s / 3600 if charging else 0))
            state = "charging" if charging else "full"
            return Battery(True, 50, state, True, energy_now_wh=round(self._left_wh, 2), reason="on mains")
        self._left_wh = max(5.0, self._left_wh - self.inside_w * self.beat_s / 3600)
        smoothed = self._told[1] + 0.6 * (self.inside_w - self._told[1]) if self._told[1] else self.inside_w
        first = self._told[0] or smoothed * self._random.uniform(0.98, 1.02)
        self._told = first, smoothed
        second = self.batteries == 2 and self._left_wh < WH / 2
        changes_over, self._second = second and not self._second, second
        told: float | None = round(smoothed * 1.01 * self._random.uniform(0.985, 1.015), 3)
        if self.gauge == "charge" or changes_over:
            told = None
        if self.gauge == "stuck":
            told = round(first, 2)
        # the step of a gauge of charge: 1 mAh at 11.4 V
        left = round(self._left_wh / 0.0114) * 0.0114
        return Battery(True, 50, "discharging", False, told, energy_now_wh=left, source="fake gauge")

    def _processor(self, watts: float) -> CpuPower:
        if not self.counter:
            return CpuPower(unknown("permission"), limit_w=28.0, estimate_w=(2.0, 28.0))
        power = measured(watts, "fake counter", Scope.PACKAGE, Quality.COUNTER)
        zone = DeviceSample(
            Device("rapl:package-0", "Processor", kind="cpu", vendor="cpu"),
            power,
            counter_mj=round(self._energy_j * 1000),
        )
        return CpuPower(power, zones=(zone,))

    def _cards(self, gpu_w: float) -> tuple[DeviceSample, ...]:
        if gpu_w < 0:
            return ()
        card = DeviceSample(Device("pci:1", "Card", vendor="nvidia"))
        if gpu_w == 0:
            return (replace(card, power=unknown("asleep"), state="asleep"),)
        return (
            replace(card, power=measured(gpu_w, "fake", Scope.BOARD, Quality.SAMPLED), load=Figure(50.0)),
        )
