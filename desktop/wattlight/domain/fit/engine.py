"""The door's functions: prepare a model once, then ask how it fits."""

from ..entry import WholeBuffers
from ..shape import ModelShape
from ..values import MachineProfile
from .draft_memory import Beside, DraftMemory, beside
from .drafts import Draft, DraftKind
from .layering import Layering, expert_blocks_in_ram, split_by_free
from .plan import Plan, Planner
from .prepared import PreparedModel
from .result import ContextSource, DraftUse, FitOptions, FitResult
from .server_rules import lower_tier
from .sizing import BareSizer, Share, Sizer, Taken, logged
from .verdict import OUT_OF_MEMORY, Placed, judge

_DEFAULTS = FitOptions()


def prepare(shape: ModelShape, whole: WholeBuffers | None = None, divided: str = "") -> PreparedModel:
    """Work out everything about ``shape`` that does not depend on machine and options; ``whole``,
    ``divided``: of its buffers what was worked out beforehand."""
    return PreparedModel(shape, False, whole, divided)


def fit(prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None) -> FitResult:
    """What the model takes on ``machine`` now.

    Where no context is asked for and the server's own does not fit, its next lower one counts: the server
    tries that once.

    Raises:
        UnknownCacheType: the engine does not know the type of cache asked for.
    """
    options = options or _DEFAULTS
    planner = Planner(prepared, machine, options)
    result = _placed(planner.model, machine, options, planner.plan(options.context))
    if result.obstacle in OUT_OF_MEMORY and result.context_source is ContextSource.TIER:
        lower = lower_tier(result.context, planner.constants)
        if lower is not None:
            plan = planner.plan(lower)._replace(
                asked=result.context, context_source=ContextSource.STEPPED_DOWN
            )
            return _placed(planner.model, machine, options, plan)
    return result


def fit_at_best(prepared: PreparedModel, machine: MachineProfile, options: FitOptions) -> FitResult:
    """A bound that costs little: as :func:`fit` at ``options.context`` if there were no compute buffers, and
    nothing of what the server would report."""
    planner = Planner(prepared, machine, options)
    return _placed(planner.model, machine, options, planner.plan(options.context), BareSizer)


def _placed(
    prepared: PreparedModel,
    machine: MachineProfile,
    options: FitOptions,
    plan: Plan,
    kind: type[Sizer] = Sizer,
) -> FitResult:
    """What the model takes with everything settled in ``plan``."""
    sizer = plan.sizer(prepared, kind)
    shares, taken, missing = _distribute(plan, sizer, options, prepared.arch.experts > 0, machine.server.fit)
    if shares and not missing and options.gpu_layers is None:
        on_devices = sizer.layers + 1
    else:
        on_devices = sum(share.layers for share in shares)
    host = _host(sizer, shares, on_devices)
    mapped, extra, use, read = plan.mapped, None, None, [*taken, host]
    if plan.draft is not None and plan.draft_memory is not None:
        extra = beside(plan.draft, plan.draft_memory, sizer, shares)
        use = _draft_use(plan.draft, plan.draft_memory, sizer, extra)
        read = _as_read(plan.draft, plan.draft_memory, extra, read)
        mapped = mapped and not plan.draft.renamed
    size, vram = 0, 0
    if kind is not BareSizer:
        size, vram = reported(prepared, sizer, shares, [*taken, host], mapped, read, extra is not None)
    if extra is not None and plan.draft_memory is not None:
        taken = [own.plus(more) for own, more in zip(taken, extra.devices, strict=True)]
        host = host.plus(extra.host).plus(Taken(0, 0, plan.draft_memory.output))
    if not plan.projector:
        host = host.plus(Taken(prepared.projector_bytes, 0, 0))
    arch = prepared.arch
    experts = expert_blocks_in_ram(shares, arch.layers, arch.trunk) if missing and arch.experts else 0
    placed = Placed(taken, host, on_devices, experts, missing, mapped, size, vram, use)
    return judge(prepared, machine, options, plan, placed)


