"""What ``doctor`` finds about the hardware: sensors, memory, and a counter that is closed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from wattlight.domain.state import EnergyAccess
from wattlight.domain.values import DeviceSample
from wattlight.i18n import tr
from wattlight.probes import HardwareReport, cpu_reason


class Level(StrEnum):
    FINE = "fine"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    ``command`` is what the person may run (never run by this look), ``undo`` what takes it back, ``effect``
    what it changes for whom.
    """

    code: str
    level: Level
    text: str
    command: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    effect: str = ""


def hardware_findings(report: HardwareReport, access: EnergyAccess) -> Iterator[Finding]:
    """Findings about accelerators, sensors and memory, in the order of the report."""
    if not report.accelerators:
        yield Finding("no_gpu", Level.NOTE, tr("No GPU found. Models run on the CPU."))
    for row in report.accelerators:
        yield from _accelerator(row, access.user or "$USER")
    yield from _processor(report, access)
    if report.battery.present:
        yield Finding(
            "battery",
            Level.FINE,
            tr("The battery reports what the whole computer draws while running on it."),
        )
    if report.plug is not None:
        yield _plug(report.plug)
    for name in report.slow_sensors:
        said = tr(
            "The sensor '{name}' answers slowly or not at all; the others do not wait for it.", name=name
        )
        yield Finding("slow_sensor", Level.PROBLEM, said)
    for said in report.memory.messages:
        yield Finding("memory", Level.NOTE, tr(said))
    if report.memory.total_bytes is None:
        yield Finding("memory", Level.PROBLEM, tr("The size of the memory cannot be read."))
    if report.environment.container:
        said = tr(
            "This runs in a container ({kind}): it sees only what the container sees.",
            kind=report.environment.container,
        )
        yield Finding("container", Level.NOTE, said)


def _accelerator(row: DeviceSample, user: str) -> Iterator[Finding]:
    if row.state == "asleep":
        said = tr("{name} is asleep and left alone; it is measured when something wakes it.", name=row.name)
        yield Finding("gpu_asleep", Level.FINE, said)
        return
    for message in row.messages:
        if "render" in message:  # the name of the group, in every language
            yield _render_group(tr("{name}: {message}", name=row.name, message=tr(message)), user)
        else:
            level = Level.NOTE if row.usable else Level.PROBLEM
            yield Finding("gpu", level, tr("{name}: {message}", name=row.name, message=tr(message)))
    if row.usable and row.processes_reason:
        said = tr(
            "{name}: {reason}; the energy of other programs can be booked to a loaded model.",
            name=row.name,
            reason=tr(row.processes_reason),
        )
        yield Finding("gpu_use", Level.NOTE, said)
    if row.memory.llm_total_bytes is None and "/dev/dri/" in (row.memory.reason or ""):
        said = tr(
            "{name}: its memory size is not known: {reason}.",
            name=row.name,
            reason=tr(row.memory.reason),
        )
        yield _render_group(said, user)
    if row.messages or row.device.sliced:
        return
    if row.power_w is not None:
        yield Finding("gpu_power", Level.FINE, tr("{name}: power is measured.", name=row.name))
    else:
        reason = tr(row.power.reason) or tr("not reported")
        yield Finding(
            "gpu_power",
            Level.NOTE,
            tr("{name}: power is not measured ({reason}).", name=row.name, reason=reason),
        )


def _plug(plug: DeviceSample) -> Finding:
    if plug.power_w is not None or plug.counter_mj is not None:
        said = tr("{name}: read from {source}.", name=plug.name, source=plug.power.source)
        return Finding("plug", Level.FINE, said)
    return Finding(
        "plug", Level.PROBLEM, tr("{name}: {reason}", name=plug.name, reason=tr(plug.power.reason))
    )


def _render_group(said: str, user: str) -> Finding:
    return Finding(
        "render_group",
        Level.NOTE,
        said,
        (f"sudo usermod -aG render {user}",),
        (f"sudo gpasswd -d {user} render",),
        tr("lets this user open GPUs directly; log out and back in for it to take effect"),
    )


def _processor(report: HardwareReport, access: EnergyAccess) -> Iterator[Finding]:
    reason = report.cpu_power.package.reason
    if reason == "permission":
        yield _closed_counter(access)
        return
    if report.cpu_power.package.value is not None or reason == "needs a second reading":
        yield Finding("cpu_power", Level.FINE, tr("The power of the processor is measured."))
        if access.opened_for:
            said = tr(
                "A rule of Wattlight lets the account {user} read the processor's energy counter. "
                "'wattlight doctor --forbid-energy' takes that back.",
                user=access.opened_for,
            )
            yield Finding("cpu_power_opened", Level.FINE, said, (), access.undo)
    elif report.environment.virtual_machine:
        yield Finding("cpu_power", Level.NOTE, tr("Power sensors are not available in a virtual machine."))
    else:
        said = cpu_reason(reason) or tr("The processor's power is not measured.")
        yield Finding("cpu_power", Level.NOTE, said)


def _closed_counter(access: EnergyAccess) -> Finding:
    said = tr(
        "The power of the processor is hidden: only root may read its energy counter. "
        "'wattlight doctor --allow-energy' opens it for your account, with the administrator's password."
    )
    if access.opened_for:
        said += " " + tr("A rule of Wattlight is there, for the account {user}.", user=access.opened_for)
    effect = tr(
        "lets every program of the account {user} read it, also after a restart; access was restricted in "
        "2020, because a program that watches it closely may infer secrets of others (CVE-2020-8694)",
        user=access.user,
    )
    return Finding("cpu_power_permission", Level.NOTE, said, access.commands, access.undo, effect)
