"""Days cut by price: the small table from which months and years are summed."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from wattlight.domain.energy import State, worst_quality
from wattlight.domain.tariff import PriceLookup
from wattlight.domain.values import Quality

from .buckets import Bucket


@dataclass(frozen=True, slots=True)
class DayCell:
    """Energy of a day for one device, model (name or None), state and price."""

    device: str
    model: str | None
    state: State
    price_per_kwh: Decimal | None
    fallback: bool
    energy_mj: int
    observed_ms: int
    quality: Quality
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A local day; ``end_us`` is the first moment after it, ``observed_ms`` by any device."""

    day: str
    end_us: int
    observed_ms: int
    cells: tuple[DayCell, ...]


@dataclass(frozen=True, slots=True)
class DayPrices:
    """A local day by state and price: (state, price per kWh or None, mJ)."""

    day: str
    observed_ms: int
    amounts: tuple[tuple[State, Decimal | None, int], ...]


_Key = tuple[str, str | None, State, Decimal | None, bool]


def cells_of(buckets: Iterable[Bucket], lookup: PriceLookup | None) -> tuple[DayCell, ...]:
    """The buckets of one day, added up by device, model, state and price."""
    sums: dict[_Key, DayCell] = {}
    for bucket in buckets:
        first = True
        for price, fallback, energy_mj in _priced(bucket, lookup):
            key = (bucket.device, bucket.model, bucket.state, price, fallback)
            known = sums.get(key)
            # time and tokens go to the first piece: they are not divided by price
            sums[key] = DayCell(
                bucket.device,
                bucket.model,
                bucket.state,
                price,
                fallback,
                energy_mj + (known.energy_mj if known else 0),
                (bucket.observed_ms if first else 0) + (known.observed_ms if known else 0),
                worst_quality((bucket.quality, known.quality if known else None)) or bucket.quality,
                (bucket.tokens_in if first else 0) + (known.tokens_in if known else 0),
                (bucket.tokens_out if first else 0) + (known.tokens_out if known else 0),
            )
            first = False
    return tuple(sums.values())


def _priced(bucket: Bucket, lookup: PriceLookup | None) -> Iterable[tuple[Decimal | None, bool, int]]:
    if lookup is None:
        yield None, False, bucket.energy_mj
        return
    end_us = bucket.start_us + bucket.length_us
    for piece, energy_mj in lookup.split(bucket.energy_mj, bucket.start_us, end_us):
        yield piece.price_per_kwh, piece.fallback, energy_mj
