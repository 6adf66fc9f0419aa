"""What the server decides before it starts the engine: context, slots, devices, batch, memory mapping."""

from collections.abc import Iterable, Sequence

from ..values import Device, MachineProfile, ServerProfile
from .constants import EngineConstants
from .prepared import PreparedModel


def default_context(devices: Iterable[Device], server: ServerProfile, constants: EngineConstants) -> int:
    """The server's context for a model that sets none, from the devices' total memory.

    It takes its overhead off each of them in 64 bits without a sign: one above a device's size wraps round.
    """
    total = sum((d.memory_total_bytes or 0) - server.gpu_overhead_bytes for d in devices) % (1 << 64)
    for threshold, context in constants.context_tiers:
        if total >= threshold:
            return context
    return constants.context_default


def lower_tier(context: int, constants: EngineConstants) -> int | None:
    """What the server tries, once, where ``context`` was its own choice and the load ran out of memory."""
    lower = [tier for _, tier in constants.context_tiers] + [constants.context_default]
    return next((tier for tier in lower if tier < context and constants.context_tiers), None)


def effective_context(prepared: PreparedModel, asked: int, constants: EngineConstants) -> int:
    """``asked`` within what the server accepts and the model was trained for."""
    minimum = constants.context_minimum_vision if prepared.sees else constants.context_minimum
    context = asked if asked > minimum else minimum
    trained = prepared.arch.context_trained
    return trained if 0 < trained < context else context


def slots(prepared: PreparedModel, option: int | None, setting: int, constants: EngineConstants) -> int:
    """Parallel slots the server really uses.

    Some families get one whatever is set. The family is the manifest's; for a bare file the architecture
    stands for it, except where the slots were asked for expressly.
    """
    asked = setting if option is None else option
    if asked <= 1 or prepared.embedding_only:
        return 1
    family = prepared.shape.family or ("" if option is not None else prepared.shape.architecture)
    return 1 if family in constants.single_slot_families else asked


def usable_devices(machine: MachineProfile) -> tuple[Device, ...]:
    """Devices the server would offer to a model."""
    out = {device.id for device, _ in left_out(machine)}
    return tuple(device for device in machine.devices if device.id not in out) if out else machine.devices


def left_out(machine: MachineProfile) -> tuple[tuple[Device, str], ...]:
    """The devices the server does not use, each with the reason.

    ``integrated``: it drops graphics of processors but Apple's, CUDA's (Jetson, GB10) and gfx1151, unless
    OLLAMA_IGPU_ENABLE says otherwise. ``integrated_off``: that variable drops all but Apple's. ``vulkan_off``
    and ``hidden``: other variables do. ``no_memory``: how much it has is not known.
    """
    found = ((device, _why_left_out(device, machine)) for device in machine.devices)
    return tuple((device, why) for device, why in found if why)


def _why_left_out(device: Device, machine: MachineProfile) -> str:
    server = machine.server
    if device.memory_free_bytes is None and device.memory_total_bytes is None:
        return "no_memory"
    if device.backend == "vulkan" and not server.vulkan:
        return "vulkan_off"
    if not _visible(device, machine):
        return "hidden"
    if not device.integrated or device.backend == "metal":
        return ""
    if server.igpu_enable is not None:
        return "" if server.igpu_enable else "integrated_off"
    return "" if device.backend == "cuda" or _known_apu(device, server.gfx_override) else "integrated"


def _visible(device: Device, machine: MachineProfile) -> bool:
    """Whether the variable of its backend lets the server see it: by place, or by the start of its UUID."""
    value = dict(machine.server.visible).get(device.backend)
    if value is None:
        return True
    place = [other.id for other in machine.devices if other.backend == device.backend].index(device.id)
    words = [word.strip() for word in value.split(",")]
    named = bool(device.uuid) and any(len(w) > 4 and str(device.uuid).startswith(w) for w in words)
    unknown = any(word and not word.lstrip("-").isdecimal() for word in words) and not device.uuid
    return named or unknown or str(place) in words


def _known_apu(device: Device, gfx_override: str) -> bool:
    if gfx_override:
        return device.backend == "rocm" and gfx_override == "gfx1151"
    text = f"{device.name} {device.compute_capability or ''}".lower()
    return device.backend == "rocm" and ("gfx1151" in text or "strix halo" in text or "8060s" in text)


def free_bytes(device: Device) -> int:
    """Free memory, the total where the driver does not say."""
    free = device.memory_free_bytes
    return (device.memory_total_bytes or 0) if free is None else free


def available_bytes(devices: Sequence[Device], machine: MachineProfile) -> int:
    """The server's idea of free memory: of shared memory at most what the system has free."""
    shared = sum(free_bytes(d) for d in devices if d.integrated)
    separate = sum(free_bytes(d) for d in devices if not d.integrated)
    if shared and 0 < machine.ram_available_bytes < shared:
        shared = machine.ram_available_bytes
    return separate + shared


def crude_estimate(prepared: PreparedModel, cells: int) -> int:
    """The server's own estimate before loading (file + simple f16 cache); too high or low, but it decides."""
    return prepared.shape.file_bytes + prepared.arch.crude_kv_per_token * cells


