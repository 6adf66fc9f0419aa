"""macOS: the system's sources through ctypes, each optional. Untried parts fail alone."""

import os
import platform
from typing import Any

from wattlight.domain.values import clean_text
from wattlight.i18n import marked, tr

from ..environment import NO_GPU, Host, optional
from ..linux.memory import budgeted
from ..numbers import Moment
from ..nvidia.nvml import NvmlApi
from ..probe import DeviceCache, NvmlFactory, Probe, ProbeContext
from ..reader import Reader
from ..report import Battery, CpuPower, Environment, Memory
from .chip import AppleEnergy, AppleGpu, chip_power
from .energy import IOReport
from .foundation import CoreFoundation, Sysctl, working_set_bytes
from .registry import BATTERY_CLASS, BATTERY_KEYS, AdapterInput, DeviceRegistry, Smc, battery_of

INTEL_MAC = marked("This is an Intel Mac: its graphics are not measured, models run on the CPU.")
PRESSURE = marked("macOS is short of memory: it is compressing or swapping.")


class MacHost(Host):
    def __init__(self, reader: Reader, cache: DeviceCache, nvml: NvmlFactory = NvmlApi) -> None:
        super().__init__(reader, cache, nvml)
        self._sysctl = optional(Sysctl)
        foundation = optional(CoreFoundation)
        self._registry = optional(lambda: DeviceRegistry(_need(foundation)))
        self._report = optional(lambda: IOReport(_need(foundation)))
        self._smc = optional(lambda: Smc(_need(foundation)))
        self._energy = AppleEnergy(self._report)
        self._adapter = AdapterInput(self._registry) if self._registry else None

    def boot_id(self) -> str:
        return self._text("kern.bootsessionuuid") or ""

    def find(self, context: ProbeContext) -> list[Probe]:
        """The chip's GPU; none on an Intel Mac."""
        if not self._is_arm():
            return []
        name = context.environment.cpu_name or "Apple GPU"
        ram = self._number("hw.memsize")
        return [AppleGpu(name, self._energy, self._registry, working_set_bytes(), ram)]

    def memory(self) -> Memory:
        """Memory now; pressure is said because "available" is optimistic on macOS."""
        try:
            import psutil

            seen = psutil.virtual_memory()
            swap = psutil.swap_memory()
        except Exception as error:  # noqa: BLE001 - whatever the library meets, memory is then unknown
            return Memory(
                reason=tr(
                    "the system does not say how much memory there is ({name})", name=type(error).__name__
                )
            )
        pressed = (self._number("kern.memorystatus_vm_pressure_level") or 1) >= 2
        return budgeted(
            Memory(
                host_total_bytes=seen.total,
                host_available_bytes=seen.available,
                total_bytes=seen.total,
                available_bytes=min(seen.available, seen.total),
                swap_total_bytes=swap.total,
                swap_free_bytes=swap.free,
                messages=(PRESSURE,) if pressed else (),
            )
        )

    def cpu_power(self, now: Moment) -> CpuPower:
        return chip_power(now, self._energy, self._smc or self._adapter)

    def battery(self) -> Battery:
        return battery_of(self._registry.properties(BATTERY_CLASS, BATTERY_KEYS) if self._registry else {})

    def _read_busy(self, _now: Moment) -> float | None:
        try:
            import psutil

            return float(psutil.cpu_percent(None)) / 100
        except Exception:  # noqa: BLE001 - whatever the library meets, the load is then unknown
            return None

    def close(self) -> None:
        for source in (self._report, self._smc, self.reader):
            if source is not None:
                source.close()

    def _environment(self) -> Environment:
        virtual = self._number("kern.hv_vmm_present") == 1
        return Environment(
            os="macos",
            kernel=platform.mac_ver()[0] or None,
            cpu_name=self._text("machdep.cpu.brand_string"),
            cpu_cores=os.cpu_count(),
            virtual_machine=virtual,
            messages=(tr("Power sensors are not available in a virtual machine."),) if virtual else (),
        )

    def _no_gpu(self) -> str:
        return NO_GPU if self._is_arm() else INTEL_MAC

    def _is_arm(self) -> bool:
        return self._number("hw.optional.arm64") == 1

    def _number(self, name: str) -> int | None:
        return self._sysctl.number(name) if self._sysctl else None

    def _text(self, name: str) -> str | None:
        text = self._sysctl.text(name) if self._sysctl else None
        return clean_text(text) if text else None


def _need(foundation: Any) -> Any:
    if foundation is None:
        raise OSError("no CoreFoundation")
    return foundation