def _distribute(
    plan: Plan, sizer: Sizer, options: FitOptions, has_experts: bool, fits_itself: bool
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
    if not missing or not fits_itself:
        return shares, taken, missing
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
    for share in shares:
        if share.partial:
            weights += sizer.overflow_host(first, share)
        first += share.layers
    return Taken(weights, sizer.kv_host(in_ram), sizer.compute_beside(shares))


def _draft_use(draft: Draft, memory: DraftMemory, sizer: Sizer, extra: Beside) -> DraftUse:
    parts = [*extra.devices, extra.host]
    copies = (draft.states - 1) * sizer.setting.slots * sizer.cache.state[-1]
    embedded = draft.main.draft_blocks_bytes if draft.kind is DraftKind.EMBEDDED else 0
    return DraftUse(
        draft.kind.value,
        draft.length,
        embedded + sum(part.weights for part in parts),
        sum(part.kv for part in parts),
        copies,
        sum(part.compute for part in parts),
        memory.output,
        memory.measured > 0 or not extra.devices,
        draft.states == 1 and sizer.cache.state[-1] > 0,
    )


def _as_read(draft: Draft, memory: DraftMemory, extra: Beside, own: list[Taken]) -> list[Taken]:
    """(weights, draft's cache, compute) of each device, and last of RAM, as the server reads them from the
    log: a draft's line of the same name replaces the model's."""
    pairs = zip(own, [*extra.devices, extra.host], strict=True)
    if draft.kind is not DraftKind.DFLASH:
        return [Taken(a.weights or b.weights, a.kv, a.compute or b.compute) for b, a in pairs]
    # the model's own buffer is printed again at the first prompt, larger by this
    growth, alone = memory.model_growth, not extra.devices
    return [
        Taken(a.weights or b.weights, a.kv, b.compute + (growth if a.kv or alone else 0)) for b, a in pairs
    ]


def reported(
    prepared: PreparedModel,
    sizer: Sizer,
    shares: list[Share],
    taken: list[Taken],
    mapped: bool,
    read: list[Taken],
    drafts: bool,
) -> tuple[int, int]:
    """(size, size_vram) of ``/api/ps`` in bytes.

    ``taken``: of each device and last of RAM; ``mapped``: the model file is memory-mapped; ``read``: as
    ``taken``, what the server reads from the log, where it ``drafts`` with the cache of the draft alone.
    """
    layers = sizer.layers
    if len(shares) == 1 and shares[0].layers > layers and not shares[0].partial and sizer.backend != "metal":
        use = read[0]
        vram = logged(use.weights) + logged(use.compute)
        vram += sizer.logged_cache(0, layers, use.kv if drafts else 0)
        return vram, vram
    units = sum(share.layers for share in shares)
    spilled = any(share.partial for share in shares)
    first = layers + 1 - units
    vram = on_devices = 0
    for share, own, use in zip(shares, taken, read, strict=False):
        end = first + share.layers
        stop = min(layers, max(first, end))
        weights = use.weights
        if weights == own.weights and mapped and sizer.backend == "metal" and share.layers:
            weights = prepared.spans.on_device(first, stop, end > layers, sizer.weights.output_tied)
        on_devices += logged(weights)
        vram += logged(weights) + logged(use.compute)
        vram += sizer.logged_cache(min(first, layers), stop, use.kv if drafts else 0)
        first = end
    if units > layers and not spilled:
        return vram, vram
    in_ram, use = min(layers + 1 - units, layers), read[-1]
    size = vram + sizer.logged_cache(0, in_ram, use.kv if drafts else 0) + logged(use.compute)
    size += logged(4 * prepared.vocabulary * sizer.setting.slots)
    if not shares or not mapped or use.weights != taken[-1].weights:
        return size + logged(use.weights), vram
    span = logged(prepared.spans.in_ram(shares))
    over = on_devices + span - prepared.shape.file_bytes
    return size + span - min(span, max(0, over)), vram
