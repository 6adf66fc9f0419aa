"""Loaded models: where they run, what was predicted and what they take, what can be done with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can
from wattlight.domain.state import HostState, RunningModel, same_model
from wattlight.domain.values import DeviceSample, clean_text
from wattlight.i18n import gib, joined, number, short_date, tr
from wattlight.services.answers import DOES_NOT_FIT, FULL_GPU, PARTIAL_GPU, FitNote
from wattlight.services.fit_words import together_text
from wattlight.services.models import Standing, room_by_size, standing, standing_text
from wattlight.services.slowness import cause_text, fix_text

from .cache_type import cache_name
from .scene import Scene
from .words import (
    DASH,
    NO_TABLE,
    Action,
    PillView,
    TableView,
    is_heavy,
    kept_text,
    needs_text,
    running_pill,
    speed_text,
)

if TYPE_CHECKING:
    from wattlight.domain.learning import Comparison


SHOWN = 50
GIB = 1 << 30


def memory_line(scene: Scene, model: RunningModel) -> str:
    """ "predicted 5.7, uses 5.7, Ollama reports 5.5 GiB"; "" for a load nobody compared."""
    load = next((c for c in scene.extras.loads if _is_of(c, model)), None)
    if load is None:
        return ""
    predicted, used, reported = amounts(load)
    if used is None:
        return tr("predicted {a}, Ollama reports {b}", a=_short(predicted), b=gib(reported))
    return tr(
        "predicted {a}, uses {b}, Ollama reports {c}", a=_short(predicted), b=_short(used), c=gib(reported)
    )


def _short(size_bytes: int) -> str:
    return number(size_bytes / GIB, 1)


def amounts(load: "Comparison") -> tuple[int, int | None, int]:
    """(predicted, used, reported) bytes that compare with each other.

    On the accelerators where one takes part; else in the computer's own memory, which nobody measures by
    model.
    """
    if load.predicted_used_bytes:
        return load.predicted_used_bytes, load.used_bytes, load.reported_vram_bytes
    return load.predicted_size_bytes, None, load.reported_size_bytes


def loads_table(scene: Scene) -> TableView:
    headings = (
        tr("Loaded"),
        tr("Context"),
        tr("Predicted"),
        tr("Used"),
        tr("Ollama reports"),
        tr("Off by"),
    )
    loads = scene.extras.loads[:SHOWN]
    if not loads:
        return NO_TABLE
    rows = tuple(_row(scene, load) for load in loads)
    quiet = frozenset(i for i, load in enumerate(loads) if load.disturbed is not None)
    return TableView(headings, rows, quiet)


def loads_note(scene: Scene) -> str:
    """What the table shows and how many of its rows teach something."""
    loads = scene.extras.loads
    if not loads:
        return tr("Each time a model is loaded, its predicted memory is compared here with what it used.")
    good = sum(1 for load in loads if load.disturbed is None)
    return tr(
        "{good} of {all} loads were undisturbed and improve later predictions.",
        good=number(good),
        all=number(len(loads)),
    )


def _row(scene: Scene, load: "Comparison") -> tuple[str, ...]:
    predicted, used, reported = amounts(load)
    name = clean_text(load.model, 60)
    when = short_date(load.at.astimezone(scene.zone).date())
    found = used if used is not None else reported
    off = DASH if load.disturbed is not None else _signed(found - predicted)
    title = f"{name} · {when}"
    if load.disturbed is not None:
        title = tr("{load} (disturbed)", load=title)
    return title, number(load.context), gib(predicted, 2), gib(used, 2), gib(reported, 2), off


def _signed(delta_bytes: int) -> str:
    text = number(abs(delta_bytes) / GIB, 2)
    if text == number(0, 2):
        return tr("{size} GiB", size=text)
    return f"{'+' if delta_bytes > 0 else '−'}{text} GiB"


def _is_of(load: "Comparison", model: RunningModel) -> bool:
    """The very load that is there now: the server still reports the same."""
    return (
        load.digest == model.digest
        and load.reported_size_bytes == model.size_bytes
        and load.reported_vram_bytes == model.size_vram_bytes
    )


@dataclass(frozen=True, slots=True)
class RunningView:
    name: str
    pill: PillView
    facts: str
    short_facts: str
    unload: Action
    keep: Action
    memory: str = ""
    measure: Action | None = None
    slow: str = ""
    """Why it is slower than it could be, and what helps; "" where no sign of that is seen."""


def running_views(scene: Scene) -> tuple[RunningView, ...]:
    return tuple(_view(scene, model) for model in scene.host.server.running)


def _view(scene: Scene, model: RunningModel) -> RunningView:
    fit = scene.fit_of(model.name)
    speed, kept = speed_text(fit), kept_text(scene, model.expires_at)
    stale = standing_text(model, scene.installed(model.name))
    facts = [stale] if stale else []
    facts += [context_text(scene, model)] if model.context_length else []
    facts += [text for text in (speed, kept) if text]
    return RunningView(
        clean_text(model.name, 80),
        running_pill(model, fit),
        " · ".join(facts),
        " · ".join(text for text in (stale or speed_text(fit, short=True), kept) if text),
        unload_action(scene, model),
        keep_action(scene, model, stale),
        memory_line(scene, model),
        None if fit is None or fit.measured_tokens_per_s is not None else measure_action(scene, model.name),
        slow_text(scene, model),
    )


def context_text(scene: Scene, model: RunningModel) -> str:
    """What context is in force, what it was trained for, and what was chosen where that is another."""
    fit, asked = scene.fit_of(model.name), scene.settings.wish(model.name).context_length
    trained = fit.trained_context if fit else None
    context = number(model.context_length)
    text = tr("context {a} of {b}", a=context, b=number(trained)) if trained else tr("context {a}", a=context)
    if fit is not None and fit.kv_type not in {None, "f16"}:
        text = joined((text, cache_name(fit.kv_type or "")))
    if asked in {None, model.context_length}:
        return text
    return joined((text, tr("asked {n}", n=number(asked))))


def slow_text(scene: Scene, model: RunningModel) -> str:
    found = next((item for item in scene.host.slow if same_model(item.model, model.name)), None)
    return "" if found is None else f"{cause_text(found)} {fix_text(found)}"


def measure_action(scene: Scene, name: str) -> Action:
    """Run the quick benchmark; greyed while it runs or while the server is away."""
    busy = any(t.kind == "measure" and t.error is None for t in scene.state.tasks)
    why_not = tr("A measurement is in progress.") if busy else scene.why_not()
    hint = tr(
        "Generates text for about half a minute, with an empty and a filled context; it is loaded for that."
    )
    return Action(tr("Measure speed"), Command(Verb.MEASURE, name), False, not why_not, why_not, hint)


def unload_command(scene: Scene, model: RunningModel) -> Command:
    """To unload this very one; one whose name means other files by now is told by its digest."""
    stale = standing(model, scene.installed(model.name)) is not Standing.INSTALLED
    return Command(Verb.UNLOAD, model.name, text=model.digest if stale else "")


def unload_action(scene: Scene, model: RunningModel, primary: bool = False) -> Action:
    why_not, hint = scene.why_not(Can.UNLOAD), tr("Frees the memory it holds.")
    return Action(tr("Unload"), unload_command(scene, model), primary, not why_not, why_not, hint)


def keep_action(scene: Scene, model: RunningModel, stale: str = "") -> Action:
    """``stale``: its name does not mean it any more, so that it cannot be asked for."""
    command = keep_command(model)
    if stale or (why_not := scene.why_not(Can.KEEP)):
        why_not = tr("Its name does not lead to it any more.") if stale else why_not
        return Action(tr("Keep loaded"), command, False, False, why_not)
    if command.verb is Verb.RELEASE:
        hint = tr("It is unloaded again once it has not been used for a while.")
        return Action(tr("Allow unloading"), command, hint=hint)
    hint = tr("Keeps it in memory until you unload it. It then draws some power all the time.")
    return Action(tr("Keep loaded"), command, hint=hint)


def keep_command(model: RunningModel) -> Command:
    return Command(Verb.RELEASE if model.expires_at is None else Verb.KEEP, model.name)


def switch_command(scene: Scene, name: str) -> Command:
    """Switch to a model; a heavy one asks first and says why."""
    fit = scene.fit_of(name)
    if fit is None or not is_heavy(fit) or not scene.settings.ask_heavy:
        return Command(Verb.SWITCH, name)
    needs = needs_text(fit)
    if fit.verdict == DOES_NOT_FIT:
        question = tr("{name} does not fit here. {needs} Try anyway?", name=clean_text(name, 60), needs=needs)
        return Command(Verb.SWITCH, name, question, tr("Try anyway"))
    question = tr("{needs}. Switch to {name} anyway?", name=clean_text(name, 60), needs=needs)
    return Command(Verb.SWITCH, name, question.lstrip(". "), tr("Switch anyway"))


def beside_command(scene: Scene, name: str) -> Command:
    """Load a model beside the others; asks first where the server would push one of them out for it."""
    server = scene.host.server
    fit = scene.fit_of(name)
    if fit is not None and fit.beside is not None:
        room: bool | None = fit.beside.room == "fits"
    else:
        room = room_by_size(scene.host.profile, scene.installed(name), server.running)
    if room is not False or not server.running or not scene.settings.ask_heavy:
        return Command(Verb.LOAD, name)
    question = tr(
        "{name} does not fit beside {others}: Ollama unloads what it needs room for. Load it anyway?",
        name=clean_text(name, 60),
        others=joined(clean_text(m.name, 60) for m in server.running),
    )
    return Command(Verb.LOAD, name, question, tr("Load anyway"))


def beside_text(fit: FitNote | None, name: str) -> str:
    """Whether it fits beside what is loaded, and what they take together; "" where that is not known."""
    if fit is None or fit.beside is None:
        return ""
    beside = fit.beside
    names = tuple(clean_text(item, 60) for item in (*beside.others, name))
    return together_text(names, beside.room, beside.used_bytes, beside.total_bytes)


def takes_place_of(scene: Scene, name: str) -> str:
    """Which loaded models a switch would unload, in a sentence."""
    others = [clean_text(m.name, 60) for m in scene.host.server.running if not same_model(m.name, name)]
    if not others:
        return ""
    return tr("Replaces {names} while it is loaded.", names=joined(others))


DIFFERENCE_BYTES = GIB // 10
"""Differences below a tenth of a GiB are not spoken of."""


@dataclass(frozen=True, slots=True)
class BarSegment:
    """One part of the bar. ``role`` picks the colour: ``weights``, ``work``, ``other``."""

    label: str
    amount: str
    fraction: float
    role: str


@dataclass(frozen=True, slots=True)
class MemoryBarView:
    """The bar, its legend and the line at its right end."""

    segments: tuple[BarSegment, ...]
    summary: str
    description: str


def device_with_memory(host: HostState) -> DeviceSample | None:
    """The device whose memory the bar shows: the accelerator with most memory."""
    if host.sample is None:
        return None
    known = [d for d in host.sample.devices if d.kind == "gpu" and d.memory.total_bytes]
    return max(known, key=lambda d: d.memory.total_bytes or 0, default=None)


def running_bar(scene: Scene, compare: bool = True) -> MemoryBarView | None:
    """What fills the device now; None when its memory is not known.

    ``compare`` adds what was predicted, used and reported to the summary.
    """
    device = device_with_memory(scene.host)
    if device is None or not device.memory.total_bytes or device.memory.used_bytes is None:
        return None
    running = [m for m in scene.host.server.running if m.size_vram_bytes > 0]
    total, used = device.memory.total_bytes, device.memory.used_bytes
    parts: list[tuple[str, int, str]] = []
    predicted: int | None = 0
    for model in running:
        fit = scene.fit_of(model.name)
        whole = fit.gpu_bytes if fit else None
        predicted = None if whole is None or predicted is None else predicted + whole
        if fit is not None and fit.weights_bytes and len(running) == 1:
            weights = min(fit.weights_bytes, model.size_vram_bytes)
            parts.append((tr("weights"), weights, "weights"))
            parts.append((tr("context and buffers"), max(0, (whole or 0) - weights), "work"))
        else:
            role = "work" if len(parts) % 2 else "weights"
            parts.append((model.name, whole or model.size_vram_bytes, role))
    other = max(0, used - sum(size for _, size, _ in parts))
    parts.append((tr("driver and other programs"), other, "other"))
    return bar_of(parts, total, _summary(scene, device, predicted, compare))


def _summary(scene: Scene, device: DeviceSample, predicted: int | None, compare: bool) -> str:
    total, used = device.memory.total_bytes or 0, device.memory.used_bytes or 0
    texts = [free_text(total, used)]
    if not compare:
        return texts[0]
    reported = sum(m.size_vram_bytes for m in scene.host.server.running)
    uses = sum(p.memory_bytes or 0 for p in device.processes if p.is_server) or None
    if predicted and uses is not None:
        texts.append(tr("predicted {a}, uses {b}", a=_short(predicted), b=_short(uses)))
    elif predicted:
        texts.append(tr("predicted {a}", a=_short(predicted)))
    said = uses if uses is not None else predicted
    if reported and (said is None or abs(reported - said) >= DIFFERENCE_BYTES):
        texts.append(tr("Ollama reports {gib}", gib=_short(reported)))
    return " · ".join(texts)


def planned_bar(fit: FitNote | None, device: DeviceSample | None) -> MemoryBarView | None:
    """What a model that is not running would take of the device; None where that is not known."""
    total = device.memory.total_bytes if device else None
    if fit is None or fit.verdict not in {FULL_GPU, PARTIAL_GPU} or device is None or not total:
        return None
    weights, work = fit.weights_bytes, fit.work_bytes
    if weights is None or work is None:
        return None
    others = device.memory.used_bytes
    parts = [(tr("weights"), weights, "weights"), (tr("context and buffers"), work, "work")]
    if fit.spare_bytes is not None and fit.spare_bytes >= 0:
        others = max(0, total - fit.spare_bytes - weights - work)  # with the reserve the server keeps
    parts.append((tr("driver, others, reserve"), others or 0, "other"))
    over = sum(size for _, size, _ in parts) > total
    return bar_of(parts, total, tr("More than this device holds") if over else "")


def free_text(total: int, used: int) -> str:
    return tr("{free} of {total} free", free=_short(total - used), total=gib(total, 0))


def bar_of(parts: list[tuple[str, int, str]], total: int, summary: str) -> MemoryBarView:
    scale = max(total, sum(size for _, size, _ in parts))
    segments = tuple(BarSegment(label, gib(size), size / scale, role) for label, size, role in parts)
    spoken = joined(f"{s.label} {s.amount}" for s in segments)
    return MemoryBarView(segments, summary, joined((spoken, summary), ". ").strip())
