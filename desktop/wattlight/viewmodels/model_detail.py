"""The right side of the page Models: one model, what it would take, and what can be done with it."""

from dataclasses import dataclass, replace
from datetime import date

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can
from wattlight.domain.state import InstalledModel, same_model
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import duration, gb, gib, joined, month_name, number, tr, watts
from wattlight.runtime import context_name
from wattlight.services.advising import whole_steps
from wattlight.services.answers import FULL_GPU, PARTIAL_GPU, ContextStep, FitNote, Offer
from wattlight.services.models import ModelUpdate, fetch_text, layer_words

from .cache_type import cache_actions, cache_text
from .pulls import BusyView, pull_view
from .running import (
    MemoryBarView,
    beside_command,
    beside_text,
    device_with_memory,
    keep_action,
    measure_action,
    planned_bar,
    switch_command,
    takes_place_of,
    unload_action,
)
from .scene import Scene
from .side_by_side import compare_actions
from .words import (
    Action,
    PillView,
    Tone,
    ability_name,
    download_text,
    elsewhere_text,
    is_heavy,
    kept_text,
    needs_text,
    rate,
    running_pill,
    speed_range,
    speed_text,
    verdict_pill,
)

USUAL_REGISTRY_PARTS = 2
"""``name`` and ``namespace/name`` come from Ollama's own library; more parts begin with a host."""


@dataclass(frozen=True, slots=True)
class ContextChoice:
    """One stop of the context slider: its text, the verdict there, and the bar there."""

    context_length: int
    text: str
    pill: PillView
    bar: MemoryBarView | None


@dataclass(frozen=True, slots=True)
class ModelDetailView:
    key: str
    name: str
    facts: str
    pill: PillView
    bar: MemoryBarView | None
    choices: tuple[ContextChoice, ...]
    chosen: int
    context_text: str
    why: str
    main: Action | None
    others: tuple[Action, ...]
    footnote: str
    busy: BusyView | None
    measure: Action | None = None
    contexts: tuple[Action, ...] = ()
    """What can be done about its context."""
    compares: tuple[Action, ...] = ()


def detail_view(scene: Scene, key: str, looked_up: str = "") -> ModelDetailView:
    """The details of the model ``key``, installed or not. ``looked_up``: the one whose registry is asked."""
    model, running, pull = scene.installed(key), scene.running(key), scene.pull(key)
    offer = scene.offer_of(key) if model is None else None
    fit = scene.fit_of(key)
    busy = pull_view(scene, pull) if pull else None
    pill = running_pill(running, fit) if running else verdict_pill(fit, spare=True)
    if model is not None and model.remote_host is not None:
        pill = PillView(tr("in the cloud"), Tone.PLAIN)
    main, others = _actions(scene, key, model, offer)
    why = _why(scene, key, model, offer, fit)
    if model is None and (offer is None or _is_asked(scene, key, looked_up)):
        pill, why = PillView(tr("checking…"), Tone.PLAIN), " ".join(_left_out(scene, key))
        main, others = replace(main, enabled=False, why_not=tr("Checking whether it fits…")), ()
    choices = _choices(scene, fit)
    wanted = fit.context_length if fit and fit.context_length else scene.settings.context_length
    chosen = next((i for i, c in reversed(list(enumerate(choices))) if c.context_length <= wanted), 0)
    bar = choices[chosen].bar if choices else planned_bar(fit, device_with_memory(scene.host))
    return ModelDetailView(
        key,
        clean_text(key, 120),
        _facts(offer, model, fit),
        pill,
        bar,
        choices,
        chosen,
        _context_text(scene, key, fit),
        why,
        None if busy else main,
        others,
        "" if busy else _footnote(scene, model, offer),
        busy,
        measure_action(scene, model.name) if model is not None and model.remote_host is None else None,
        (*_context_actions(scene, model, fit), *cache_actions(scene, model, fit)),
        compare_actions(scene, model.name) if model is not None and model.remote_host is None else (),
    )


def _is_asked(scene: Scene, key: str, looked_up: str) -> bool:
    named = scene.named(key)
    return bool(looked_up) and same_model(looked_up, key) and named is not None and not named.asked


