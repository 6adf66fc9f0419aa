"""The verdict in words: why, and what would change it."""

from dataclasses import dataclass, replace

from ..shape import ShapeSource
from ..values import MachineProfile
from .constants import (
    KNOWN_UNTIL,
    MEASURED_FROM,
    MLX_ARCHITECTURES,
    MLX_FROM,
    has_own_engine,
    version_number,
)
from .drafts import NO_GRAPH, draft_of
from .engine import fit
from .longest import largest_context
from .prepared import PreparedModel
from .result import Confidence, ContextSource, FitOptions, FitResult, Verdict
from .server_rules import left_out, usable_devices

_REPORT_DIFFERENCE = 0.01
SMALL_BATCH = 512


@dataclass(frozen=True, slots=True)
class Reason:
    """One statement about a fit; the faces have a sentence for each ``code``.

    ``values`` fill its places: names ending in ``_bytes`` are memory, other numbers are counts, texts stand
    as they are.
    """

    code: str
    values: tuple[tuple[str, int | str], ...] = ()


def _reason(code: str, **values: int | str) -> Reason:
    return Reason(code, tuple(values.items()))


def explain(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions | None = None
) -> tuple[Reason, ...]:
    """Sentences for a person: the reasons of the verdict first, then remarks, then what would change it."""
    options = options or FitOptions()
    return (
        *_why(result, machine),
        *_about_draft(prepared, machine, result, options),
        *_remarks(prepared, result),
        *_server(machine),
        *_mlx(prepared, machine),
        *_changes(prepared, machine, result, options),
    )


def _why(result: FitResult, machine: MachineProfile) -> list[Reason]:
    if result.verdict is Verdict.NO:
        return [_obstacle(result, machine)]
    names = ", ".join(device.name for device in result.devices)
    if result.verdict is Verdict.FULL_GPU:
        return [
            _reason(
                "all_on_gpu",
                device=names,
                used_bytes=result.gpu_bytes,
                free_bytes=sum(device.free_bytes for device in result.devices),
            )
        ]
    if result.verdict is Verdict.CPU:
        without = "no_usable_device" if machine.devices else "no_device"
        code = "no_layer_fits" if result.devices else without
        return [_reason(code, host_bytes=result.host_bytes), *_unused(machine)]
    if result.expert_blocks_in_ram:
        return [
            _reason(
                "experts_in_ram",
                on_gpu=result.layers_on_gpu,
                layers=result.layers_total,
                device=names,
                blocks=result.expert_blocks_in_ram,
                host_bytes=result.host_bytes,
            )
        ]
    return [
        _reason(
            "layers_in_ram",
            on_gpu=result.layers_on_gpu,
            layers=result.layers_total,
            device=names,
            host_bytes=result.host_bytes,
        )
    ]


CHECKPOINT_TOKENS = 8192
"""A snapshot of the state is kept in RAM for so many tokens of a prompt."""
SMALL_STATE_BYTES = 8 << 20
"""Snapshots of less are not worth a word: the server keeps at most 32."""


def _about_draft(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions
) -> list[Reason]:
    """What a speculative draft takes, what it costs, and how it would be without."""
    use = result.draft
    if use is None:
        if options.draft:
            return [_reason("draft_none")]
        idle = prepared.shape.has_draft_blocks and prepared.arch.name not in NO_GRAPH
        return [_reason("draft_idle")] if idle and options.draft is None else []
    bare = fit(prepared, machine, replace(options, draft=0, context=result.context))
    without = _reason(
        f"without_draft_{bare.verdict.value}",
        used_bytes=bare.gpu_bytes,
        on_gpu=bare.layers_on_gpu,
        layers=bare.layers_total,
        host_bytes=bare.host_bytes,
    )
    if result.verdict is Verdict.NO:
        smaller = _smaller_batch(prepared, machine, result, options)
        return [without, *smaller] if bare.verdict is not Verdict.NO else smaller
    draft = draft_of(prepared, options)
    reasons = [
        _reason(f"draft_{use.kind}", length=use.length, draft_bytes=use.total_bytes),
        without,
        *_price_of_draft(result, bare),
    ]
    if draft is not None and draft.drafted < use.length:
        reasons.append(_reason("draft_shorter", drafted=draft.drafted, length=use.length))
    if not use.counted:
        reasons.append(_reason("draft_uncounted", draft_bytes=use.total_bytes))
    if state := _state_bytes(prepared):
        each = state + use.kv_bytes // result.parallel
        reasons.append(_reason("draft_snapshots", tokens=CHECKPOINT_TOKENS, each_bytes=each))
    return reasons


