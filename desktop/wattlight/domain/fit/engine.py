"""The door's functions: prepare a model once, then ask how it fits."""

from wattlight.domain.shape import ModelShape
from wattlight.domain.values import MachineProfile

from .layering import Layering, expert_blocks_in_ram, split_by_free
from .plan import Machine, Plan
from .prepared import PreparedModel
from .report import reported
from .result import FitOptions, FitResult
from .server_rules import maps_file
from .sizing import Share, Sizer, Taken
from .verdict import judge

_DEFAULTS = FitOptions()
_NO_LIMIT = 1 << 20
"""Context searched up to where the header does not say what the model was trained for."""


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
    shares, taken = _distribute(plan, sizer, options, prepared.arch.experts > 0)
    host = _host(sizer, shares)
    mapped = maps_file(
        machine,
        plan.devices,
        prepared,
        plan.estimate,
        plan.available,
        options.gpu_layers,
        plan.constants,
    )
    size, vram = reported(prepared, sizer, shares, taken, host, mapped, machine)
    experts = expert_blocks_in_ram(shares, prepared.arch.layers) if prepared.arch.experts else 0
    return judge(prepared, machine, options, plan, shares, taken, host, experts, size, vram, mapped)


def _distribute(
    plan: Plan, sizer: Sizer, options: FitOptions, has_experts: bool
) -> tuple[list[Share], list[Taken]]:
    """Which layers go where, and the bytes on each device."""
    frees = plan.frees
    if not frees:
        return [], []
    units = sizer.layers + 1
    if options.gpu_layers is not None:
        shares = split_by_free(min(options.gpu_layers, units), frees)
        return shares, sizer.measure(shares)
    shares = [Share(units)] if len(frees) == 1 else split_by_free(units, frees)
    taken = sizer.measure(shares)
    if _fits(taken, plan.limits):
        return shares, taken
    surplus = 0
    if has_experts:
        bare = [Share(share.layers, share.layers) for share in shares]
        surplus = sum(plan.limits) - sum(use.total for use in sizer.measure(bare))
    shares = Layering(sizer, plan.limits, has_experts).choose(surplus)
    return shares, sizer.measure(shares)


def _fits(taken: list[Taken], limits: list[int]) -> bool:
    return all(use.total <= limit for use, limit in zip(taken, limits, strict=True))


def _host(sizer: Sizer, shares: list[Share]) -> Taken:
    """Bytes in RAM for a distribution."""
    if not shares:
        return sizer.all_in_ram()
    w = sizer.weights
    on_devices = sum(share.layers for share in shares)
    first = sizer.layers + 1 - on_devices
    in_ram = min(first, sizer.layers)
    weights = w.input_host + w.host_sum[in_ram] + (w.rope_host if in_ram else 0)
    if not on_devices:
        weights += w.output_host
    partial = False
    for share in shares:
        if share.partial and not share.spill_next:
            weights += sizer.overflow_host(first, share)
        partial = partial or share.partial > 0
        first += share.layers
    compute = sizer.host_compute
    if len(shares) > 1 and not in_ram and not partial:
        compute += 3 * sizer.base
    return Taken(weights, sizer.kv_host(in_ram), compute)


def largest_context(
    prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None
) -> int | None:
    """Largest multiple of 256 at which it, and everything smaller, stays wholly on the GPU; None if none.

    Never above the trained context. The server's choice of batch and devices changes with the context, so
    memory does not simply grow with it: each stretch with the same choice is searched on its own.
    """
    options = options or _DEFAULTS
    if options.gpu_layers is not None and options.gpu_layers <= prepared.arch.layers:
        return None
    view = Machine(prepared, machine, options)
    if not view.usable:
        return None
    step = view.constants.cache_pad
    top = (prepared.arch.context_trained or _NO_LIMIT) // step
    edges = sorted({above // view.slots // step for above, _ in view.constants.batch_steps} | {top})
    best, start = 0, 1
    for edge in edges:
        while start <= min(edge, top):
            end = _last(
                start,
                min(edge, top),
                lambda c, key=_choice(view, prepared, start * step): (  # type: ignore[misc]
                    _choice(view, prepared, c * step) == key
                ),
            )
            full = _last(start, end, lambda c: _is_full(view, prepared, c * step))
            best = full if full >= start else best
            if full < end:
                return best * step or None
            start = end + 1
    return best * step or None


def _choice(view: Machine, prepared: PreparedModel, context: int) -> tuple[object, ...]:
    plan = view.plan(prepared, context)
    return (plan.batch if plan.context >= plan.batch else 0, plan.devices)


def _is_full(view: Machine, prepared: PreparedModel, context: int) -> bool:
    plan = view.plan(prepared, context)
    if not plan.devices or plan.flash is None:
        return False
    sizer = plan.sizer(prepared)
    units = sizer.layers + 1
    shares = [Share(units)] if len(plan.frees) == 1 else split_by_free(units, plan.frees)
    limits = plan.frees if view.options.gpu_layers is not None else plan.limits
    return _fits(sizer.measure(shares), limits)


def _last(low: int, high: int, holds: object) -> int:
    """Largest n in low..high for which ``holds`` (true first, then false); low - 1 if it does not at low."""
    assert callable(holds)
    if not holds(low):
        return low - 1
    if holds(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
