"""Turns what the sampler saw and which models were resident into rows of the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from wattlight.domain.energy import (
    LEARNED,
    MINUTE_US,
    Batch,
    CounterBase,
    Coverage,
    DeviceInfo,
    EnergyRow,
    GapRow,
    LevelRow,
    Load,
    Reading,
    Resident,
    State,
    heavy_parts,
    split_minutes,
)
from wattlight.domain.power import MachineSample, holders
from wattlight.domain.state import RunningModel
from wattlight.domain.values import DeviceSample, HostId, Quality, to_us
from wattlight.domain.wall import PLUG, PLUG_EVERY_S, Wall

from .device_meter import DeviceMeter, MeterRules, Settled
from .plug_books import PlugBooks, is_silent
from .ranges import RangeMeter
from .ways import WAY_RULES, Way, Ways

PAUSED = "paused"
Tokens = Mapping[str, tuple[int, int]]
"""(prompt, output) tokens by name of the model."""


class Meter:
    """All devices of one computer. Not a thread; called from one thread at a time."""

    def __init__(self, host: HostId, rules: MeterRules | None = None) -> None:
        self._host = host
        self._rules = rules or MeterRules()
        self._devices: dict[str, DeviceMeter] = {}
        self._infos: dict[str, DeviceInfo] = {}
        self._names: dict[str, str] = {}
        self._stored: dict[str, CounterBase] = {}
        self._stored_levels: dict[str, list[LevelRow]] = {}
        self._coverage = Coverage()
        self._with_counter: set[str] = set()
        self._paused_us: int | None = None
        self._beat_us = 0
        self._ways = Ways(host)
        self._ranges = RangeMeter(host)
        self._fed: list[str] = []
        self.way: Way | None = None
        """What the latest look gave beyond the measured parts."""
        self._plug = PlugBooks()
        self._inside: frozenset[str] = frozenset()
        self.mean_uw: dict[str, int] = {}
        """Mean power of each device over its latest interval, in microwatts."""

    def resume(self, counters: Iterable[CounterBase], levels: Iterable[LevelRow]) -> None:
        """Continue where the ledger ended: at the start, and when this process takes over from another."""
        self._stored = {c.device: c for c in counters if c.counter_mj is not None}
        self._stored_levels = {}
        for level in levels:
            self._stored_levels.setdefault(level.device, []).append(level)
        for key, device in self._devices.items():
            device.start_again()
            self._continue(key, device)

    def set_wall(self, wall: Wall | None) -> None:
        """What is known of the way to the plug from now on."""
        self._ways.set_wall(wall)

    def expect(self, beat_s: float) -> None:
        """The sampler beats every ``beat_s`` seconds from now on."""
        self._beat_us = round(beat_s * 1_000_000)
        for key, device in self._devices.items():
            device.expect(self._beat_of(key))

    def _beat_of(self, key: str) -> int:
        return max(self._beat_us, round(PLUG_EVERY_S * 1_000_000)) if key == PLUG else self._beat_us

    def base_uw(self, device: str) -> int | None:
        """Learned power of a device without any model resident, None before it is known."""
        meter = self._devices.get(device)
        return None if meter is None else meter.base_uw()

    def idle_left_s(self) -> int | None:
        """Quiet seconds (no model loaded) until the idle power of every part that is measured now is trusted;
        None without such a part."""
        return max((self._devices[key].idle_left_s() for key in self._fed), default=None)

    def forget_levels(self) -> None:
        self._stored_levels = {}
        for device in self._devices.values():
            device.forget_levels()

    def distrusted(self) -> tuple[str, ...]:
        return tuple(key for key, device in self._devices.items() if device.distrusted)

    def process(
        self,
        sample: MachineSample,
        running: tuple[RunningModel, ...] | None,
        busy: frozenset[str] | None = None,
        tokens: Tokens = MappingProxyType({}),
    ) -> Batch:
        """Take one look at the machine.

        Args:
            running: models resident at this moment; None: the server did not answer.
            busy: digests known to produce tokens; None: nobody knows.
            tokens: (prompt, output) tokens by model since the sample before, named as in the answers.
        """
        if self._paused_us is not None:
            return Batch()
        names = list(self._new_names(running or ()))
        settled: list[Settled] = []
        infos: list[DeviceInfo] = []
        counters: list[CounterBase] = []
        total = sample.total
        own = (d for d in sample.devices if d.id not in total.inside)
        devices = [d for d in own if d.power.quality is not Quality.ESTIMATED]
        by_digest = self._by_digest(tokens, running or (), names) if tokens else {}
        worked = frozenset(by_digest)
        held_by = holders(sample.devices)
        away = _without_server(sample.devices) if running else set()
        gpus = [held_by[device.id] for device in sample.devices if device.kind == "gpu"]
        heavy = heavy_parts(sample.devices, running or ())
        shared = {key for device in heavy for key in (device, *held_by[device])}
        for key in total.inside - self._inside:
            counters += self._leave(key, to_us(sample.at), settled)
        self._inside = total.inside
        plug_silent = is_silent(sample.devices)
        for device in devices:
            infos += self._news_of(_info(sample.host, device))
            meter = self._meter(device.id)
            reading = _reading(sample, device, worked)
            if device.id == PLUG:
                reading = self._plug.reading(reading, device, meter)
            load = _load(device, running, busy, gpus, device.id in shared, away)
            result = meter.feed(reading, load)
            settled.append(result)
            if device.id == PLUG:
                self._plug.told(device, meter)
            elif plug_silent:
                self._plug.note(result)
            if result.mean_uw is not None:
                self.mean_uw[device.id] = result.mean_uw
            counters += self._base(device.id, meter, to_us(sample.at))
        self._fed = [d.id for d in devices if d.power_w is not None or d.counter_mj is not None]
        way = self.way = None if self._bridged_later(plug_silent) else self._ways.look(sample)
        for key in self._devices.keys() & WAY_RULES.keys() - {way and way.part.id}:
            self._devices[key].start_again()  # what is known otherwise now is no gap
        if way is not None:
            infos += self._news_of(way.info)
            billed = way.part.id == LEARNED
            load = _load(way.part, running, busy, gpus, bool(heavy), away) if billed else Load()
            meter = self._meter(way.part.id)
            settled.append(meter.feed(_reading(sample, way.part, worked if billed else frozenset()), load))
            self._fed.append(way.part.id)
        if devices and by_digest:
            settled.append(Settled(tuple(_token_rows(sample, devices, by_digest))))
        batch = self._batch(settled, tuple(infos), tuple(counters), tuple(names))
        return replace(batch, estimates=self._ranges.feed(sample))

    def _bridged_later(self, plug_silent: bool) -> bool:
        """A plug that is silent now has a counter that will hold what is drawn meanwhile."""
        plug = self._devices.get(PLUG)
        return plug_silent and plug is not None and plug.counted is not None

    def finish(self) -> Batch:
        """Settle what waits for counters; call it when recording ends."""
        settled = [device.finish() for device in self._devices.values()]
        counters = [base for key, device in self._devices.items() for base in self._base(key, device, 0)]
        return self._batch(settled, (), tuple(counters), ())

    def pause(self, at_us: int) -> Batch:
        """Stop counting because the user asked; what follows until :meth:`unpause` is a gap."""
        batch = self.finish()
        self._paused_us = at_us
        return batch

    def unpause(self, at_us: int) -> Batch:
        """Count again. Counters start anew: energy of the pause is never billed."""
        if self._paused_us is None:
            return Batch()
        start_us, self._paused_us = self._paused_us, None
        keys = tuple(self._devices)
        for device in self._devices.values():
            device.start_again()
        self._stored = {}
        gaps = tuple(GapRow(self._host, key, start_us, at_us, PAUSED) for key in keys)
        bases = tuple(CounterBase(self._host, key, None, at_us, 0, "", "") for key in keys)
        return Batch(gaps=gaps, counters=bases)

    def _news_of(self, info: DeviceInfo) -> list[DeviceInfo]:
        if self._infos.get(info.device) == info:
            return []
        self._infos[info.device] = info
        return [info]

    def _meter(self, key: str) -> DeviceMeter:
        meter = self._devices.get(key)
        if meter is None:
            rules = WAY_RULES.get(key, self._rules)
            if key == PLUG:
                rules = replace(rules, quality=Quality.METERED)
            meter = self._devices[key] = DeviceMeter(self._host, key, rules)
            if self._beat_us:
                meter.expect(self._beat_of(key))
            self._continue(key, meter)
        return meter

    def _continue(self, key: str, meter: DeviceMeter) -> None:
        base = self._stored.pop(key, None)
        if base is not None:
            self._with_counter.add(key)
            meter.resume(
                Reading(
                    base.at_us,
                    base.mono_us,
                    counter_mj=base.counter_mj,
                    epoch=base.epoch,
                    boot_id=base.boot_id,
                )
            )
        for level in self._stored_levels.get(key, ()):
            meter.restore_level(level)

    def _base(self, key: str, meter: DeviceMeter, now_us: int) -> list[CounterBase]:
        base = meter.counted
        if base is None or (key == PLUG and self._plug.booked_apart):
            if key not in self._with_counter:
                return []
            self._with_counter.discard(key)
            return [CounterBase(self._host, key, None, now_us, 0, "", "")]
        self._with_counter.add(key)
        return [
            CounterBase(self._host, key, base.counter_mj, base.at_us, base.mono_us, base.epoch, base.boot_id)
        ]

    def _leave(self, key: str, at_us: int, settled: list[Settled]) -> list[CounterBase]:
        """Another part contains this one from now on: its own count ends, so that no later one reaches back
        over what that other counted."""
        meter, stored = self._devices.get(key), self._stored.pop(key, None)
        if meter is not None:
            settled.append(meter.finish())
            meter.start_again()
        if stored is None and key not in self._with_counter:
            return []
        self._with_counter.discard(key)
        return [CounterBase(self._host, key, None, at_us, 0, "", "")]

    def _new_names(self, running: tuple[RunningModel, ...]) -> Iterable[tuple[str, str]]:
        for model in running:
            key = model.digest or model.name
            if self._names.get(key) != model.name:
                self._names[key] = model.name
                yield key, model.name

    def _by_digest(
        self, tokens: Tokens, running: tuple[RunningModel, ...], names: list[tuple[str, str]]
    ) -> dict[str, tuple[int, int]]:
        """Tokens by key of the ledger; "" for answers that did not say whose they are."""
        keys = {name: key for key, name in self._names.items()}
        keys |= {n: m.digest or m.name for m in running for n in (m.name, m.loaded_as) if n}
        sums: dict[str, tuple[int, int]] = {}
        for name, (tokens_in, tokens_out) in tokens.items():
            key = keys.get(name) or keys.get(f"{name}:latest") or name
            if key and key not in self._names:
                self._names[key] = name
                names.append((key, name))
            known = sums.get(key, (0, 0))
            sums[key] = known[0] + tokens_in, known[1] + tokens_out
        return sums

    def _batch(
        self,
        settled: list[Settled],
        infos: tuple[DeviceInfo, ...],
        counters: tuple[CounterBase, ...],
        names: tuple[tuple[str, str], ...],
    ) -> Batch:
        presence: dict[int, int] = {}
        for result in settled:
            for start_us, end_us in result.observed:
                for left, right in self._coverage.add(start_us, end_us):
                    for minute, _, milliseconds in split_minutes(0, left, right, self._rules.step_minutes):
                        presence[minute] = presence.get(minute, 0) + milliseconds
        rows: tuple[EnergyRow, ...] = tuple(row for result in settled for row in result.rows)
        return Batch(
            rows=rows,
            presence=tuple((self._host, minute, ms) for minute, ms in presence.items()),
            gaps=tuple(gap for result in settled for gap in result.gaps),
            counters=counters,
            devices=infos,
            models=names,
            levels=tuple(level for result in settled for level in result.levels),
        )


def _reading(sample: MachineSample, device: DeviceSample, worked: frozenset[str]) -> Reading:
    power = device.power_w
    return Reading(
        at_us=to_us(sample.at),
        mono_us=round(sample.monotonic_s * 1_000_000),
        power_uw=round(power * 1_000_000) if power is not None and abs(power) < 1e9 else None,
        counter_mj=device.counter_mj,
        epoch=device.counter_epoch,
        boot_id=sample.boot_id,
        counter_range_mj=device.counter_range_mj,
        limit_uw=None if device.limit_w is None else round(device.limit_w * 1_000_000),
        reason="asleep" if device.asleep else None,
        worked=worked,
    )


def _load(
    device: DeviceSample,
    running: tuple[RunningModel, ...] | None,
    busy: frozenset[str] | None,
    gpus: list[tuple[str, ...]],
    other_heavy: bool,
    away: set[str],
) -> Load | None:
    """Which models hold memory of a device. Without any accelerator everything is the processor's, whatever
    the server counts as GPU memory (it takes a processor's AMX buffer for that); so it is of a processor
    whose package holds all ``gpus`` (each with what contains it) there are. A model whose server tells no
    memory is on every part that is not ``away``."""
    if running is None:
        return None
    on_cpu = device.kind == "cpu"
    whole = device.kind not in {"gpu", "cpu"} or all(device.id in gpu for gpu in gpus)
    residents = []
    for model in running:
        on_gpu = model.size_vram_bytes if gpus else 0
        held = model.size_bytes - on_gpu if on_cpu else on_gpu
        if whole:
            held = model.size_bytes
        untold = model.size_bytes <= 0
        if held > 0 or (untold and (whole or device.id not in away)):
            size = model.weights_bytes if untold else held
            residents.append(Resident(model.digest or model.name, max(0, size)))
    return Load(tuple(residents), busy, other_heavy)


def _without_server(devices: Sequence[DeviceSample]) -> set[str]:
    """Ids of GPUs of which all programs are told and none is a model server's; the processors too, as long as
    there is another GPU."""
    gpus = [d for d in devices if d.kind == "gpu"]
    told = [d for d in gpus if d.processes_reason is None and d.processes]
    away = {d.id for d in told if not any(p.is_server for p in d.processes)}
    return away if len(away) == len(gpus) else away | {d.id for d in devices if d.kind == "cpu"}


def _token_rows(
    sample: MachineSample, devices: Sequence[DeviceSample], tokens: dict[str, tuple[int, int]]
) -> Iterable[EnergyRow]:
    """Rows without energy: a model's tokens are its own whatever is known of its power.

    They are written once, with the first accelerator, else the first part.
    """
    device = next((d for d in devices if d.kind == "gpu"), devices[0])
    minute = (to_us(sample.at) - 1) // MINUTE_US  # the minute that ends with the look
    quality = device.power.quality or Quality.COUNTER
    for key, (tokens_in, tokens_out) in tokens.items():
        state = State.ACTIVE if key else State.BASE
        yield EnergyRow(
            sample.host, minute, device.id, key or None, state, 0, 0, quality, tokens_in, tokens_out
        )


def _info(host: HostId, device: DeviceSample) -> DeviceInfo:
    power = device.power
    return DeviceInfo(
        host,
        device.id,
        device.name,
        device.kind,
        device.device.vendor,
        "" if power.scope is None else power.scope.value,
        power.source,
        power.error_fraction,
    )