def _state_bytes(prepared: PreparedModel) -> int:
    """Recurrent state of one slot: what a snapshot holds, however many states a draft keeps."""
    return 4 * (sum(prepared.arch.state_r) + sum(prepared.arch.state_s))


def _price_of_draft(result: FitResult, bare: FitResult) -> list[Reason]:
    """Layers and experts that are in RAM because of it."""
    if bare.layers_on_gpu > result.layers_on_gpu:
        lost = bare.layers_on_gpu - result.layers_on_gpu
        return [
            _reason("draft_layers", lost=lost, on_gpu=result.layers_on_gpu, without=bare.layers_on_gpu),
        ]
    more = result.expert_blocks_in_ram - bare.expert_blocks_in_ram
    return [_reason("draft_experts", blocks=more)] if more > 0 else []


def _smaller_batch(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions
) -> list[Reason]:
    """The buffers of a draft grow with the batch."""
    if result.obstacle != "draft_too_large" or result.batch <= SMALL_BATCH:
        return []
    small = fit(prepared, machine, replace(options, batch=SMALL_BATCH, context=result.context))
    return [_reason("draft_smaller_batch", batch=SMALL_BATCH)] if small.verdict is not Verdict.NO else []


def _obstacle(result: FitResult, machine: MachineProfile) -> Reason:
    if result.obstacle in {"draft_crashes", "draft_refused"}:
        return _reason(result.obstacle)
    if result.obstacle == "draft_too_large":
        return _reason(
            "draft_too_large",
            draft_bytes=result.draft.total_bytes if result.draft else 0,
            used_bytes=result.gpu_bytes,
            free_bytes=sum(device.free_bytes for device in result.devices),
        )
    if result.obstacle == "needs_flash_attention":
        return _reason(
            "needs_flash_attention",
            kv_type=result.kv_type,
        )
    if result.obstacle == "device_too_small":
        return _reason(
            "device_too_small",
            used_bytes=result.gpu_bytes,
            free_bytes=sum(device.free_bytes for device in result.devices),
        )
    if result.obstacle == "ram_too_full":
        return _reason(
            "ram_too_full",
            host_bytes=result.host_bytes,
            available_bytes=machine.ram_available_bytes,
        )
    return _reason("ram_too_small", needed_bytes=result.needed_bytes, total_bytes=machine.memory_bytes)


def about_machine(machine: MachineProfile) -> tuple[Reason, ...]:
    """What holds for every model: devices the server leaves out, what its settings and version do."""
    return (*_unused(machine), *_server(machine))


def _unused(machine: MachineProfile) -> list[Reason]:
    """Why the server leaves devices out, and which switch decides it."""
    return [_reason(f"left_out_{why}", device=device.name) for device, why in left_out(machine)]


def _server(machine: MachineProfile) -> list[Reason]:
    """What the server's settings and version do to the figures."""
    server, found = machine.server, []
    overhead, own_engine = server.gpu_overhead_bytes, has_own_engine(server.version)
    if overhead and machine.devices and not own_engine:
        found.append(_reason("overhead_reserves_nothing", overhead_bytes=overhead))
    version = version_number(server.version)
    if version is not None and not MEASURED_FROM <= version < KNOWN_UNTIL:
        older = "own_engine" if own_engine else "older_server"
        code = "newer_server" if version >= KNOWN_UNTIL else older
        found.append(_reason(code, version=str(server.version)))
    return found


def _mlx(prepared: PreparedModel, machine: MachineProfile) -> list[Reason]:
    """That another engine than the one of these figures may run the model."""
    apple = any(device.backend == "metal" for device in machine.devices)
    late = (version_number(machine.server.version) or ()) >= MLX_FROM
    if apple and late and prepared.shape.architecture in MLX_ARCHITECTURES:
        return [_reason("mlx_by_default")]
    return []


