"""A computer as the memory model sees it: what a machine profile holds."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Device:
    """One accelerator a model may be placed on.

    Attributes:
        id: stable key (UUID or PCI address), never an index.
        name: as a person knows it.
        backend: ``cuda``, ``rocm``, ``metal`` or ``vulkan``.
        memory_total_bytes: as the driver states it, None if unknown.
        memory_free_bytes: free now as the driver states it, None if unknown.
        unified: its memory is the computer's own.
        integrated: not a separate card.
        compute_capability: CUDA major.minor as text (``"8.9"``), None if unknown or not CUDA.
        bandwidth_gbs: nominal memory bandwidth in 10^9 bytes per second, None if unknown.
        rated_w: the maker's nominal power, None if unknown.
    """

    id: str
    name: str
    backend: str
    memory_total_bytes: int | None
    memory_free_bytes: int | None
    unified: bool = False
    integrated: bool = False
    compute_capability: str | None = None
    bandwidth_gbs: float | None = None
    rated_w: float | None = None


@dataclass(frozen=True, slots=True)
class CpuProfile:
    """What the memory and speed models need of the processor."""

    amx: bool = False
    bandwidth_gbs: float | None = None


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """Settings of the server that decide memory.

    ``version`` None means the newest known. ``flash_attention`` is ``auto``, ``on`` or ``off``.
    """

    version: str | None = None
    kv_cache_type: str = "f16"
    num_parallel: int = 1
    flash_attention: str = "auto"


@dataclass(frozen=True, slots=True)
class MachineProfile:
    """A computer to answer for: this one, or one described in a ``--machine`` file."""

    name: str
    os: str
    ram_total_bytes: int
    ram_available_bytes: int
    cpu: CpuProfile = field(default_factory=CpuProfile)
    server: ServerProfile = field(default_factory=ServerProfile)
    devices: tuple[Device, ...] = ()
