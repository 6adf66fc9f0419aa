"""Tray, window, command line and ledger give one total and one error for one reading of the machine."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from fakes import made_up_day, metering, trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.probe_clock import ProbeClock
from wattlight.cli.verb_power import power_document, power_lines
from wattlight.domain.energy import Batch
from wattlight.domain.power import MachineSample, combined_error, compose
from wattlight.domain.state import HistoryPoint
from wattlight.domain.values import LOCAL_HOST, DeviceSample, MachineProfile, Quality, Scope, unknown
from wattlight.i18n import percent, watts
from wattlight.probes import open_prober
from wattlight.services.metering.meter import Meter
from wattlight.store import Pending, open_memory_ledger
from wattlight.viewmodels.chart import power_chart
from wattlight.viewmodels.figures import power_figure, total_now
from wattlight.viewmodels.machine import machine_view
from wattlight.viewmodels.now import now_view
from wattlight.viewmodels.tray import headline
from wattlight.viewmodels.words import DASH

SAMPLED = Quality.SAMPLED
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR_S, BEAT_S = 3600, 10
GB10 = "000f:01:00.0"


def part(key: str, power_w: float | None, inside: str | None = None, quality: Any = SAMPLED) -> DeviceSample:
    return metering.part(key, power_w, "gpu", Scope.BOARD, quality, contained_in=inside)


def silent(part: DeviceSample, inside: str | None = None) -> DeviceSample:
    return replace(part, power=unknown("no sensor"), contained_in=inside)


CPU = metering.part("cpu", 20.0, "cpu", Scope.PACKAGE, Quality.COUNTER)
BATTERY = metering.part("battery", 60.0, "battery", Scope.SYSTEM)
MACHINES = {
    "card alone": ((part("gpu", 50.0),), 50.0, 5.0),
    "card and processor": ((part("gpu", 30.0), CPU), 50.0, 3.6056),
    "two cards": ((part("a", 100.0), part("b", 50.0)), 150.0, 11.1803),
    "metered and sampled": ((part("a", 100.0, quality=Quality.METERED), part("b", 50.0)), 150.0, 5.3852),
    "card in a silent package in a battery": (
        (
            part("gpu", 30.0, inside="cpu"),
            silent(CPU, "battery"),
            BATTERY,
        ),
        60.0,
        9.0,
    ),
    "core in package in platform": (
        (
            metering.part("core", 5.0, "cpu", Scope.CHIP, contained_in="cpu"),
            replace(CPU, contained_in="psys"),
            metering.part("psys", 40.0, "system", Scope.SYSTEM),
        ),
        40.0,
        6.0,
    ),
    "silent holder": ((part("gpu", 30.0, inside="cpu"), silent(CPU)), 30.0, 3.0),
    "estimate beside": (
        (part("gpu", 30.0), metering.part("cpu", 9.0, "cpu", Scope.PACKAGE, Quality.ESTIMATED)),
        30.0,
        3.0,
    ),
    "circle": ((part("a", 30.0, inside="b"), part("b", 40.0, inside="a")), None, None),
    "nothing": ((part("gpu", None),), None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_one_total_and_one_error(name: str) -> None:
    devices, power_w, error_w = MACHINES[name]
    sample = MachineSample(LOCAL_HOST, START, 0.0, devices)
    total = total_now(sample)
    if power_w is not None:
        assert (total.measured_w, total.error_w) == (power_w, pytest.approx(error_w, rel=1e-4))

    document = power_document(sample)["total"]
    assert document["measured_w"] == total.measured_w
    assert document["error_w"] == (None if total.error_w is None else round(total.error_w, 3))

    history = (HistoryPoint(START, watts_of(sample), None),)
    host = replace(made_up_day.evening().host, sample=sample, history=history)
    figure = power_figure(host, "now")
    if total.measured_w is None:
        assert not any(line.startswith("Measured parts") for line in power_lines(sample))
    else:
        assert f"{figure.value} {figure.after}" == watts(total.measured_w)
        assert f"±{percent(total.error_fraction)}" in figure.note
        said = "\n".join(power_lines(sample))
        assert f"{watts(total.measured_w)} ± {watts(total.error_w)}" in said
    assert {s.device_id for s in power_chart(host, START).series} == set(total.counted)

    energy_mj, ledger_error = recorded(devices)
    if total.measured_w is None:
        assert not energy_mj
    else:
        assert energy_mj == pytest.approx(total.measured_w * HOUR_S * 1000, abs=len(devices))
        assert ledger_error is not None and isclose(
            ledger_error, (total.error_w or 0.0) * HOUR_S * 1000, rel_tol=1e-6
        )


def watts_of(sample: MachineSample) -> tuple[tuple[str, float | None], ...]:
    return tuple((d.id, d.power_w) for d in sample.devices)


def counted_on(part: DeviceSample, second: int) -> DeviceSample:
    """The part so many seconds later: its counter has gone on with its power."""
    if part.counter_mj is None or part.power_w is None:
        return part
    return replace(
        part, counter_mj=part.counter_mj + round(part.power_w * 1000 * second), counter_range_mj=None
    )


def recorded(devices: tuple[DeviceSample, ...]) -> tuple[int, float | None]:
    """An hour of one unchanging reading through meter and ledger: mJ and their error."""
    meter, opened = Meter(LOCAL_HOST), open_memory_ledger()
    meter.expect(BEAT_S)
    pending = Pending()
    for second in range(0, HOUR_S + 1, BEAT_S):
        at = START + timedelta(seconds=second)
        now = tuple(counted_on(device, second) for device in devices)
        pending.add(meter.process(MachineSample(LOCAL_HOST, at, float(second), now), ()))
    last: Batch = meter.finish()
    pending.add(last)
    opened.writer.write(pending)
    reader = opened.reader()
    errors = {info.device: info.error_fraction for info in reader.devices(LOCAL_HOST)}
    by_device: dict[str, int] = {}
    for bucket in reader.buckets(0, 2**60, LOCAL_HOST):
        by_device[bucket.device] = by_device.get(bucket.device, 0) + bucket.energy_mj
    opened.writer.close()
    assert set(by_device) <= set(compose(devices).counted)
    return sum(by_device.values()), combined_error((mj, errors[key]) for key, mj in by_device.items())


RECORDED = {
    "amdgpu_apu_strix_halo": 71.087,
    "amdgpu_dgpu_7900xtx": 319.0,
    "battery_energy_units": 14.523,
    "container_vm_no_gpu": None,
    "intel_arc_b580_xe": 187.25,
    "nvidia_gb10_unified": 12.0,
    "optimus_dgpu_active": 50.0,
    "optimus_dgpu_suspended": None,
    "rapl_intel_package_psys_wrap": 78.5,
    "rapl_intel_unreadable": None,
    "perf_two_sockets": 310.0,
    "perf_closed": None,
    "amd_energy_two_sockets": 170.0,
    "zenpower_threadripper": 75.5,
}
"""Watts of each recorded machine, by hand: battery, else platform, else cards and package. GPUs
of NVIDIA are played: they draw 50 W, the GB10 12 W."""


def test_no_recorded_machine_is_left_out() -> None:
    assert RECORDED.keys() == trees.T.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="paths of the trees hold a colon")
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_machine_has_one_total_and_one_reason(name: str, tmp_path: Path) -> None:
    sample, profile = looked_at(name, tmp_path)
    total, wanted_w = sample.total, RECORDED[name]
    assert total.measured_w == (None if wanted_w is None else pytest.approx(wanted_w, rel=1e-3))
    assert (total.error_w is None) is (wanted_w is None)

    scene = made_up_day.evening()
    history = (HistoryPoint(START, watts_of(sample), None),)
    host = replace(scene.host, sample=sample, history=history, profile=profile)
    scene = replace(scene, state=replace(scene.state, hosts=(host,)))
    tray, now = headline(scene), now_view(scene).power
    document, lines = power_document(sample), power_lines(sample)
    assert document["total"]["measured_w"] == (wanted_w and round(total.measured_w or 0, 3))
    assert document["total"]["error_w"] == (wanted_w and round(total.error_w or 0, 3))
    assert {s.device_id for s in power_chart(host, START).series} == set(total.counted)
    if wanted_w is None:
        if sample.estimate_w is None:
            assert " now" not in tray and now.value == DASH
        else:
            assert f"{now.value} {now.after} (estimated) now" in tray
        assert lines[len(sample.devices) + 1] == "No part of this computer's power is measured."
    else:
        spread = f"{watts(total.measured_w)} ± {watts(total.error_w)}"
        assert f"{watts(total.measured_w)} now" in tray
        assert f"{now.value} {now.after}" == watts(total.measured_w)
        assert f"±{percent(total.error_fraction)}" in now.note
        assert spread in lines[len(sample.devices) + 1]

    cards = machine_view(scene).cards
    rows = zip(sample.devices, cards, document["parts"], lines, strict=False)
    assert len(cards) == len(document["parts"]) == len(sample.devices)
    for part, card, said, line in rows:
        assert said["id"] == part.id and said["reason"] == part.power.reason and line.startswith(part.name)
        if part.power_w is None:
            assert part.power.reason and said["power_w"] is None and card.power.value == DASH
            assert part.asleep or (part.power.reason in card.power.note and part.power.reason in line)
            assert part.power.reason in now.hint
        else:
            assert part.power.reason is None and said["error"] == part.power.error_fraction
            assert f"±{percent(part.power.error_fraction)}" in line
            assert f"±{percent(part.power.error_fraction)}" in card.power.note
            assert (
                f"{card.power.value} {card.power.after}" == watts(part.power_w)
                and watts(part.power_w) in line
            )

    energy_mj, ledger_error = recorded(sample.devices)
    assert energy_mj == pytest.approx((wanted_w or 0.0) * HOUR_S * 1000, rel=1e-3)
    if wanted_w is not None:
        assert ledger_error == pytest.approx((total.error_w or 0.0) * HOUR_S * 1000, rel=1e-3)


def looked_at(name: str, folder: Path) -> tuple[MachineSample, MachineProfile]:
    """A recorded machine through the real probes, at its second moment."""
    tree, clock = trees.T[name], ProbeClock()
    moments = sorted(tree["samples"])
    for moment in moments:
        trees.write_tree(folder / f"at{moment}", tree["samples"][moment], tree.get("unreadable", ()))
    gpu = FakeGpu()
    if "gb10" in name:
        gpu = FakeGpu(slot=GB10, name="NVIDIA GB10", power_mw=12_000)
    prober = open_prober(
        folder / f"at{moments[0]}", clock=clock, now=clock.now, nvml=lambda: FakeNvmlApi(gpu)
    )
    try:
        prober.sample()
        clock.step(tree.get("dt_s", 1))
        if len(moments) > 1:
            prober.move(folder / f"at{moments[1]}")
        return prober.sample(), prober.profile()
    finally:
        prober.close()
