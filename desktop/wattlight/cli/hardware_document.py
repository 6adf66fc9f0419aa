"""The ``hardware`` document: five sections with fixed keys, null where something is not known."""

from typing import Any

from wattlight.probes import (
    Accelerator,
    AcceleratorMemory,
    Battery,
    CpuPower,
    Environment,
    HardwareReport,
    Memory,
)

Document = dict[str, Any]


def hardware_document(report: HardwareReport) -> Document:
    """The whole report. Bytes, watts, percent, degrees Celsius; always the same keys."""
    return {
        "accelerators": [_accelerator(row) for row in report.accelerators],
        "ignored_adapters": list(report.ignored_adapters),
        "memory": _memory(report.memory),
        "cpu_power": _cpu_power(report.cpu_power),
        "battery": _battery(report.battery),
        "environment": _environment(report.environment),
        "slow_sensors": list(report.slow_sensors),
    }


def _accelerator(row: Accelerator) -> Document:
    return {
        "id": row.id,
        "vendor": row.vendor,
        "driver": row.driver,
        "name": row.name,
        "name_source": row.name_source,
        "kind": row.kind,
        "state": row.state,
        "pci_id": row.pci_id,
        "uuid": row.uuid,
        "backend": row.backend or None,
        "gfx_target": row.gfx_target,
        "compute_capability": row.compute_capability,
        "bandwidth_gbs": row.bandwidth_gbs,
        "memory": _accelerator_memory(row.memory),
        "power_w": _rounded(row.power_w),
        "power_source": row.power_source,
        "power_scope": row.power_scope,
        "power_reason": row.power_reason,
        "power_quality": row.quality.value if row.quality and row.power_w is not None else None,
        "power_error": row.error_fraction,
        "power_limit_w": _rounded(row.power_limit_w),
        "gpu_only_w": _rounded(row.gpu_only_w),
        "estimate_w": [round(edge, 1) for edge in row.estimate_w] if row.estimate_w else None,
        "estimate_source": row.estimate_source if row.estimate_w else None,
        "energy_mj": row.counter_mj,
        "utilization_pct": row.utilization_pct,
        "utilization_source": row.utilization_source,
        "utilization_reason": row.utilization_reason,
        "temperature_c": row.temperature_c,
        "temperature_label": row.temperature_label,
        "hotspot_c": row.hotspot_c,
        "memory_temperature_c": row.memory_temperature_c,
        "fan_rpm": row.fan_rpm,
        "processes": [
            {
                "pid": p.pid,
                "name": p.name or None,
                "memory_bytes": p.memory_bytes,
                "busy_pct": None if p.busy_percent is None else round(p.busy_percent, 1),
            }
            for p in row.processes
        ],
        "contained_in": row.contained_in,
        "usable": row.usable,
        "messages": list(row.messages),
    }


def _accelerator_memory(memory: AcceleratorMemory) -> Document:
    return {
        "unified": memory.unified,
        "dedicated_total": memory.dedicated_total_bytes,
        "dedicated_total_source": memory.dedicated_total_source,
        "dedicated_used": memory.dedicated_used_bytes,
        "dedicated_used_lower_bound": memory.dedicated_used_lower_bound_bytes,
        "shared_total": memory.shared_total_bytes,
        "shared_used": memory.shared_used_bytes,
        "shared_available": memory.shared_available_bytes,
        "llm_total": memory.llm_total_bytes,
        "llm_available": memory.llm_available_bytes,
        "server_holds": memory.server_holds_bytes,
        "cached": memory.cached,
        "reason": memory.reason,
    }


def _memory(memory: Memory) -> Document:
    return {
        "host_total": memory.host_total_bytes,
        "host_available": memory.host_available_bytes,
        "limit": memory.limit_bytes,
        "limit_source": memory.limit_source,
        "total": memory.total_bytes,
        "available": memory.available_bytes,
        "reserve": memory.reserve_bytes,
        "llm_total": memory.llm_total_bytes,
        "llm_available": memory.llm_available_bytes,
        "swap_total": memory.swap_total_bytes,
        "swap_free": memory.swap_free_bytes,
        "pressure_pct": memory.pressure_pct,
        "pool": memory.pool,
        "messages": list(memory.messages),
        "reason": memory.reason,
    }


def _cpu_power(cpu: CpuPower) -> Document:
    return {
        "package_w": _rounded(cpu.package_w),
        "core_w": _rounded(cpu.core_w),
        "uncore_w": _rounded(cpu.uncore_w),
        "dram_w": _rounded(cpu.dram_w),
        "psys_w": _rounded(cpu.psys_w),
        "source": cpu.source,
        "scope": cpu.scope,
        "reason": cpu.reason,
        "quality": cpu.quality.value if cpu.quality else None,
        "limit_w": _rounded(cpu.limit_w),
        "estimate_w": [round(edge, 1) for edge in cpu.estimate_w] if cpu.estimate_w else None,
    }


def _battery(battery: Battery) -> Document:
    return {
        "present": battery.present,
        "percent": battery.percent,
        "state": battery.state,
        "on_ac": battery.on_ac,
        "discharge_w": _rounded(battery.discharge_w),
        "charge_w": _rounded(battery.charge_w),
        "source": battery.source,
        "energy_now_wh": battery.energy_now_wh,
        "energy_full_wh": battery.energy_full_wh,
        "seconds_left": battery.seconds_left,
        "reason": battery.reason,
    }


def _environment(environment: Environment) -> Document:
    return {
        "os": environment.os,
        "kernel": environment.kernel,
        "cpu_name": environment.cpu_name,
        "cpu_cores": environment.cpu_cores,
        "virtual_machine": environment.virtual_machine,
        "hypervisor": environment.hypervisor,
        "container": environment.container,
        "wsl": environment.wsl,
        "amx": environment.amx,
        "messages": list(environment.messages),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
