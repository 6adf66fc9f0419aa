"""Batteries: both unit systems, both signs, two of them, none that are the computer's."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wattlight.domain.power import compose, measured
from wattlight.domain.values import Device, DeviceSample, Quality, Scope
from wattlight.probes.linux.battery import LinuxBattery
from wattlight.probes.reader import Reader
from wattlight.probes.report import Battery, CpuPower
from wattlight.probes.samples import device_samples

Make = Callable[..., Path]
S = "sys/class/power_supply"


def cell(name: str, **values: Any) -> dict[str, Any]:
    base = {"type": "Battery", "present": 1, "status": "Discharging", **values}
    return {f"{S}/{name}/{key}": value for key, value in base.items()}


def look(make_tree: Make, *trees: dict[str, Any]) -> Battery:
    merged: dict[str, Any] = {}
    for tree in trees:
        merged.update(tree)
    reader = Reader(make_tree(merged))
    battery = LinuxBattery(reader).look()
    reader.close()
    return battery


@pytest.mark.parametrize("current", [1_500_000, -1_500_000, 2**64 - 1_500_000])
def test_current_has_no_meaningful_sign(current: int, make_tree: Make) -> None:
    tree = cell(
        "BAT0",
        current_now=current,
        voltage_now=12_000_000,
        charge_now=3_000_000,
        charge_full=4_000_000,
        capacity=75,
    )
    battery = look(make_tree, tree)
    assert battery.discharge_w == 18.0 and battery.charge_w is None and battery.on_ac is False
    assert battery.energy_now_wh == 36.0 and battery.seconds_left == 7200
    assert battery.source == "power_supply current_now x voltage_now"


def test_charging_is_not_the_draw_of_the_computer(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("BAT0", status="Charging", power_now=30_000_000, energy_now=1_000_000),
        {f"{S}/AC/type": "Mains", f"{S}/AC/online": 1},
    )
    assert (battery.discharge_w, battery.charge_w, battery.on_ac) == (None, 30.0, True)
    assert battery.seconds_left is None


def test_two_batteries_are_one(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("BAT0", power_now=6_000_000, energy_now=10_000_000, energy_full=20_000_000, capacity=50),
        cell("BAT1", power_now=4_000_000, energy_now=30_000_000, energy_full=40_000_000, capacity=75),
    )
    assert (battery.discharge_w, battery.percent, battery.energy_now_wh) == (10.0, 67, 40.0)
    assert battery.seconds_left == 14400


def test_a_resting_second_battery_does_not_hide_the_first(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("BAT0", status="Not charging", power_now=0, energy_now=20_000_000, energy_full=20_000_000),
        cell("BAT1", power_now=9_000_000, energy_now=10_000_000, energy_full=20_000_000),
    )
    assert battery.state == "discharging" and battery.discharge_w == 9.0


@pytest.mark.parametrize("power", [0, "", "garbage", 700_000_000_000])
def test_no_credible_power_is_unknown_with_a_reason(power: Any, make_tree: Make) -> None:
    battery = look(make_tree, cell("BAT0", power_now=power, energy_now=5_000_000))
    assert battery.discharge_w is None and battery.seconds_left is None
    assert battery.reason == "the battery does not say how much power flows"


def test_full_on_mains_says_nothing_about_power(make_tree: Make) -> None:
    battery = look(
        make_tree, cell("BAT0", status="Full", power_now=0), {f"{S}/AC/type": "Mains", f"{S}/AC/online": 1}
    )
    assert battery.discharge_w is battery.charge_w is None and "on mains" in (battery.reason or "")


def test_mice_bays_and_supplies_are_no_battery(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("hidpp_battery_0", scope="Device"),
        cell("BAT1", present=0),
        {f"{S}/usb/type": "USB", f"{S}/usb/online": 1},
    )
    assert battery == Battery()


def test_a_battery_that_helps_a_weak_adapter_is_not_the_whole_computer(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("BAT0", power_now=12_000_000, energy_now=24_000_000),
        {f"{S}/ucsi/type": "USB", f"{S}/ucsi/online": 1},
    )
    assert (battery.state, battery.discharge_w, battery.on_ac) == ("discharging", 12.0, True)
    assert battery.helps and battery.whole_w is None and battery.seconds_left == 7200
    package = measured(30.0, "counter", Scope.PACKAGE, Quality.COUNTER)
    zone = DeviceSample(Device("rapl:package-0", "Processor", kind="cpu"), package)
    parts = device_samples((), CpuPower(package, zones=(zone,)), battery, "boot")
    total = compose(parts)
    assert total.counted == ("rapl:package-0",) and not total.whole and total.measured_w == 30.0
    [shown] = [part for part in parts if part.kind == "battery"]
    assert shown.power_w is None and "adapter" in (shown.power.reason or "")
    alone = device_samples((), CpuPower(package, zones=(zone,)), replace(battery, on_ac=False), "boot")
    assert compose(alone).counted == ("battery",) and compose(alone).measured_w == 12.0


def test_a_usb_charger_counts_as_mains(make_tree: Make) -> None:
    battery = look(
        make_tree,
        cell("BAT0", status="Charging", power_now=20_000_000),
        {f"{S}/AC/type": "Mains", f"{S}/AC/online": 0, f"{S}/ucsi/type": "USB", f"{S}/ucsi/online": 1},
    )
    assert battery.on_ac is True


def test_without_supplies_the_battery_tells_whether_it_is_on_mains(make_tree: Make) -> None:
    assert look(make_tree, cell("BAT0", power_now=1_000_000)).on_ac is False
    assert look(make_tree, cell("BAT0", status="Unknown")).on_ac is None
