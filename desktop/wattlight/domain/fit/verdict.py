"""The verdict and how sure it is."""

from typing import NamedTuple

from wattlight.domain.shape import ShapeSource
from wattlight.domain.values import MachineProfile

from .architecture_tables import UNMODELLED_CACHE
from .constants import MEASURED_FROM, version_number
from .plan import Plan
from .prepared import PreparedModel
from .result import Confidence, DeviceUse, FitOptions, FitResult, HostUse, Verdict
from .sizing import Share, Taken

_UNIFIED_RESERVE_BYTES = 1 << 30
"""Left for everything else where accelerator and programs share one memory."""


class Placed(NamedTuple):
    """Where everything lies; ``missing_bytes`` is what full offload lacks, ``mapped``: file memory-mapped."""

    shares: list[Share]
    taken: list[Taken]
    host: Taken
    experts_in_ram: int
    missing_bytes: int
    mapped: bool
    reported_size: int
    reported_vram: int


def judge(
    prepared: PreparedModel, machine: MachineProfile, options: FitOptions, plan: Plan, placed: Placed
) -> FitResult:
    """Put the answer together."""
    units = prepared.arch.layers + 1
    on_gpu = sum(share.layers for share in placed.shares)
    used = sum(use.total for use in placed.taken)
    devices = tuple(
        DeviceUse(device.id, device.name, use.weights, use.kv, use.compute, free)
        for device, use, free in zip(plan.devices, placed.taken, plan.frees, strict=True)
    )
    if on_gpu >= units and not placed.experts_in_ram:
        verdict = Verdict.FULL_GPU
    elif on_gpu:
        verdict = Verdict.PARTIAL_GPU
    else:
        verdict = Verdict.CPU
    obstacle = _obstacle(machine, options, plan, placed, verdict, used)
    confidence = _confidence(prepared, machine, plan, verdict)
    spare = sum(plan.limits) - used if devices else machine.ram_available_bytes - placed.host.total
    return FitResult(
        verdict=Verdict.NO if obstacle else verdict,
        layers_total=units,
        layers_on_gpu=on_gpu,
        expert_blocks_in_ram=placed.experts_in_ram,
        devices=devices,
        host=HostUse(*placed.host),
        batch=plan.batch,
        context=plan.context,
        context_asked=plan.asked,
        kv_type=plan.kv_type,
        parallel=plan.slots,
        flash_attention=plan.flash is not False,
        reported_size_bytes=placed.reported_size,
        reported_vram_bytes=placed.reported_vram,
        spare_bytes=spare,
        missing_bytes=placed.missing_bytes,
        projector_bytes=plan.projector,
        margin_bytes=plan.margin,
        uncertainty_bytes=_uncertainty(plan, placed, verdict, confidence, used),
        confidence=confidence,
        obstacle=obstacle,
    )


def _obstacle(
    machine: MachineProfile, options: FitOptions, plan: Plan, placed: Placed, verdict: Verdict, used: int
) -> str:
    """Why it cannot run at all, as a short word; empty if it can."""
    if plan.flash is None:
        return "needs_flash_attention"
    if options.gpu_layers and any(
        use.total > free for use, free in zip(placed.taken, plan.frees, strict=True)
    ):
        return "device_too_small"
    shared = any(device.unified for device in plan.devices)
    host = placed.host
    if shared and used + host.total > machine.ram_total_bytes - _UNIFIED_RESERVE_BYTES:
        return "ram_too_small"
    needed = host.kv + host.compute if placed.mapped and verdict is Verdict.FULL_GPU else host.total
    if needed > machine.ram_available_bytes:
        return "ram_too_small" if needed > machine.ram_total_bytes else "ram_too_full"
    return ""


def _confidence(prepared: PreparedModel, machine: MachineProfile, plan: Plan, verdict: Verdict) -> Confidence:
    arch = prepared.arch
    if not arch.measured or arch.name in UNMODELLED_CACHE or prepared.adapter_bytes:
        return Confidence.LOW
    version = version_number(machine.server.version)
    if (
        prepared.shape.source is not ShapeSource.HEADER
        or (version is not None and version < MEASURED_FROM)
        or plan.backend in {"rocm", "vulkan"}
        or prepared.projector_bytes
        or machine.cpu.amx
        or (verdict is Verdict.PARTIAL_GPU and arch.mla)
    ):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _uncertainty(plan: Plan, placed: Placed, verdict: Verdict, confidence: Confidence, used: int) -> int:
    """Half width of the range of the total: worst errors measured or, where unmeasured, assumed."""
    host = placed.host
    total = used + host.total
    variable = host.kv + host.compute + sum(use.kv + use.compute for use in placed.taken)
    if confidence is Confidence.LOW:
        return (total - variable) // 100 + variable // 4
    if verdict is Verdict.FULL_GPU:
        part = total // 200 if plan.backend == "metal" else total // 500
    elif verdict is Verdict.CPU:
        part = total // 100
    else:
        part = total * 3 // 200
    return part if confidence is Confidence.HIGH else part + total // 50 + variable // 20
