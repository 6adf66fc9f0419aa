"""The first run about a model: which three are offered, which is chosen, and asking it something."""

from collections.abc import Sequence
from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import PullState
from wattlight.domain.state import AnswerState, InstalledModel, same_model
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import duration, gb, joined, number, percent, tr
from wattlight.services.answers import DOES_NOT_FIT, Extras, Offer

from .figures import basis_now
from .scene import Scene
from .words import Action, PillView, download_text, rate, speed_text, verdict_pill

FEW_MINUTES_S = 360.0
"""A first download should not take longer than about six minutes."""
MUCH_SMALLER = 0.6
"""The second of three is at most this part of the first in size, the third of the second."""


def three_offers(extras: Extras) -> tuple[Offer, ...]:
    """The best for this computer and two that are much smaller, each the best of its size; best first.

    The smaller ones come from everything that fits, since a recommendation leaves out what a larger model
    does better. What does not fit or has no known size is left out.
    """
    ranked = [o for o in (*(extras.offers or ()), *extras.starters) if _usable(o)]
    chosen = ranked[:1]
    while chosen and len(chosen) < 3:
        limit = (chosen[-1].download_bytes or 0) * MUCH_SMALLER
        smaller = next((o for o in ranked if (o.download_bytes or 0) <= limit), None)
        if smaller is None:
            break
        chosen.append(smaller)
    return tuple(chosen)


def _usable(offer: Offer) -> bool:
    return bool(offer.download_bytes) and offer.fit.verdict != DOES_NOT_FIT


def fetch_seconds(size_bytes: int | None, bytes_per_s: float | None) -> float | None:
    """How long so many bytes take; None while the speed of the line is not known."""
    if not size_bytes or not bytes_per_s or bytes_per_s <= 0:
        return None
    return size_bytes / bytes_per_s


def preselected(scene: Scene, three: Sequence[Offer]) -> str:
    """The model to begin with.

    The person's own choice, else one that is installed, else the largest of the three that arrives within
    six minutes (the smallest where none does), else the first of the list.
    """
    chosen = scene.settings.first_run.model
    installed = installed_first(scene)
    known = [m.name for m in scene.local_models] + [o.model for o in three]
    if chosen and any(same_model(chosen, name) for name in known):
        return chosen
    if installed is not None:
        return installed.name
    if not three:
        return ""
    speed = scene.setup.line_bytes_per_s
    if speed is None:
        return three[0].model
    quick = [o for o in three if (fetch_seconds(o.download_bytes, speed) or 0.0) <= FEW_MINUTES_S]
    return (quick[0] if quick else three[-1]).model


