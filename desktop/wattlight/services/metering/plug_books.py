"""What the meter keeps in mind of a plug: when it was read, and what was booked while it was silent."""

from dataclasses import replace

from wattlight.domain.energy import Reading
from wattlight.domain.values import DeviceSample
from wattlight.domain.wall import PLUG

from .device_meter import DeviceMeter, Settled


class PlugBooks:
    """Readings of a plug as the integration wants them.

    A plug is read less often than the machine is sampled: its reading has its own moment and counts once.
    While it is silent the parts inside it are booked by themselves; when its counter bridges that time, their
    energy is taken off, so that nothing is booked twice and the whole is what the counter says.
    """

    def __init__(self) -> None:
        self._read_s: float | None = None
        self._apart_mj = 0

    @property
    def booked_apart(self) -> bool:
        """Something was booked that the plug's counter will hold: a restart may not go on from it."""
        return self._apart_mj > 0

    def note(self, settled: Settled) -> None:
        """A part inside was booked while the plug was silent."""
        self._apart_mj += sum(row.energy_mj for row in settled.rows)

    def reading(self, reading: Reading, plug: DeviceSample, meter: DeviceMeter) -> Reading:
        """``reading``, as the sampler's look made it, at the moment the plug was read; empty where that was
        told already."""
        if plug.read_s is None or plug.read_s == self._read_s:
            return replace(reading, power_uw=None, counter_mj=None)
        self._read_s = plug.read_s
        age_us = max(0, reading.mono_us - round(plug.read_s * 1_000_000))
        reading = replace(reading, at_us=reading.at_us - age_us, mono_us=reading.mono_us - age_us)
        base = meter.counted
        if reading.counter_mj is None or base is None or base.counter_mj is None:
            return reading
        return replace(
            reading,
            counter_mj=max(min(base.counter_mj, reading.counter_mj), reading.counter_mj - self._apart_mj),
        )

    def told(self, plug: DeviceSample, meter: DeviceMeter) -> None:
        """The reading was taken: count on from what the plug's own counter says."""
        if plug.read_s is None:
            return
        if plug.counter_mj is not None:
            meter.recount(plug.counter_mj)
        self._apart_mj = 0


def is_silent(parts: tuple[DeviceSample, ...]) -> bool:
    """Whether there is a plug among the parts that says nothing now."""
    return any(part.id == PLUG and part.read_s is None for part in parts)
