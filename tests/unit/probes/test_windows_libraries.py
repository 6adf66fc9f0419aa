"""What is asked of Windows' libraries: handles are closed, and whatever fails is unknown."""

import ctypes
import struct
import sys
from types import ModuleType
from typing import Any

import pytest

from fakes.windows_libraries import Windows
from wattlight.probes.probe import DeviceCache
from wattlight.probes.reader import Reader
from wattlight.probes.windows import host
from wattlight.probes.windows.adapters import (
    DeviceStates,
    GraphicsKernel,
    library,
    registry_sizes,
)
from wattlight.probes.windows.gpu import DEDICATED, ENGINE, SHARED, PerformanceCounters
from wattlight.probes.windows.host import EnergyMeters, read_battery

GIB = 1 << 30
NVIDIA = r"PCI\VEN_10DE&DEV_2684&SUBSYS_1&REV_A1\4&1&0&8"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    """In the place of this computer."""
    made = Windows()
    monkeypatch.setattr(ctypes, "WinDLL", made.load, raising=False)
    return made


def card(
    name: str = "NVIDIA GeForce RTX 4090", bits: int = 0, own: int = 24 * GIB, shared: int = 16 * GIB
) -> dict[int, bytes]:
    return {
        15: struct.pack("<I", bits),
        6: struct.pack("<III", 1, 0, 0),
        31: struct.pack("<7I", 0, 0x10DE, 0x2684, 0, 0, 0, 0),
        8: name.encode("utf-16-le") + bytes(2),
        3: struct.pack("<QQQ", own, 0, shared),
    }


class Firmware(ModuleType):
    """``winreg`` with what Windows notes of processor and firmware below HKEY_LOCAL_MACHINE."""

    HKEY_LOCAL_MACHINE = "HKLM"

    def __init__(self, **values: str) -> None:
        super().__init__("winreg")
        self.values = values

    def OpenKey(self, _root: str, name: str) -> str:
        return name

    def QueryValueEx(self, key: str, name: str) -> tuple[str, int]:
        assert key.startswith("HARDWARE\\DESCRIPTION\\System\\")
        if name not in self.values:
            raise FileNotFoundError(2, name)
        return self.values[name], 1


@pytest.mark.parametrize(
    ("vendor", "product", "hypervisor"),
    [
        ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "QEMU"),
        ("Red Hat", "KVM", "KVM"),
        ("Microsoft Corporation", "Virtual Machine", "Hyper-V"),
        ("Microsoft Corporation", "Surface Laptop Studio", None),
        ("Oracle Corporation", "ORACLE SERVER X9-2", None),
        ("innotek GmbH", "VirtualBox", "VirtualBox"),
        ("ASUS", "System Product Name", None),
        ("", "", None),
    ],
)
def test_processor_and_virtual_machine_are_named_by_the_registry(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, vendor: str, product: str, hypervisor: str | None
) -> None:
    name = "AMD Ryzen 9 7950X 16-Core Processor            "
    firmware = Firmware(ProcessorNameString=name, SystemManufacturer=vendor, SystemProductName=product)
    monkeypatch.setitem(sys.modules, "winreg", firmware)
    made = host.WindowsHost(Reader(None), DeviceCache(None), lambda: None)  # type: ignore[arg-type, return-value]
    seen = made.context().environment
    assert seen.cpu_name == name.strip()
    assert (seen.hypervisor, seen.virtual_machine) == (hypervisor, hypervisor is not None)
    assert bool(seen.messages) == seen.virtual_machine
    firmware.values.clear()
    monkeypatch.setenv("PROCESSOR_IDENTIFIER", "ARMv8 (64-bit) Family 8")
    assert made.context().environment.cpu_name == "ARMv8 (64-bit) Family 8"


def test_there_is_nothing_to_load_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ctypes, "WinDLL", raising=False)
    with pytest.raises(OSError, match="not Windows"):
        library("gdi32")
    assert not read_battery().present


def test_adapters_with_what_the_kernel_tells_and_every_handle_closed(windows: Windows) -> None:
    windows.adapters = {7: (0xD1B2, 0, card()), 9: (0xE000, -1, card("WARP", bits=1 << 2))}
    (found,) = GraphicsKernel().adapters()
    assert (found.name, found.vendor_id, found.device_id) == ("NVIDIA GeForce RTX 4090", 0x10DE, 0x2684)
    assert (found.luid, found.slot) == ("0_d1b2", "0000:01:00.0")
    assert (found.dedicated_bytes, found.shared_bytes, found.integrated) == (24 * GIB, 16 * GIB, False)
    assert windows.closed == [7, 9]