def installed_first(scene: Scene) -> InstalledModel | None:
    """An installed model to begin with: one that fits, the largest of them; None without any."""
    order = {"full_gpu": 0, "partial_gpu": 1, "cpu": 1, None: 2, DOES_NOT_FIT: 3}

    def rank(model: InstalledModel) -> tuple[int, int]:
        fit = scene.fit_of(model.name)
        return order.get(fit.verdict if fit else None, 2), -model.size_bytes

    return min(scene.local_models, key=rank, default=None)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One line to choose. ``time`` is "installed", "about 4 min" or that it is not known yet."""

    model: str
    name: str
    pill: PillView
    speed: str
    size: str
    time: str
    why: str
    chosen: bool
    enabled: bool = True

    @property
    def spoken(self) -> str:
        return joined(p for p in (self.name, self.pill.text, self.speed, self.size, self.time) if p)


@dataclass(frozen=True, slots=True)
class ModelStep:
    choices: tuple[ModelChoice, ...]
    note: str
    empty: str
    install: Command | None
    """What the main button does; None: just go on."""


def model_step(scene: Scene) -> ModelStep:
    three = three_offers(scene.extras)
    chosen = preselected(scene, three)
    choices = [*_installed_choice(scene, chosen, three), *(_choice(scene, o, chosen) for o in three)]
    empty = ""
    if not choices and scene.extras.offers is None:
        empty = tr("Looking for models that fit…")
    elif not choices:
        empty = tr("No model in the list fits this computer.")
    here = is_installed(scene, chosen) or scene.pull(chosen) is not None
    install = None if here or not chosen else Command(Verb.PULL, chosen)
    return ModelStep(tuple(choices), _note(scene, bool(three)), empty, install)


def slow_line(scene: Scene) -> tuple[str, tuple[Action, ...]]:
    """The offer of a smaller model while a large download turns out to be long, once 20 MB were timed:

    "This takes about 22 min. Start small: llama3.2:3b, 2.0 GB, 3 min".
    """
    speed = scene.setup.line_bytes_per_s
    pull = next((p for p in scene.state.pulls if p.total_bytes and p.under_way), None)
    if speed is None or pull is None or pull.total_bytes is None:
        return "", ()
    left = fetch_seconds(pull.total_bytes - pull.completed_bytes, speed)
    small = _quicker(scene, pull, speed)
    if left is None or left <= FEW_MINUTES_S or small is None:
        return "", ()
    time = fetch_seconds(small.download_bytes, speed)
    text = tr(
        "{model} takes about {time} more on this connection. A smaller one is ready sooner; {model} can "
        "be downloaded in the background afterwards.",
        model=clean_text(pull.model, 60),
        time=duration(left),
    )
    start = tr(
        "Start small: {model}, {size}, {time}",
        model=clean_text(small.model, 60),
        size=gb(small.download_bytes),
        time=duration(time),
    )
    return text, (Action(start, Command(Verb.START_SMALL, small.model), primary=True),)


def _quicker(scene: Scene, pull: PullState, speed: float) -> Offer | None:
    """The best that arrives within six minutes, else the smallest, if it takes half the time or less."""
    left = (pull.total_bytes or 0) - pull.completed_bytes
    others = [
        o
        for o in three_offers(scene.extras)
        if not same_model(o.model, pull.model) and (o.download_bytes or 0) * 2 <= left
    ]
    quick = [o for o in others if (fetch_seconds(o.download_bytes, speed) or 0.0) <= FEW_MINUTES_S]
    return quick[0] if quick else (others[-1] if others else None)


def is_installed(scene: Scene, model: str) -> bool:
    return any(same_model(m.name, model) for m in scene.local_models)


def _installed_choice(scene: Scene, chosen: str, three: tuple[Offer, ...]) -> list[ModelChoice]:
    model = installed_first(scene)
    mine = scene.settings.first_run.model
    if mine and is_installed(scene, mine):
        model = next(m for m in scene.local_models if same_model(m.name, mine))
    if model is None or any(same_model(model.name, o.model) for o in three):
        return []
    fit = scene.fit_of(model.name)
    return [
        ModelChoice(
            model.name,
            clean_text(model.name, 60),
            verdict_pill(fit),
            speed_text(fit),
            gb(model.size_bytes),
            tr("installed"),
            clean_text(" ".join(fit.reasons), 300) if fit else "",
            same_model(model.name, chosen),
        )
    ]


def _choice(scene: Scene, offer: Offer, chosen: str) -> ModelChoice:
    free, size = scene.extras.disk_free_bytes, offer.download_bytes or 0
    installed = is_installed(scene, offer.model)
    room = installed or free is None or free > size
    seconds = fetch_seconds(size, scene.setup.line_bytes_per_s)
    if installed:
        time = tr("installed")
    elif not room:
        time = tr("only {free} free", free=gb(free))
    elif seconds is None:
        time = tr("time not known yet")
    else:
        time = tr("about {time}", time=duration(seconds))
    return ModelChoice(
        offer.model,
        clean_text(offer.model, 60),
        verdict_pill(offer.fit),
        speed_text(offer.fit),
        download_text(offer),
        time,
        clean_sentence(offer.why, 300),
        same_model(offer.model, chosen),
        room,
    )


def _note(scene: Scene, offers: bool) -> str:
    sentences = []
    if offers and scene.setup.line_bytes_per_s is None:
        sentences.append(tr("The time it takes is shown after the first 20 MB."))
    if scene.extras.catalog_date:
        date = clean_text(scene.extras.catalog_date, 30)
        sentences.append(tr("The list is from {date} and came with Wattlight.", date=date))
    return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class TryStep:
    """The page. Nothing can be asked while ``waiting`` says why."""

    model: str
    name: str
    waiting: str
    retry: Action | None
    answer: str
    state: str
    figures: str
    error: str
    answering: bool
    done: bool = False
    """There is an answer: the first run has reached its aim."""
    better: str = ""
    better_action: Action | None = None


def prompts() -> tuple[str, ...]:
    return (
        tr("Explain in three sentences what a kilowatt-hour is."),
        tr("Write a short poem about a lighthouse."),
        tr("What can I use a language model on my own computer for?"),
    )


def try_step(scene: Scene) -> TryStep:
    three = three_offers(scene.extras)
    model = preselected(scene, three)
    ready = is_installed(scene, model)
    waiting, retry = ("", None) if ready else _waiting(scene, model)
    answer = scene.setup.answer
    if answer is not None and not same_model(answer.model, model):
        answer = None
    done = answer is not None and not answer.running and not answer.error and bool(answer.text)
    better, action = _better(scene, model, three) if ready and done else ("", None)
    return TryStep(
        model,
        clean_text(model, 60),
        waiting,
        retry,
        answer.text if answer else "",
        _state(answer),
        _figures(scene, answer),
        clean_sentence(answer.error, 400) if answer and answer.error else "",
        bool(answer and answer.running),
        done,
        better,
        action,
    )


def _waiting(scene: Scene, model: str) -> tuple[str, Action | None]:
    if not model:
        return tr("No model was chosen. Go back one page, or choose one later on the Models page."), None
    name = clean_text(model, 60)
    if scene.pull(model) is not None:
        return tr("{name} is being downloaded. You can ask it as soon as it is here.", name=name), None
    again = Action(tr("Resume the download"), Command(Verb.PULL, model), primary=True)
    failed = next((p for p in scene.state.pulls if p.error and same_model(p.model, model)), None)
    if failed is not None:
        return clean_sentence(failed.error or "", 400), again
    return tr("{name} is not on this computer yet. What was downloaded is kept.", name=name), again


def _state(answer: AnswerState | None) -> str:
    if answer is None or answer.error or not answer.running:
        return ""
    if answer.seconds is not None:
        return tr("Measuring the energy…")
    if answer.thinking:
        return tr("Thinking…")
    return tr("Answering…") if answer.text else tr("Loading the model…")


def _figures(scene: Scene, answer: AnswerState | None) -> str:
    """ "128 tokens, 42 tokens/s · about 310 J, GPU + CPU sensors ±5%, in 4 s with loading"."""
    if answer is None or answer.running or answer.error or answer.seconds is None:
        return ""
    parts = []
    if answer.output_tokens is not None:
        parts.append(tr("{n} tokens", n=number(answer.output_tokens)))
    if answer.tokens_per_s is not None:
        parts.append(tr("{speed} tokens/s", speed=rate(answer.tokens_per_s)))
    if answer.joules is not None:
        basis = basis_now(scene.host.sample)
        error = answer.joules_error
        sure = tr("{basis} ±{error}", basis=basis, error=percent(error)) if error and basis else basis
        parts.append(
            tr("{joules} in {time} including loading ({basis})", joules=joules(answer.joules),
               time=duration(answer.seconds), basis=sure)
        )  # fmt: skip
    elif answer.joules_reason:
        why = clean_sentence(answer.joules_reason, 160).rstrip(".")
        parts.append(tr("energy not known: {why}", why=why[:1].lower() + why[1:]))
    if answer.cut:
        parts.append(tr("stopped at the length limit"))
    return " · ".join(parts)


def joules(value: float) -> str:
    """ "310 J", in kJ from 10 000 J on; two or three digits, since no sensor knows more."""
    if value >= 9950:
        return tr("{n} kJ", n=number(value / 1000, 0 if value >= 99500 else 1))
    rounded = value if value < 99.5 else round(value, -1)
    return tr("{n} J", n=number(rounded, 1 if value < 9.95 else 0))


def _better(scene: Scene, model: str, three: tuple[Offer, ...]) -> tuple[str, Action | None]:
    """The larger one, to be fetched while the smaller already answers."""
    wanted = scene.settings.first_run.better or (three[0].model if three else "")
    offer = next((o for o in three if same_model(o.model, wanted)), None)
    mine = next((o for o in three if same_model(o.model, model)), None)
    if offer is None or is_installed(scene, offer.model) or same_model(offer.model, model):
        return "", None
    size, free = offer.download_bytes or 0, scene.extras.disk_free_bytes
    larger = mine is None or (mine.download_bytes or 0) < size
    room = free is None or free > size
    if not larger or not room or scene.pull(offer.model) is not None:
        return "", None
    seconds = fetch_seconds(size, scene.setup.line_bytes_per_s)
    parts = [download_text(offer)] + ([tr("about {time}", time=duration(seconds))] if seconds else [])
    text = tr(
        "A better model fits this computer too: {name}, {facts}.",
        name=clean_text(offer.model, 60),
        facts=joined(parts),
    )
    return text, Action(tr("Download it in the background"), Command(Verb.PULL, offer.model))
