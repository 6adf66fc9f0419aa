"""What is asked of a Mac's system libraries: everything is given back, and whatever is missing is unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from fakes.mac_libraries import Mac
from wattlight.probes.apple import energy, foundation, registry
from wattlight.probes.apple.energy import Channel, IOReport, chip_energy
from wattlight.probes.apple.foundation import CoreFoundation, Ref, Sysctl, working_set_bytes
from wattlight.probes.apple.registry import GPU_CLASS, AdapterInput, DeviceRegistry, Smc


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Mac:
    """A Mac in the place of this computer."""
    made = Mac()
    for module in (foundation, energy, registry):
        monkeypatch.setattr(module, "ctypes", made.stand_in())
    return made


VALUES: list[Any] = [
    "text",
    "größer",
    0,
    -5,
    1 << 40,
    0.5,
    True,
    False,
    [],
    [1, "a", [True]],
    {},
    {"a": 1, "b": {"c": [2.5]}},
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_values_come_over_as_they_are(mac: Mac, value: Any) -> None:
    found = CoreFoundation().to_python(Ref(mac.new(value)))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (object(), None),
        (1 << 70, None),
        ("x" * 600, ""),
        ([object(), 1], [None, 1]),
        ({"a": object()}, {"a": None}),
        ([[[[[1]]]]], [[[[None]]]]),
    ],
    ids=["unknown", "too large", "too long", "in a list", "in a dictionary", "too deep"],
)
def test_what_cannot_come_over_is_unknown_and_hides_nothing_else(mac: Mac, value: Any, wanted: Any) -> None:
    assert CoreFoundation().to_python(Ref(mac.new(value))) == wanted


def test_nothing_is_nothing(mac: Mac) -> None:
    cf = CoreFoundation()
    assert cf.to_python(None) is None
    assert cf.text(None) == ""
    assert cf.text(Ref(mac.new(5))) == ""
    cf.release(None)
    assert cf.get(Ref(mac.new({"a": 1})), "b") is None


def test_the_energy_of_a_window_is_the_change_between_two_looks(mac: Mac) -> None:
    mac.samples = [
        [("CPU Energy", "mJ", 100), ("GPU Energy", "nJ ", 7)],
        [("CPU Energy", "mJ", 350), ("GPU Energy", "nJ ", 1_000_000_007)],
        [("CPU Energy", "mJ", 350), ("GPU Energy", "nJ ", 1_000_000_007)],
    ]
    report = IOReport(CoreFoundation())
    kept = set(mac.alive)
    assert report.changes() == []
    first = report.changes()
    assert first == [Channel("CPU Energy", "mJ", 250), Channel("GPU Energy", "nJ ", 1_000_000_000)]
    assert (chip_energy(first).cpu_j, chip_energy(first).gpu_j) == (0.25, 1.0)
    idle = chip_energy(report.changes())
    assert (idle.cpu_j, idle.gpu_j) == (None, 0.0)
    assert len(mac.alive - kept) == 1  # the last sample, for the next look
    report.close()
    assert mac.alive == kept


def test_channels_that_vanish_are_no_energy(mac: Mac) -> None:
    mac.samples = [[("CPU Energy", "mJ", 1)], [], [("CPU Energy", "mJ", 9)]]
    report = IOReport(CoreFoundation())
    kept = set(mac.alive)
    assert [report.changes() for _ in range(5)] == [[]] * 5
    report.close()
    assert mac.alive == kept


@pytest.mark.parametrize("how", ["no channels", "refused", "no library", "no function"])
def test_without_energy_channels_there_is_no_report(mac: Mac, how: str) -> None:
    mac.samples = [] if how == "no channels" else [[("CPU Energy", "mJ", 1)]]
    mac.refused = how == "refused"
    mac.absent = {"IOReport"} if how == "no library" else set()
    mac.missing = {"IOReportCreateSamplesDelta"} if how == "no function" else set()
    with pytest.raises((OSError, AttributeError)):
        IOReport(CoreFoundation())


def test_properties_of_the_registry_and_nothing_kept(mac: Mac) -> None:
    mac.entries = {GPU_CLASS: {"model": "M4", "stats": {"Device Utilization %": 80}}}
    found = DeviceRegistry(CoreFoundation()).properties(GPU_CLASS, ("model", "stats", "absent"))
    assert found == {"model": "M4", "stats": {"Device Utilization %": 80}}
    assert mac.alive == set()
    assert DeviceRegistry(CoreFoundation()).properties("AppleSmartBattery", ("Voltage",)) == {}


@pytest.mark.parametrize(
    ("telemetry", "watts"),
    [
        ({"SystemPowerIn": 45_300}, 45.3),
        ({"SystemPowerIn": 0}, None),
        ({"SystemPowerIn": -1}, None),
        ({"SystemPowerIn": 5_000_000}, None),
        ({"SystemPowerIn": True}, None),
        ({"SystemPowerIn": "45"}, None),
        ({}, None),
        ("none", None),
        (None, None),
    ],
)
def test_what_the_adapter_gives(mac: Mac, telemetry: Any, watts: float | None) -> None:
    mac.entries = {"AppleSmartBattery": {"PowerTelemetryData": telemetry}}
    assert AdapterInput(DeviceRegistry(CoreFoundation())).watts() == watts


def test_the_controllers_watts_and_its_connection_is_closed_once(mac: Mac) -> None:
    mac.keys = {"PSTR": 31.5, "PDTR": 5000.0, "PZER": 0.0}
    smc = Smc(CoreFoundation())
    assert mac.alive == set()
    assert smc.watts() == 31.5
    assert smc.watts("PDTR") is None  # 5 kW is no laptop
    assert smc.watts("PZER") is None
    assert smc.watts("NONE") is None
    mac.keys = {"PSTR": 12.25}
    assert smc.watts("PSTR") == 12.25
    mac.refused = True
    assert smc.watts("PSTR") is None
    smc.close()
    smc.close()
    assert mac.open_connections == 0


def no_controller(mac: Mac) -> None:
    mac.controller = False


def no_endpoint(mac: Mac) -> None:
    mac.devices = ["Other"]


def refused(mac: Mac) -> None:
    mac.refused = True


@pytest.mark.parametrize("change", [no_controller, no_endpoint, refused])
def test_without_a_controller_there_is_an_error_and_nothing_is_kept(
    mac: Mac, change: Callable[[Mac], None]
) -> None:
    change(mac)
    with pytest.raises(OSError, match="no system management controller"):
        Smc(CoreFoundation())
    assert len(mac.alive) <= (change is no_controller)


@pytest.mark.parametrize(
    ("told", "known"),
    [(1 << 34, 1 << 34), (None, None), (0, None), (1 << 46, None)],
)
def test_the_working_set_is_metals_own_or_unknown(mac: Mac, told: int | None, known: int | None) -> None:
    mac.working_set = told
    assert working_set_bytes() == known


@pytest.mark.parametrize("library", ["CoreGraphics", "Metal", "libobjc"])
def test_without_metal_the_working_set_is_unknown(mac: Mac, library: str) -> None:
    mac.absent = {library}
    assert working_set_bytes() is None


def test_kernel_values(mac: Mac) -> None:
    mac.sysctl = {
        "machdep.cpu.brand_string": b"Apple M4\0",
        "hw.memsize": (64 << 30).to_bytes(8, "little"),
        "hw.ncpu": (14).to_bytes(4, "little"),
        "odd": b"\x01\x02\x03",
        "empty": b"",
        "broken": b"\xff\xfe\0",
    }
    kernel = Sysctl()
    assert kernel.text("machdep.cpu.brand_string") == "Apple M4"
    assert (kernel.number("hw.memsize"), kernel.number("hw.ncpu")) == (64 << 30, 14)
    assert kernel.number("odd") is kernel.number("empty") is kernel.number("absent") is None
    assert kernel.text("empty") is kernel.text("absent") is None
    assert kernel.text("broken") == "\ufffd\ufffd"