class Group:
    """Devices that hold one model together, with what the server's rules ask about all of them.

    Attributes:
        backend: of the first, ``cpu`` without any.
        frees: bytes free on each.
        available: the server's idea of them together.
        integrated: whether any is a processor's own.
        flash: whether all of them support flash attention.
        special_heads: whether any of them computes it for some sizes of heads alone.
        cuda: whether any is CUDA's.
        constrained: whether one of these is so small that the server takes a smaller batch.
    """

    __slots__ = (
        "_constants",
        "_kinds",
        "_machine",
        "_singles",
        "available",
        "backend",
        "constrained",
        "cuda",
        "devices",
        "flash",
        "frees",
        "integrated",
        "special_heads",
    )

    def __init__(
        self, devices: tuple[Device, ...], machine: MachineProfile, constants: EngineConstants
    ) -> None:
        self._machine, self._constants = machine, constants
        self._singles: list[Group] = []
        self._kinds: list[Group] = []
        self.devices = devices
        self.backend = devices[0].backend if devices else "cpu"
        self.frees = [free_bytes(device) for device in devices]
        self.available = available_bytes(devices, machine)
        self.integrated = any(device.integrated for device in devices)
        self.flash = all(_device_flash(device) for device in devices)
        self.special_heads = any(device.backend in {"cuda", "rocm"} for device in devices)
        cuda = [free_bytes(device) for device in devices if device.backend == "cuda"]
        self.cuda = bool(cuda)
        self.constrained = any(0 < free <= constants.batch_constrained_free_bytes for free in cuda)

    @property
    def singles(self) -> "list[Group]":
        """Each device alone."""
        if not self._singles:
            self._singles = [self._part((device,)) for device in self.devices]
        return self._singles

    @property
    def kinds(self) -> "list[Group]":
        """The devices of each backend."""
        if not self._kinds:
            kinds: dict[str, list[Device]] = {}
            for device in self.devices:
                kinds.setdefault(device.backend, []).append(device)
            parts = [self._part(tuple(devices)) for devices in kinds.values()]
            self._kinds = parts if len(parts) > 1 else [self]
        return self._kinds

    def _part(self, devices: tuple[Device, ...]) -> "Group":
        return Group(devices, self._machine, self._constants)


def choose_devices(usable: Group, estimate: int, spread: bool, constants: EngineConstants) -> Group:
    """The devices the server hands to the engine: one if the estimate fits there, else all of one kind."""
    if len(usable.devices) <= 1:
        return usable
    if not spread and estimate > 0:
        percent = constants.batch_fit_percent
        fitting = [one for one in usable.singles if estimate <= one.available * percent // 100]
        if fitting:
            return max(fitting, key=_rank)
    return max(usable.kinds, key=_rank)


def _rank(group: Group) -> tuple[bool, int]:
    return any(not device.integrated for device in group.devices), group.available


def flash_setting(asked: str, group: Group) -> str:
    """What the server tells the engine: ``on``, ``off``, or ``auto`` where every device supports it."""
    return asked if asked != "auto" or group.flash else "off"


def flash_attention(setting: str, group: Group, prepared: PreparedModel, quantised: bool) -> bool | None:
    """Whether flash attention is on; None where the combination is an error (quantised V without it)."""
    if setting == "auto":
        return quantised or not group.special_heads or prepared.flash_heads
    if setting == "on":
        return True
    return None if quantised else False


def _device_flash(device: Device) -> bool:
    if device.backend != "cuda" or not device.compute_capability:
        return True
    major, _, minor = device.compute_capability.partition(".")
    if not major.isdecimal():
        return True
    return int(major) >= 6 and (major, minor) != ("7", "2")


def batch_size(
    prepared: PreparedModel,
    cells: int,
    estimate: int,
    flash_off: bool,
    group: Group,
    context: int,
    constants: EngineConstants,
) -> int:
    """The batch the server passes to the engine for ``cells`` = context * slots."""
    c, available = constants, group.available
    if prepared.embedding_only:
        return min(c.batch_embedding, context)
    if flash_off and group.cuda:
        small = cells > c.batch_constrained_context and group.constrained
        return c.batch_constrained if small else c.batch_default
    batch = c.batch_default
    for above, size in c.batch_steps:
        if cells > above:
            batch = size
            break
    if not available or not estimate:
        return batch
    threshold = available * c.batch_fit_percent // 100
    while batch > c.batch_default:
        large = batch > 1024
        percent, surcharge = (
            (c.batch_percent_large, c.batch_surcharge_large)
            if large
            else (c.batch_percent_medium, c.batch_surcharge_medium)
        )
        if (
            estimate <= threshold
            and estimate <= available * percent // 100
            and surcharge <= threshold - estimate
        ):
            return batch
        batch = 1024 if large else c.batch_default
    return batch


def maps_file(
    machine: MachineProfile,
    group: Group,
    prepared: PreparedModel,
    estimate: int,
    gpu_layers: int | None,
    constants: EngineConstants,
) -> bool:
    """Whether the server leaves the model file memory-mapped (and the rest of it out of RAM)."""
    if not group.devices or gpu_layers == 0:
        return False
    backend, available = group.backend, group.available
    if backend == "metal":
        if gpu_layers is not None and gpu_layers > 0:
            return gpu_layers >= prepared.arch.layers + 1
        return not (estimate > available > 0)
    if not machine.os.startswith("linux"):
        return backend != "cuda" or not machine.os.startswith("win")
    if group.integrated:
        return backend not in {"cuda", "rocm"}
    headroom = max(constants.mmap_headroom_bytes, machine.ram_total_bytes // 10)
    return (
        machine.ram_available_bytes >= prepared.shape.file_bytes + headroom
        or estimate > available * constants.batch_fit_percent // 100
    )


def projector_on_device(
    prepared: PreparedModel, group: Group, gpu_layers: int | None, constants: EngineConstants
) -> bool:
    size = prepared.projector_bytes
    if not size or not group.devices or gpu_layers == 0:
        return False
    if gpu_layers is not None and 0 < gpu_layers < prepared.arch.layers:
        return False
    return min(group.frees) >= size + constants.projector_headroom_bytes
