"""Sums of a day or a month that grow with every sample, so that nothing is added up again each second."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from wattlight.domain.cost import Bucket
from wattlight.domain.energy import MINUTE_US, Batch, DeviceInfo, State, worst_quality
from wattlight.domain.state import CostToday
from wattlight.domain.tariff import PriceLookup, Tariff, cost_micro
from wattlight.domain.values import Quality

MODEL_STATES = frozenset({State.PARKED, State.ACTIVE})
_Priced = defaultdict[Decimal | None, int]


@dataclass(frozen=True, slots=True)
class _Key:
    model: str | None
    state: State


class SpanSums:
    """Energy of [start, end) by model, state and price.

    Args:
        tariff: None: energy only.
    """

    def __init__(self, start_us: int, end_us: int, tariff: Tariff | None) -> None:
        self.start_us = start_us
        self.end_us = end_us
        self.tariff = tariff
        self._lookup = None if tariff is None else PriceLookup(tariff, start_us, end_us)
        self._energy: dict[_Key, _Priced] = {}
        self._observed_ms = 0
        self._tokens_out = 0
        self._qualities: set[Quality] = set()
        self._devices: dict[str, None] = {}
        self._names: dict[str, str] = {}
        self._parts: dict[str, str] = {}

    def load(self, buckets: Iterable[Bucket], observed_ms: int) -> None:
        """Take over what the ledger has for the span."""
        self._observed_ms += observed_ms
        for bucket in buckets:
            self._take(
                bucket.start_us,
                bucket.length_us,
                _Key(bucket.model, bucket.state),
                bucket.energy_mj,
                bucket.quality,
                bucket.device,
            )
            self._tokens_out += bucket.tokens_out

    def add(self, batch: Batch) -> None:
        """Take what a sample settled; rows outside of the span are left out."""
        self._names.update(batch.models)
        self.know_devices(batch.devices)
        for row in batch.rows:
            name = None if row.model is None else self._names.get(row.model, row.model)
            start_us = row.minute * MINUTE_US
            if self.start_us <= start_us < self.end_us:
                key = _Key(name, row.state)
                self._take(start_us, MINUTE_US, key, row.energy_mj, row.quality, row.device)
                self._tokens_out += row.tokens_out
        for _, minute, milliseconds in batch.presence:
            if self.start_us <= minute * MINUTE_US < self.end_us:
                self._observed_ms += milliseconds

    def know(self, names: Iterable[tuple[str, str]]) -> None:
        """Names of models by digest."""
        self._names.update(names)

    def know_devices(self, infos: Iterable[DeviceInfo]) -> None:
        """Names of devices by id."""
        self._parts.update((info.device, info.name) for info in infos)

    def cost(self, now_us: int) -> CostToday:
        """The sums up to now."""
        models = [key for key in self._energy if key.state in MODEL_STATES]
        by_model: dict[str, list[_Key]] = {}
        for key in models:
            by_model.setdefault(key.model or "", []).append(key)
        lines = [(name, self._mj(keys), self._micro(keys)) for name, keys in by_model.items()]
        lines.sort(key=lambda line: (-line[1], line[0]))
        model_costs = [micro for _, _, micro in lines]
        return CostToday(
            models_mj=self._mj(models),
            machine_mj=self._mj(self._energy),
            models_micro=None if self.tariff is None else sum(micro or 0 for micro in model_costs),
            machine_micro=self._micro(self._energy),
            currency=None if self.tariff is None else self.tariff.currency,
            observed_s=self._observed_ms // 1000,
            span_s=max(0, min(now_us, self.end_us) - self.start_us) // 1_000_000,
            quality=worst_quality(self._qualities),
            by_model=tuple(lines),
            parked_mj=self._mj(key for key in models if key.state is State.PARKED),
            parked_micro=self._micro(key for key in models if key.state is State.PARKED),
            covers=tuple(self._parts.get(device) or device for device in self._devices),
            tokens_out=self._tokens_out or None,
        )

    def _take(
        self, start_us: int, length_us: int, key: _Key, energy_mj: int, quality: Quality, device: str
    ) -> None:
        self._qualities.add(quality)
        self._devices.setdefault(device)
        priced = self._energy.setdefault(key, defaultdict(int))
        if self._lookup is None:
            priced[None] += energy_mj
            return
        for piece, part in self._lookup.split(energy_mj, start_us, start_us + length_us):
            priced[piece.price_per_kwh] += part

    def _mj(self, keys: Iterable[_Key]) -> int:
        return sum(sum(self._energy[key].values()) for key in keys)

    def _micro(self, keys: Iterable[_Key]) -> int | None:
        if self.tariff is None:
            return None
        prices: defaultdict[Decimal, int] = defaultdict(int)
        for key in keys:
            for price, energy in self._energy[key].items():
                if price is not None:
                    prices[price] += energy
        return cost_micro(prices)
