"""The fourth page: a first model, with fit, speed, size and the time to fetch it."""

from dataclasses import dataclass

from wattlight.domain.state import PullState
from wattlight.domain.values import clean_text
from wattlight.i18n import duration, gb, tr

from ..command import Action, Command, Verb
from ..scene import FitNote, Offer, Scene, same_model
from ..words import PillView, speed_text, verdict_pill
from .choices import FEW_MINUTES_S, fetch_seconds, installed_first, preselected, three_offers


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
        """Everything of the line for a screen reader."""
        return ", ".join(p for p in (self.name, self.pill.text, self.speed, self.size, self.time) if p)


@dataclass(frozen=True, slots=True)
class ModelStep:
    """The page. ``slow`` is the offer of a smaller model while a large download turns out to be long."""

    choices: tuple[ModelChoice, ...]
    note: str
    empty: str
    install: Command | None
    """What the main button does; None: just go on."""
    slow: str = ""
    slow_actions: tuple[Action, ...] = ()


def model_step(scene: Scene) -> ModelStep:
    """The choices and what they lead to."""
    three = three_offers(scene.extras)
    chosen = preselected(scene, three)
    choices = [*_installed_choice(scene, chosen, three), *(_choice(scene, o, chosen) for o in three)]
    slow, actions = slow_line(scene)
    empty = ""
    if not choices:
        looking = scene.extras.offers is None
        empty = (
            tr("Looking for models that fit…") if looking else tr("No model of the list fits this computer.")
        )
    here = is_installed(scene, chosen) or pull_of(scene, chosen) is not None
    install = None if here or not chosen else Command(Verb.PULL, chosen)
    return ModelStep(tuple(choices), "" if slow else _note(scene, bool(three)), empty, install, slow, actions)


def slow_line(scene: Scene) -> tuple[str, tuple[Action, ...]]:
    """ "This takes about 22 min. Start small: llama3.2:3b, 2.0 GB, 3 min", once 20 MB were timed."""
    speed = scene.setup.line_bytes_per_s
    pull = next(
        (p for p in scene.state.pulls if p.total_bytes and not (p.done or p.error or p.cancelled)), None
    )
    if speed is None or pull is None or pull.total_bytes is None:
        return "", ()
    left = fetch_seconds(pull.total_bytes - pull.completed_bytes, speed)
    small = _quicker(scene, pull, speed)
    if left is None or left <= FEW_MINUTES_S or small is None:
        return "", ()
    time = fetch_seconds(small.download_bytes, speed)
    text = tr(
        "{model} takes about {time} more on this line. A smaller one answers sooner; {model} can come in the "
        "background afterwards.",
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
    """Whether the server has it."""
    return any(same_model(m.name, model) for m in scene.local_models)


def pull_of(scene: Scene, model: str) -> PullState | None:
    """Its download, if one is under way or waits."""
    return next(
        (
            p
            for p in scene.state.pulls
            if same_model(p.model, model) and not (p.done or p.error or p.cancelled)
        ),
        None,
    )


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
    fit: FitNote = offer.fit
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
        verdict_pill(fit),
        speed_text(fit),
        gb(offer.download_bytes),
        time,
        clean_text(offer.why, 300),
        same_model(offer.model, chosen),
        room,
    )


def _note(scene: Scene, offers: bool) -> str:
    sentences = []
    if offers and scene.setup.line_bytes_per_s is None:
        sentences.append(tr("How long it takes shows after the first 20 MB."))
    if scene.extras.catalog_date:
        sentences.append(
            tr(
                "The list is of {date} and came with Wattlight.",
                date=clean_text(scene.extras.catalog_date, 30),
            )
        )
    return " ".join(sentences)
