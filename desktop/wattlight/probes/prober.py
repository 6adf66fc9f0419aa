"""The door's object: looks at the whole machine, as a report, a profile or a sample."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from wattlight.domain.values import LOCAL_HOST, MachineProfile, MachineSample

from .device_table import with_table_facts
from .environment import Host
from .lane import NO_ANSWER, ProbeExecutor
from .linux import amd, intel
from .numbers import Moment
from .nvidia import cards as nvidia
from .nvidia import jetson
from .nvidia.nvml import NvmlApi
from .part import DeviceCache, Machine, Part
from .reader import Reader, Trace
from .report import Accelerator, Battery, CpuPower, HardwareReport, Memory
from .samples import device_samples, machine_profile, memory_sample

FIRST_DEADLINE_S = 3.0
"""For the first look: opening a driver may take a second and more."""
DEADLINE_S = 0.5
JUMP_S = 2.0
"""Wall clock and monotonic clock apart by more than this: the computer slept or the clock was set."""
RESCAN_S = 30.0

Answer = tuple[Accelerator, ...] | CpuPower | Battery


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look found."""

    machine: Machine
    accelerators: tuple[Accelerator, ...]
    cpu: CpuPower
    memory: Memory
    battery: Battery


class Prober:
    """Looks at this computer (or at a recorded tree of files). Use from one thread at a time.

    Args:
        host: the sources of the operating system.
        clock: monotonic seconds.
        now: aware UTC time.
    """

    def __init__(
        self,
        host: Host,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._host = host
        self._clock = clock
        self._now = now or (lambda: datetime.now(UTC))
        self._lane: ProbeExecutor[Answer] = ProbeExecutor()
        self._machine: Machine | None = None
        self._parts: list[Part] = []
        self._last: dict[str, tuple[Accelerator, ...]] = {}
        self._seen: _Seen | None = None
        self._battery: tuple[float, Battery] = (float("-inf"), Battery())
        self._scan_at_s = float("-inf")
        self._inventory: tuple[str, ...] = ()
        self._offset_s: float | None = None
        self._epoch = 0

    def report(self) -> HardwareReport:
        """Everything about the machine now; counters give watts from the second look on. Never raises."""
        return self._finish(self._look())

    def latest(self) -> HardwareReport:
        """What the last look saw, without looking again if there was one."""
        return self._finish(self._seen or self._look())

    def profile(self) -> MachineProfile:
        """What the memory and speed models need of this machine. Never raises."""
        return machine_profile(self.latest(), self._host.name())

    def sample(self) -> MachineSample:
        """One tick for the sampler. Never raises."""
        seen = self._look()
        boot = self._host.boot_id()
        rows = (a if a.power_w is not None else with_table_facts(a, seen.machine) for a in seen.accelerators)
        return MachineSample(
            host=LOCAL_HOST,
            at=self._now(),
            monotonic_s=self._clock(),
            devices=device_samples(tuple(rows), seen.cpu, seen.battery, boot),
            memory=memory_sample(seen.memory),
            on_battery=None if seen.battery.on_ac is None else not seen.battery.on_ac,
            boot_id=boot,
        )

    def has_counters(self) -> bool:
        """Whether a second look would add watts (some power comes from energy counters alone)."""
        seen = self._seen or self._look()
        waiting = [a for a in seen.accelerators if a.power_w is None and a.counter_mj is not None]
        zones = [z for z in seen.cpu.zones if z.power_w is None and z.counts is not None]
        return bool(waiting or zones)

    def engine_started(self) -> None:
        """A model server has loaded a model: cards that were let go are asked again."""
        for part in self._parts:
            part.engine_started()

    def move(self, root: Path) -> None:
        """Look at another tree from now on (the later sample of a recorded machine)."""
        self._host.reader.move(root)
        self._battery = (float("-inf"), Battery())
        self._scan_at_s = float("-inf")

    def close(self) -> None:
        """Give back drivers, descriptors and the worker thread; remember what was seen."""
        for part in self._parts:
            part.close()
        self._lane.close()
        if self._machine is not None:
            self._machine.cache.save()
        self._host.close()

    def _look(self) -> _Seen:
        now = self._moment()
        machine = self._scan(now)
        memory = self._host.memory()
        jobs: dict[str, Callable[[], Answer]] = {
            part.key: partial(part.look, now, memory) for part in self._parts
        }
        near: dict[str, Callable[[], Answer]] = {}
        (jobs if self._host.cpu_may_hang else near)["cpu"] = partial(self._host.cpu_power, now)
        if now.monotonic_s - self._battery[0] >= self._host.battery_every_s:
            (jobs if self._host.battery_may_hang else near)["battery"] = self._host.battery
        answers, reasons = self._ask(jobs, near)
        rows: list[Accelerator] = []
        for part in self._parts:
            rows += self._rows(part.key, answers.get(part.key), reasons.get(part.key))
        cpu = answers.get("cpu")
        battery = answers.get("battery")
        if isinstance(battery, Battery):
            self._battery = (now.monotonic_s, battery)
        elif "battery" in reasons:
            old = self._battery[1]
            self._battery = (now.monotonic_s, replace(old, discharge_w=None, charge_w=None, reason=NO_ANSWER))
        first = self._seen is None
        self._seen = _Seen(
            machine,
            tuple(rows),
            cpu if isinstance(cpu, CpuPower) else CpuPower(reason=reasons.get("cpu", NO_ANSWER)),
            memory,
            self._battery[1],
        )
        if first:
            machine.cache.save()
        return self._seen

    def _ask(
        self, jobs: dict[str, Callable[[], Answer]], near: dict[str, Callable[[], Answer]]
    ) -> tuple[dict[str, Answer], dict[str, str]]:
        """Answers and reasons of those without one; ``near`` cannot hang and needs no thread."""
        deadline_s = DEADLINE_S if self._seen else FIRST_DEADLINE_S
        answers, reasons = self._lane.run(jobs, deadline_s)
        for key, job in near.items():
            try:
                answers[key] = job()
            except Exception as error:  # noqa: BLE001 - one failing source must not end the others
                reasons[key] = type(error).__name__
        return answers, reasons

    def _finish(self, seen: _Seen) -> HardwareReport:
        """The report of a look: what a tick does not need is added here."""
        accelerators = tuple(with_table_facts(row, seen.machine) for row in seen.accelerators)
        pools = (row.id for row in accelerators if row.memory.unified and row.memory.llm_total_bytes)
        return HardwareReport(
            accelerators=accelerators,
            ignored_adapters=self._host.ignored(seen.machine),
            memory=replace(seen.memory, pool=next(pools, None)),
            cpu_power=seen.cpu,
            battery=seen.battery,
            environment=self._host.with_messages(seen.machine, accelerators),
            slow_sensors=self._lane.slow,
        )

    def _rows(self, key: str, answer: Answer | None, reason: str | None) -> tuple[Accelerator, ...]:
        if isinstance(answer, tuple):
            self._last[key] = answer
            return answer
        said = f"The sensor does not answer ({reason or NO_ANSWER}); other readings go on."
        return tuple(_silenced(row, said) for row in self._last.get(key, ()))

    def _scan(self, now: Moment) -> Machine:
        """The machine, found again when a part came or went."""
        due = now.monotonic_s - self._scan_at_s >= RESCAN_S
        if self._machine is not None and not due:
            return self._machine
        self._scan_at_s = now.monotonic_s
        inventory = self._host.inventory()
        if self._machine is not None and inventory == self._inventory:
            return self._machine
        if not self._lane.slow:
            self._host.reader.drop()
        self._inventory = inventory
        self._machine = self._host.machine()
        known = {part.key: part for part in self._parts}
        found = self._host.find(self._machine)
        self._parts = [
            known.pop(part.key) if part.key in known and known[part.key].signature == part.signature else part
            for part in found
        ]
        for part in known.values():
            part.close()
        self._last = {key: rows for key, rows in self._last.items() if key in {p.key for p in self._parts}}
        return self._machine

    def _moment(self) -> Moment:
        mono = self._clock()
        offset = self._now().timestamp() - mono
        if self._host.reader.live:
            if self._offset_s is not None and abs(offset - self._offset_s) > JUMP_S:
                self._epoch += 1
            self._offset_s = offset
        return Moment(mono, self._epoch)


def _silenced(row: Accelerator, said: str) -> Accelerator:
    return replace(
        row,
        power_w=None,
        power_reason=said,
        quality=None,
        counter_mj=None,
        utilization_pct=None,
        utilization_reason=said,
        temperature_c=None,
        hotspot_c=None,
        memory_temperature_c=None,
        fan_rpm=None,
        processes=(),
        messages=(*row.messages, said),
    )


CACHE_FILE = "devices.json"
NvmlFactory = Callable[[], NvmlApi]


def open_prober(
    root: Path | None = None,
    cache: Path | None = None,
    *,
    trace: Trace | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] | None = None,
    nvml: NvmlFactory | None = None,
) -> Prober:
    """A prober of this computer, or of the Linux tree below ``root``. Nothing is read yet.

    Args:
        root: a recorded ``/sys``, ``/proc`` ...; nothing outside it is opened (but NVML, where the tree has
            an NVIDIA device that is awake).
        cache: folder in which sizes of devices are remembered for the time they sleep; None: in memory only.
        trace: gets a line for each open.
        clock, now: monotonic seconds and aware UTC time.
        nvml: makes the interface to NVIDIA's library (for tests).
    """
    remembered = DeviceCache(None if cache is None else cache / CACHE_FILE)
    reader = Reader(root, trace)

    def make_nvml() -> NvmlApi:
        return nvml() if nvml is not None else NvmlApi(reader.note)

    return Prober(_host(reader, remembered, make_nvml), clock, now)


def _host(reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> Host:
    if reader.live and sys.platform == "darwin":
        from .apple.host import MacHost

        return MacHost(reader, cache)
    if reader.live and sys.platform == "win32":
        from .windows.host import WindowsHost

        return WindowsHost(reader, cache, nvml)
    from .linux.host import LinuxHost

    return LinuxHost(reader, cache, nvml)


LINUX: tuple[Callable[[Machine], list[Part]], ...] = (nvidia.find, jetson.find, amd.find, intel.find)
