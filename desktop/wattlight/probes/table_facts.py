"""Nominal figures from the shipped table beside what was read; an estimate where nothing is measurable."""

from dataclasses import replace

from wattlight.domain.power import estimated_range

from .device_table import DeviceFacts, facts_for
from .names import shipped_name
from .part import Machine
from .report import Accelerator

_known: dict[tuple[str, str | None, int | None], DeviceFacts | None] = {}


def with_table_facts(row: Accelerator, machine: Machine) -> Accelerator:
    """``row`` with bandwidth and, if it is awake and its power unknown, a labelled range of watts."""
    facts = _facts(row, machine)
    if facts is None:
        return row
    if row.power_w is not None or row.state != "active" or row.kind == "slice" or facts.whole_machine:
        named = None if facts.whole_machine or row.kind == "slice" else facts.tdp_w
        return replace(row, bandwidth_gbs=row.bandwidth_gbs or facts.bandwidth_gbs, rated_w=named)
    rated = row.power_limit_w or facts.tdp_w
    return replace(
        row,
        bandwidth_gbs=row.bandwidth_gbs or facts.bandwidth_gbs,
        rated_w=facts.tdp_w,
        estimate_w=estimated_range(rated, facts.idle_w, row.utilization_pct),
        estimate_source=f"rated power and load ({facts.source})",
    )


def _facts(row: Accelerator, machine: Machine) -> DeviceFacts | None:
    size = row.memory.dedicated_total_bytes if not row.memory.unified else None
    key = (row.name, row.pci_id, size)
    if key not in _known:
        adapter = next((a for a in machine.adapters if a.id == row.id), None)
        shipped = shipped_name(adapter) if adapter else None
        if len(_known) > 128:
            _known.clear()
        _known[key] = facts_for(row.name, shipped, memory_bytes=size)
    return _known[key]
