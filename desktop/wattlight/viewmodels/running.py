"""A loaded model: where it runs, what it holds, what can be done with it."""

from dataclasses import dataclass

from wattlight.domain.state import RunningModel, ServerStatus
from wattlight.domain.values import clean_text
from wattlight.i18n import number, tr

from .command import Action, Command, Verb
from .loads import memory_line
from .scene import DOES_NOT_FIT, Scene, same_model
from .words import PillView, is_heavy, kept_text, needs_text, running_pill, speed_text


@dataclass(frozen=True, slots=True)
class RunningView:
    """One loaded model with its buttons."""

    name: str
    pill: PillView
    facts: str
    short_facts: str
    unload: Action
    keep: Action
    hint: str = ""
    memory: str = ""
    measure: Action | None = None


def running_views(scene: Scene) -> tuple[RunningView, ...]:
    """All loaded models, as the server lists them."""
    return tuple(_view(scene, model) for model in scene.host.server.running)


def _view(scene: Scene, model: RunningModel) -> RunningView:
    fit = scene.fit_of(model.name)
    speed, kept = speed_text(fit), kept_text(scene, model.expires_at)
    facts = []
    if model.context_length:
        trained = fit.trained_context if fit else None
        context = number(model.context_length)
        facts.append(
            tr("context {a} of {b}", a=context, b=number(trained))
            if trained
            else tr("context {a}", a=context)
        )
    facts += [text for text in (speed, kept) if text]
    pill = running_pill(model, fit)
    return RunningView(
        clean_text(model.name, 80),
        pill,
        " · ".join(facts),
        " · ".join(text for text in (speed_text(fit, short=True), kept) if text),
        Action(tr("Unload"), Command(Verb.UNLOAD, model.name), hint=tr("Frees the memory it holds.")),
        keep_action(model),
        tr("The context is how much text the model can keep in view, in tokens."),
        memory_line(scene, model),
        None if fit is None or fit.measured_tokens_per_s is not None else measure_action(scene, model.name),
    )


def measure_action(scene: Scene, name: str) -> Action:
    """Run the quick benchmark; greyed while it runs or while the server is away."""
    busy = any(t.kind == "measure" and t.error is None for t in scene.state.tasks)
    ready = scene.host.server.status is ServerStatus.READY
    why_not = tr("A measurement is under way.") if busy else "" if ready else tr("Ollama is not running.")
    hint = tr("Lets it write for about 15 seconds and counts; the model is loaded for that.")
    return Action(tr("Measure speed"), Command(Verb.MEASURE, name), False, ready and not busy, why_not, hint)


def keep_action(model: RunningModel) -> Action:
    """Keep loaded, or give it its usual time again."""
    command = keep_command(model)
    if command.verb is Verb.RELEASE:
        return Action(
            tr("Let it unload"), command, hint=tr("It unloads by itself again when nobody uses it.")
        )
    hint = tr("Stays in memory until you unload it. It then draws some power all the time.")
    return Action(tr("Keep loaded"), command, hint=hint)


def keep_command(model: RunningModel) -> Command:
    """The command that turns keeping on or off."""
    return Command(Verb.RELEASE if model.expires_at is None else Verb.KEEP, model.name)


def switch_command(scene: Scene, name: str) -> Command:
    """Switch to a model; a heavy one asks first and says why."""
    fit = scene.fit_of(name)
    if fit is None or not is_heavy(fit):
        return Command(Verb.SWITCH, name)
    needs = needs_text(fit)
    if fit.verdict == DOES_NOT_FIT:
        question = tr("{name} does not fit here. {needs} Try anyway?", name=clean_text(name, 60), needs=needs)
        return Command(Verb.SWITCH, name, question, tr("Try anyway"))
    question = tr("{needs}. Switch to {name} anyway?", name=clean_text(name, 60), needs=needs)
    return Command(Verb.SWITCH, name, question.lstrip(". "), tr("Switch anyway"))


def takes_place_of(scene: Scene, name: str) -> str:
    """Which loaded models a switch would unload, in a sentence."""
    others = [clean_text(m.name, 60) for m in scene.host.server.running if not same_model(m.name, name)]
    if not others:
        return ""
    return tr("Takes the place of {names} while it runs.", names=", ".join(others))
