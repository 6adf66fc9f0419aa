"""One look at the machine, as the sampler thread hands it on."""

from dataclasses import dataclass
from datetime import datetime

from .host import HostId
from .quality import Quality, Scope

_SERVERS = ("ollama", "llama-server", "llama_server", "llama-runner")


def is_model_server(name: str) -> bool:
    """Whether a process of this name is a model server's (Ollama and its runners)."""
    return name.rpartition("/")[2].lower().startswith(_SERVERS)


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory of a device or works on it.

    Attributes:
        memory_bytes: what it holds of the device's memory, None if unknown.
        name: its short name, "" if unknown.
        busy_percent: share of the time since the look before in which its compute or graphics work ran on
            the device, None if unknown.
    """

    pid: int
    memory_bytes: int | None
    name: str = ""
    busy_percent: float | None = None

    @property
    def is_server(self) -> bool:
        """Whether it is a model server's."""
        return is_model_server(self.name)


@dataclass(frozen=True, slots=True)
class DeviceSample:
    """What one power-drawing part of the machine said at one moment.

    A part is an accelerator, the CPU package, the platform or the battery (``kind``: ``gpu``,
    ``cpu``, ``system``, ``battery``). ``contained_in`` names the id of another part whose reading already
    includes this one, so that sums never count it twice.

    Attributes:
        power_w: momentary power in watts, None if unknown.
        counter_mj: cumulative energy counter in millijoules, None if there is none.
        counter_epoch: boot id plus driver version; a change means that the counter may have restarted.
        counter_range_mj: value at which the counter wraps, None if it does not.
        limit_w: enforced power limit in watts, None if unknown.
        quality: of the energy that can be derived from this sample, None without power and counter.
        reason: a sentence why power is unknown.
        asleep: the device is runtime suspended and was not touched.
        estimate_w: (low, high) watts from rated power and load where nothing can be read; never part of sums.
    """

    device_id: str
    name: str
    kind: str
    vendor: str
    power_w: float | None = None
    counter_mj: int | None = None
    counter_epoch: str = ""
    counter_range_mj: int | None = None
    limit_w: float | None = None
    scope: Scope | None = None
    source: str = ""
    quality: Quality | None = None
    reason: str | None = None
    asleep: bool = False
    contained_in: str | None = None
    utilisation_percent: float | None = None
    temperature_c: float | None = None
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    estimate_w: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class MemorySample:
    """System memory in bytes; ``llm_*`` is what a model may use (after the reserve)."""

    total_bytes: int
    available_bytes: int
    llm_total_bytes: int
    llm_available_bytes: int


@dataclass(frozen=True, slots=True)
class MachineSample:
    """All parts of one computer at one moment.

    ``at`` is aware UTC for storage; ``monotonic_s`` is for durations and stops in suspend;
    ``boot_id`` tells restarts of the computer apart.
    """

    host: HostId
    at: datetime
    monotonic_s: float
    devices: tuple[DeviceSample, ...]
    memory: MemorySample | None = None
    on_battery: bool | None = None
    boot_id: str = ""
