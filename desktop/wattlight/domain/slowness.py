"""Why a loaded model is slower than this computer could run it: one cause, from independent signals.

Three are asked: what the server reports, what the probes see (who holds memory of the GPU and works on it),
and measured speed against the range that was predicted. The server's word alone is never enough where another
signal speaks against it: it counts a processor's AMX buffer as GPU memory, and names layers it later moved.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .energy import HEAVY_PERCENT
from .fit import Verdict, left_out
from .state import RunningModel
from .values import DeviceSample, GpuProcess, MachineProfile

GIB = 1 << 30
_TELLING_BYTES = GIB
"""Of a smaller model a driver's own context (0.1 to 0.5 GiB) cannot be told from its weights."""
_HERE, _AWAY = 0.85, 0.15
"""From this share of its predicted memory a model is on the GPU; below the other it is not."""
_WORKING_PERCENT = 10.0
_FAR_BELOW = 0.7
"""Slower than this times the low end of the prediction is slow: the range itself covers nine in ten."""
_SPILL_BYTES = GIB // 2
_FULL = 0.9
_HEAVY_BYTES = GIB // 2


class Cause(StrEnum):
    DRIVER = "driver"
    """A GPU is there, and no engine can use it."""
    HIDDEN = "hidden"
    """The server was started with the GPU hidden from it."""
    CONTEXT = "context"
    """The context it was loaded with leaves no room for all of it."""
    MEMORY = "memory"
    """Another program holds the memory it would need."""
    BESIDE = "beside"
    """Another loaded model does."""
    SIZE = "size"
    """It is larger than the memory."""
    SUSPEND = "suspend"
    """The GPU was lost to the server when the computer slept."""
    PROCESSOR = "processor"
    """On the processor, and no cause is seen."""
    SPILL = "spill"
    """The driver moved part of it to the computer's memory."""
    HEAT = "heat"
    POWER = "power"
    OTHER_PROGRAM = "other_program"
    """Another program works on the GPU."""


class RunsOn(StrEnum):
    GPU = "gpu"
    PARTLY = "partly"
    PROCESSOR = "processor"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the fit of a model says, with all models' memory counted as free and other programs' as taken.

    ``gpu_bytes``: what it takes of the GPUs at its context. ``tokens_low``: the low end of the predicted
    output tokens per second.
    """

    verdict: Verdict
    gpu_bytes: int | None = None
    largest_gpu_context: int | None = None
    tokens_low: float | None = None


@dataclass(frozen=True, slots=True)
class Slowness:
    """What was found of one model.

    Attributes:
        sure: at least two of the three signals agree on where it runs, or a sensor told the cause.
        name: the device or program that the cause is about, "" without one.
        bytes: what that program holds, or the driver moved.
        context: the largest context that stays on the GPU, for :attr:`Cause.CONTEXT`.
    """

    model: str
    place: RunsOn
    sure: bool
    cause: Cause = Cause.PROCESSOR
    name: str = ""
    bytes: int | None = None
    context: int | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the models of a computer.

    Attributes:
        devices: its parts at one moment.
        running: all loaded models.
        expected_bytes: predicted memory of all of them on GPUs; None if one is not known.
        machine: as the server sees it, with its switches.
        slept: the computer slept since it was started.
    """

    devices: Sequence[DeviceSample]
    running: Sequence[RunningModel]
    expected_bytes: int | None = None
    machine: MachineProfile | None = None
    slept: bool = False


def why_slow(
    model: RunningModel, expected: Expected | None, around: Around, tokens_per_s: float | None = None
) -> Slowness | None:
    """The cause that costs most; None where nothing is wrong, or the signals contradict each other.

    Args:
        expected: None: no fit is known; then only what needs none is found.
        tokens_per_s: measured lately, None if nobody counted.
    """
    gpus = [d for d in around.devices if d.kind == "gpu" and not d.device.sliced]
    unused = {} if around.machine is None else {d.id: why for d, why in left_out(around.machine)}
    taken = {d.id for d in (gpus if around.machine is None else around.machine.devices)}
    taken -= {key for key, why in unused.items() if why not in _STILL_THERE}
    usable = [d for d in gpus if d.usable and d.id in taken]
    if not usable:
        broken = next((d for d in gpus if not d.usable and d.messages), None)
        # without a GPU that the server takes, the processor is the place
        return None if broken is None else Slowness(model.name, _OFF, True, Cause.DRIVER, broken.name)
    low = None if expected is None else expected.tokens_low
    slow = None if tokens_per_s is None or low is None else tokens_per_s < _FAR_BELOW * low
    where = _where(model.gpu_share, _seen(usable, around.expected_bytes), slow)
    if where is None:
        return None
    found = Slowness(model.name, *where)
    if found.place is RunsOn.GPU:
        return None if slow is False else _on_gpu(found, usable, bool(slow))
    hidden = next((d for d in usable if unused.get(d.id) == "hidden"), None)
    if hidden is not None and all(unused.get(d.id) == "hidden" for d in usable):
        return replace(found, cause=Cause.HIDDEN, name=hidden.name) if found.place is _OFF else None
    crowded = _no_room(found, model, expected, usable, around.running)
    if crowded is not None or found.place is RunsOn.PARTLY:
        return crowded  # a part away that no cause explains: prediction and report differ, nothing is known
    nvidia = all(d.device.vendor == "nvidia" for d in usable)
    lost = around.slept and nvidia
    return replace(found, cause=Cause.SUSPEND if lost else Cause.PROCESSOR, name=usable[0].name)


