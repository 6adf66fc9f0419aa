"""Two models side by side: the figures of both in words, and what the window says around them."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel, same_model
from wattlight.domain.values import clean_text
from wattlight.i18n import gib, number, percent, tr, trn
from wattlight.services.benchmark import SideBySide

from .scene import Scene
from .words import DASH, Action


def example_prompts() -> str:
    """How several prompts are typed."""
    return "\n---\n".join(
        [tr("Explain in two sentences why the sky is blue."), tr("Write a haiku about rain.")]
    )


def seconds_text(seconds: float | None) -> str:
    """ "0.42 s"; a dash where it is not known."""
    return DASH if seconds is None else tr("{n} s", n=number(seconds, 2 if seconds < 10 else 0))


def joules_text(joules: float | None, error: float | None) -> str:
    """ "2.1 ±11%"; a dash where it is not known."""
    if joules is None:
        return DASH
    return number(joules, 2) if error is None else f"{number(joules, 2)} ±{percent(error)}"


def figure_rows(made: SideBySide) -> tuple[tuple[str, str, str], ...]:
    """The names of both, then what is compared and the figures of both."""
    sides = (made.first, made.second)

    def row(name: str, texts: list[str]) -> tuple[str, str, str]:
        return name, texts[0], texts[1]

    return (
        row("", [clean_text(side.subject.model, 60) for side in sides]),
        row(tr("answer, tokens/s"), [number(side.tokens_per_s, 1) for side in sides]),
        row(tr("first token"), [seconds_text(side.first_token_s) for side in sides]),
        row(
            tr("J a token"),
            [joules_text(side.joules_per_token, side.energy_error_fraction) for side in sides],
        ),
        row(tr("memory"), [gib(side.size_bytes) for side in sides]),
        row(tr("tokens of all answers"), [number(side.tokens) for side in sides]),
    )


def notes(made: SideBySide) -> tuple[str, ...]:
    """What the figures rest on, and how many answers are the same to the letter."""
    found = [side.energy_reason for side in (made.first, made.second) if side.energy_reason]
    if made.same_answers:
        all_of_them = len(made.prompts)
        found.append(tr("{n} of {all} answers are the same.", n=made.same_answers, all=all_of_them))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class CompareView:
    """``others``: what the model can be compared with, the likeliest first. ``answers``: prompt and both
    answers; ``kept``: the prompts that are kept here, as they are typed."""

    model: str
    others: tuple[str, ...]
    kept: str
    start: Action
    hint: str
    rows: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    answers: tuple[tuple[str, str, str], ...] = ()


def compare_view(scene: Scene, model: str) -> CompareView:
    """The window that compares ``model`` with another one; the last result of this model is shown."""
    tasks = [task for task in scene.state.tasks if task.kind == "measure"]
    busy = next((task for task in tasks if task.error is None), None)
    failed = next((task.error for task in tasks if task.error and same_model(task.model, model)), "")
    why_not = "" if scene.ready else tr("Ollama is not running.")
    text, command = tr("Compare"), Command(Verb.COMPARE, model)
    if busy is not None:
        share = "" if busy.fraction is None else percent(busy.fraction)
        text, command = tr("Stop {share}", share=share).strip(), Command(Verb.CANCEL_TASK, busy.model)
    made = scene.extras.compared
    if made is not None and not same_model(made.first.subject.model, model):
        made = None
    hint = tr("Each model answers every prompt once. Your prompts and the answers stay on this computer.")
    return CompareView(
        model,
        others_of(scene, model),
        scene.extras.prompts,
        Action(text, command, True, not why_not, why_not),
        failed if failed and busy is None else hint,
        () if made is None else figure_rows(made),
        () if made is None else notes(made),
        ()
        if made is None
        else tuple(zip(made.prompts, made.first.answers, made.second.answers, strict=True)),
    )


def others_of(scene: Scene, model: str) -> tuple[str, ...]:
    """Installed models, a version of the same one that was kept first, then others of its name and family."""
    mine = scene.installed(model)
    family = "" if mine is None else mine.family
    name = model.partition(":")[0]

    def rank(other: InstalledModel) -> tuple[bool, bool, bool, str]:
        same_name = other.name.partition(":")[0] == name
        return not other.name.startswith(f"{model}-"), not same_name, other.family != family, other.name

    others = (m for m in scene.local_models if not same_model(m.name, model))
    if mine is not None:
        others = (m for m in others if m.digest != mine.digest)
    return tuple(m.name for m in sorted(others, key=rank))


def kept_version(scene: Scene, model: str) -> str:
    """The version of ``model`` that was kept when it was updated; "" without one."""
    return _kept_first(others_of(scene, model), model)


def _kept_first(others: tuple[str, ...], model: str) -> str:
    first = next(iter(others), "")
    return first if first.startswith(f"{model}-") and first[len(model) + 1 :].isdigit() else ""


def compare_actions(scene: Scene, model: str) -> tuple[Action, ...]:
    """To open that window; none where there is nothing to compare with."""
    others = others_of(scene, model)
    if not others:
        return ()
    kept = _kept_first(others, model)
    text = tr("Compare with the old version…") if kept else tr("Compare…")
    hint = trn("With {count} other model here.", "With {count} other models here.", len(others))
    return (Action(text, Command(Verb.OPEN_COMPARE, model), hint=hint),)
