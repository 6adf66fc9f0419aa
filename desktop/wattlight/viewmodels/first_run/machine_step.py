"""The first page: what this computer is, in words a person knows."""

from wattlight.domain.values import Device, MachineProfile, clean_text
from wattlight.i18n import gb, gib, tr

from ..figure import no_sensor, sure_now
from ..scene import Scene
from ..words import speed_text, verdict_pill

Fact = tuple[str, str]
"""A label and what is said of it."""


def machine_facts(scene: Scene) -> tuple[Fact, ...]:
    """Graphics, memory, disk, power; and for example which model would run how."""
    host = scene.host
    facts = list(_profile_facts(host.profile)) if host.profile is not None else []
    free = scene.extras.disk_free_bytes
    if free is not None:
        facts.append((tr("Disk"), tr("{size} free for models", size=gb(free, 0))))
    facts.append((tr("Power"), _power(scene)))
    best = next(iter(scene.extras.offers or ()), None)
    if best is not None:
        parts = [clean_text(best.model, 60), verdict_pill(best.fit).text, speed_text(best.fit)]
        facts.append(
            (tr("What runs here"), tr("For example {model}", model=", ".join(p for p in parts if p)))
        )
    return tuple(facts)


def _profile_facts(profile: MachineProfile) -> tuple[Fact, ...]:
    cards = tuple(_card(device) for device in profile.devices)
    none = tr("No graphics card that can run models, so the processor does it; that is slower")
    memory = tr(
        "{total}, {free} of it free now",
        total=gib(profile.ram_total_bytes, 0),
        free=gib(profile.ram_available_bytes, 0),
    )
    return (tr("Graphics"), "\n".join(cards) if cards else none), (tr("Memory"), memory)


def _card(device: Device) -> str:
    name = clean_text(device.name, 60)
    if device.unified or device.integrated:
        return tr("{name}, shares the memory of the computer", name=name)
    if device.memory_total_bytes is None:
        return tr("{name}, its memory cannot be read", name=name)
    return tr("{name} with {size} of its own memory", name=name, size=gib(device.memory_total_bytes, 0))


def _power(scene: Scene) -> str:
    sample = scene.host.sample
    if sample is None:
        return tr("Waiting for the first reading")
    if no_sensor(sample):
        reason = next((d.reason for d in sample.devices if d.reason), "")
        none = tr("No readable sensor, so energy and cost stay unknown")
        return f"{none}. {clean_text(reason, 160)}" if reason else none
    return tr("Measured: {basis}", basis=sure_now(sample))
