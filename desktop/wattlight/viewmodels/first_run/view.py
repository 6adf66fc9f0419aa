"""One page of the first run as a whole."""

from dataclasses import dataclass, replace

from wattlight.domain.state import ServerStatus
from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from ..activity import BusyView, busy_actions, pull_view
from ..command import Action, Command, Verb
from ..scene import Scene
from .machine_step import Fact, machine_facts
from .model_step import ModelStep, model_step
from .price_step import PriceStep, price_step
from .server_step import ServerStep, server_step
from .steps import STEPS, step_of
from .try_step import TryStep, try_step


@dataclass(frozen=True, slots=True)
class FirstRunView:
    """Everything in the window; of the pages only the one that is shown is filled.

    ``next_command`` is done when the main button is pressed, before (or instead of) going on.
    """

    step: str
    number: int
    of: int
    title: str
    lead: str
    next_text: str
    next_command: Command | None = None
    next_primary: bool = True
    """False where the page itself has the more important button."""
    stays: bool = False
    """The main button does its command and stays on the page."""
    back: bool = True
    last: bool = False
    facts: tuple[Fact, ...] = ()
    server: ServerStep | None = None
    price: PriceStep | None = None
    model: ModelStep | None = None
    trying: TryStep | None = None
    autostart: bool = False
    autostart_supported: bool = False
    busy: tuple[BusyView, ...] = ()
    slow: str = ""
    slow_actions: tuple[Action, ...] = ()
    problem: str = ""
    problem_actions: tuple[Action, ...] = ()
    proxy: str | None = None
    """What the field for a proxy begins with; None: no field."""


def first_run_view(scene: Scene) -> FirstRunView:
    """The page at which the first run stands."""
    step = step_of(scene.settings)
    index = STEPS.index(step)
    title, lead = _words(step)
    known = {"step": step, "number": index + 1, "of": len(STEPS), "title": title, "lead": lead}
    make = {
        "machine": _machine,
        "server": _server,
        "price": _price,
        "model": _model,
        "login": _login,
        "try": _try,
    }[step]
    return make(scene, known)


def _words(step: str) -> tuple[str, str]:
    return {
        "machine": (
            tr("This computer"),
            tr("Wattlight runs language models here and counts what they draw and cost. It found this:"),
        ),
        "server": (
            tr("What runs the models"),
            tr("Ollama is the program that runs language models on this computer."),
        ),
        "price": (
            tr("Your electricity price"),
            tr("With it the energy becomes money. You can change it at any time, also for the past."),
        ),
        "model": (
            tr("A first model"),
            tr("These fit this computer. It is downloaded once and then runs here, without the network."),
        ),
        "login": (tr("Counting every day"), ""),
        "try": (tr("Ask it something"), ""),
    }[step]


def _machine(scene: Scene, known: dict[str, object]) -> FirstRunView:
    return _made(known, next_text=tr("Continue"), back=False, facts=machine_facts(scene))


def _server(scene: Scene, known: dict[str, object]) -> FirstRunView:
    page = server_step(scene)
    text = tr("Continue") if page.ready else tr("Continue without")
    if page.progress is not None:
        text = tr("Continue meanwhile")
    return _made(known, next_text=text, next_primary=page.ready or page.progress is not None, server=page)


def _price(scene: Scene, known: dict[str, object]) -> FirstRunView:
    return _made(known, next_text=tr("Continue"), price=price_step(scene))


def _model(scene: Scene, known: dict[str, object]) -> FirstRunView:
    page = model_step(scene)
    chosen = next((c for c in page.choices if c.chosen), None)
    install = page.install if scene.host.server.status is ServerStatus.READY else None
    text = tr("Continue") if install is None or chosen is None else tr("Install {name}", name=chosen.name)
    if page.install is not None and install is None:
        text = tr("Continue without")
    return _with_downloads(
        scene,
        _made(
            known,
            next_text=text,
            next_command=install,
            next_primary=not page.slow_actions,
            stays=install is not None,
            model=page,
        ),
    )


def _login(scene: Scene, known: dict[str, object]) -> FirstRunView:
    view = _made(
        known,
        next_text=tr("Continue"),
        autostart=scene.settings.start_at_login,
        autostart_supported=scene.extras.autostart_supported,
    )
    return _with_downloads(scene, view)


def _try(scene: Scene, known: dict[str, object]) -> FirstRunView:
    page = try_step(scene)
    return _with_downloads(
        scene,
        _made(
            known,
            next_text=tr("Finish"),
            next_primary=page.done,
            last=True,
            trying=page,
        ),
    )


def _with_downloads(scene: Scene, view: FirstRunView) -> FirstRunView:
    """The strip under the page: what arrives, whether it takes long, why it does not arrive."""
    busy = tuple(b for b in busy_actions(scene) if b.key.startswith("pull "))
    slow, actions = ("", ()) if view.model is None else (view.model.slow, view.model.slow_actions)
    failed = next((p for p in scene.state.pulls if p.error and not p.cancelled), None)
    if failed is None:
        return replace(view, busy=busy, slow=slow, slow_actions=actions)
    shown = pull_view(failed)
    again = Action(shown.retry_text, shown.retry or Command(Verb.PULL, failed.model))
    dismiss = Action(tr("Leave it"), Command(Verb.CANCEL_PULL, failed.model))
    proxy = None
    if scene.setup.pull_problem in {"registry_unreachable", "registry_fault"} and scene.setup.server_is_ours:
        proxy = scene.settings.server_proxy or scene.setup.proxy
    return replace(
        view,
        busy=busy,
        slow=slow,
        slow_actions=actions,
        problem=clean_text(failed.error or "", 500),
        problem_actions=(again, dismiss),
        proxy=proxy,
    )


def _made(known: dict[str, object], **values: object) -> FirstRunView:
    return FirstRunView(**{**known, **values})  # type: ignore[arg-type]  # names of its own fields