def test_questions_without_an_answer_leave_their_field_empty(windows: Windows) -> None:
    windows.adapters = {7: (1, 0, {15: struct.pack("<I", 0)}), 8: (2, 0, {})}
    (found,) = GraphicsKernel().adapters()
    assert found.name == "GPU 0000:0000"
    assert (found.dedicated_bytes, found.shared_bytes) == (None, None)
    assert windows.closed == [7, 8]


def test_a_name_with_markup_and_controls_is_cleaned(windows: Windows) -> None:
    windows.adapters = {7: (1, 0, card("A\x1b[31m\x07card"))}
    (found,) = GraphicsKernel().adapters()
    assert "\x1b" not in found.name and "\x07" not in found.name


def test_a_kernel_that_refuses_lists_nothing(windows: Windows) -> None:
    windows.failing = {"enumerate"}
    assert GraphicsKernel().adapters() == []
    windows.absent = {"D3DKMTEnumAdapters2"}
    with pytest.raises(AttributeError):
        GraphicsKernel()


class Registry(ModuleType):
    """The drivers' keys: {number: (size, ids)}; a missing value is an OSError."""

    HKEY_LOCAL_MACHINE = 1

    def __init__(self, keys: dict[str, tuple[Any, Any]] | None) -> None:
        super().__init__("winreg")
        self._keys = keys

    def OpenKey(self, parent: Any, name: str) -> Any:
        if parent == self.HKEY_LOCAL_MACHINE:
            if self._keys is None:
                raise OSError("closed")
            return "class"
        if self._keys is None or name not in self._keys:
            raise OSError(2, "no such key")
        return self._keys[name]

    def QueryValueEx(self, key: Any, name: str) -> tuple[Any, int]:
        value = key[0] if "Memory" in name else key[1]
        if value is None:
            raise OSError(2, "no such value")
        return value, 1


IDS = r"PCI\VEN_10DE&DEV_2684"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"0000": (24 * GIB, IDS)}, 24 * GIB),
        ({"0000": ((24 * GIB).to_bytes(8, "little"), IDS)}, 24 * GIB),
        ({"0000": (8 * GIB, IDS), "0003": (24 * GIB, IDS), "0005": (None, IDS)}, 24 * GIB),
        ({"0000": (24 * GIB, None)}, None),
        ({"0000": (24 * GIB, "ROOT\\BasicRender")}, None),
        ({"0000": ("24", IDS)}, None),
        ({"0000": (1 << 50, IDS)}, None),
        ({"0000": (4096, IDS)}, None),
        ({}, None),
        (None, None),
    ],
)
def test_sizes_in_the_registry(
    keys: dict[str, tuple[Any, Any]] | None, found: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "winreg", Registry(keys))
    assert registry_sizes() == ({} if found is None else {(0x10DE, 0x2684): found})


def test_the_registrys_size_is_before_the_kernels(windows: Windows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "winreg", Registry({"0000": (24 * GIB, IDS)}))
    windows.adapters = {7: (1, 0, card(own=512 << 20))}
    assert GraphicsKernel().adapters()[0].dedicated_bytes == 24 * GIB


def power(state: int) -> bytes:
    return struct.pack("<II", 56, state) + bytes(48)


@pytest.mark.parametrize(
    ("devices", "asleep"),
    [
        ({NVIDIA: power(4)}, True),
        ({NVIDIA: power(1)}, False),
        ({NVIDIA: power(4), NVIDIA + "2": power(1)}, False),
        ({NVIDIA: power(4), NVIDIA + "2": None}, False),
        ({NVIDIA: power(4), NVIDIA + "2": b""}, False),
        ({NVIDIA: b"\x38\0\0\0"}, False),
        ({NVIDIA: power(9)}, False),
        ({NVIDIA.lower(): power(3)}, True),
        ({r"PCI\VEN_8086&DEV_9A49": power(4)}, False),
        ({}, False),
    ],
)
def test_asleep_is_only_what_is_known_to_be(
    windows: Windows, devices: dict[str, bytes | None], asleep: bool
) -> None:
    windows.devices = devices
    assert DeviceStates().asleep(0x10DE, 0x2684) is asleep