def _facts(offer: Offer | None, model: InstalledModel | None, fit: FitNote | None) -> str:
    if offer is not None:
        uses = joined(map(ability_name, offer.uses))
        parts = [offer.publisher, released_text(offer.released), offer.licence, uses]
    elif model is not None:
        size = tr("{size} on disk", size=gb(model.size_bytes)) if model.size_bytes else ""
        parts = [model.family, model.parameter_size, model.quantization, size]
    else:
        parts = []
    if fit is not None and fit.needed_bytes:
        parts.append(tr("needs {size} in all", size=gib(fit.needed_bytes)))
    return " · ".join(clean_sentence(p, 60) for p in parts if p)


def released_text(released: str) -> str:
    """ "2025-08-05" as "August 2025"; what is no date stays as it is."""
    try:
        day = date.fromisoformat(released if len(released) > 7 else f"{released}-01")
    except ValueError:
        return released
    return tr("{month} {year}", month=month_name(day), year=str(day.year))


def _choices(scene: Scene, fit: FitNote | None) -> tuple[ContextChoice, ...]:
    if fit is None:
        return ()
    choices = tuple(_choice(scene, fit, step) for step in fit.steps)
    told = {(choice.pill.text, choice.bar) for choice in choices}
    return choices if len(told) > 1 else ()  # a slider that changes nothing only asks questions


def _choice(scene: Scene, fit: FitNote, step: ContextStep) -> ContextChoice:
    here = FitNote(
        fit.model,
        step.verdict,
        weights_bytes=step.weights_bytes,
        work_bytes=step.work_bytes,
        spare_bytes=step.spare_bytes,
        tokens_high=fit.tokens_high,
        tokens_low=fit.tokens_low,
    )
    length = number(step.context_length)
    most = step.context_length == largest_context(fit) and step.verdict == FULL_GPU
    return ContextChoice(
        step.context_length,
        tr("{n}, the most", n=length) if most else length,
        verdict_pill(here, spare=True),
        planned_bar(here, device_with_memory(scene.host)),
    )


def _context_text(scene: Scene, name: str, fit: FitNote | None) -> str:
    """How far its context reaches on the GPU, what it takes, and of what type its cache is."""
    reach = _reach(fit)
    each = _each_thousand(fit) if fit is not None and reach else ""
    texts = joined((text for text in (reach, each) if text), "; ")
    return joined((text for text in (texts, cache_text(scene, name, fit)) if text), ". ")


def _reach(fit: FitNote | None) -> str:
    if fit is None or not fit.largest_gpu_context:
        return ""
    if fit.trained_context and fit.largest_gpu_context >= fit.trained_context:
        return tr("Its full context of {n} tokens stays on the GPU", n=number(fit.trained_context))
    full = tr("Up to about {n} tokens stay on the GPU", n=about_tokens(fit.largest_gpu_context))
    if fit.largest_gpu_context_q8 and fit.largest_gpu_context_q8 > fit.largest_gpu_context:
        more = tr("{n} with an 8-bit cache", n=about_tokens(fit.largest_gpu_context_q8))
        return joined((full, more), "; ")
    return full


def _context_actions(scene: Scene, model: InstalledModel | None, fit: FitNote | None) -> tuple[Action, ...]:
    """To load it with the largest context that stays on the GPU, and to undo that."""
    if model is None or model.remote_host is not None or not scene.host.server.can(Can.CONTEXT):
        return ()
    why_not = scene.why_not()
    ready = not why_not
    actions, chosen = [], scene.settings.chosen_for(model.name).context_length
    largest = largest_context(fit)
    if largest is not None and largest != chosen:
        use = Command(Verb.USE_CONTEXT, model.name, number=largest)
        hint = tr("The largest context that stays on the GPU. Another program may still ask for its own.")
        actions.append(
            Action(tr("Load with {n} tokens", n=number(largest)), use, False, ready, why_not, hint)
        )
    if chosen is not None:
        undo = Command(Verb.USE_CONTEXT, model.name)
        hint = tr("It is loaded with {n} tokens now.", n=number(chosen))
        actions.append(Action(tr("Usual context again"), undo, False, ready, why_not, hint))
    if largest is not None and scene.host.server.can(Can.COPY):
        tag = Command(Verb.TAG_CONTEXT, model.name, number=largest)
        hint = tr("Makes {name}: every program that uses that name gets this context.")
        hint = hint.format(name=context_name(model.name, largest))
        actions.append(Action(tr("As a model of its own"), tag, False, ready, why_not, hint))
    return tuple(actions)


