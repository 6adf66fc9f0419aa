"""The door's object: looks at the whole machine, as a report, a profile or a sample."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wattlight import StartThread, start_thread
from wattlight.domain.power import MachineSample, estimated_range, usual_rating_w
from wattlight.domain.values import LOCAL_HOST, DeviceSample, MachineProfile, unknown
from wattlight.i18n import tr

from .device_table import with_table_facts
from .environment import Host
from .lane import NO_ANSWER, ProbeExecutor
from .numbers import Moment
from .nvidia.nvml import NvmlApi
from .probe import DeviceCache, NvmlFactory, Probe, ProbeContext, silenced, with_servers
from .reader import Reader, Trace
from .report import Battery, CpuPower, HardwareReport
from .samples import device_samples, machine_profile, memory_sample
from .server_switches import ServerSwitches

if TYPE_CHECKING:
    from .plugs import PlugWatch

FIRST_DEADLINE_S = 3.0
"""For the first look: opening a driver may take a second and more."""
DEADLINE_S = 0.5
PLUG_DEADLINE_S = 5.0
"""For the first answer of a plug, where one look is all there is."""
JUMP_S = 2.0
"""Wall clock and monotonic clock apart by more than this: the computer slept or the clock was set."""
RESCAN_S = 30.0

Answer = tuple[DeviceSample, ...] | CpuPower | Battery


class Prober:
    """Looks at this computer (or at a recorded tree of files). Use from one thread at a time.

    Args:
        host: the sources of the operating system.
        clock: monotonic seconds.
        now: aware UTC time.
        switches: the settings of the local model server.
        plug: asks the smart plug that the computer hangs on.
    """

    def __init__(
        self,
        host: Host,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
        switches: ServerSwitches | None = None,
        start: StartThread = start_thread,
        plug: "PlugWatch | None" = None,
    ) -> None:
        self._host = host
        self._plug = plug
        self._switches = switches or ServerSwitches(host.reader, {})
        self._clock = clock
        self._now = now or (lambda: datetime.now(UTC))
        self._lane: ProbeExecutor[Answer] = ProbeExecutor(start=start)
        self._context: ProbeContext | None = None
        self._probes: list[Probe] = []
        self._last: dict[str, tuple[DeviceSample, ...]] = {}
        self._seen: HardwareReport | None = None
        self._parts: tuple[DeviceSample, ...] = ()
        self._battery: tuple[float, Battery] = (float("-inf"), Battery())
        self._scan_at_s = float("-inf")
        self._inventory: tuple[str, ...] = ()
        self._offset_s: float | None = None
        self._epoch = 0

    def watch_ports(self, ports: tuple[int, ...]) -> None:
        """What listens at ``ports`` of this computer serves models."""
        self._host.servers.watch(*ports)

    def report(self) -> HardwareReport:
        """Everything about the machine now; counters give watts from the second look on. Never raises."""
        now = self._moment()
        context = self._scan(now)
        memory = self._host.memory()
        jobs: dict[str, Callable[[], Answer]] = {
            probe.key: partial(probe.look, now, memory) for probe in self._probes
        }
        near: dict[str, Callable[[], Answer]] = {}
        (jobs if self._host.cpu_may_hang else near)["cpu"] = partial(self._host.cpu_power, now)
        if now.monotonic_s - self._battery[0] >= self._host.battery_every_s:
            (jobs if self._host.battery_may_hang else near)["battery"] = self._host.battery
        answers, reasons = self._ask(jobs, near)
        seen: list[DeviceSample] = []
        for probe in self._probes:
            seen += self._rows(probe.key, answers.get(probe.key), reasons.get(probe.key))
        serving = self._host.servers.ids(now.monotonic_s)
        rows = tuple(with_servers(with_table_facts(row, context), serving) for row in seen)
        cpu = answers.get("cpu")
        battery = answers.get("battery")
        if isinstance(battery, Battery):
            self._battery = (now.monotonic_s, battery)
        elif "battery" in reasons:
            old = self._battery[1]
            self._battery = (now.monotonic_s, replace(old, discharge_w=None, charge_w=None, reason=NO_ANSWER))
        pool = next((row.id for row in rows if row.memory.unified and row.memory.llm_total_bytes), None)
        first = self._seen is None
        self._seen = HardwareReport(
            accelerators=rows,
            ignored_adapters=self._host.ignored(context),
            memory=replace(memory, pool=pool) if pool else memory,
            cpu_power=self._with_range(cpu, context, now)
            if isinstance(cpu, CpuPower)
            else CpuPower(unknown(reasons.get("cpu", NO_ANSWER))),
            battery=self._battery[1],
            usage=self._host.usage(now, self._battery[1]) if self._battery[1].present else None,
            environment=self._host.with_messages(context, rows),
            slow_sensors=self._lane.slow,
        )
        self._parts = device_samples(rows, self._seen.cpu_power, self._seen.battery, self._host.boot_id())
        if self._plug is not None:
            away = self._seen.battery.in_use
            self._parts = self._plug.joined(self._parts, away, self._clock())
            self._seen = replace(self._seen, plug=self._parts[0])
        if first:
            context.cache.save()
        return self._seen

    def _with_range(self, cpu: CpuPower, context: ProbeContext, now: Moment) -> CpuPower:
        """``cpu`` with a range from rated power and load where nothing of it can be read.

        Not in a virtual machine: what the real processor does is not seen there.
        """
        silent = cpu.package.value is None and not any(zone.counter_mj is not None for zone in cpu.zones)
        if not silent or context.environment.virtual_machine:
            return cpu
        rated_w = cpu.limit_w or usual_rating_w(context.environment.cpu_cores, self._battery[1].present)
        busy = self._host.busy(now)
        return replace(cpu, estimate_w=estimated_range(rated_w, None, None if busy is None else 100 * busy))

    def latest(self) -> HardwareReport:
        """What the last look saw, without looking again if there was one."""
        return self._seen or self.report()

    def profile(self) -> MachineProfile:
        """What the memory and speed models need of this machine. Never raises."""
        return machine_profile(self.latest(), self._host.name(), self._switches.look())

    def sample(self) -> MachineSample:
        """One tick for the sampler. Never raises."""
        seen = self.report()
        return MachineSample(
            host=LOCAL_HOST,
            at=self._now(),
            monotonic_s=self._clock(),
            devices=self._parts,
            memory=memory_sample(seen.memory),
            on_battery=None if seen.battery.on_ac is None else not seen.battery.on_ac,
            boot_id=self._host.boot_id(),
            usage=seen.usage,
        )

    def use_plug(self, plug: "PlugWatch | None") -> None:
        """Ask this plug from now on; the one before is let go."""
        before, self._plug = self._plug, plug
        if before is not None:
            before.close()

    def has_counters(self) -> bool:
        """Whether a second look would add watts (some power comes from energy counters alone, a plug's with
        its answer, which is waited for)."""
        seen = self.latest()
        if self._plug is not None and self._plug.wait(PLUG_DEADLINE_S):
            return True
        parts = (*seen.accelerators, *seen.cpu_power.zones)
        return any(part.power_w is None and part.counter_mj is not None for part in parts)

    def engine_started(self) -> None:
        """A model server has loaded a model: cards that were let go are asked again."""
        for probe in self._probes:
            probe.engine_started()

    def look_anew(self) -> None:
        """A permission came or went: files of the system are opened again, a descriptor would outlive it."""
        if not self._lane.slow:
            self._host.reader.drop()

    def move(self, root: Path) -> None:
        """Look at another tree from now on (the later sample of a recorded machine)."""
        self._host.reader.move(root)
        self._battery = (float("-inf"), Battery())
        self._scan_at_s = float("-inf")

    def close(self) -> None:
        """Give back drivers, descriptors and the worker thread; remember what was seen."""
        self.use_plug(None)
        for probe in self._probes:
            probe.close()
        self._lane.close()
        if self._context is not None:
            self._context.cache.save()
        self._host.close()

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

    def _rows(self, key: str, answer: Answer | None, reason: str | None) -> tuple[DeviceSample, ...]:
        if isinstance(answer, tuple):
            self._last[key] = answer
            return answer
        said = tr("The sensor does not answer ({reason}); other readings go on.", reason=reason or NO_ANSWER)
        return tuple(silenced(row, said) for row in self._last.get(key, ()))

    def _scan(self, now: Moment) -> ProbeContext:
        """The machine, found again when a part came or went."""
        due = now.monotonic_s - self._scan_at_s >= RESCAN_S
        if self._context is not None and not due:
            return self._context
        self._scan_at_s = now.monotonic_s
        inventory = self._host.inventory()
        if self._context is not None and inventory == self._inventory:
            return self._context
        if not self._lane.slow:
            self._host.reader.drop()
        self._inventory = inventory
        self._context = self._host.context()
        known = {probe.key: probe for probe in self._probes}
        self._probes = [
            known.pop(new.key) if new.key in known and known[new.key].signature == new.signature else new
            for new in self._host.find(self._context)
        ]
        for probe in known.values():
            probe.close()
        self._last = {key: rows for key, rows in self._last.items() if key in {p.key for p in self._probes}}
        return self._context

    def _moment(self) -> Moment:
        mono = self._clock()
        offset = self._now().timestamp() - mono
        if self._host.reader.live:
            if self._offset_s is not None and abs(offset - self._offset_s) > JUMP_S:
                self._epoch += 1
            self._offset_s = offset
        return Moment(mono, self._epoch)


CACHE_FILE = "devices.json"


def open_prober(
    root: Path | None = None,
    cache: Path | None = None,
    *,
    trace: Trace | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] | None = None,
    nvml: NvmlFactory | None = None,
    environ: Mapping[str, str] | None = None,
    start: StartThread = start_thread,
    plug: "PlugWatch | None" = None,
) -> Prober:
    """A prober of this computer, or of the Linux tree below ``root``. Nothing is read yet.

    Args:
        root: a recorded ``/sys``, ``/proc`` ...; nothing outside it is opened (but NVML, where the tree has
            an NVIDIA device that is awake).
        cache: folder in which sizes of devices are remembered for the time they sleep; None: in memory only.
        trace: gets a line for each open.
        clock, now: monotonic seconds and aware UTC time.
        environ: of this program, for the files of its user; not looked at with a ``root``.
        nvml: makes the interface to NVIDIA's library (for tests).
        start: starts the threads that ask.
        plug: asks the smart plug that the computer hangs on.
    """
    remembered = DeviceCache(None if cache is None else cache / CACHE_FILE)
    reader = Reader(root, trace)

    def make_nvml() -> NvmlApi:
        return nvml() if nvml is not None else NvmlApi(reader.note)

    host = _host(reader, remembered, make_nvml)
    switches = ServerSwitches(reader, environ or {} if root is None else {}, clock, host.servers.names)
    return Prober(host, clock, now, switches, start, plug)


def _host(reader: Reader, cache: DeviceCache, nvml: NvmlFactory) -> Host:
    if reader.live and sys.platform == "darwin":
        from .apple.host import MacHost

        return MacHost(reader, cache)
    if reader.live and sys.platform == "win32":
        from .windows.host import WindowsHost

        return WindowsHost(reader, cache, nvml)
    from .linux.host import LinuxHost

    return LinuxHost(reader, cache, nvml)
