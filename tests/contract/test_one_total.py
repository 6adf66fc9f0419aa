"""Tray, window, command line and ledger give one total and one error for one reading of the machine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isclose

import pytest

from fakes import made_up_day
from wattlight.cli.verb_power import power_document, power_lines
from wattlight.domain.energy import Batch
from wattlight.domain.power import combined_error, compose
from wattlight.domain.state import HistoryPoint
from wattlight.domain.values import LOCAL_HOST, DeviceSample, MachineSample, Quality, Scope
from wattlight.i18n import percent, watts
from wattlight.probes import HardwareReport
from wattlight.services.metering.meter import Meter
from wattlight.store import Pending, open_memory_ledger
from wattlight.viewmodels.chart import power_chart
from wattlight.viewmodels.figures import power_figure, total_now

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR_S, BEAT_S = 3600, 10


def part(
    key: str,
    power_w: float | None,
    kind: str = "gpu",
    scope: Scope = Scope.BOARD,
    inside: str | None = None,
    quality: Quality = Quality.SAMPLED,
) -> DeviceSample:
    known = None if power_w is None else quality
    return DeviceSample(key, key, kind, "v", power_w, scope=scope, quality=known, contained_in=inside)


CPU = part("cpu", 20.0, "cpu", Scope.PACKAGE, quality=Quality.COUNTER)
BATTERY = part("battery", 60.0, "battery", Scope.SYSTEM)
MACHINES = {
    "card alone": ((part("gpu", 50.0),), 50.0, 5.0),
    "card and processor": ((part("gpu", 30.0), CPU), 50.0, 3.6056),
    "two cards": ((part("a", 100.0), part("b", 50.0)), 150.0, 11.1803),
    "metered and sampled": ((part("a", 100.0, quality=Quality.METERED), part("b", 50.0)), 150.0, 5.3852),
    "card in a silent package in a battery": (
        (
            part("gpu", 30.0, inside="cpu"),
            replace(CPU, power_w=None, quality=None, contained_in="battery"),
            BATTERY,
        ),
        60.0,
        9.0,
    ),
    "core in package in platform": (
        (
            part("core", 5.0, "cpu", Scope.CHIP, "cpu"),
            replace(CPU, contained_in="psys"),
            part("psys", 40.0, "system", Scope.SYSTEM),
        ),
        40.0,
        6.0,
    ),
    "silent holder": ((part("gpu", 30.0, inside="cpu"), replace(CPU, power_w=None, quality=None)), 30.0, 3.0),
    "estimate beside": (
        (part("gpu", 30.0), part("cpu", 9.0, "cpu", Scope.PACKAGE, quality=Quality.ESTIMATED)),
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

    document = power_document(sample, HardwareReport())["total"]
    assert document["measured_w"] == total.measured_w
    assert document["error_w"] == (None if total.error_w is None else round(total.error_w, 3))

    history = (HistoryPoint(START, watts_of(sample), None),)
    host = replace(made_up_day.evening().host, sample=sample, history=history)
    figure = power_figure(host, "now")
    if total.measured_w is None:
        assert not any(line.startswith("Measured parts") for line in power_lines(sample, HardwareReport()))
    else:
        assert f"{figure.value} {figure.after}" == watts(total.measured_w)
        assert f"±{percent(total.error_fraction)}" in figure.note
        said = "\n".join(power_lines(sample, HardwareReport()))
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
    return tuple((d.device_id, d.power_w) for d in sample.devices)


def recorded(devices: tuple[DeviceSample, ...]) -> tuple[int, float | None]:
    """An hour of one unchanging reading through meter and ledger: mJ and their error."""
    meter, opened = Meter(LOCAL_HOST), open_memory_ledger()
    meter.expect(BEAT_S)
    pending = Pending()
    for second in range(0, HOUR_S + 1, BEAT_S):
        at = START + timedelta(seconds=second)
        pending.add(meter.process(MachineSample(LOCAL_HOST, at, float(second), devices), ()))
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
