"""Pure rules of a smart plug: what it tells, what is refused, and watts and counter as one reading."""

from dataclasses import dataclass
from enum import StrEnum

from wattlight.i18n import number, tr, watts

from .power import measured
from .values import Device, DeviceSample, Figure, Problem, Quality, Scope
from .wall import MOST_WALL_W, PLUG, PLUG_EVERY_S, plausible_wall_w

STALE_S = 3.5 * PLUG_EVERY_S
"""An older reading is none: the plug is silent, and the parts inside count by themselves."""
_FROZEN_S = 900.0
"""A counter that stands still for so long while the watts say that it should have moved is not used."""
_WINDOW_S = 180.0
_LOW, _HIGH = 0.5, 2.0
"""Counter and watts of one plug agree within these ratios; else a unit is wrong."""
_INSIDE = 0.9
_STRIKES = 3
"""So many readings in a row below what the parts inside draw: it is not this computer's plug."""


class Hangs(StrEnum):
    """What hangs on the plug."""

    COMPUTER = "computer"
    SCREEN = "screen"
    MORE = "more"


class PlugProblem(Problem):
    """The plug cannot be read, or what it says is not used; one sentence says why."""

    code = "plug"


@dataclass(frozen=True, slots=True)
class PlugAnswer:
    """What a plug said: watts, and its energy counter in mJ with the step it moves by; None: not told."""

    watts: float | None = None
    energy_mj: int | None = None
    step_mj: int = 0


@dataclass(frozen=True, slots=True)
class PlugReading:
    """An answer as it is used: ``read_s`` is the monotonic moment, ``counter_mj`` None while not known."""

    read_s: float
    watts: float | None
    counter_mj: int | None
    epoch: int


def plug_name(hangs: str) -> str:
    """The plug as a part: what hangs on it is said wherever its figure is."""
    return {
        Hangs.SCREEN: tr("Wall plug (computer and screen)"),
        Hangs.MORE: tr("Wall plug (computer and other devices)"),
    }.get(Hangs(hangs) if hangs in set(Hangs) else Hangs.COMPUTER, tr("Wall plug (computer alone)"))


class PlugCounter:
    """Watts and a coarse or late counter as one energy that never falls. Not a thread, no clock.

    The counter decides; between two of its steps the watts tell how far it is to the next. Until a coarse
    counter has moved once it is not known where in its step it stands, and the watts alone are given.
    """

    def __init__(self) -> None:
        self._at: tuple[float, float] | None = None
        self._watts: float | None = None
        self._raw: int | None = None
        self._step = 0
        self._since_mj = 0.0
        self._told: int | None = None
        self._moved: tuple[float, float] | None = None
        self._window: tuple[float, int, float] | None = None
        self._still_s: float | None = None
        self._doubt = False
        self._epoch = 0
        self._reading: PlugReading | None = None

    def take(self, mono_s: float, utc_s: float, answer: PlugAnswer) -> PlugReading | None:
        """The next answer; None while nothing of it can be used yet.

        Raises:
            PlugProblem: what it says cannot be so; nothing of it is used.
        """
        _refuse_watts(answer.watts)
        if answer.watts is None and answer.energy_mj is None:
            raise PlugProblem(
                tr("The plug tells neither watts nor an energy counter."), tr("Choose another kind of plug.")
            )
        before, self._at = self._at, (mono_s, utc_s)
        fed_mj = 0.0
        away_s = 0.0 if before is None else mono_s - before[0]
        if self._watts is not None and answer.watts is not None and 0 < away_s <= STALE_S:
            fed_mj = (self._watts + answer.watts) / 2 * away_s * 1000
        self._watts = answer.watts
        moved = False
        if answer.energy_mj is not None:
            away_s = 0.0 if before is None else max(away_s, utc_s - before[1])
            moved = self._count(answer.energy_mj, answer.step_mj, fed_mj, away_s)
            self._compare(mono_s, answer.energy_mj, fed_mj, moved)
        if self._doubt:
            raise PlugProblem(
                tr("The plug's watts and its energy counter disagree: one of them has another unit."),
                tr("Choose the units of the plug anew in Settings."),
            )
        return self._read(mono_s, moved)

    def _count(self, raw: int, step: int, fed_mj: float, away_s: float) -> bool:
        """Follow the counter; whether it moved."""
        last, self._raw = self._raw, raw
        fine = step <= _FINE_MJ
        self._step = step if last is None else min(self._step, step)
        if last is None or raw < last:
            self._epoch += last is not None
            self._told, self._since_mj, self._window = (raw if fine else None), 0.0, None
            return False
        rise = raw - last
        if rise > MOST_WALL_W * 1000 * max(away_s, PLUG_EVERY_S) + 2 * step:
            self._epoch += 1
            self._told, self._since_mj, self._window = (raw if fine else None), 0.0, None
            raise PlugProblem(
                tr(
                    "The plug's counter jumped by {energy} kWh, more than a socket can give in that time.",
                    energy=number(rise / 3.6e9, 1),
                ),
                tr("That span is not counted."),
            )
        if rise:
            self._since_mj = min(max(0.0, self._since_mj + fed_mj - rise), fed_mj, float(self._step))
            self._told = max(self._told or 0, raw + int(self._since_mj))
            return True
        self._since_mj += fed_mj
        if self._told is not None:
            self._told = max(self._told, raw + int(self._since_mj))
        return False

    def _compare(self, mono_s: float, raw: int, fed_mj: float, moved: bool) -> None:
        """Counter against watts: a unit that is wrong shows, and a counter that stands still."""
        if moved or self._still_s is None:
            self._still_s = mono_s
        elif mono_s - self._still_s >= _FROZEN_S and self._since_mj > 5 * self._step:
            self._told = None
        if self._window is None:
            self._window = (mono_s, raw, 0.0) if moved else None
            return
        start_s, start, gauged = self._window
        gauged += fed_mj
        self._window = (start_s, start, gauged)
        if moved and mono_s - start_s >= _WINDOW_S and gauged > 3 * self._step:
            self._doubt = not _LOW <= (raw - start) / gauged <= _HIGH
            self._window = (mono_s, raw, 0.0)

    def _read(self, mono_s: float, moved: bool) -> PlugReading | None:
        mean_w = self._watts
        if mean_w is None:  # a counter alone: watts are the mean between two of its steps
            if self._raw is None or not moved:
                return self._reading
            last, self._moved = self._moved, (mono_s, self._raw)
            mean_w = None if last is None else (self._raw - last[1]) / 1000 / (mono_s - last[0])
        self._reading = PlugReading(mono_s, mean_w, self._told, self._epoch)
        return self._reading


