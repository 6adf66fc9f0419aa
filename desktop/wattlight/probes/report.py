"""What the probes say about the machine. Unknown is None, with a reason beside it."""

from dataclasses import dataclass, field

from wattlight.domain.power import Usage, measured
from wattlight.domain.values import NOT_READ, Device, DeviceSample, Figure, Quality, Scope
from wattlight.i18n import marked, tr


@dataclass(frozen=True, slots=True)
class CpuPower:
    """Power of the processor package and its parts in watts.

    Parts (core, uncore) are inside the package, the package is inside psys: never add them.

    Attributes:
        package: all packages together.
        scope: what it covers in the system's own words.
        zones: the counters of packages, memory and platform, each a part of the machine.
        closed: a counter is there that this user may not read, and a lesser source stands in.
        estimate_w: (low, high) from rated power and load where nothing is measurable.
        others_percent: as in :class:`DeviceSample`.
    """

    package: Figure = NOT_READ
    core_w: float | None = None
    uncore_w: float | None = None
    dram_w: float | None = None
    psys_w: float | None = None
    scope: str | None = None
    zones: tuple[DeviceSample, ...] = ()
    limit_w: float | None = None
    closed: bool = False
    estimate_w: tuple[float, float] | None = None
    others_percent: float | None = None


_ZONES = {
    "psys": marked("Whole platform"),
    "dram": marked("Memory modules"),
    "ane": marked("Neural engine"),
    "mac": marked("Whole Mac (estimate)"),
}


def energy_zone(
    zone_id: str,
    label: str,
    watts: float | None,
    counts: int | None,
    unit_j: float,
    scope: Scope,
    source: str,
    reason: str | None,
    range_counts: int | None = None,
    limit_w: float | None = None,
) -> DeviceSample:
    """One energy counter of the processor or platform as a part; one count is ``unit_j`` joules."""
    kind = "system" if label in {"psys", "mac"} else "cpu"
    quality = Quality.SAMPLED if counts is None else Quality.COUNTER
    said, counted = cpu_reason(reason), counts is not None
    power = measured(watts, source, scope, quality, said, counted)
    if watts is None:
        power = Figure(None, source, scope, power.quality, power.error_fraction, said)
    return DeviceSample(
        Device(zone_id, _ZONES.get(label, marked("Processor")), kind=kind, vendor="cpu"),
        power,
        counter_mj=None if counts is None else int(counts * unit_j * 1000),
        closed=reason == "permission",
        counter_range_mj=None if range_counts is None else int(range_counts * unit_j * 1000),
        limit_w=limit_w,
    )


_NO_SENSOR = marked("No readable power sensor for the processor on this computer.")
_REASONS = {
    "permission": marked(
        "This user may not read the processor's energy counter (see Machine, or 'wattlight doctor')."
    ),
    "closed": marked("The kernel lets only root read the processor's energy counter here."),
    "no powercap": _NO_SENSOR,
    "no package zone": _NO_SENSOR,
    "needs a second reading": marked("The first reading of an energy counter gives no watts yet."),
    "the counter stands still": marked("The processor's energy counter stands still."),
    "no answer": marked("The processor's power sensor does not answer."),
}


def cpu_reason(reason: str | None) -> str | None:
    """The sentence for a processor's (or platform's) missing power."""
    return tr(_REASONS[reason]) if reason in _REASONS else reason


@dataclass(frozen=True, slots=True)
class Battery:
    """The computer's battery (all of them together). ``discharge_w`` is what it gives, in watts."""

    present: bool = False
    percent: int | None = None
    state: str | None = None
    on_ac: bool | None = None
    discharge_w: float | None = None
    charge_w: float | None = None
    source: str | None = None
    energy_now_wh: float | None = None
    energy_full_wh: float | None = None
    seconds_left: int | None = None
    reason: str | None = None
    name: str = ""
    """What tells it from another one: maker, model and designed size as far as they are told."""

    @property
    def helps(self) -> bool:
        """It gives beside an adapter that is too weak: what it gives is a part of what the computer draws."""
        return self.discharge_w is not None and self.on_ac is True

    @property
    def whole_w(self) -> float | None:
        """The draw of the whole computer in watts, while the battery alone drives it."""
        return None if self.helps else self.discharge_w

    @property
    def in_use(self) -> bool:
        """It gives or takes energy: what flows through the plug is not what the computer uses."""
        return self.discharge_w is not None or self.charge_w is not None or self.on_ac is False


@dataclass(frozen=True, slots=True)
class Memory:
    """System memory in bytes: the host's, the limit on this process, and what is left for a model."""

    host_total_bytes: int | None = None
    host_available_bytes: int | None = None
    limit_bytes: int | None = None
    limit_source: str | None = None
    total_bytes: int | None = None
    available_bytes: int | None = None
    reserve_bytes: int | None = None
    llm_total_bytes: int | None = None
    llm_available_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None
    pressure_pct: float | None = None
    pool: str | None = None
    """Id of the unified accelerator that shares this memory (one pool, shown once)."""
    messages: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    os: str = ""
    kernel: str | None = None
    cpu_name: str | None = None
    cpu_cores: int | None = None
    virtual_machine: bool = False
    hypervisor: str | None = None
    container: str | None = None
    wsl: bool = False
    amx: bool = False
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HardwareReport:
    accelerators: tuple[DeviceSample, ...] = ()
    ignored_adapters: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory)
    cpu_power: CpuPower = field(default_factory=CpuPower)
    battery: Battery = field(default_factory=Battery)
    usage: Usage | None = None
    """How busy a computer with a battery is; None of one without."""
    environment: Environment = field(default_factory=Environment)
    plug: DeviceSample | None = None
    """The smart plug that the computer hangs on, where one is set."""
    slow_sensors: tuple[str, ...] = ()
    """Keys of the probes that missed a deadline."""
