"""NVIDIA Tegra boards (Jetson): no PCI device, little of NVML; load, temperature and rails from sysfs."""

import re

from wattlight.domain.power import measured
from wattlight.domain.values import Device, DeviceSample, Quality, Scope, clean_text, figure_of
from wattlight.i18n import tr

from ..numbers import Moment, again_whole, celsius_of, percent_of
from ..probe import Probe, ProbeContext
from ..reader import Reader
from ..report import Memory
from .cards import NvidiaUnlisted
from .device import unified_memory

_LOADS = (
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
)
_ZONES = "/sys/class/thermal"
_HWMON = "/sys/class/hwmon"
_I2C = "/sys/bus/i2c/devices"
_GPU_RAILS = re.compile(r"GPU", re.IGNORECASE)
_WHOLE_RAILS = ("VDD_IN", "POM_5V_IN", "VIN_SYS_5V0", "VDD_TOTAL")


class Rail:
    """One rail of a power monitor: millivolt times milliampere, or milliwatt on older kernels."""

    def __init__(self, reader: Reader, label: str, paths: tuple[str, ...]) -> None:
        self._reader, self.label, self._paths = reader, label, paths

    def watts(self) -> float | None:
        """Watts, None when a file cannot be read or is not credible."""
        try:
            values = [again_whole(self._reader, path, 0, 100_000_000) for path in self._paths]
        except OSError:
            return None
        known = [value for value in values if value is not None]
        if len(known) != len(values):
            return None
        watts = known[0] * known[1] / 1e6 if len(known) == 2 else known[0] / 1e3
        return watts if 0 < watts <= 500 else None


class Jetson(Probe):
    key = "jetson"

    def __init__(self, context: ProbeContext, load: str) -> None:
        self._reader = context.reader
        self._load = load
        self._heat = _thermal_zone(self._reader)
        self._rails = _rails(self._reader)
        model = (
            clean_text((self._reader.text("/proc/device-tree/model") or "").strip("\0 ")) or "NVIDIA Jetson"
        )
        self._device = Device(
            "platform:gpu.0",
            model,
            "cuda",
            integrated=True,
            vendor="nvidia",
            driver="nvgpu",
            name_source="device tree" if model != "NVIDIA Jetson" else "default",
        )

    def look(self, now: Moment, memory: Memory) -> tuple[DeviceSample, ...]:
        """The board's row; the rail that feeds the GPU if it is named, else the whole board's."""
        load = self._number(self._load, 0, 1100)
        heat = celsius_of(self._number(self._heat, -40_000, 150_000)) if self._heat else None
        rail = next((r for r in self._rails if _GPU_RAILS.search(r.label)), None)
        whole = next((r for r in self._rails if r.label in _WHOLE_RAILS), None)
        chosen = rail or whole
        watts = chosen.watts() if chosen else None
        scope, text = (Scope.CHIP, "gpu rail") if rail else (Scope.MODULE, "whole module")
        if rail and _is_mixed(rail.label):
            scope, text = Scope.PACKAGE, "rail shared by GPU and others"
        source = f"ina3221 {chosen.label}" if chosen else ""
        reason = tr("this board has no readable power monitor")
        busy = percent_of(None if load is None else load / 10)
        row = DeviceSample(
            self._device,
            measured(watts, source, scope, Quality.SAMPLED, reason),
            figure_of(busy, "sysfs load (per mille)", tr("this kernel does not report the load")),
            memory=unified_memory(memory),
            power_scope=text if watts is not None else None,
            temperature_c=heat,
            temperature_label="gpu-thermal" if heat is not None else None,
        )
        return (row,)

    def _number(self, path: str, low: int, high: int) -> int | None:
        try:
            return again_whole(self._reader, path, low, high)
        except OSError:
            return None


def _is_mixed(label: str) -> bool:
    return "CPU" in label.upper() or "SOC" in label.upper()


def _thermal_zone(reader: Reader) -> str | None:
    for zone in reader.listdir(_ZONES):
        if (reader.text(f"{_ZONES}/{zone}/type") or "").lower() in {"gpu-thermal", "gpu-therm"}:
            return f"{_ZONES}/{zone}/temp"
    return None


def _rails(reader: Reader) -> list[Rail]:
    found = []
    for folder in _monitors(reader):
        for entry in reader.listdir(folder):
            new = re.fullmatch(r"in([0-9]+)_label", entry)
            old = re.fullmatch(r"rail_name_([0-9]+)", entry)
            label = clean_text(reader.text(f"{folder}/{entry}") or "", 40) if new or old else ""
            if new and label:
                number = new.group(1)
                paths = (f"{folder}/in{number}_input", f"{folder}/curr{number}_input")
                if all(reader.exists(path) for path in paths):
                    found.append(Rail(reader, label, paths))
            elif old and label:
                found.append(Rail(reader, label, (f"{folder}/in_power{old.group(1)}_input",)))
    return found


def _monitors(reader: Reader) -> list[str]:
    folders = [f"{_HWMON}/{name}" for name in reader.listdir(_HWMON)]
    for name in reader.listdir(_I2C):
        folders += [f"{_I2C}/{name}/hwmon/{e}" for e in reader.listdir(f"{_I2C}/{name}/hwmon")]
        folders += [
            f"{_I2C}/{name}/{e}" for e in reader.listdir(f"{_I2C}/{name}") if e.startswith("iio:device")
        ]
    chosen = [f for f in folders if (reader.text(f"{f}/name") or "").startswith("ina3221")]
    direct = [f for f in chosen if f.startswith(_HWMON)]
    return direct or chosen


def find(context: ProbeContext) -> list[Probe]:
    """The Tegra part of this machine, if it is one."""
    reader = context.reader
    load = next((path for path in _LOADS if reader.exists(path)), None)
    if load is not None:
        return [Jetson(context, load)]
    compatible = reader.text("/proc/device-tree/compatible") or ""
    pci_nvidia = any(a.vendor_id == 0x10DE for a in context.adapters)
    return [NvidiaUnlisted(context)] if "tegra" in compatible and not pci_nvidia else []
