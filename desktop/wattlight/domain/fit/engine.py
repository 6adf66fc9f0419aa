"""The door's functions: prepare a model once, then ask how it fits."""

from ..shape import ModelShape
from ..values import MachineProfile
from .layering import Layering, expert_blocks_in_ram, split_by_free
from .plan import Machine, Plan
from .prepared import PreparedModel
from .report import reported
from .result import FitOptions, FitResult
from .server_rules import maps_file
from .sizing import Share, Sizer, Taken
from .verdict import Placed, judge

_DEFAULTS = FitOptions()


def prepare(shape: ModelShape) -> PreparedModel:
    """Work out everything about ``shape`` that does not depend on machine and options."""
    return PreparedModel(shape)


def fit(prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None) -> FitResult:
    """What the model takes on ``machine`` now.

    Raises:
        UnknownCacheType: the engine does not know the type of cache asked for.
    """
    options = options or _DEFAULTS
    plan = Machine(prepared, machine, options).plan(prepared, options.context)
    sizer = plan.sizer(prepared)
    shares, taken, missing = _distribute(plan, sizer, options, prepared.arch.experts > 0)
    on_devices = sizer.layers + 1 if not missing and options.gpu_layers is None and shares else _units(shares)
    host = _host(sizer, shares, on_devices)
    mapped = maps_file(
        machine, plan.devices, prepared, plan.estimate, plan.available, options.gpu_layers, plan.constants
    )
    size, vram = reported(prepared, sizer, shares, taken, host, mapped)
    experts = expert_blocks_in_ram(shares, prepared.arch.layers) if missing and prepared.arch.experts else 0
    placed = Placed(shares, taken, host, on_devices, experts, missing, mapped, size, vram)
    return judge(prepared, machine, options, plan, placed)


def _units(shares: list[Share]) -> int:
    return sum(share.layers for share in shares)


def _distribute(
    plan: Plan, sizer: Sizer, options: FitOptions, has_experts: bool
) -> tuple[list[Share], list[Taken], int]:
    """Which layers go where, the bytes on each device, and what is missing for everything to fit."""
    frees, limits = plan.frees, plan.limits
    if not frees:
        return [], [], 0
    units = sizer.layers + 1
    if len(frees) == 1 and (options.gpu_layers is None or options.gpu_layers >= units):
        whole = sizer.all_on_one()
        shares, taken = [Share(units)], [whole]
        if whole.weights + whole.kv + whole.compute <= limits[0]:
            return shares, taken, 0
    else:
        shares = [Share(units)] if len(frees) == 1 else split_by_free(units, frees)
        taken = sizer.measure(shares)
    missing = 0
    for use, limit in zip(taken, limits, strict=True):
        if use.total > limit:
            missing += use.total - limit
    if options.gpu_layers is not None:
        if options.gpu_layers < units:
            shares = split_by_free(options.gpu_layers, frees)
            taken = sizer.measure(shares)
        return shares, taken, missing
    if not missing:
        return shares, taken, 0
    surplus = 0
    if has_experts:
        bare = [Share(share.layers, share.layers) for share in shares]
        surplus = sum(limits) - sum(use.total for use in sizer.measure(bare))
    shares = Layering(sizer, limits, has_experts).choose(surplus)
    return shares, sizer.measure(shares), missing


def _host(sizer: Sizer, shares: list[Share], on_devices: int) -> Taken:
    """Bytes in RAM for a distribution."""
    if not shares:
        return sizer.all_in_ram()
    w = sizer.weights
    first = sizer.layers + 1 - on_devices
    if not first and len(shares) == 1 and not shares[0].partial:
        return Taken(w.input_host, 0, sizer.host_compute)
    in_ram = min(first, sizer.layers)
    weights = w.input_host + w.host_sum[in_ram] + (w.rope_host if in_ram else 0)
    if not on_devices:
        weights += w.output_host
    spilled = False
    for share in shares:
        if share.partial:
            weights += sizer.overflow_host(first, share)
        spilled = spilled or share.partial > 0
        first += share.layers
    compute = sizer.host_compute
    if len(shares) > 1 and not in_ram and not spilled:
        compute += 3 * sizer.base
    return Taken(weights, sizer.kv_host(in_ram), compute)
