"""The verdict, how sure it is, and the words for it."""

from wattlight.domain.values import MachineProfile

from .plan import Plan
from .prepared import PreparedModel
from .result import Confidence, DeviceUse, FitOptions, FitResult, HostUse, Reason, Verdict
from .sizing import Share, Taken


def judge(
    prepared: PreparedModel,
    machine: MachineProfile,
    options: FitOptions,
    plan: Plan,
    shares: list[Share],
    taken: list[Taken],
    host: Taken,
    experts: int,
    size: int,
    vram: int,
    mapped: bool,
) -> FitResult:
    """Put the answer together."""
    total = prepared.arch.layers + 1
    on_gpu = sum(share.layers for share in shares)
    used = sum(use.total for use in taken)
    devices = tuple(
        DeviceUse(device.id, device.name, use.weights, use.kv, use.compute, free)
        for device, use, free in zip(plan.devices, taken, plan.frees, strict=True)
    )
    if on_gpu >= total and not experts:
        verdict = Verdict.FULL_GPU
    elif on_gpu:
        verdict = Verdict.PARTIAL_GPU
    else:
        verdict = Verdict.CPU
    spare = sum(plan.limits) - used if devices else machine.ram_available_bytes - host.total
    return FitResult(
        verdict=verdict,
        layers_total=total,
        layers_on_gpu=on_gpu,
        expert_blocks_in_ram=experts,
        devices=devices,
        host=HostUse(*host),
        batch=plan.batch,
        context=plan.context,
        context_asked=plan.asked,
        kv_type=plan.kv_type,
        parallel=plan.slots,
        flash_attention=plan.flash is not False,
        reported_size_bytes=size,
        reported_vram_bytes=vram,
        spare_bytes=spare,
        uncertainty_bytes=0,
        confidence=Confidence.HIGH,
    )


def explain(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions | None = None
) -> tuple[Reason, ...]:
    """Sentences for a person: the reasons of the verdict first, then what would change it."""
    return ()
