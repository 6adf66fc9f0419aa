"""What ``doctor`` can find in the hardware report, each with the one step that helps and its undo."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from wattlight.i18n import tr
from wattlight.probes import Accelerator, HardwareReport

from .hardware_words import cpu_power_reason


class Level(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    ``command`` is what the person may run (never run by us), ``undo`` what takes it back, ``effect`` what
    it changes for whom.
    """

    code: str
    level: Level
    text: str
    command: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    effect: str = ""


def hardware_findings(report: HardwareReport, user: str, group: str) -> Iterator[Finding]:
    """Findings about accelerators, sensors and memory, in the order of the report."""
    if not report.accelerators:
        yield Finding("no_gpu", Level.NOTE, tr("No GPU found. Models run on the CPU."))
    for row in report.accelerators:
        yield from _accelerator(row, user)
    yield _processor(report, group)
    if report.battery.present:
        yield Finding("battery", Level.FINE, tr("The battery tells how much the whole computer draws on it."))
    for name in report.slow_sensors:
        said = tr("The sensor '{name}' answers slowly or not at all; the others go on without it.", name=name)
        yield Finding("slow_sensor", Level.PROBLEM, said)
    for said in report.memory.messages:
        yield Finding("memory", Level.NOTE, said)
    if report.memory.total_bytes is None:
        yield Finding("memory", Level.PROBLEM, tr("The size of the memory cannot be read."))
    if report.environment.container:
        said = tr(
            "This runs in a container ({kind}): it sees the container.", kind=report.environment.container
        )
        yield Finding("container", Level.NOTE, said)


def _accelerator(row: Accelerator, user: str) -> Iterator[Finding]:
    if row.state == "asleep":
        said = tr("{name} is asleep and left alone; it is measured when something wakes it.", name=row.name)
        yield Finding("gpu_asleep", Level.FINE, said)
        return
    for message in row.messages:
        if message.startswith("ROCm is not usable"):
            yield _render_group(tr("{name}: {message}", name=row.name, message=message), user)
        else:
            level = Level.NOTE if row.usable else Level.PROBLEM
            yield Finding("gpu", level, tr("{name}: {message}", name=row.name, message=message))
    if row.memory.llm_total_bytes is None and "/dev/dri/" in (row.memory.reason or ""):
        said = tr("{name}: its memory size is not known: {reason}.", name=row.name, reason=row.memory.reason)
        yield _render_group(said, user)
    if row.messages or row.kind == "slice":
        return
    if row.power_w is not None:
        yield Finding("gpu_power", Level.FINE, tr("{name}: power is measured.", name=row.name))
    else:
        reason = row.power_reason or tr("not reported")
        yield Finding(
            "gpu_power",
            Level.NOTE,
            tr("{name}: power is not measured ({reason}).", name=row.name, reason=reason),
        )


def _render_group(said: str, user: str) -> Finding:
    return Finding(
        "render_group",
        Level.NOTE,
        said,
        (f"sudo usermod -aG render {user}",),
        (f"sudo gpasswd -d {user} render",),
        tr("lets this user open GPUs directly; log out and in for it to count"),
    )


RULE_FILE = "/etc/tmpfiles.d/wattlight-energy.conf"


def _processor(report: HardwareReport, group: str) -> Finding:
    cpu = report.cpu_power
    if cpu.package_w is not None or cpu.reason == "needs a second reading":
        return Finding("cpu_power", Level.FINE, tr("The power of the processor is measured."))
    if report.environment.virtual_machine:
        return Finding("cpu_power", Level.NOTE, tr("Power sensors are not available in a virtual machine."))
    if cpu.reason == "permission":
        rule = f"z /sys/class/powercap/intel-rapl:*/energy_uj 0440 root {group} - -"
        return Finding(
            "cpu_power_permission",
            Level.NOTE,
            tr("The power of the processor is hidden: only root may read its energy counter."),
            (f"echo '{rule}' | sudo tee {RULE_FILE}", f"sudo systemd-tmpfiles --create {RULE_FILE}"),
            (f"sudo rm {RULE_FILE}", "sudo chmod 0400 /sys/class/powercap/intel-rapl:*/energy_uj"),
            tr(
                "lets every program of the group {group} read it; it was closed in 2020 because a program "
                "that watches it closely may guess at secrets of others",
                group=group,
            ),
        )
    reason = cpu_power_reason(cpu.reason)
    return Finding(
        "cpu_power", Level.NOTE, tr("The processor's power is not measured: {reason}.", reason=reason)
    )