_FINE_MJ = 10_000
"""A counter that moves by so little is used as it is."""


def _refuse_watts(power: float | None) -> None:
    if power is None or plausible_wall_w(power):
        return
    if power < 0:
        raise PlugProblem(
            tr("The plug reports {power}: something feeds energy back through it.", power=watts(power)),
            tr("It is not used; let nothing but the computer hang on the plug."),
        )
    if power < 1:
        low = f"{number(power, 2)} W"
        raise PlugProblem(
            tr("The plug reports {power}, less than any running computer draws.", power=low),
            tr("If it tells kilowatts, choose that unit; else the computer hangs on another plug."),
        )
    raise PlugProblem(
        tr("The plug reports {power}, more than a socket can give.", power=watts(power)),
        tr("If it tells milliwatts, choose that unit."),
    )


class PlugPart:
    """The plug as a part of the machine, from its readings and what the parts inside it say."""

    def __init__(self, hangs: str, key: str) -> None:
        """``key`` names the plug, so that another one counts anew."""
        self._device = Device(PLUG, plug_name(hangs), kind="wall", vendor="plug")
        self._key = key
        self.source = ""
        """Where it is read, for people."""
        self._strikes: tuple[float, int] = (0.0, 0)
        self._away = 0
        self._was_away = False

    def sample(
        self,
        reading: PlugReading | None,
        reason: str | None,
        now_s: float,
        inside_w: float | None = None,
        on_battery: bool = False,
    ) -> DeviceSample:
        """The part now. ``inside_w`` is what the parts inside draw; on battery, and while it is charged, the
        plug says nothing of what the computer uses."""
        said = reason
        if on_battery and not self._was_away:
            self._away += 1
        self._was_away = on_battery
        if on_battery:
            said = tr("The battery is used or charged: the plug does not show what the computer draws.")
        elif reading is None or now_s - reading.read_s > STALE_S:
            said = said or tr("The plug has not answered yet.")
        elif self._too_little(reading, inside_w):
            said = tr(
                "The plug gives {plug}, but the parts inside this computer draw {inside} already: another "
                "device hangs on it, or its unit is wrong.",
                plug=watts(reading.watts), inside=watts(inside_w),
            )  # fmt: skip
        else:
            said = None
        if said is not None or reading is None:
            return DeviceSample(self._device, self._figure(None, said), counter_epoch=self._epoch(reading))
        no_watts = tr("The first reading of an energy counter gives no watts yet.")
        return DeviceSample(
            self._device,
            self._figure(reading.watts, None if reading.watts is not None else no_watts),
            counter_mj=reading.counter_mj,
            counter_epoch=self._epoch(reading),
            read_s=reading.read_s,
        )

    def _figure(self, value: float | None, reason: str | None) -> Figure:
        return measured(value, self.source, Scope.SYSTEM, Quality.METERED, reason, counted=True)

    def _epoch(self, reading: PlugReading | None) -> str:
        return f"{self._key} {0 if reading is None else reading.epoch} {self._away}"

    def _too_little(self, reading: PlugReading, inside_w: float | None) -> bool:
        if reading.watts is None or inside_w is None:
            return False
        at_s, strikes = self._strikes
        if reading.read_s != at_s:
            strikes = strikes + 1 if reading.watts < _INSIDE * inside_w else 0
            self._strikes = (reading.read_s, strikes)
        return strikes >= _STRIKES
