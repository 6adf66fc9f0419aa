"""The page Machine: a card per device."""

from dataclasses import dataclass

from wattlight.domain.power import MachineSample
from wattlight.domain.servers import ServerKind, kind_name
from wattlight.domain.values import Device, DeviceSample, Quality, clean_sentence, clean_text
from wattlight.i18n import gib, interval, number, percent, tr, watts
from wattlight.services.calibration import learned_how, wall_of

from .activity import NoticeView, notice_views
from .capacity import TableCardView, classes_view, disks_view, sensors_view
from .chart import short_name
from .device_facts import Fact, device_bar, device_facts, sample_facts
from .energy_access import EnergyAccessView, energy_access_view
from .figures import FigureView, figure, no_sensor
from .running import GIB, MemoryBarView, device_with_memory
from .scene import Scene
from .whole import learned_now
from .words import DASH, PillView, Tone, quality_text


@dataclass(frozen=True, slots=True)
class DeviceCardView:
    name: str
    kind: str
    pill: PillView | None
    power: FigureView
    facts: tuple[Fact, ...]
    memory: MemoryBarView | None


@dataclass(frozen=True, slots=True)
class MachineView:
    title: str
    facts: str
    cards: tuple[DeviceCardView, ...]
    empty_text: str
    server_text: str
    notices: tuple[NoticeView, ...]
    ways: tuple[str, ...]
    """Ways to add a power sensor where there is none."""
    energy: EnergyAccessView | None
    sensors: TableCardView
    classes: TableCardView
    disks: TableCardView


def machine_view(scene: Scene) -> MachineView:
    host = scene.host
    samples = host.sample.devices if host.sample else ()
    profile = host.profile.devices if host.profile else ()
    cards = [_card(s, scene) for s in samples]
    seen = {s.id for s in samples}
    cards += [_silent_card(d) for d in profile if d.id not in seen]
    name = clean_text(host.profile.name if host.profile else host.name, 80)
    return MachineView(
        name or tr("This computer"),
        _facts(scene),
        tuple(cards),
        "" if cards else tr("Looking at the devices of this computer…"),
        server_text(scene),
        notice_views(scene),
        _ways(host.sample),
        energy_access_view(scene),
        sensors_view(host.sample),
        classes_view(scene),
        disks_view(scene),
    )


def _ways(sample: MachineSample | None) -> tuple[str, ...]:
    if sample is None or not no_sensor(sample):
        return ()
    doctor = tr(
        "In a terminal, 'wattlight doctor' shows whether a permission is missing, which command grants "
        "it, and how to revoke it."
    )
    battery = tr(
        "Unplug the charger for half an hour: the battery then reports what the whole computer draws, and "
        "Wattlight learns it for the time on mains."
    )
    host = tr("In a virtual machine or a container the sensors belong to the host: run Wattlight there.")
    plug = tr("A smart plug in the home network measures all of it at the wall; set it up in Settings.")
    learnable = (battery,) if any(d.kind == "battery" for d in sample.devices) else ()
    if any(d.closed for d in sample.devices):  # the button is beside it
        return learnable
    return (doctor, *learnable, plug, host)


def server_text(scene: Scene) -> str:
    """The server in a few words, for the corner of the window."""
    server = scene.host.server
    if server.version or (server.kind is not ServerKind.OLLAMA and scene.ready):
        version = clean_text(server.version or "", 20)
        name = f"{kind_name(server.kind)} {version}".strip()
        return tr("{server} on this computer", server=name)
    return tr("No model server")


def corner_lines(scene: Scene) -> tuple[str, ...]:
    """What stands at the foot of the navigation: server and accelerator."""
    device = device_with_memory(scene.host)
    lines = [server_text(scene)]
    if device is not None:
        lines.append(f"{short_name(device.name)} · {gib(device.memory.total_bytes, 0)}")
    elif scene.host.profile is not None:
        lines.append(tr("{gib} of RAM", gib=gib(scene.host.profile.ram_total_bytes, 0)))
    return tuple(lines)


def _facts(scene: Scene) -> str:
    host = scene.host
    parts = []
    if host.sample is not None and host.sample.memory is not None:
        memory = host.sample.memory
        parts.append(
            tr(
                "{free} of {total} RAM free",
                free=number(memory.available_bytes / GIB, 1),
                total=gib(memory.total_bytes, 0),
            )
        )
    elif host.profile is not None:
        parts.append(tr("{total} RAM", total=gib(host.profile.ram_total_bytes, 0)))
    learned = learned_now(host.sample, wall_of(scene.settings.meter))
    if learned is not None:
        power, error = watts(learned[0].power_w), watts(learned[0].error_w)
        how = learned_how(learned[1])
        parts.append(tr("about {power} ± {error}, {how}", power=power, error=error, how=how))
    if host.sample is not None and host.sample.on_battery is not None:
        parts.append(tr("on battery") if host.sample.on_battery else tr("plugged in"))
    parts.append(server_text(scene))
    return " · ".join(parts)


def _card(sample: DeviceSample, scene: Scene) -> DeviceCardView:
    host = scene.host
    ram = host.sample.memory if host.sample else None
    own = sample.kind == "cpu" and host.profile is not None
    bandwidth = host.profile.cpu.bandwidth_gbs if own and host.profile else None
    power = figure(tr("Power draw"), watts(sample.power_w), _sensor(sample))
    if sample.power_w is None:
        reason = (
            clean_sentence(tr(sample.power.reason), 200)
            if sample.power.reason
            else tr("No readable power sensor.")
        )
        if sample.estimate_w is not None:
            low, high = sample.estimate_w
            reason = f"{reason} {tr('Estimated {range}.', range=interval(number(round(low)), watts(high)))}"
        note = tr("Asleep; Wattlight does not wake it.") if sample.asleep else reason
        power = FigureView(tr("Power draw"), DASH, note=note)
    return DeviceCardView(
        clean_sentence(tr(sample.name), 80),
        _kind(sample.kind) if sample.name != _kind(sample.kind) else "",
        _pill(sample),
        power,
        sample_facts(sample, bandwidth),
        device_bar(sample, ram),
    )


def _silent_card(device: Device) -> DeviceCardView:
    power = FigureView(tr("Power draw"), DASH, note=tr("No reading yet."))
    facts = device_facts(device)
    if device.memory_total_bytes:
        facts = ((tr("Memory"), gib(device.memory_total_bytes, 0)), *facts)
    return DeviceCardView(clean_text(device.name, 80), _kind("gpu"), None, power, facts, None)


def _kind(kind: str) -> str:
    names = {
        "gpu": tr("Graphics processor"),
        "cpu": tr("Processor"),
        "system": tr("Whole computer"),
        "battery": tr("Battery"),
        "wall": tr("Wall plug"),
    }
    return names.get(kind, clean_text(kind, 30))


def _sensor(sample: DeviceSample) -> str:
    source, quality = clean_text(sample.power.source, 60), sample.power.quality
    if quality is None:
        return source
    kind = quality_text(quality)
    named = source if kind in source else " · ".join(t for t in (source, kind) if t)
    return tr("{sensor}, about ±{error}", sensor=named, error=percent(sample.power.error_fraction))


def _pill(sample: DeviceSample) -> PillView | None:
    if sample.asleep:
        return PillView(tr("asleep"), Tone.PLAIN)
    if sample.power_w is None and sample.counter_mj is None:
        return PillView(tr("power not readable"), Tone.PARTLY, tr(sample.power.reason))
    if sample.power.quality is Quality.ESTIMATED:
        return PillView(tr("estimated"), Tone.PARTLY)
    return PillView(tr("measured"), Tone.GOOD)
