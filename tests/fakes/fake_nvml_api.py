"""An NVML of Python objects, for what a stub library cannot show: slices, reloads, sleep, several GPUs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wattlight.probes.nvidia.nvml import NvmlFault, NvmlMemory, NvmlProcess, NvmlUse

GIB = 1 << 30


@dataclass
class FakeGpu:
    """One GPU; ``faults`` maps a method's name to the code it fails with."""

    slot: str = "0000:01:00.0"
    name: str = "NVIDIA GeForce RTX 4090"
    uuid: str = "GPU-1"
    memory: NvmlMemory = field(default_factory=lambda: NvmlMemory(24 * GIB, 20 * GIB, 4 * GIB))
    utilization: int = 0
    temperature: int = 40
    power_mw: int = 50_000
    energy_mj: int = 1_000_000
    limit_mw: int = 450_000
    default_mw: int = 450_000
    range_mw: tuple[int, int] = (150_000, 600_000)
    clock_reasons: int = 0
    processes: list[NvmlProcess] = field(default_factory=list)
    process_use: list[NvmlUse] = field(default_factory=list)
    slices: list["FakeGpu"] | None = None
    ats: bool = False
    vgpu: bool = False
    faults: dict[str, int] = field(default_factory=dict)


class FakeNvmlApi:
    """See ``NvmlApi``. ``calls`` lists every call; ``init_fault`` makes the opening fail."""

    def __init__(self, *gpus: FakeGpu, by_slot: bool = True) -> None:
        self.gpus = list(gpus)
        self.by_slot = by_slot
        self.calls: list[str] = []
        self.init_fault: int | None = None
        self.opened = 0
        self.inits: list[int] = []
        self.on_call: Callable[[str], None] | None = None

    def init(self, flags: int) -> None:
        self._note("init")
        self.inits.append(flags)
        if self.init_fault is not None:
            raise NvmlFault(self.init_fault)
        self.opened += 1

    def shutdown(self) -> None:
        self._note("shutdown")
        self.opened -= 1

    def driver_version(self) -> str:
        return "580.95.05"

    def handles(self) -> list[Any]:
        self._note("handles")
        return list(self.gpus)

    def handle_at(self, slot: str) -> Any:
        self._note("handle_at")
        if not self.by_slot:
            raise NvmlFault(13)
        for gpu in self.gpus:
            if gpu.slot == slot:
                self._fail(gpu, "handle_at")
                return gpu
        raise NvmlFault(6)

    def slices(self, handle: Any) -> list[Any] | None:
        return self._answer(handle, "slices")

    def name(self, handle: Any) -> str:
        return self._answer(handle, "name")

    def uuid(self, handle: Any) -> str:
        return self._answer(handle, "uuid")

    def slot(self, handle: Any) -> str | None:
        return self._answer(handle, "slot")

    def pci_ids(self, handle: Any) -> str | None:
        self._fail(handle, "pci_ids")
        return "10de:2684"

    def capability(self, handle: Any) -> str:
        self._fail(handle, "capability")
        return "8.9"

    def memory(self, handle: Any) -> NvmlMemory:
        return self._answer(handle, "memory")

    def shares_page_tables(self, handle: Any) -> bool:
        return self._answer(handle, "ats")

    def virtual(self, handle: Any) -> bool:
        return self._answer(handle, "vgpu")

    def utilization(self, handle: Any) -> int:
        return self._answer(handle, "utilization")

    def temperature(self, handle: Any) -> int:
        return self._answer(handle, "temperature")

    def power_usage_mw(self, handle: Any) -> int:
        self._fail(handle, "power_usage")
        return handle.power_mw

    def power_field_mw(self, handle: Any, number: int, scope: int) -> int:
        self._fail(handle, f"field{number}/{scope}")
        if scope == 1:
            raise NvmlFault(3)
        return handle.power_mw

    def energy_mj(self, handle: Any) -> int:
        return self._answer(handle, "energy_mj")

    def clock_reasons(self, handle: Any) -> int:
        return self._answer(handle, "clock_reasons")

    def limit_mw(self, handle: Any) -> int:
        return self._answer(handle, "limit_mw")

    def wanted_limit_mw(self, handle: Any) -> int:
        return self._answer(handle, "limit_mw")

    def default_limit_mw(self, handle: Any) -> int:
        return self._answer(handle, "default_mw")

    def limit_range_mw(self, handle: Any) -> tuple[int, int]:
        return self._answer(handle, "range_mw")

    def set_limit_mw(self, handle: Any, limit_mw: int) -> None:
        self._fail(handle, "set_limit")
        handle.limit_mw = limit_mw

    def processes(self, handle: Any) -> list[NvmlProcess]:
        return self._answer(handle, "processes")

    def process_use(self, handle: Any, since_us: int) -> list[NvmlUse]:
        return [use for use in self._answer(handle, "process_use") if use.at_us > since_us]

    def _answer(self, gpu: FakeGpu, what: str) -> Any:
        self._fail(gpu, what)
        return getattr(gpu, what)

    def _fail(self, gpu: FakeGpu, what: str) -> None:
        self._note(f"{what} {gpu.slot}")
        code = gpu.faults.get(what, gpu.faults.get("all"))
        if code is not None:
            raise NvmlFault(code)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.on_call is not None:
            self.on_call(call)
