"""A made-up machine for tests of the meter: a clock moved by hand, a card with a counter or a gauge."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from wattlight.domain.energy import Batch
from wattlight.domain.power import MachineSample, measured
from wattlight.domain.state import RunningModel
from wattlight.domain.values import LOCAL_HOST, Device, DeviceSample, Quality, Scope, unknown

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
QWEN = RunningModel("qwen3:8b", "sha256:qwen", 6_000_000_000, 6_000_000_000)
GEMMA = RunningModel("gemma3:27b", "sha256:gemma", 18_000_000_000, 18_000_000_000)


def part(
    key: str,
    power_w: float | None = None,
    kind: str = "gpu",
    scope: Scope | None = None,
    quality: Quality = Quality.SAMPLED,
    *,
    name: str = "",
    vendor: str = "v",
    source: str = "",
    reason: str | None = None,
    **more: Any,
) -> DeviceSample:
    """A part of a machine with what its sensor says; ``more`` as in :class:`DeviceSample`."""
    counted = more.get("counter_mj") is not None
    power = measured(power_w, source, scope, quality, reason, counted)
    return DeviceSample(Device(key, name or key, kind=kind, vendor=vendor), power, **more)


@dataclass
class Clock:
    """UTC and monotonic time, moved by hand."""

    at: datetime = START
    monotonic_s: float = 1000.0

    def now(self) -> datetime:
        """Aware UTC."""
        return self.at

    def move(self, seconds: float) -> None:
        """Time passes."""
        self.at += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def sleep(self, seconds: float) -> None:
        """The computer sleeps: only UTC goes on."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Machine:
    """One card. ``counter`` False: only a gauge. :meth:`look` is the prober's sample."""

    clock: Clock = field(default_factory=Clock)
    power_w: float = 20.0
    counter: bool = True
    counter_mj: int = 5_000_000
    boot_id: str = "boot-1"
    extra: tuple[DeviceSample, ...] = ()

    def card(self) -> DeviceSample:
        """The card as it is now."""
        return part(
            "GPU-1",
            self.power_w,
            quality=Quality.COUNTER if self.counter else Quality.SAMPLED,
            name="Test card",
            vendor="nvidia",
            source="fake",
            counter_mj=self.counter_mj if self.counter else None,
            counter_epoch=self.boot_id,
            limit_w=350.0,
        )

    def look(self) -> MachineSample:
        """One sample."""
        return MachineSample(
            LOCAL_HOST,
            self.clock.at,
            self.clock.monotonic_s,
            (self.card(), *self.extra),
            boot_id=self.boot_id,
        )

    def run(self, seconds: float) -> None:
        """Draw the present power for a while."""
        self.clock.move(seconds)
        self.counter_mj += round(self.power_w * 1000 * seconds)


def without_power(device: DeviceSample) -> DeviceSample:
    """The same device with nothing read."""
    return replace(device, power=unknown("asleep"), counter_mj=None, state="asleep")


def energy(batches: list[Batch]) -> dict[tuple[str | None, str], int]:
    """mJ by (model, state)."""
    sums: dict[tuple[str | None, str], int] = {}
    for batch in batches:
        for row in batch.rows:
            key = (row.model, row.state.value)
            sums[key] = sums.get(key, 0) + row.energy_mj
    return sums
