"""How busy a Linux laptop is: clock, own screen, other screens; the battery's identity."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wattlight.domain.power import Usage
from wattlight.probes.linux.battery import LinuxBattery
from wattlight.probes.linux.usage import LinuxUsage
from wattlight.probes.numbers import Moment
from wattlight.probes.reader import Reader
from wattlight.probes.windows.host import busy_share

Make = Callable[..., Path]
B, C, D = "sys/class/backlight", "sys/devices/system/cpu/cpufreq", "sys/class/drm"


def light(name: str, kind: str, value: Any, highest: Any = 1000, power: Any = 0) -> dict[str, Any]:
    folder = f"{B}/{name}"
    return {
        f"{folder}/type": kind,
        f"{folder}/actual_brightness": value,
        f"{folder}/max_brightness": highest,
        f"{folder}/bl_power": power,
    }


def look(make_tree: Make, tree: dict[str, Any], busy: float | None = 0.25) -> Usage:
    reader = Reader(make_tree(tree))
    found = LinuxUsage(reader).look(Moment(5.0, 0), Usage(busy, battery="A", battery_wh=30.0))
    reader.close()
    return found


def test_a_bare_machine_tells_its_load_alone(make_tree: Make) -> None:
    assert look(make_tree, {"proc/version": "x"}) == Usage(0.25, battery="A", battery_wh=30.0)


@pytest.mark.parametrize(
    ("tree", "brightness"),
    [
        (light("intel_backlight", "raw", 250), 0.25),
        (light("intel_backlight", "raw", 250) | light("acpi_video0", "firmware", 9, 10), 0.9),
        (light("amdgpu_bl1", "raw", 250, power=4), 0.0),
        (light("amdgpu_bl1", "raw", "garbage"), None),
        (light("amdgpu_bl1", "raw", 2000), None),
        (light("amdgpu_bl1", "raw", 5, 0), None),
        (light("x", "unheard of", 5), None),
    ],
    ids=["one", "the firmware's first", "off", "garbage", "above its highest", "no highest", "unknown kind"],
)
def test_brightness(tree: dict[str, Any], brightness: float | None, make_tree: Make) -> None:
    assert look(make_tree, tree).brightness == brightness


def test_the_clock_is_the_mean_share_of_a_few_processors(make_tree: Make) -> None:
    tree: dict[str, Any] = {}
    for n in range(32):
        tree[f"{C}/policy{n}/cpuinfo_max_freq"] = 4_000_000
        tree[f"{C}/policy{n}/scaling_cur_freq"] = 1_000_000 if n % 8 == 0 else 3_000_000
    opened: list[str] = []
    reader = Reader(make_tree(tree), opened.append)
    usage = LinuxUsage(reader)
    opened.clear()
    found = usage.look(Moment(5.0, 0), Usage(0.5))
    reader.close()
    assert found.clock == pytest.approx(0.5)  # policies 0, 4, 8 ...: half of them slow
    assert len([line for line in opened if "scaling_cur_freq" in line]) == 8


def test_one_processor_without_a_figure_is_left_out(make_tree: Make) -> None:
    tree = {
        f"{C}/policy0/cpuinfo_max_freq": 4_000_000,
        f"{C}/policy0/scaling_cur_freq": "<unknown>",
        f"{C}/policy1/cpuinfo_max_freq": 2_000_000,
        f"{C}/policy1/scaling_cur_freq": 2_500_000,
    }
    assert look(make_tree, tree).clock == 1.0


def connector(name: str, status: str, enabled: str = "enabled") -> dict[str, Any]:
    return {f"{D}/{name}/status": status, f"{D}/{name}/enabled": enabled}


def test_other_screens_that_are_on(make_tree: Make) -> None:
    tree = (
        connector("card1-eDP-1", "connected")
        | connector("card1-HDMI-A-1", "connected")
        | connector("card1-DP-2", "connected", "disabled")
        | connector("card1-DP-3", "disconnected")
        | connector("card0-Writeback-1", "unknown")
        | {f"{D}/card1/dev": "226:1"}
    )
    assert look(make_tree, tree).screens == 1


def test_a_battery_is_told_from_another_without_its_serial_number(make_tree: Make) -> None:
    folder = "sys/class/power_supply"
    tree = {
        f"{folder}/BAT0/type": "Battery",
        f"{folder}/BAT0/manufacturer": "SMP",
        f"{folder}/BAT0/model_name": "L19M4PC0",
        f"{folder}/BAT0/energy_full_design": 57000000,
        f"{folder}/BAT0/serial_number": "12345",
        f"{folder}/BAT1/type": "Battery",
        f"{folder}/BAT1/model_name": "5B10W",
        f"{folder}/BAT1/charge_full_design": 4000000,
        f"{folder}/BAT1/status": "Discharging",
    }
    reader = Reader(make_tree(tree))
    name = LinuxBattery(reader).look().name
    reader.close()
    assert name == "SMP L19M4PC0 57000000 + 5B10W 4000000"


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ((100, 200), (150, 300), 0.5),
        ((100, 200), (200, 300), 0.0),
        (None, (150, 300), None),
        ((100, 200), None, None),
        ((100, 200), (100, 200), None),
        ((100, 200), (90, 300), None),
    ],
)
def test_the_load_of_windows(
    before: tuple[int, int] | None, after: tuple[int, int] | None, share: float | None
) -> None:
    assert busy_share(before, after) == share
