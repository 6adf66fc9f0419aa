"""Values every room shares: hosts, devices and what they say, and how sure a figure is."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NewType

from . import MOST_VALUES, Problem, TooManyValues, clean_lines, clean_sentence, clean_text, read_json  # noqa: F401 - for all
from .pace import Pace

UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a small document raises that is torn, foreign or made up, with the numbers in it."""


@dataclass(frozen=True, slots=True)
class Device:
    """One part of a machine that draws power or holds models: what stays the same while the program runs.

    Attributes:
        id: stable key (PCI address, name of an energy zone), never an index.
        name: as a person knows it; ``name_source`` says who told.
        backend: ``cuda``, ``rocm``, ``metal`` or ``vulkan``; "" for a part that runs no model.
        memory_total_bytes: as the driver states it, None if unknown.
        memory_free_bytes: free when the machine was described, None if unknown.
        memory_own_bytes: of a unified device, the part of its memory that the system does not count as RAM
            (a carve-out); None if there is none or it is not known.
        unified: its memory is the computer's own.
        integrated: not a separate card.
        compute_capability: CUDA major.minor as text (``"8.9"``), None if unknown or not CUDA.
        bandwidth_gbs: nominal memory bandwidth in 10^9 bytes per second, None if unknown.
        rated_w: the maker's nominal power, None if unknown.
        kind: ``gpu``, ``cpu``, ``system``, ``battery`` or ``wall``.
        sliced: a part of a card that is divided (MIG).
        pace: learned from its own runs, None before the first.
    """

    id: str
    name: str
    backend: str = ""
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_own_bytes: int | None = None
    unified: bool = False
    integrated: bool = False
    compute_capability: str | None = None
    bandwidth_gbs: float | None = None
    rated_w: float | None = None
    kind: str = "gpu"
    vendor: str = ""
    sliced: bool = False
    driver: str | None = None
    name_source: str = ""
    pci_id: str | None = None
    uuid: str | None = None
    gfx_target: str | None = None
    pace: Pace | None = None

    @property
    def form(self) -> str:
        """``slice``, ``integrated`` or ``discrete``."""
        return "slice" if self.sliced else "integrated" if self.integrated else "discrete"


