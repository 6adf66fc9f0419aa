"""The last page: a first prompt, its answer, tokens per second and joules."""

from dataclasses import dataclass

from wattlight.domain.state import AnswerState
from wattlight.domain.values import clean_text
from wattlight.i18n import duration, gb, number, percent, tr

from ..activity import BusyView, pull_view
from ..command import Action, Command, Verb
from ..figure import basis_now
from ..scene import Offer, Scene, same_model
from .choices import fetch_seconds, preselected, three_offers
from .model_step import is_installed, pull_of


@dataclass(frozen=True, slots=True)
class TryStep:
    """The page. Nothing can be asked while ``waiting`` says why."""

    model: str
    name: str
    waiting: str
    retry: Action | None
    prompts: tuple[str, ...]
    answer: str
    state: str
    figures: str
    error: str
    answering: bool
    done: bool = False
    """There is an answer: the first run has reached its aim."""
    better: str = ""
    better_action: Action | None = None
    download: BusyView | None = None


def prompts() -> tuple[str, ...]:
    """Questions to begin with, one click each."""
    return (
        tr("Explain in three sentences what a kilowatt-hour is."),
        tr("Write a short poem about a lighthouse."),
        tr("What can I use a language model on my own computer for?"),
    )


def try_step(scene: Scene) -> TryStep:
    """The page for what was chosen before."""
    three = three_offers(scene.extras)
    model = preselected(scene, three)
    pull = pull_of(scene, model)
    ready = is_installed(scene, model)
    waiting, retry = _waiting(scene, model, ready, pull is not None)
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
        prompts(),
        answer.text if answer else "",
        _state(answer),
        _figures(scene, answer),
        clean_text(answer.error, 400) if answer and answer.error else "",
        bool(answer and answer.running),
        done,
        better,
        action,
        None if pull is None or ready else pull_view(pull),
    )


def _waiting(scene: Scene, model: str, ready: bool, pulling: bool) -> tuple[str, Action | None]:
    if ready:
        return "", None
    if not model:
        return tr("No model was chosen. Go back one page, or choose one later on the page Models."), None
    name = clean_text(model, 60)
    if pulling:
        return tr("{name} is on its way. It can be asked as soon as it is here.", name=name), None
    again = Action(tr("Go on with the download"), Command(Verb.PULL, model), primary=True)
    failed = next((p for p in scene.state.pulls if p.error and same_model(p.model, model)), None)
    if failed is not None:
        return clean_text(failed.error or "", 400), again
    return tr("{name} is not on this computer yet. What has arrived of it is kept.", name=name), again


def _state(answer: AnswerState | None) -> str:
    if answer is None or answer.error or not answer.running:
        return ""
    if answer.seconds is not None:
        return tr("Reading the power…")
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
        speed = answer.tokens_per_s
        parts.append(tr("{speed} tokens/s", speed=number(speed, 1 if speed < 9.95 else 0)))
    if answer.joules is not None:
        basis = basis_now(scene.host.sample)
        error = answer.joules_error
        sure = tr("{basis} ±{error}", basis=basis, error=percent(error)) if error and basis else basis
        parts.append(
            tr("{joules} in {time} with loading ({basis})", joules=joules(answer.joules),
               time=duration(answer.seconds), basis=sure)
        )  # fmt: skip
    elif answer.joules_reason:
        why = clean_text(answer.joules_reason, 160).rstrip(".")
        parts.append(tr("energy not known: {why}", why=why[:1].lower() + why[1:]))
    if answer.cut:
        parts.append(tr("ended at the limit of a trial"))
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
    if mine is not None and (mine.download_bytes or 0) >= (offer.download_bytes or 0):
        return "", None
    if pull_of(scene, offer.model) is not None:
        return "", None
    seconds = fetch_seconds(offer.download_bytes, scene.setup.line_bytes_per_s)
    free = scene.extras.disk_free_bytes
    if free is not None and free <= (offer.download_bytes or 0):
        return "", None
    parts = [gb(offer.download_bytes)] + ([tr("about {time}", time=duration(seconds))] if seconds else [])
    text = tr(
        "A better model fits this computer too: {name}, {facts}.",
        name=clean_text(offer.model, 60),
        facts=", ".join(parts),
    )
    return text, Action(tr("Fetch it in the background"), Command(Verb.PULL, offer.model))
