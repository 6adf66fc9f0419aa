"""``hardware``: what gives or draws the power, of the processor, the battery and the wall plug."""

from wattlight.domain.values import DeviceSample, Quality
from wattlight.i18n import duration, percent, tr, watts
from wattlight.probes import Battery, CpuPower, cpu_reason

from .output import Document, plain


def cpu_rows(cpu: CpuPower) -> list[tuple[str, str]]:
    rows = []
    if cpu.package.value is not None:
        how = tr("energy counter") if cpu.package.quality is Quality.COUNTER else tr("sensor")
        rows.append((tr("Processor"), f"{watts(cpu.package.value)} ({how})"))
    else:
        rows.append((tr("Processor"), cpu_reason(cpu.package.reason) or tr("not measured")))
        if cpu.estimate_w:
            low, high = (watts(edge) for edge in cpu.estimate_w)
            rows.append(("", tr("estimated {low} to {high}", low=low, high=high)))
    if cpu.psys_w is not None:
        rows.append((tr("Platform"), tr("{power} (contains the processor)", power=watts(cpu.psys_w))))
    if cpu.dram_w is not None:
        rows.append((tr("Memory"), watts(cpu.dram_w)))
    return rows


def battery_rows(battery: Battery) -> list[tuple[str, str]]:
    if not battery.present:
        return [(tr("none"), "")]
    state = {
        "discharging": tr("in use"),
        "charging": tr("charging"),
        "full": tr("full"),
        "not charging": tr("not charging"),
    }.get(battery.state or "", tr("state unknown"))
    level = tr("unknown") if battery.percent is None else percent(battery.percent / 100)
    rows = [(tr("Level"), f"{level}, {state}")]
    if battery.whole_w is not None:
        rows.append((tr("Draw"), tr("{power} (the whole computer)", power=watts(battery.whole_w))))
    elif battery.helps:
        gives = watts(battery.discharge_w)
        rows.append((tr("Gives"), tr("{power}, because the adapter is too weak", power=gives)))
    elif battery.charge_w is not None:
        rows.append((tr("Charging"), tr("with {power}", power=watts(battery.charge_w))))
    elif battery.reason:
        rows.append((tr("Draw"), tr("not measured: {reason}", reason=tr(battery.reason))))
    if battery.seconds_left is not None:
        rows.append((tr("Lasts"), tr("about {time}", time=duration(battery.seconds_left))))
    return rows


def plug_rows(plug: DeviceSample) -> list[tuple[str, str]]:
    """The plug, what hangs on it, and what it says or why not."""
    said = tr(plug.power.reason) or tr("not measured")
    if plug.power_w is not None:
        said = f"{watts(plug.power_w)} ({plug.power.source}, ±{percent(plug.power.error_fraction)})"
    return [(plug.name, said)]


def plug_document(plug: DeviceSample, digits: int) -> Document:
    """What it draws and has counted, where it is read, or the reason."""
    return {
        "name": plug.name,
        "power_w": plain(plug.power_w, digits),
        "energy_mj": plug.counter_mj,
        "source": plug.power.source or None,
        "reason": plug.power.reason,
    }
