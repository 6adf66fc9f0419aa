"""The verdict and how sure it is."""

from typing import NamedTuple

from ..values import MachineProfile
from .drafts import MEASURED_DRAFTS, Draft, DraftKind
from .plan import Plan
from .prepared import PreparedModel
from .result import Confidence, DeviceUse, DraftUse, FitOptions, FitResult, HostUse, Verdict
from .sizing import Taken

OUT_OF_MEMORY = frozenset(("device_too_small", "draft_too_large", "ram_too_small", "ram_too_full"))
"""Obstacles at which the server's load runs out of memory."""
_FULL_GPU, _PARTIAL_GPU, _CPU, _NO = Verdict.FULL_GPU, Verdict.PARTIAL_GPU, Verdict.CPU, Verdict.NO
_HIGH, _MEDIUM, _LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW
"""Looking a member of an enumeration up takes longer than comparing it."""
_UNIFIED_RESERVE_BYTES = 1 << 30
"""Left for everything else where accelerator and programs share one memory."""


class Placed(NamedTuple):
    """Where everything lies; ``missing_bytes`` is what full offload lacks, ``mapped``: file memory-mapped."""

    taken: list[Taken]
    host: Taken
    layers_on_devices: int
    experts_in_ram: int
    missing_bytes: int
    mapped: bool
    reported_size: int
    reported_vram: int
    draft: DraftUse | None


def judge(
    prepared: PreparedModel, machine: MachineProfile, options: FitOptions, plan: Plan, placed: Placed
) -> FitResult:
    units = prepared.arch.layers + 1
    on_gpu, host = placed.layers_on_devices, placed.host
    host_total = host.weights + host.kv + host.compute
    used = variable = 0
    spare = machine.ram_available_bytes - host_total
    devices: list[DeviceUse] = []
    if plan.devices:
        spare = 0
        for i, (weights, kv, compute) in enumerate(placed.taken):
            device, free = plan.devices[i], plan.frees[i]
            used += weights + kv + compute
            variable += kv + compute
            spare += plan.limits[i]
            devices.append(DeviceUse(device.id, device.name, weights, kv, compute, free))
        spare += (plan.draft_memory.measured if plan.draft_memory else 0) - used
    verdict = _PARTIAL_GPU if on_gpu else _CPU
    if on_gpu >= units and not placed.experts_in_ram:
        verdict = _FULL_GPU
    obstacle = _obstacle(machine, options, plan, placed, verdict, used)
    confidence = _confidence(prepared, plan, verdict)
    return FitResult(
        _NO if obstacle else verdict,
        units,
        on_gpu,
        placed.experts_in_ram,
        tuple(devices),
        HostUse(host.weights, host.kv, host.compute),
        plan.batch,
        plan.context,
        plan.asked,
        plan.kv_type,
        plan.slots,
        plan.flash is not False,
        placed.reported_size,
        placed.reported_vram,
        spare,
        placed.missing_bytes,
        plan.projector,
        _uncertainty(
            plan,
            verdict,
            confidence,
            used + host_total,
            variable + host.kv + host.compute,
            bool(prepared.shape.stand_in),
        ),
        confidence,
        obstacle,
        placed.draft,
        plan.context_source,
    )


def _obstacle(
    machine: MachineProfile, options: FitOptions, plan: Plan, placed: Placed, verdict: Verdict, used: int
) -> str:
    """Why it cannot run at all, as a short word; empty if it can."""
    if plan.flash is None:
        return "needs_flash_attention"
    if plan.draft is not None and plan.draft.fault:
        return plan.draft.fault
    if (options.gpu_layers or not machine.server.fit) and any(
        use.total > free for use, free in zip(placed.taken, plan.frees, strict=True)
    ):
        return "device_too_small"
    if plan.draft is not None and any(
        use.total > free for use, free in zip(placed.taken, plan.frees, strict=True)
    ):
        return "draft_too_large"
    host = placed.host
    needed = host.kv + host.compute
    if plan.devices and plan.devices[0].unified:
        in_ram = max(0, used - machine.own_bytes) + host.weights + needed
        if in_ram > machine.ram_total_bytes - _UNIFIED_RESERVE_BYTES:
            return "ram_too_small"
    if not placed.mapped or verdict is not _FULL_GPU:
        needed += host.weights
    if needed > machine.ram_available_bytes:
        return "ram_too_small" if needed > machine.ram_total_bytes else "ram_too_full"
    return ""


def _confidence(prepared: PreparedModel, plan: Plan, verdict: Verdict) -> Confidence:
    base = prepared.base_confidence
    if plan.draft is not None:
        base = base.at_most(_draft_confidence(plan, plan.draft, verdict))
    if base is _HIGH and (
        not plan.measured
        or plan.backend in {"rocm", "vulkan"}
        or (verdict is _PARTIAL_GPU and (prepared.arch.mla or plan.backend == "metal"))
        or (prepared.embedding_only and (verdict is not _FULL_GPU or len(plan.devices) > 1))
    ):
        return _MEDIUM
    return base


def _draft_confidence(plan: Plan, draft: Draft, verdict: Verdict) -> Confidence:
    """Measured are the blocks of Qwen 3.5 and its kin on one CUDA device or the processor, and DFlash."""
    several = len(plan.devices) > 1
    if (
        draft.kind is DraftKind.ASSISTANT
        or (draft.kind is not DraftKind.DFLASH and draft.model.arch.name not in MEASURED_DRAFTS)
        or (draft.kind is DraftKind.DFLASH and draft.has_own_output)
        or plan.flash is False
        or plan.draft_types != ("f16", "f16")
        or plan.backend in {"rocm", "metal"}
        or (verdict is _PARTIAL_GPU and (several or draft.main.arch.experts > 0))
    ):
        return _LOW
    sure = draft.kind is DraftKind.EMBEDDED and not several and not draft.renamed
    return _HIGH if sure else _MEDIUM


def _uncertainty(
    plan: Plan, verdict: Verdict, confidence: Confidence, total: int, variable: int, borrowed: bool
) -> int:
    """Half width of the range of the total: worst errors measured or, where unmeasured, assumed.

    ``variable`` is the part of it that is not weights; ``borrowed``: the geometry is another model's, whose
    cache was between 0.7 and 1.6 times the true one where that is known.
    """
    if borrowed:
        return (total - variable) // 12 + variable * 2 // 3
    if confidence is _LOW:
        return (total - variable) // 100 + variable // 4
    if verdict is _FULL_GPU:
        part = total // 500
    elif verdict is _CPU:
        part = total // 100
    else:
        part = total * 3 // 200
    return part if confidence is _HIGH else part + total // 50 + variable // 20
