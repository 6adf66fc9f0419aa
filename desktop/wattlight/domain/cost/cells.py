"""What sums are made of: energy apart by device, model, state and price, its money exact until it is read."""

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from typing import NamedTuple, TypeVar

from ..energy import State, worst_quality
from ..tariff import Worth
from ..values import Quality


class Key(NamedTuple):
    """What energy is kept apart by. ``time``: day, hour or quarter as asked for; the prices only if asked."""

    time: str
    device: str
    model: str | None
    state: State
    price_per_kwh: Decimal | None = None
    fallback: bool = False


G = TypeVar("G", bound=Hashable)


class Cell:
    __slots__ = (
        "energy_mj",
        "fallback_mj",
        "observed_ms",
        "priced",
        "quality",
        "tokens_in",
        "tokens_out",
        "unpriced_mj",
        "worth",
    )

    def __init__(self) -> None:
        self.energy_mj = self.unpriced_mj = self.fallback_mj = 0
        self.observed_ms = self.tokens_in = self.tokens_out = 0
        self.worth = Worth()
        self.priced = False
        self.quality: Quality | None = None

    def take(self, price: Decimal | None, fallback: bool, energy_mj: int, quality: Quality) -> None:
        self.energy_mj += energy_mj
        if self.quality is None:
            self.quality = quality
        elif self.quality is not quality:
            self.quality = worst_quality((self.quality, quality))
        if price is None:
            self.unpriced_mj += energy_mj
            return
        self.priced = True
        self.worth.add(price, energy_mj)
        if fallback:
            self.fallback_mj += energy_mj

    def note(self, observed_ms: int, tokens_in: int, tokens_out: int) -> None:
        self.observed_ms += observed_ms
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out

    def include(self, other: "Cell") -> None:
        self.energy_mj += other.energy_mj
        self.unpriced_mj += other.unpriced_mj
        self.fallback_mj += other.fallback_mj
        if self.quality is not other.quality:
            self.quality = worst_quality((self.quality, other.quality))
        self.priced |= other.priced
        self.worth.include(other.worth)
        self.note(other.observed_ms, other.tokens_in, other.tokens_out)


Parts = list[tuple[Key, Cell]]


def grouped(cells: Iterable[tuple[Key, Cell]], group: Callable[[Key], G | None]) -> dict[G, Parts]:
    groups: dict[G, Parts] = {}
    for key, cell in cells:
        name = group(key)
        if name is not None:
            groups.setdefault(name, []).append((key, cell))
    return groups


def total(parts: Parts) -> Cell:
    if len(parts) == 1:
        return parts[0][1]
    whole = Cell()
    for _, cell in parts:
        whole.include(cell)
    return whole


def money(parts: Parts) -> int | None:
    """Micro-units, rounded once; None where nothing has a price."""
    worth, priced = Worth(), False
    for _, cell in parts:
        if cell.priced:
            priced = True
            worth.include(cell.worth)
    return worth.micro() if priced else None


class Steps:
    """Micro-units of lines, one after the other: each is what the rounded sum so far grows by, so that all
    lines together, however they are grouped, are the sum of everything, rounded once."""

    def __init__(self) -> None:
        self._worth, self._told = Worth(), 0

    def next(self, parts: Parts) -> int | None:
        """Within a micro-unit of the line's own money; None where nothing has a price."""
        priced = [cell for _, cell in parts if cell.priced]
        for cell in priced:
            self._worth.include(cell.worth)
        before, self._told = self._told, self._worth.micro()
        return self._told - before if priced else None