_OFF = RunsOn.PROCESSOR
_STILL_THERE = frozenset({"hidden", "no_memory"})
"""Left out for a reason that can be mended, or because a GPU that sleeps does not tell its memory."""


def _seen(gpus: Sequence[DeviceSample], expected_bytes: int | None) -> RunsOn | None:
    """Where the probes see the models; None where they cannot tell."""
    if all(d.asleep for d in gpus):
        return RunsOn.PROCESSOR  # nothing is on a GPU that sleeps
    held = [_held(d) for d in gpus]
    if expected_bytes is None or expected_bytes < _TELLING_BYTES or any(part is None for part in held):
        return None
    share = sum(part or 0 for part in held) / expected_bytes
    working = any(p.is_server and (p.busy_percent or 0) > _WORKING_PERCENT for d in gpus for p in d.processes)
    if share < _AWAY and not working:
        return RunsOn.PROCESSOR
    return RunsOn.GPU if share >= _HERE else RunsOn.PARTLY


def _held(gpu: DeviceSample) -> int | None:
    """What servers hold of it: nothing where every process on it is known by name and none is a server's."""
    known = gpu.memory.server_holds_bytes
    told = gpu.processes_reason is None and all(process.name for process in gpu.processes)
    nobody = told and not any(process.is_server for process in gpu.processes)
    return 0 if known is None and nobody else known


def _where(share: float | None, seen: RunsOn | None, slow: bool | None) -> tuple[RunsOn, bool] | None:
    """(where it runs, whether two signals agree); None where none tells, or as many speak against it."""
    said = None if share is None else _place_of(share)
    place = said if seen is None else seen
    if place is None:
        return None
    away = place is not RunsOn.GPU
    signals = [signal is not RunsOn.GPU for signal in (said, seen) if signal is not None]
    signals += [] if slow is None else [slow]
    agree = signals.count(away)
    return None if away and 2 * agree <= len(signals) else (place, agree >= 2)


def _place_of(share: float) -> RunsOn:
    return RunsOn.GPU if share >= 0.999 else RunsOn.PROCESSOR if share <= 0.001 else RunsOn.PARTLY


def _on_gpu(found: Slowness, gpus: Sequence[DeviceSample], slow: bool) -> Slowness | None:
    """What slows a model that is on the GPU; heat counts by itself, the rest only beside a low speed."""
    for gpu in gpus:
        own, used = gpu.memory.dedicated_total_bytes or 0, gpu.memory.dedicated_used_bytes or 0
        shared = 0 if gpu.memory.unified else gpu.memory.shared_used_bytes or 0
        if slow and own and shared >= _SPILL_BYTES and used >= _FULL * own:
            return replace(found, sure=True, cause=Cause.SPILL, name=gpu.name, bytes=shared)
    for gpu in gpus:
        if "heat" in gpu.slowed_by:
            return replace(found, sure=True, cause=Cause.HEAT, name=gpu.name)
        busy = _greatest(gpu.processes, lambda p: p.busy_percent)
        if slow and busy is not None and (busy.busy_percent or 0.0) > HEAVY_PERCENT:
            return replace(found, sure=True, cause=Cause.OTHER_PROGRAM, name=busy.name)
        if slow and "power" in gpu.slowed_by:
            return replace(found, sure=True, cause=Cause.POWER, name=gpu.name)
    return None


def _no_room(
    found: Slowness,
    model: RunningModel,
    expected: Expected | None,
    gpus: Sequence[DeviceSample],
    running: Iterable[RunningModel],
) -> Slowness | None:
    """What takes the room on the GPUs: another program, the context, its own size, another model."""
    if expected is None:
        return None
    needed, total = expected.gpu_bytes or 0, sum(d.memory.total_bytes or 0 for d in gpus)
    if not total:
        return None
    others = sum((d.memory.used_bytes or 0) - (d.memory.server_holds_bytes or 0) for d in gpus)
    missing = needed - (total - max(0, others))
    whole = expected.verdict is Verdict.FULL_GPU
    holder = _greatest((p for d in gpus for p in d.processes), lambda p: p.memory_bytes)
    held = 0 if holder is None else holder.memory_bytes or 0
    if holder is not None and held >= max(_HEAVY_BYTES, missing) and (missing > 0 or not whole):
        return replace(found, cause=Cause.MEMORY, name=holder.name, bytes=held)
    largest = expected.largest_gpu_context
    if largest and (model.context_length or 0) > largest:
        return replace(found, cause=Cause.CONTEXT, context=largest)
    if not whole:
        return replace(found, cause=Cause.SIZE)
    beside = [m for m in running if m.digest != model.digest and m.size_vram_bytes > 0]
    if not beside:
        return None
    other = max(beside, key=lambda m: m.size_vram_bytes)
    return replace(found, cause=Cause.BESIDE, name=other.name, bytes=other.size_vram_bytes)


def _greatest(processes: Iterable[GpuProcess], of: Callable[[GpuProcess], float | None]) -> GpuProcess | None:
    """The program that takes most, of those that have a name and are no model server."""
    return max((p for p in processes if p.name and not p.is_server), key=lambda p: of(p) or 0, default=None)