def _remarks(prepared: PreparedModel, result: FitResult) -> list[Reason]:
    remarks = []
    if result.context_source is ContextSource.STEPPED_DOWN:
        remarks.append(_reason("stepped_down", context=result.context, before=result.context_asked))
    elif result.context != result.context_asked and result.context_source is not ContextSource.TIER:
        code = "context_raised" if result.context > result.context_asked else "context_cut"
        remarks.append(_reason(code, context=result.context))
    used, said = result.gpu_bytes, result.reported_vram_bytes
    if result.devices and used and abs(used - said) > _REPORT_DIFFERENCE * used:
        remarks.append(
            _reason(
                "reported_differs",
                used_bytes=used,
                said_bytes=said,
            )
        )
    if result.projector_bytes:
        remarks.append(
            _reason(
                "projector",
                projector_bytes=result.projector_bytes,
            )
        )
    elif prepared.projector_bytes:
        remarks.append(_reason("projector_in_ram", projector_bytes=prepared.projector_bytes))
    state = _state_bytes(prepared)
    if result.draft is None and state >= SMALL_STATE_BYTES and not prepared.embedding_only:
        remarks.append(_reason("state_snapshots", tokens=CHECKPOINT_TOKENS, each_bytes=state))
    if prepared.shape.unknown_types:
        remarks.append(_reason("unknown_types", types=", ".join(prepared.shape.unknown_types)))
    if prepared.shape.source is ShapeSource.CATALOGUE:
        remarks.append(_reason("from_catalogue"))
        if prepared.shape.rounded:
            remarks.append(_reason("rounded_size"))
        if prepared.shape.stand_in:
            remarks.append(_reason("stand_in", other=prepared.shape.stand_in))
    elif result.draft is not None and prepared.base_confidence is not Confidence.LOW:
        remarks += [_reason("draft_unmeasured")] if result.confidence is Confidence.LOW else []
    elif result.confidence is Confidence.LOW:
        remarks.append(
            _reason(
                "unmeasured_architecture",
                architecture=prepared.arch.name,
            )
        )
    return remarks


def _changes(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions
) -> list[Reason]:
    """What would bring the model wholly onto the accelerator, or let it run at all."""
    if result.verdict is Verdict.FULL_GPU:
        return []
    changes: list[Reason] = []
    if any(why == "integrated" for _, why in left_out(machine)):
        changes += _with_integrated(prepared, machine, options)
    if result.devices and result.missing_bytes:
        changes += _smaller_cache(prepared, machine, result, options)
        held = sum((d.memory_total_bytes or 0) for d in usable_devices(machine)) - sum(
            device.free_bytes for device in result.devices
        )
        if held >= result.missing_bytes > 0:
            changes.append(
                _reason(
                    "close_programs",
                    missing_bytes=result.missing_bytes,
                    held_bytes=held,
                )
            )
        changes += _smaller_quantisation(prepared, result)
    if result.obstacle == "ram_too_full":
        changes.append(
            _reason(
                "close_programs_ram",
                host_bytes=result.host_bytes,
            )
        )
    if result.obstacle == "needs_flash_attention":
        changes.append(_reason("kv_f16"))
    return changes


def _with_integrated(prepared: PreparedModel, machine: MachineProfile, options: FitOptions) -> list[Reason]:
    """How it would run if the server used the processor's graphics."""
    allowed = replace(machine, server=replace(machine.server, igpu_enable=True))
    result = fit(prepared, allowed, options)
    if result.verdict not in {Verdict.FULL_GPU, Verdict.PARTIAL_GPU}:
        return []
    code = "igpu_whole" if result.verdict is Verdict.FULL_GPU else "igpu_part"
    return [_reason(code, on_gpu=result.layers_on_gpu, layers=result.layers_total)]


def _smaller_cache(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions
) -> list[Reason]:
    changes = []
    if result.kv_type in {"f32", "f16", "bf16"}:
        small = replace(options, kv_type="q8_0", context=result.context)
        if fit(prepared, machine, small).verdict is Verdict.FULL_GPU:
            changes.append(_reason("kv_q8_0"))
    longest = largest_context(prepared, machine, options)
    if longest and longest < result.context:
        changes.append(_reason("shorter_context", context=longest))
    return changes


def _smaller_quantisation(prepared: PreparedModel, result: FitResult) -> list[Reason]:
    room = prepared.weights_bytes - result.missing_bytes
    share = room / prepared.weights_bytes if prepared.weights_bytes else 0.0
    if share < 0.2:
        return []
    return [
        _reason(
            "smaller_quantisation",
            room_bytes=room,
            weights_bytes=prepared.weights_bytes,
        )
    ]
