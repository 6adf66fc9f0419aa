"""The thin interface to NVIDIA's management library; the only file that touches ``pynvml``.

The library is imported on first need. Every failure, of whatever class, becomes one :class:`NvmlFault` with
NVML's own code, so that callers compare numbers (the library's errors cannot be compared or hashed).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..linux.pci import normal_slot

T = TypeVar("T")

UNINITIALIZED = 1
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
RESET_REQUIRED = 16
LIB_RM_VERSION_MISMATCH = 18
ARGUMENT_VERSION_MISMATCH = 25
UNKNOWN = 999
UNEXPECTED = -1
"""Not an NVML error at all (a binding of another make, a missing name)."""

NO_ATTACH = 2
"""Init flag: touch no GPU until it is asked for."""
_TOO_OLD = {FUNCTION_NOT_FOUND, ARGUMENT_VERSION_MISMATCH, UNEXPECTED}


class NvmlFault(Exception):
    """A call failed; ``code`` is NVML's."""

    def __init__(self, code: int) -> None:
        super().__init__(f"NVML error {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class NvmlMemory:
    """Bytes. ``used`` is None where only version 1 answers (it counts the driver's reserve as used)."""

    total: int
    free: int
    used: int | None


@dataclass(frozen=True, slots=True)
class NvmlProcess:
    """A process on the GPU; memory None where the system hides it."""

    pid: int
    memory_bytes: int | None
    compute: bool = True
    """False for one that only draws (a display server, a game)."""


@dataclass(frozen=True, slots=True)
class NvmlUse:
    """How much of a moment a process kept the GPU's multiprocessors busy; ``at_us`` by the driver's clock."""

    pid: int
    percent: int
    at_us: int


Handle = Any
"""A device of the binding; opaque to everyone else."""


class NvmlApi:
    """NVML through nvidia-ml-py. Every method raises :class:`NvmlFault` and nothing else."""

    def __init__(self, note: Callable[[str], None] | None = None) -> None:
        self._note = note
        self._module: Any = None
        self._old_memory = False
        self._old_temperature = False

    def init(self, flags: int) -> None:
        """Open the library; counted."""
        if self._module is None:
            try:
                import pynvml
            except Exception as error:
                raise NvmlFault(LIBRARY_NOT_FOUND) from error
            self._module = pynvml
        if self._note is not None:
            self._note("load libnvidia-ml")
        self._call(lambda n: n.nvmlInitWithFlags(flags))
        self._old_memory = self._old_temperature = False

    def shutdown(self) -> None:
        if self._module is not None:
            self._call(lambda n: n.nvmlShutdown())

    def driver_version(self) -> str:
        """Like "580.95.05"."""
        return self._text(lambda n: n.nvmlSystemGetDriverVersion())

    def handles(self) -> list[Handle]:
        count = self._whole(lambda n: n.nvmlDeviceGetCount())
        found = []
        for index in range(min(count, 64)):
            try:
                found.append(self._call(lambda n, index=index: n.nvmlDeviceGetHandleByIndex(index)))
            except NvmlFault as fault:
                if fault.code in {UNINITIALIZED, DRIVER_NOT_LOADED} or (count == 1 and not found):
                    raise
        return found

    def handle_at(self, slot: str) -> Handle:
        """The GPU at a PCI address; no other is touched."""
        return self._call(lambda n: n.nvmlDeviceGetHandleByPciBusId(slot.encode()))

    def slices(self, handle: Handle) -> list[Handle] | None:
        """MIG slices; None where MIG is off or unknown to this card."""
        try:
            current = self._call(lambda n: n.nvmlDeviceGetMigMode(handle))[0]
        except NvmlFault as fault:
            if fault.code in {GPU_IS_LOST, UNINITIALIZED, UNKNOWN}:
                raise
            return None
        if not current:
            return None
        try:
            most = self._whole(lambda n: n.nvmlDeviceGetMaxMigDeviceCount(handle))
        except NvmlFault:
            return []
        found = []
        for index in range(min(most, 16)):
            try:
                found.append(
                    self._call(lambda n, index=index: n.nvmlDeviceGetMigDeviceHandleByIndex(handle, index))
                )
            except NvmlFault:
                continue
        return found

    def name(self, handle: Handle) -> str:
        return self._text(lambda n: n.nvmlDeviceGetName(handle))

    def uuid(self, handle: Handle) -> str:
        return self._text(lambda n: n.nvmlDeviceGetUUID(handle))

    def slot(self, handle: Handle) -> str | None:
        return normal_slot(self._text(lambda n: n.nvmlDeviceGetPciInfo(handle).busId))

    def pci_ids(self, handle: Handle) -> str | None:
        """``vendor:device``."""
        both = self._whole(lambda n: n.nvmlDeviceGetPciInfo(handle).pciDeviceId)
        return f"{both & 0xFFFF:04x}:{both >> 16 & 0xFFFF:04x}" if both else None

    def capability(self, handle: Handle) -> str:
        """CUDA compute capability, "8.9"."""
        major, minor = self._call(lambda n: n.nvmlDeviceGetCudaComputeCapability(handle))
        return f"{int(major)}.{int(minor)}"

    def memory(self, handle: Handle) -> NvmlMemory:
        """Memory, version 2 if the driver knows it."""
        if not self._old_memory:
            try:
                new = self._call(lambda n: n.nvmlDeviceGetMemoryInfo(handle, version=n.nvmlMemory_v2))
                return NvmlMemory(int(new.total), int(new.free), int(new.used))
            except NvmlFault as fault:
                if fault.code not in _TOO_OLD | {NOT_SUPPORTED}:
                    raise
                self._old_memory = fault.code in _TOO_OLD
        old = self._call(lambda n: n.nvmlDeviceGetMemoryInfo(handle))
        return NvmlMemory(int(old.total), int(old.free), None)

    def shares_page_tables(self, handle: Handle) -> bool:
        """True for address translation services: one memory with the processor."""
        return self._whole(lambda n: n.nvmlDeviceGetAddressingMode(handle)) == 2

    def virtual(self, handle: Handle) -> bool:
        """True for a vGPU guest, a share that a hypervisor hands out (mode 2; 1 is a whole card)."""
        return self._whole(lambda n: n.nvmlDeviceGetVirtualizationMode(handle)) == 2

    def utilization(self, handle: Handle) -> int:
        """Percent of time a kernel ran."""
        return self._whole(lambda n: n.nvmlDeviceGetUtilizationRates(handle).gpu)

    def temperature(self, handle: Handle) -> int:
        """Degrees Celsius."""
        if not self._old_temperature:
            try:
                return self._whole(lambda n: n.nvmlDeviceGetTemperatureV(handle, 0))
            except NvmlFault as fault:
                if fault.code not in _TOO_OLD:
                    raise
                self._old_temperature = True
        return self._whole(lambda n: n.nvmlDeviceGetTemperature(handle, 0))

    def power_usage_mw(self, handle: Handle) -> int:
        return self._whole(lambda n: n.nvmlDeviceGetPowerUsage(handle))

    def power_field_mw(self, handle: Handle, field: int, scope: int) -> int:
        """A power field (186 instant, 185 average) in a scope (0 GPU, 1 module)."""
        answer = self._call(lambda n: n.nvmlDeviceGetFieldValues(handle, [(field, scope)]))[0]
        if answer.nvmlReturn != 0:
            raise NvmlFault(int(answer.nvmlReturn))
        return int(answer.value.uiVal)

    def energy_mj(self, handle: Handle) -> int:
        """Millijoules since the driver was loaded."""
        return self._whole(lambda n: n.nvmlDeviceGetTotalEnergyConsumption(handle))

    def clock_reasons(self, handle: Handle) -> int:
        """Bits of what holds the clocks down; asked by its older name where the driver is older."""
        try:
            return self._whole(lambda n: n.nvmlDeviceGetCurrentClocksEventReasons(handle))
        except NvmlFault as fault:
            if fault.code not in _TOO_OLD:
                raise
        return self._whole(lambda n: n.nvmlDeviceGetCurrentClocksThrottleReasons(handle))

    def limit_mw(self, handle: Handle) -> int:
        return self._whole(lambda n: n.nvmlDeviceGetEnforcedPowerLimit(handle))

    def wanted_limit_mw(self, handle: Handle) -> int:
        """The limit that was set last, or the card's own."""
        return self._whole(lambda n: n.nvmlDeviceGetPowerManagementLimit(handle))

    def default_limit_mw(self, handle: Handle) -> int:
        return self._whole(lambda n: n.nvmlDeviceGetPowerManagementDefaultLimit(handle))

    def limit_range_mw(self, handle: Handle) -> tuple[int, int]:
        """The lowest and the highest limit it takes."""
        low, high = self._call(lambda n: n.nvmlDeviceGetPowerManagementLimitConstraints(handle))
        return int(low), int(high)

    def set_limit_mw(self, handle: Handle, limit_mw: int) -> None:
        """Needs an administrator's rights; lasts until the driver is loaded again."""
        self._call(lambda n: n.nvmlDeviceSetPowerManagementLimit(handle, limit_mw))

    def processes(self, handle: Handle) -> list[NvmlProcess]:
        found: dict[int, NvmlProcess] = {}
        answered = 0
        last = NvmlFault(NOT_SUPPORTED)
        for kind in ("Compute", "Graphics"):
            try:
                listed = self._call(
                    lambda n, kind=kind: getattr(n, f"nvmlDeviceGet{kind}RunningProcesses_v3")(handle)
                )
            except NvmlFault as fault:
                last = fault
                continue
            answered += 1
            for item in listed:
                used = None if item.usedGpuMemory is None else int(item.usedGpuMemory)
                found.setdefault(int(item.pid), NvmlProcess(int(item.pid), used, kind == "Compute"))
        if not answered:
            raise last
        return list(found.values())

    def process_use(self, handle: Handle, since_us: int) -> list[NvmlUse]:
        """Samples after ``since_us`` of the processes that used the GPU; those that did not are absent."""
        try:
            samples = self._call(lambda n: n.nvmlDeviceGetProcessUtilization(handle, since_us))
        except NvmlFault as fault:
            if fault.code in {0, NOT_FOUND}:  # no process used the GPU since then
                return []
            raise
        return [NvmlUse(int(s.pid), int(s.smUtil), int(s.timeStamp)) for s in samples]

    def _call(self, function: Callable[..., T]) -> T:
        if self._module is None:
            raise NvmlFault(UNINITIALIZED)
        try:
            return function(self._module)
        except Exception as error:
            raise NvmlFault(_code_of(error)) from error

    def _text(self, function: Callable[..., Any]) -> str:
        value = self._call(function)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def _whole(self, function: Callable[..., Any]) -> int:
        value = self._call(function)
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise NvmlFault(UNEXPECTED) from error


def _code_of(error: Exception) -> int:
    code = getattr(error, "value", None)
    if isinstance(code, int):
        return code
    return FUNCTION_NOT_FOUND if type(error).__name__ == "NVMLLibraryMismatchError" else UNEXPECTED
