"""``hardware`` for a person: what is there, what a model may use, what can be measured and what not."""

from wattlight.i18n import tr
from wattlight.probes import HardwareReport


def hardware_lines(report: HardwareReport) -> list[str]:
    """The lines to print."""
    return [tr("Accelerators"), *(row.name for row in report.accelerators)]
