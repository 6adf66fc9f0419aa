"""What models cost that are kept loaded while nobody asks them anything, and what a shorter time saves."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from .cost import Bucket
from .energy import MINUTE_US, LevelRow, State
from .tariff import cost_micro

DAYS_PER_MONTH = Decimal("30.4375")
"""365.25 / 12."""
LEAST_DAYS = 3.0
"""A month is not foretold from less."""


@dataclass(frozen=True, slots=True)
class IdleModel:
    """One model, loaded and idle.

    Attributes:
        parked_mj: what it drew then; ``saved_mj`` of it beyond the shorter keep-alive.
        idle_s: how long that was, all stretches together.
        loads: how often it was asked again after a stretch beyond the shorter keep-alive: so many times it
            would have had to be loaded again.
    """

    model: str
    parked_mj: int
    saved_mj: int
    idle_s: int
    loads: int


@dataclass(frozen=True, slots=True)
class KeepAliveSaving:
    """Over the minutes given: energy of idle loaded models, the part beyond the shorter keep-alive, and
    how long models stayed idle at a stretch."""

    parked_mj: int
    saved_mj: int
    longest_idle_s: int
    days: float
    """Length of the span the minutes cover, to scale to a month."""
    models: tuple[IdleModel, ...] = ()
    """The costliest first."""


def keep_alive_saving(buckets: Iterable[Bucket], keep_alive_s: int) -> KeepAliveSaving:
    """Look at each stretch of minutes in which a model was resident and idle.

    With a keep-alive of ``keep_alive_s`` the model would have been unloaded after that time of each
    stretch; what it drew later is the saving. Loading it again costs a little, which is not counted, so the
    figure is an upper bound. Only minutes count (quarter hours are too coarse to see stretches). Buckets
    come in order of time; of each model only its latest stretch is kept.
    """
    stretches: dict[str, _Stretch] = {}
    first = last = None
    for bucket in buckets:
        if bucket.length_us != MINUTE_US:
            continue
        last = bucket.start_us // MINUTE_US
        first = last if first is None else first
        if bucket.model is not None:
            stretch = stretches.setdefault(bucket.model, _Stretch(max(1, keep_alive_s // 60)))
            stretch.add(last, bucket)
    for stretch in stretches.values():
        stretch.fold()
    models = [
        IdleModel(model, stretch.parked_mj, stretch.saved_mj, stretch.idle * 60, stretch.loads)
        for model, stretch in stretches.items()
    ]
    models.sort(key=lambda item: (-item.parked_mj, item.model))
    return KeepAliveSaving(
        sum(item.parked_mj for item in models),
        sum(item.saved_mj for item in models),
        max((stretch.longest for stretch in stretches.values()), default=0) * 60,
        0.0 if first is None or last is None else (last - first + 1) / 1440,
        tuple(models),
    )


@dataclass(slots=True)
class _Stretch:
    """The minutes of one model in which it is resident and idle, as they come; ``longest`` and ``idle`` in
    minutes; ``loads``: how often it was asked again after more than ``keep_minutes``."""

    keep_minutes: int
    parked_mj: int = 0
    saved_mj: int = 0
    longest: int = 0
    idle: int = 0
    loads: int = 0
    _run: int = 0
    _run_end: int = -9
    _minute: int = 0
    _idle_mj: int | None = None
    _busy: bool = False

    def add(self, minute: int, bucket: Bucket) -> None:
        if minute != self._minute:
            self.fold()
            self._minute, self._idle_mj, self._busy = minute, None, False
        if bucket.state is State.ACTIVE and bucket.energy_mj > 0:
            self._busy = True
        elif bucket.state is State.PARKED:
            self._idle_mj = (self._idle_mj or 0) + bucket.energy_mj

    def fold(self) -> None:
        """The minute is over."""
        self.parked_mj += self._idle_mj or 0
        if self._busy:
            self.loads += self._run > self.keep_minutes and self._minute - self._run_end == 1
            self._run_end = -9
            return
        if self._idle_mj is None:
            return
        self.idle += 1
        self._run = self._run + 1 if self._minute - self._run_end <= 1 else 1
        self._run_end = self._minute
        self.longest = max(self.longest, self._run)
        if self._run > self.keep_minutes:
            self.saved_mj += self._idle_mj


@dataclass(frozen=True, slots=True)
class MonthlySaving:
    """At most so much a month; loading again costs a little that is not subtracted.

    Attributes:
        idle_s: how long a model stayed loaded and idle at the longest.
        parked_mj: energy a month of idle loaded models.
        saved_mj: of it, beyond the shorter time.
        saved_micro: money; None without a price.
        share: of the parked energy.
    """

    idle_s: int
    keep_alive_s: int
    parked_mj: int
    saved_mj: int
    saved_micro: int | None
    share: float


def monthly_saving(
    seen: KeepAliveSaving, keep_alive_s: int, price_per_kwh: Decimal | None
) -> MonthlySaving | None:
    """What was seen, scaled to a month; None before three days, or where nothing would be saved.

    ``price_per_kwh`` is the average price of the same days.
    """
    if seen.days < LEAST_DAYS or seen.saved_mj <= 0 or seen.parked_mj <= 0:
        return None
    scale = DAYS_PER_MONTH / Decimal(repr(seen.days))
    saved = round(seen.saved_mj * scale)
    return MonthlySaving(
        idle_s=seen.longest_idle_s,
        keep_alive_s=keep_alive_s,
        parked_mj=round(seen.parked_mj * scale),
        saved_mj=saved,
        saved_micro=None if price_per_kwh is None else cost_micro({price_per_kwh: saved}),
        share=seen.saved_mj / seen.parked_mj,
    )


@dataclass(frozen=True, slots=True)
class IdleAdvice:
    """What one model costs loaded and idle, and what a shorter keep-alive would save, a month.

    ``parked_micro`` and ``saved_micro`` are None without a price; ``idle_s`` and ``loads`` are of a month.
    """

    model: str
    parked_mj: int
    parked_micro: int | None
    saved_mj: int
    saved_micro: int | None
    idle_s: int
    loads: int


def idle_advice(seen: KeepAliveSaving, price_per_kwh: Decimal | None) -> tuple[IdleAdvice, ...]:
    """Of each model that a shorter keep-alive would save something with; none before three days."""
    if seen.days < LEAST_DAYS:
        return ()
    scale = DAYS_PER_MONTH / Decimal(repr(seen.days))

    def money(energy_mj: int) -> int | None:
        return None if price_per_kwh is None else cost_micro({price_per_kwh: energy_mj})

    found = []
    for item in seen.models:
        parked, saved = round(item.parked_mj * scale), round(item.saved_mj * scale)
        if saved > 0:
            times = round(item.idle_s * scale), round(item.loads * scale)
            found.append(IdleAdvice(item.model, parked, money(parked), saved, money(saved), *times))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class IdleDraw:
    """What a device draws more while a model is loaded and nobody asks it anything, by its learned levels."""

    device: str
    models: tuple[str, ...]
    more_w: float
    whole_w: float


LEAST_MORE_W = 3.0
"""Less than this is within what idle levels are known to."""


def idle_draws(levels: Iterable[LevelRow]) -> tuple[IdleDraw, ...]:
    """Of each device with a learned level without a model: the loaded models (digests) that lift it, the
    most first."""
    known = list(levels)
    base = {level.device: level.power_uw for level in known if not level.models}
    draws = [
        IdleDraw(
            level.device, level.models, (level.power_uw - base[level.device]) / 1e6, level.power_uw / 1e6
        )
        for level in known
        if level.models and level.device in base
    ]
    return tuple(sorted((d for d in draws if d.more_w >= LEAST_MORE_W), key=lambda d: -d.more_w))