@pytest.mark.parametrize("fails", ["size", "list"])
def test_devices_that_cannot_be_listed_are_not_called_asleep(windows: Windows, fails: str) -> None:
    windows.devices = {NVIDIA: power(4)}
    windows.failing = {fails}
    assert not DeviceStates().asleep(0x10DE, 0x2684)


def metadata(*names: str) -> bytes:
    raw = bytes(64) + struct.pack("<HH", 1, len(names))
    for name in names:
        text = (name + "\0").encode("utf-16-le")
        raw += struct.pack("<IH", 0, len(text)) + text
    return raw


def measured(*counts: int) -> bytes:
    return b"".join(struct.pack("<QQ", count, 1) for count in counts)


def test_one_meter_for_each_package_whatever_repeats_it(windows: Windows) -> None:
    package = metadata("RAPL_Package0_PP0", "RAPL_Package0_PKG")
    windows.meters = {
        r"\\?\a": (package, measured(1, 250)),
        r"\\?\b": (package, measured(1, 250)),
        r"\\?\c": (metadata("Something"), measured(5)),
        r"\\?\d": (b"", b""),
        r"\\?\e": (metadata("RAPL_Package1_PKG"), b""),
    }
    meters = EnergyMeters()
    assert meters.names == ("RAPL_Package0_PKG", "RAPL_Package1_PKG")
    assert len(windows.open_files) == 2
    assert meters.counts() == {"RAPL_Package0_PKG": 250, "RAPL_Package1_PKG": None}
    windows.failing = {"control"}
    assert set(meters.counts().values()) == {None}
    meters.close()
    assert windows.open_files == {}
    assert meters.counts() == {}


@pytest.mark.parametrize("fails", ["class", "open", "control"])
def test_meters_that_cannot_be_opened_are_none(windows: Windows, fails: str) -> None:
    windows.meters = {r"\\?\a": (metadata("RAPL_Package0_PKG"), measured(1))}
    windows.failing = {fails}
    assert EnergyMeters().names == ()
    assert windows.open_files == {}


def test_a_battery_that_is_asked_and_one_that_refuses(windows: Windows) -> None:
    windows.battery = struct.pack("<4B4xIIiI", 0, 1, 0, 1, 60_000, 30_000, -15_000, 7200) + bytes(8)
    found = read_battery()
    assert (found.percent, found.discharge_w, found.seconds_left) == (50, 15.0, 7200)
    windows.battery = None
    assert not read_battery().present
    windows.absent = {"powrprof"}
    assert not read_battery().present


def test_a_start_of_the_computer_is_known_by_its_clock(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1_700_000_000.0]
    monkeypatch.setattr(host.time, "time", lambda: at[0])
    first = host._boot()
    at[0] += 60
    windows.ticks += 60_000
    assert host._boot() == first != ""
    windows.ticks = 1000
    assert host._boot() != first
    windows.absent = {"kernel32"}
    assert host._boot() == ""


def test_counters_by_instance_with_bad_items_left_out(windows: Windows) -> None:
    windows.counters = {
        ENGINE: [("pid_1_luid_a", 0, 12.5), ("pid_2_luid_a", 1, 0.0), ("bad", 7, 99.0), ("", 0, 1.0)],
        DEDICATED: [("luid_a", 0, 3 * GIB)],
        SHARED: [],
    }
    query = PerformanceCounters()
    query.collect()
    assert windows.collected == 1
    assert query.values(ENGINE, whole=False) == [("pid_1_luid_a", 12.5), ("pid_2_luid_a", 0.0)]
    assert query.values(DEDICATED, whole=True) == [("luid_a", float(3 * GIB))]
    assert query.values(SHARED, whole=True) == []
    assert query.values("unknown", whole=True) == []
    windows.failing = {"format"}
    assert query.values(ENGINE, whole=False) == []
    query.close()


def test_counters_that_are_not_there(windows: Windows) -> None:
    query = PerformanceCounters()
    assert query.values(ENGINE, whole=False) == []
    windows.failing = {"query"}
    with pytest.raises(OSError, match="no performance query"):
        PerformanceCounters()
