"""The probes on a stand-in for the libraries of Windows, through real calls: layouts, sums, handles."""

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wattlight.domain.values import Quality
from wattlight.probes import Prober, open_prober
from wattlight.probes.report import HardwareReport
from wattlight.probes.windows import adapters, gpu, host

DLL = os.environ.get("FAKE_KERNEL_DLL", "")
NVML = os.environ.get("FAKE_NVML_FOLDER", "")
pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not DLL, reason="FAKE_KERNEL_DLL names no stand-in (built by setup.sh)"),
]
GIB = 1 << 30
Look = Callable[[str], HardwareReport]


def stand_in(_name: str) -> ctypes.CDLL:
    return ctypes.WinDLL(DLL)  # type: ignore[attr-defined, unused-ignore]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Prober]]:
    made: list[Prober] = []
    for module in (adapters, gpu, host):
        monkeypatch.setattr(module, "library", stand_in)
    yield made
    for prober in made:
        prober.close()


@pytest.fixture
def look(opened: list[Prober], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Look:
    """What a second look sees, with counters that have begun to count."""

    def seen(mode: str) -> HardwareReport:
        monkeypatch.setenv("FAKE_KERNEL", mode)
        ctypes.cdll.msvcrt._putenv(f"FAKE_KERNEL={mode}".encode())  # the library has a runtime of its own
        opened.append(open_prober(cache=tmp_path))
        opened[-1].report()
        time.sleep(4)  # a hold-up between the counter and the clock is small beside it
        return opened[-1].report()

    return seen


def test_the_cards_are_the_kernels_and_every_handle_is_closed(look: Look) -> None:
    card, built_in = look("radeon").accelerators
    assert (card.name, built_in.name) == ("AMD Radeon RX 7900 XTX", "Intel(R) UHD Graphics 770")
    assert card.memory.dedicated_total_bytes == 25753026560 and card.memory.dedicated_used_bytes == 6 * GIB
    assert card.load.value == 51, "processes of one engine are added, then the busiest engine counts"
    assert card.power.value is None and card.power.reason
    assert stand_in("").fake_open_handles() == 0


def test_a_card_that_sleeps_is_left_alone(look: Look) -> None:
    card = look("asleep").accelerators[0]
    assert card.power.value is None and card.state != "active"


def test_the_energy_meter_is_power(look: Look) -> None:
    power = look("radeon").cpu_power
    assert power.package.value == pytest.approx(45, rel=0.25), "counts of a picowatt-hour, over the real time"
    assert power.package.quality is Quality.COUNTER and "RAPL_Package0_PKG" in power.scope


def test_battery_and_memory(look: Look) -> None:
    seen = look("radeon")
    assert (seen.battery.state, seen.battery.discharge_w, seen.battery.percent) == ("discharging", 15.25, 75)
    assert seen.battery.seconds_left == 10600 and seen.battery.on_ac is False
    assert seen.memory.total_bytes == 64 * GIB and seen.memory.limit_source == "commit limit"
    assert seen.memory.host_available_bytes == 40 * GIB and seen.memory.messages == (host.NO_COMMIT,)


def test_the_registry_names_the_processor(look: Look) -> None:
    environment = look("radeon").environment
    assert environment.os == "windows" and environment.kernel
    assert environment.cpu_name and "Family" not in environment.cpu_name


@pytest.mark.skipif(not NVML, reason="FAKE_NVML_FOLDER names no stand-in (built by setup.sh)")
def test_a_geforce_is_asked_through_its_own_library(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ProgramFiles", NVML)
    card = look("nvidia").accelerators[0]
    assert card.name == "NVIDIA GeForce RTX 4090"
    assert (card.power.value, card.power.source) == (213.45, "nvml field 186 (instant)")
    assert card.memory.dedicated_total_bytes == 25757220864 and card.temperature_c == 47