def largest_context(fit: FitNote | None) -> int | None:
    """The largest context to load with that stays on the GPU; None where that is not known, or none does."""
    return None if fit is None else whole_steps(fit.largest_gpu_context, fit.trained_context)


def _each_thousand(fit: FitNote) -> str:
    """What the context takes of the device, by the longest stretch of the slider."""
    if len(fit.steps) < 2 or fit.verdict not in {FULL_GPU, PARTIAL_GPU}:
        return ""
    whole = [step for step in fit.steps if step.verdict == FULL_GPU]
    if len(whole) < 2:
        return ""
    grown = whole[-1].work_bytes - whole[0].work_bytes
    longer = whole[-1].context_length - whole[0].context_length
    return tr("{size} for each 1,000 tokens", size=gib(round(grown * 1000 / longer), 2))


def about_tokens(context: int) -> str:
    """Two figures are enough for an estimate."""
    step = 10 ** max(0, len(str(context)) - 2)
    return number(context // step * step)


def _why(
    scene: Scene, key: str, model: InstalledModel | None, offer: Offer | None, fit: FitNote | None
) -> str:
    if model is not None and model.remote_host is not None:
        return elsewhere_text(scene, model.remote_host)
    if offer is not None and offer.why:
        parts = [clean_sentence(offer.why, 400)]  # it has the speed and the reasons
    else:
        speed = speed_text(fit)
        parts = [f"{speed}."] if speed else []
        if fit is not None and fit.filled_tokens_per_s is not None:
            text = tr("{speed} tokens/s with {n} tokens in its context.")
            parts.append(text.format(speed=rate(fit.filled_tokens_per_s), n=number(fit.filled_tokens)))
        if fit is not None and fit.draft_low is not None and fit.draft_high is not None:
            parts.append(
                tr("With its draft {speed} tokens/s.", speed=speed_range(fit.draft_low, fit.draft_high))
            )
        if fit is not None and fit.active_w is not None:
            parts.append(tr("It draws {watts} more while answering.", watts=watts(fit.active_w)))
        if fit is not None and (fit.verdict is not None or model is not None):
            parts += [clean_sentence(r, 200) for r in fit.reasons[:3]]
    if (newer := newer_version(scene, key)) is not None:
        parts.append(tr("A newer version is there: {size} to fetch.", size=fetch_text(newer)))
    if (running := scene.running(key)) is not None:
        kept = kept_text(scene, running.expires_at)
        parts.append(tr("Loaded now, {kept}.", kept=kept) if kept else tr("Loaded now."))
    else:
        beside = beside_text(fit, key) if model is not None else ""
        parts += [takes_place_of(scene, key), beside]
    if model is None:
        parts[:0] = _not_judged(scene, key)
    return " ".join(p for p in parts if p)


def _left_out(scene: Scene, key: str) -> list[str]:
    return [clean_sentence(item.why, 300) for item in scene.extras.left_out if same_model(item.model, key)]


def _not_judged(scene: Scene, key: str) -> list[str]:
    """Why a model was left out, or why nothing exact is known of one that was named."""
    texts, named = _left_out(scene, key), scene.named(key)
    if named is None:
        return texts
    if named.problem:
        return [*texts, clean_sentence(named.problem, 300)]
    if named.offer.fit.verdict is None and not named.asked:
        texts.append(
            tr(
                "This model is not in Wattlight's list. Press Enter to read its size from {host}.",
                host=clean_text(_host(key), 80),
            )
        )
    return texts


def _actions(
    scene: Scene, key: str, model: InstalledModel | None, offer: Offer | None
) -> tuple[Action, tuple[Action, ...]]:
    if model is None:
        why_not = scene.why_not(Can.PULL)
        return _install(scene, key, offer, not why_not, why_not)
    why_not = scene.why_not(Can.LOAD)
    ready = not why_not
    running, newer = scene.running(key), _update(scene, key, ready, why_not)
    cannot_remove = scene.why_not(Can.REMOVE)
    remove = Action(tr("Remove…"), _remove(key, model), False, not cannot_remove, cannot_remove)
    if running is not None:
        return unload_action(scene, running, True), (keep_action(scene, running), *newer, remove)
    word = tr("Switch to it") if scene.host.server.running else tr("Load")
    main = Action(word, switch_command(scene, model.name), True, ready, why_not)
    beside = Action(
        tr("Load alongside"),
        beside_command(scene, model.name),
        False,
        ready,
        why_not,
        tr("Loads it and keeps the others loaded."),
    )
    return main, (*newer, *((beside, remove) if scene.host.server.running else (remove,)))


def newer_version(scene: Scene, key: str) -> ModelUpdate | None:
    """The newer version of an installed model, where its registry was asked and has one."""
    found, model = scene.extras.updates, scene.installed(key)
    if found is None or model is None:
        return None
    mine = (item for item in found.updates if same_model(item.model, key))
    return next((item for item in mine if item.than_digest == model.digest), None)


def _update(scene: Scene, key: str, ready: bool, why_not: str) -> tuple[Action, ...]:
    newer = newer_version(scene, key)
    if newer is None:
        return ()
    text = tr("Update, {size}", size=fetch_text(newer))
    hint = tr("Its {parts} changed.", parts=layer_words(newer.changes)) if newer.changes else ""
    return (Action(text, Command(Verb.PULL, key), False, ready, why_not, hint),)


def _remove(key: str, model: InstalledModel) -> Command:
    name = clean_text(key, 60)
    question = tr(
        "Remove {name} and free {size}? It can be installed again.", name=name, size=gb(model.size_bytes)
    )
    return Command(Verb.REMOVE, model.name, question, tr("Remove {name}", name=name))


def _install(
    scene: Scene, key: str, offer: Offer | None, ready: bool, why_not: str
) -> tuple[Action, tuple[Action, ...]]:
    """To install, once it was judged; before that, and where only the list was read, to read its header."""
    named = scene.named(key)
    sized = offer is not None and offer.download_bytes
    text = tr("Install {size}", size=download_text(offer)) if offer and sized else tr("Install")
    install = Action(text, _pull(key, offer), True, ready, why_not)
    if named is None or (named.asked and not named.problem):
        return install, ()
    exact = tr("Check again") if named.problem else tr("Check exactly")
    look_up = Action(exact, Command(Verb.LOOK_UP, key), hint=tr("Reads its header from its registry."))
    if named.offer.fit.verdict is None and not named.problem:
        return replace(look_up, text=tr("Check whether it fits"), primary=True), ()
    return install, (look_up,)


def _pull(key: str, offer: Offer | None) -> Command:
    """One that is heavy here, or may be, is asked about first."""
    fit = offer.fit if offer is not None else None
    if fit is None or not (fit.verdict is None or is_heavy(fit)):
        return Command(Verb.PULL, key)
    if fit.verdict is None:
        why = tr("Whether it fits this computer is not known.")
    else:
        why = clean_sentence(fit.reasons[0], 200) if fit.reasons else f"{needs_text(fit)}."
    return Command(Verb.PULL, key, f"{why} {tr('Install it anyway?')}", tr("Install anyway"))


def _host(key: str) -> str:
    """The registry that a name means, as it is shown."""
    return key.partition("/")[0] if key.count("/") >= USUAL_REGISTRY_PARTS else tr("Ollama's library")


def _footnote(scene: Scene, model: InstalledModel | None, offer: Offer | None) -> str:
    if model is not None or offer is None:
        return ""
    parts = []
    speed, size = scene.setup.line_bytes_per_s, offer.download_bytes
    if speed and size:
        parts.append(tr("About {time} to download", time=duration(size / speed)))
    free = scene.extras.disk_free_bytes
    if free is not None:
        parts.append(tr("{size} free on disk", size=gb(free, 0)))
        if size and size > free:
            parts.append(tr("not enough disk space"))
    return " · ".join(parts)
