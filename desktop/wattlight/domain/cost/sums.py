"""Adds up the ledger: energy, money, tokens and their error, by model, device, day or hour."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TypedDict
from zoneinfo import ZoneInfo

from ..energy import MINUTE_US, WAYS, Batch, DeviceInfo, State, worst_quality
from ..power import combined_error, error_fraction, uncovered
from ..tariff import PriceLookup, Tariff, day_key, hour_key
from ..values import Quality
from .amounts import Amount, AnsweredWork, Bucket, By, CostLine, CostReport, DayCell
from .cells import Cell, G, Key, Parts, Steps, grouped, money, total

MODEL_STATES = frozenset({State.PARKED, State.ACTIVE})
UNDECIDED = "undecided"
"""Key of what was drawn while a model was loaded and no idle level was known to divide it by."""
_UTC = ZoneInfo("UTC")


class Sums:
    """Adds up the energy of a span; every sum of the program is made here.

    Takes rows of the ledger (:meth:`add_all`), days of its cache (:meth:`add_cells`) and what the meter has
    just settled (:meth:`add_batch`), and answers with an :class:`Amount` for any grouping.

    Args:
        tariff: None: no money.
        start_us, end_us: the span.
        zone: of days and hours while there is no tariff; UTC if None.
        time: keep days or hours apart.
        prices: keep prices apart too, as the cache of days does.
        lines: of a day or hour only its line is kept once the next has begun: for rows in order of time,
            however many. Devices must be known before (:meth:`know`).
    """

    def __init__(
        self,
        tariff: Tariff | None,
        start_us: int,
        end_us: int,
        zone: ZoneInfo | None = None,
        time: By | None = None,
        prices: bool = False,
        lines: bool = False,
    ) -> None:
        self.start_us, self.end_us = start_us, end_us
        self.tariff = tariff
        self.zone = tariff.zone if tariff is not None else zone or _UTC
        # a minute more: what was counted at the very last moment lies in the minute that begins there
        last_us = max(end_us, start_us) + MINUTE_US
        self._lookup = None if tariff is None else PriceLookup(tariff, start_us, last_us)
        self._time = time
        self._prices = prices
        self._cells: dict[Key, Cell] = {}
        self._only_lines = lines
        self._now = ""
        self._now_cells: dict[Key, Cell] = {}
        self._done_lines: list[CostLine] = []
        self._steps = Steps()
        self._work = AnsweredWork()
        self._infos: dict[str, DeviceInfo] = {}
        self._names: dict[str, str] = {}
        self._latest_time = (-1, "")
        self.observed_ms = 0
        """Time in which any device was observed; for the caller to add to."""

    def know(self, infos: Iterable[DeviceInfo] = (), names: Iterable[tuple[str, str]] = ()) -> None:
        """Names and errors of devices; names of models by digest."""
        self._infos.update((info.device, info) for info in infos)
        self._names.update(names)

    def add(self, bucket: Bucket) -> None:
        time = "" if self._time is None else self._time_key(bucket.start_us)
        if self._only_lines and time != self._now:
            self._fold(time)
        if bucket.state is State.ACTIVE:
            self._work.add(bucket)
        key = time, bucket.device, bucket.model, bucket.state
        if self._lookup is None:
            cell = self._cell(*key, None, False)
            cell.take(None, False, bucket.energy_mj, bucket.quality)
            cell.note(bucket.observed_ms, bucket.tokens_in, bucket.tokens_out)
            return
        end_us, noted = bucket.start_us + bucket.length_us, False
        for piece, part_mj in self._lookup.split(bucket.energy_mj, bucket.start_us, end_us):
            cell = self._cell(*key, piece.price_per_kwh, piece.fallback)
            cell.take(piece.price_per_kwh, piece.fallback, part_mj, bucket.quality)
            if not noted:  # time and tokens go to the first piece: they are not divided by price
                cell.note(bucket.observed_ms, bucket.tokens_in, bucket.tokens_out)
            noted = True

    def add_all(self, buckets: Iterable[Bucket]) -> "Sums":
        for bucket in buckets:
            self.add(bucket)
        return self

    def add_cells(self, cells: Iterable[DayCell]) -> None:
        """Take days from the cache; their prices are in them."""
        for cell in cells:
            mine = self._cell(
                cell.day if self._time is By.DAY else "",
                cell.device, cell.model, cell.state, cell.price_per_kwh, cell.fallback,
            )  # fmt: skip
            mine.take(cell.price_per_kwh, cell.fallback, cell.energy_mj, cell.quality)
            mine.note(cell.observed_ms, cell.tokens_in, cell.tokens_out)

    def add_batch(self, batch: Batch) -> None:
        """Take what a look at the machine settled; rows outside of the span are left out."""
        self.know(batch.devices, batch.models)
        for row in batch.rows:
            start_us = row.minute * MINUTE_US
            if self.start_us <= start_us < self.end_us:
                name = None if row.model is None else self._names.get(row.model, row.model)
                self.add(
                    Bucket(
                        start_us, MINUTE_US, row.device, name, row.state, row.energy_mj,
                        row.observed_ms, row.quality, row.tokens_in, row.tokens_out,
                    )
                )  # fmt: skip
        for _, minute, milliseconds in batch.presence:
            if self.start_us <= minute * MINUTE_US < self.end_us:
                self.observed_ms += milliseconds

    def cells(self) -> Iterator[DayCell]:
        """Every sum by its key; ``day`` is the time kept apart (the cache: days, with ``prices``)."""
        for key, cell in self._cells.items():
            yield DayCell(
                key.time, key.device, key.model, key.state, key.price_per_kwh, key.fallback,
                cell.energy_mj, cell.observed_ms, cell.quality or Quality.ESTIMATED,
                cell.tokens_in, cell.tokens_out,
            )  # fmt: skip

    def amounts(self, group: Callable[[Key], G | None]) -> dict[G, Amount]:
        """The sums of each group, in the order in which they first came; what has no group is left out."""
        groups = grouped(self._cells.items(), group)
        return {name: self._amount(parts, money(parts)) for name, parts in groups.items()}

    def amount(self, wanted: Callable[[Key], bool] = lambda _: True) -> Amount:
        parts = [(key, cell) for key, cell in self._cells.items() if wanted(key)]
        return self._amount(parts, money(parts))

    def report(self, by: By, now_us: int | None = None) -> CostReport:
        """The lines by model or device, or by the days or hours that were kept apart."""
        if self._only_lines:
            self._fold("")
        every = list(self._cells.items())
        lines = self._lines(
            grouped(every, {By.MODEL: _model_line, By.DEVICE: _device_line}.get(by, _time_line))
        )
        if self._only_lines and by in {By.DAY, By.HOUR}:
            lines = list(self._done_lines)
        cost_micro = money(every)
        known = self.tariff is not None and (cost_micro is not None or not lines)
        kinds = grouped(every, _kind)
        parked, undecided = kinds.get(State.PARKED.value, []), kinds.get(UNDECIDED, [])
        models = [*parked, *kinds.get(State.ACTIVE.value, ())]
        of_models_micro = money(models) if models else 0
        end_us = self.end_us if now_us is None else min(now_us, self.end_us)
        if by in {By.MODEL, By.DEVICE}:
            lines.sort(key=lambda line: (-line.energy_mj, line.key))
        devices = tuple(dict.fromkeys(key.device for key in self._cells))
        return CostReport(
            *self._figures(every, cost_micro or 0 if known else None),
            currency=None if self.tariff is None else self.tariff.currency,
            observed_s=self.observed_ms / 1000,
            span_s=max(0, end_us - self.start_us) / 1_000_000,
            breakdown=tuple(lines),
            models=self._amount(models, of_models_micro or 0 if known else None),
            parked=self._amount(parked, money(parked)) if parked else Amount(0, 0 if known else None),
            undecided=self._amount(undecided, money(undecided)) if undecided else Amount(),
            covers=tuple(self._infos[d].name or d if d in self._infos else d for d in devices),
            not_covered=self._not_covered(devices),
        )

    def _not_covered(self, devices: tuple[str, ...]) -> tuple[str, ...]:
        infos = [self._infos[device] for device in devices if device in self._infos]
        return uncovered((info.kind, info.scope) for info in infos) if infos else ()

    def _lines(self, groups: dict[tuple[str, bool], Parts]) -> list[CostLine]:
        steps = Steps()
        # by name, not as they came: a step depends on those before it, and closed days come in another order
        models_first = sorted(groups.items(), key=lambda item: (not item[0][1], item[0][0]))
        return [
            CostLine(*self._figures(parts, steps.next(parts)), key, is_model)
            for (key, is_model), parts in models_first
        ]

    def _cell(
        self, time: str, device: str, model: str | None, state: State, price: Decimal | None, fallback: bool
    ) -> Cell:
        key = Key(time, device, model, state, *((price, fallback) if self._prices else ()))
        cells = self._now_cells if self._only_lines else self._cells
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Cell()
        return cell

    def _fold(self, time: str) -> None:
        """The day or hour is over: its line is all that stays of it, beside the sums of everything."""
        parts = list(self._now_cells.items())
        if parts:
            line = CostLine(*self._figures(parts, self._steps.next(parts)), self._now, False)
            self._done_lines.append(line)
        for key, cell in parts:
            self._cells.setdefault(key._replace(time=""), Cell()).include(cell)
        self._now, self._now_cells = time, {}

    def answered_mj(self, model: str | None) -> int:
        """Energy of a model at work in the quarter hours in which tokens of its answers were counted."""
        return self._work.energy_mj(model)

    def _time_key(self, start_us: int) -> str:
        if self._latest_time[0] != start_us:
            text = (day_key if self._time is By.DAY else hour_key)(start_us, self.zone)
            self._latest_time = (start_us, text)
        return self._latest_time[1]

    def _amount(self, parts: Parts, cost_micro: int | None) -> Amount:
        return Amount(*self._figures(parts, cost_micro))

    def _figures(self, parts: Parts, cost_micro: int | None) -> "_Figures":
        whole = total(parts)
        error = self._error(parts, whole)
        return (
            whole.energy_mj, cost_micro, error, whole.quality,
            whole.tokens_in, whole.tokens_out, whole.unpriced_mj, whole.fallback_mj,
        )  # fmt: skip

    def _error(self, parts: Parts, whole: Cell) -> float | None:
        """Relative error of a sum: each device's once, with all of its energy.

        A way (to the plug, to the whole as learned) is known as a whole: where it was, its error is that of
        parts and way together and the parts' own no longer count.
        """
        if not whole.energy_mj:
            return None
        first = parts[0][0].device
        if all(key.device == first for key, _ in parts):
            return self._error_of(first, whole.quality)
        energy: dict[str, int] = {}
        seen_ms: dict[tuple[str, State], int] = {}
        quality: dict[str, Quality | None] = {}
        for key, cell in parts:
            device = key.device
            energy[device] = energy.get(device, 0) + cell.energy_mj
            seen = device, key.state  # the states of one moment have its time each
            seen_ms[seen] = seen_ms.get(seen, 0) + cell.observed_ms
            quality[device] = worst_quality((quality.get(device), cell.quality))
        errors = {device: self._error_of(device, quality[device]) for device in energy}
        error_mj = combined_error((energy[device], errors[device]) for device in energy if device not in WAYS)
        ways = [way for way in WAYS if way in energy]
        if ways:
            longest_ms = max((ms for (device, _), ms in seen_ms.items() if device not in WAYS), default=0)
            share = sum(seen_ms[way, State.BASE] for way in ways) / longest_ms if longest_ms else 1.0
            left_mj = max(0.0, 1 - share) * (error_mj or 0.0)
            error_mj = combined_error([*((energy[way], errors[way]) for way in ways), (left_mj, 1.0)])
        return None if error_mj is None else error_mj / whole.energy_mj

    def _error_of(self, device: str, quality: Quality | None) -> float | None:
        info = self._infos.get(device)
        if info is not None and info.error_fraction is not None:
            return info.error_fraction
        return error_fraction(None, quality)


def apart(by: By) -> "_Apart":
    """How :class:`Sums` of many rows are made to :meth:`Sums.report` by ``by``."""
    return {"time": by, "lines": True} if by in {By.DAY, By.HOUR} else {"time": None, "lines": False}


class _Apart(TypedDict):
    time: By | None
    lines: bool


_Figures = tuple[int, int | None, float | None, Quality | None, int, int, int, int]
"""The fields of an :class:`Amount`, in their order."""


def of_models(key: Key) -> bool:
    """Whether energy is a model's, loaded and idle or working."""
    return key.state in MODEL_STATES


def _kind(key: Key) -> str:
    return UNDECIDED if key.state is State.UNATTRIBUTED and key.model is not None else key.state.value


def _model_line(key: Key) -> tuple[str, bool]:
    if key.state in MODEL_STATES:
        return key.model or "", True
    return ("base" if key.state is State.BASE else _kind(key)), False


def _device_line(key: Key) -> tuple[str, bool]:
    return key.device, False


def _time_line(key: Key) -> tuple[str, bool]:
    return key.time, False
