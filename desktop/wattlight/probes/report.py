"""What the probes say about the machine. Unknown is None, with a reason beside it."""

from dataclasses import dataclass, field

from wattlight.domain.values import GpuProcess, Quality, Scope


@dataclass(frozen=True, slots=True)
class AcceleratorMemory:
    """Memory a device can use, in bytes.

    ``dedicated`` is memory of its own, ``shared`` the computer's memory it may map. On a ``unified`` device
    the shared memory *is* system memory: never add it to the free RAM. ``llm_total`` and
    ``llm_available`` are what a model may use of it.
    """

    unified: bool = False
    dedicated_total_bytes: int | None = None
    dedicated_total_source: str | None = None
    dedicated_used_bytes: int | None = None
    dedicated_used_lower_bound_bytes: int | None = None
    shared_total_bytes: int | None = None
    shared_used_bytes: int | None = None
    shared_available_bytes: int | None = None
    llm_total_bytes: int | None = None
    llm_available_bytes: int | None = None
    server_holds_bytes: int | None = None
    """Part of what is used that belongs to a model server's processes; None if it cannot be told."""
    cached: bool = False
    """The sizes are from the last time the device was awake."""
    reason: str | None = None


NO_MEMORY = AcceleratorMemory()


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One GPU (or slice of one) as it is now.

    Attributes:
        id: ``pci:dddd:bb:dd.f``, or ``mig:UUID`` for a slice.
        kind: ``discrete``, ``integrated`` or ``slice``.
        state: ``active``, ``asleep``, ``lost`` or ``unavailable`` (there, but not to be asked).
        power_source, power_scope: where the watts are from and what they cover, as a person reads it.
        scope: the same scope as a rule reads it.
        counter_mj: cumulative energy since ``counter_epoch`` began, None without a counter.
        power_reason, utilization_reason, memory.reason: a sentence where the figure is None.
        processes_reason: why some programs' use of it is not known; None where ``processes`` tells of all.
        estimate_w: (low, high) from rated power and load where nothing is measurable; never part of sums.
        contained_in: id of the part whose reading includes this one.
        usable: an engine can run a model on it (its driver works); a sleeping card is usable.
        messages: sentences for the person about this device.
        backend: ``cuda``, ``rocm``, ``vulkan`` or ``metal``.
    """

    id: str
    vendor: str
    name: str
    kind: str
    state: str
    driver: str | None = None
    name_source: str = ""
    pci_id: str | None = None
    uuid: str | None = None
    backend: str = ""
    gfx_target: str | None = None
    compute_capability: str | None = None
    bandwidth_gbs: float | None = None
    memory: AcceleratorMemory = NO_MEMORY
    power_w: float | None = None
    power_source: str | None = None
    power_scope: str | None = None
    power_reason: str | None = None
    scope: Scope | None = None
    quality: Quality | None = None
    error_fraction: float | None = None
    power_limit_w: float | None = None
    rated_w: float | None = None
    gpu_only_w: float | None = None
    counter_mj: int | None = None
    counter_epoch: str = ""
    estimate_w: tuple[float, float] | None = None
    estimate_source: str | None = None
    utilization_pct: float | None = None
    utilization_source: str | None = None
    utilization_reason: str | None = None
    temperature_c: float | None = None
    temperature_label: str | None = None
    hotspot_c: float | None = None
    memory_temperature_c: float | None = None
    fan_rpm: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    processes_reason: str | None = None
    contained_in: str | None = None
    usable: bool = True
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnergyZone:
    """One energy counter of the processor or platform.

    ``counts`` wrap at ``range_counts``; one count is ``unit_j`` joules; ``contained_in``: another zone's id.
    """

    id: str
    label: str
    power_w: float | None
    counts: int | None
    range_counts: int | None
    unit_j: float
    scope: Scope
    contained_in: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CpuPower:
    """Power of the processor package and its parts in watts.

    Parts (core, uncore) are inside the package, the package is inside psys: never add them.
    ``reason`` says why ``package_w`` is None; ``advice`` is the step that would add it.
    """

    package_w: float | None = None
    core_w: float | None = None
    uncore_w: float | None = None
    dram_w: float | None = None
    psys_w: float | None = None
    source: str | None = None
    scope: str | None = None
    reason: str | None = None
    quality: Quality | None = None
    zones: tuple[EnergyZone, ...] = ()
    limit_w: float | None = None
    estimate_w: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Battery:
    """The computer's battery (all of them together). ``discharge_w`` is the draw of the whole computer."""

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
    """Where the program runs."""

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
    """The whole machine at one moment."""

    accelerators: tuple[Accelerator, ...] = ()
    ignored_adapters: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory)
    cpu_power: CpuPower = field(default_factory=CpuPower)
    battery: Battery = field(default_factory=Battery)
    environment: Environment = field(default_factory=Environment)
    slow_sensors: tuple[str, ...] = ()
    """Keys of the probes that missed a deadline."""