@dataclass(frozen=True, slots=True)
class CpuProfile:
    """What the memory and speed models need of the processor."""

    amx: bool = False
    bandwidth_gbs: float | None = None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """Settings of the server that decide memory.

    Attributes:
        version: None means the newest known.
        flash_attention: ``auto``, ``on`` or ``off``.
        context_length: OLLAMA_CONTEXT_LENGTH, 0 leaves it to the tier of the machine.
        igpu_enable: OLLAMA_IGPU_ENABLE, None leaves it to the server's own rule.
        vulkan: OLLAMA_VULKAN.
        spread: OLLAMA_SCHED_SPREAD.
        gpu_overhead_bytes: OLLAMA_GPU_OVERHEAD.
        fit_target_mib: LLAMA_ARG_FIT_TARGET, one for all devices or one each; empty: the engine's own.
        fit: LLAMA_ARG_FIT; False loads every layer, whether it fits or not.
        gfx_override: target that HSA_OVERRIDE_GFX_VERSION makes of every AMD device, or "".
        draft_cache_types: LLAMA_ARG_SPEC_DRAFT_CACHE_TYPE_K and _V: of keys and values a draft caches.
        visible: (backend, value of its visible-devices variable).
        source: where the settings were read, for people; "" where they are defaults.
    """

    version: str | None = None
    kv_cache_type: str = "f16"
    num_parallel: int = 1
    flash_attention: str = "auto"
    context_length: int = 0
    igpu_enable: bool | None = None
    vulkan: bool = True
    spread: bool = False
    gpu_overhead_bytes: int = 0
    fit_target_mib: tuple[int, ...] = ()
    fit: bool = True
    gfx_override: str = ""
    draft_cache_types: tuple[str, str] = ("f16", "f16")
    visible: tuple[tuple[str, str], ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class MachineProfile:
    """A computer to answer for: this one, or one described in a ``--machine`` file.

    ``notes``: sentences about what was put right in the description.
    """

    name: str
    os: str
    ram_total_bytes: int
    ram_available_bytes: int
    cpu: CpuProfile = field(default_factory=CpuProfile)
    server: ServerProfile = field(default_factory=ServerProfile)
    devices: tuple[Device, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def own_bytes(self) -> int:
        """Memory of unified devices that is no part of the RAM."""
        return sum(device.memory_own_bytes or 0 for device in self.devices if device.unified)

    @property
    def memory_bytes(self) -> int:
        """All the memory there is: RAM, what unified devices have beside it, and the cards' own."""
        cards = sum(d.memory_total_bytes or 0 for d in self.devices if not (d.unified or d.integrated))
        return self.ram_total_bytes + self.own_bytes + cards


HostId = NewType("HostId", str)
"""Stable name of a computer in settings, state and ledger; the local one is :data:`LOCAL_HOST`."""

LOCAL_HOST = HostId("local")


class Quality(StrEnum):
    """Ways to come by a figure, surest first."""

    METERED = "metered"
    COUNTER = "counter"
    SAMPLED = "sampled"
    LEARNED = "learned"
    """Of this very computer, from minutes in which all of it was measured (:mod:`.learned`)."""
    ESTIMATED = "estimated"


class Scope(StrEnum):
    """What a power reading covers."""

    CHIP = "chip"
    BOARD = "board"
    PACKAGE = "package"
    RAILS = "rails"
    """Of the processor's cores and SoC, as the board's regulators report them: not quite all of it."""
    MODULE = "module"
    SYSTEM = "system"
    BATTERY = "battery"


ERROR_FRACTION: dict[Quality, float] = {
    Quality.METERED: 0.02,
    Quality.COUNTER: 0.10,
    Quality.SAMPLED: 0.15,
    Quality.LEARNED: 0.25,
    Quality.ESTIMATED: 0.40,
}
"""Relative error shown for each quality unless a better one is known.

The upper ends of the ranges in the literature on on-chip sensors (wall plug 2 %, counters 5-10 %,
sampled gauges 10-15 %, tables and rated power 40 % or more). A learned figure bears its own
error; where that was not kept, it lies between (our judgement).
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, or None with the reason why it is not known; never 0 for unknown.

    Attributes:
        value: the number in the unit its name on the owner states, or None.
        source: where it was read ("nvml field 186", "hwmon energy1_input"); empty if unknown.
        scope: what a power figure covers.
        quality: how it was obtained, or the energy counted beside it while ``value`` is not known yet.
        error_fraction: relative error, 0.1 is ten percent; None without a quality.
        reason: one sentence for a person when there is no value.
    """

    value: float | None
    source: str = ""
    scope: Scope | None = None
    quality: Quality | None = None
    error_fraction: float | None = None
    reason: str | None = None


NOT_READ = Figure(None)


def unknown(reason: str | None) -> Figure:
    """A figure that cannot be given, with the sentence that says why."""
    return Figure(None, reason=reason)


def figure_of(value: float | None, source: str, reason: str | None = None) -> Figure:
    """A figure with its source, or the reason why there is none."""
    return unknown(reason) if value is None else Figure(value, source)


_SERVERS = ("ollama", "llama-server", "llama_server", "llama-runner", "vllm", "lm studio", "llmster")


def is_model_server(name: str) -> bool:
    """Whether a process of this name is a model server's (Ollama, others, their runners)."""
    return name.replace("\\", "/").rpartition("/")[2].lower().startswith(_SERVERS)


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory of a device or works on it.

    Attributes:
        memory_bytes: what it holds of the device's memory, None if unknown.
        name: its short name, "" if unknown.
        busy_percent: share of the time since the last look in which it worked there, None if unknown.
        serves: it listens at the model server's port, or what does started it.
    """

    pid: int
    memory_bytes: int | None
    name: str = ""
    busy_percent: float | None = None
    serves: bool = False

    @property
    def is_server(self) -> bool:
        return self.serves or is_model_server(self.name)


@dataclass(frozen=True, slots=True)
class DeviceMemory:
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

    @property
    def total_bytes(self) -> int | None:
        """Size of its own memory, of a unified device what a model may use of the computer's."""
        return self.llm_total_bytes if self.unified else self.dedicated_total_bytes

    @property
    def used_bytes(self) -> int | None:
        """Used part of its own memory; None of a unified device."""
        return None if self.unified else self.dedicated_used_bytes


@dataclass(frozen=True, slots=True)
class DeviceSample:
    """What one part of the machine said at one moment, from the probe to the pixel.

    Attributes:
        power: momentary power in watts, what it covers and how sure it is.
        load: percent of the time in which it worked.
        state: ``active``, ``asleep`` (runtime suspended and not touched), ``lost`` or ``unavailable`` (there,
            but not to be asked).
        power_scope: what the watts cover in the driver's own words.
        counter_mj: cumulative energy counter in millijoules, None if there is none.
        closed: its energy counter is there, but this account may not read it.
        counter_epoch: boot id plus driver version; a change means that the counter may have restarted.
        counter_range_mj: value at which the counter wraps, None if it does not.
        limit_w: enforced power limit in watts, None if unknown.
        gpu_only_w: the graphics' share of the power of a package, None if unknown.
        contained_in: id of another part whose reading already includes this one, so that sums never count it
            twice.
        estimate_w: (low, high) watts from rated power and load where nothing can be read; never part of sums.
        read_s: monotonic moment of the reading, where that is not the sample's own (a plug answers every ten
            seconds).
        processes_reason: why some programs' use of it is not known; None where ``processes`` tells of all.
        others_percent: of a processor: share of its work since the look before that was no model server's;
            0 where that was little in itself, None where no server runs or it is not known.
        usable: an engine can run a model on it (its driver works); a sleeping card is usable.
        slowed_by: what holds its clocks down now: ``heat``, ``power``; empty too where nothing tells.
        messages: sentences for the person about this device.
    """

    device: Device
    power: Figure = NOT_READ
    load: Figure = NOT_READ
    state: str = "active"
    memory: DeviceMemory = DeviceMemory()
    power_scope: str | None = None
    counter_mj: int | None = None
    closed: bool = False
    counter_epoch: str = ""
    counter_range_mj: int | None = None
    limit_w: float | None = None
    gpu_only_w: float | None = None
    contained_in: str | None = None
    estimate_w: tuple[float, float] | None = None
    estimate_source: str | None = None
    read_s: float | None = None
    temperature_c: float | None = None
    temperature_label: str | None = None
    hotspot_c: float | None = None
    memory_temperature_c: float | None = None
    fan_rpm: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    processes_reason: str | None = None
    others_percent: float | None = None
    usable: bool = True
    slowed_by: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.device.id

    @property
    def name(self) -> str:
        return self.device.name

    @property
    def kind(self) -> str:
        """``gpu``, ``cpu``, ``system``, ``battery`` or ``wall``."""
        return self.device.kind

    @property
    def power_w(self) -> float | None:
        """Watts now, None with a reason in ``power``."""
        return self.power.value

    @property
    def asleep(self) -> bool:
        return self.state == "asleep"


@dataclass(frozen=True, slots=True)
class MemorySample:
    """System memory in bytes; ``llm_*`` is what a model may use (after the reserve)."""

    total_bytes: int
    available_bytes: int
    llm_total_bytes: int
    llm_available_bytes: int


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware ``at``; exact.

    Raises:
        ValueError: ``at`` has no zone.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return (at - _EPOCH) // _STEP


def from_us(at_us: int) -> datetime:
    """The aware UTC datetime of ``at_us``."""
    return _EPOCH + timedelta(microseconds=at_us)


def iso_utc(at_us: int) -> str:
    """ISO 8601 with ``Z``: "2026-03-01T10:00:00Z"; a fraction only where there is one."""
    return from_us(at_us).isoformat().replace("+00:00", "Z")
