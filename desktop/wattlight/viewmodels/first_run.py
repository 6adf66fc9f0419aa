"""The first run: which page, what it says, what its buttons do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.values import Device, MachineProfile, clean_sentence, clean_text
from wattlight.i18n import as_typed, gb, gib, joined, tr, watts
from wattlight.services.calibration import wall_of
from wattlight.settings import FirstRun, Settings

from .activity import busy_actions
from .energy_access import EnergyAccessView, energy_access_view
from .figures import no_sensor, sure_now
from .first_model import ModelStep, TryStep, model_step, slow_line, try_step
from .pulls import BusyView, failed_pull
from .scene import Scene
from .server_setup import ServerStep, server_step
from .settings_page import Choice, country_choices, price_note, understood_price
from .whole import better_way, estimate_basis, exact_way, learned_note, learned_now, range_watts
from .words import Action, speed_text, verdict_pill

Fact = tuple[str, str]
"""A label and what is said of it."""


def machine_facts(scene: Scene) -> tuple[Fact, ...]:
    """Graphics, memory, disk, power; and for example which model would run how."""
    host = scene.host
    facts = list(_profile_facts(host.profile)) if host.profile is not None else []
    free = scene.extras.disk_free_bytes
    if free is not None:
        facts.append((tr("Disk"), tr("{size} free for models", size=gb(free, 0))))
    facts.append((tr("Power"), _power(scene)))
    best = next(iter(scene.extras.offers or ()), None)
    if best is not None:
        parts = [clean_text(best.model, 60), verdict_pill(best.fit).text, speed_text(best.fit)]
        example = tr("For example {model}", model=joined(p for p in parts if p))
        facts.append((tr("What runs here"), example))
    return tuple(facts)


def _profile_facts(profile: MachineProfile) -> tuple[Fact, ...]:
    cards = tuple(_card(device) for device in profile.devices)
    none = tr("No graphics card that can run models; the processor does it, which is slower")
    memory = tr(
        "{total}, {free} of it free now",
        total=gib(profile.ram_total_bytes, 0),
        free=gib(profile.ram_available_bytes, 0),
    )
    return (tr("Graphics"), "\n".join(cards) if cards else none), (tr("Memory"), memory)


def _card(device: Device) -> str:
    name = clean_text(device.name, 60)
    if device.unified or device.integrated:
        return tr("{name}, shares the memory of the computer", name=name)
    if device.memory_total_bytes is None:
        return tr("{name}, its memory cannot be read", name=name)
    return tr("{name} with {size} of its own memory", name=name, size=gib(device.memory_total_bytes, 0))


def _power(scene: Scene) -> str:
    sample = scene.host.sample
    if sample is None:
        return tr("Waiting for the first reading")
    if no_sensor(sample):
        if sample.estimate_w is not None:
            return tr(
                "{range}, estimated {basis}. To make it exact: {way}.",
                range=range_watts(sample.estimate_w),
                basis=estimate_basis(),
                way=exact_way(sample),
            )
        reason = next((tr(d.power.reason) for d in sample.devices if d.power.reason), "")
        none = tr("No readable sensor, so energy and cost stay unknown")
        return joined((none, clean_sentence(reason, 160)), ". ") if reason else none
    learned = learned_now(sample, wall_of(scene.settings.meter))
    if learned is not None:
        note = learned_note(*learned, None)
        return tr("About {power} {note}", power=watts(learned[0].power_w), note=note)
    return tr("Measured: {basis}", basis=sure_now(sample))


@dataclass(frozen=True, slots=True)
class PriceStep:
    """What the fields begin with, and (price, currency, note) by country for when another is chosen."""

    countries: tuple[Choice, ...]
    country: str
    price: str
    currency: str
    note: str
    prices: Mapping[str, tuple[str, str, str]]


def price_step(scene: Scene) -> PriceStep:
    """The person's own price, else the country's official one where one is shipped."""
    price = scene.settings.price
    known = scene.extras.countries
    choices = (Choice("", tr("Another country")), *country_choices(scene))
    prices = {"": ("", "", price_note(scene, ""))}
    prices |= {c.code: (as_typed(c.per_kwh), c.currency, price_note(scene, c.code)) for c in known}
    if price.per_kwh:
        code = price.country or ""
        own = as_typed(price.per_kwh)
        return PriceStep(choices, code, own, price.currency or "", price_note(scene, code), prices)
    code = "" if price.declined or scene.setup.country not in prices else scene.setup.country
    return PriceStep(choices, code, *prices[code], prices)


def price_left(settings: Settings, price: str, currency: str, country: str) -> tuple[Settings, str]:
    """The settings when the page is left with "Continue", or a sentence what is wrong with the price.

    An empty price is "I don't know".
    """
    if not price.strip():
        return replace(settings, price=replace(settings.price, declined=True)), ""
    if settings.price.tariff_file:
        return settings, ""
    return understood_price(price, currency, country, settings)


STEPS = ("machine", "server", "price", "model", "login", "try")


def step_of(settings: Settings) -> str:
    """The page to show: the remembered one, else the first."""
    step = settings.first_run.step
    return step if step in STEPS else STEPS[0]


def moved(settings: Settings, by: int) -> Settings:
    """The settings with the place so many pages further; it stays within the pages."""
    index = min(max(STEPS.index(step_of(settings)) + by, 0), len(STEPS) - 1)
    return replace(settings, first_run=replace(settings.first_run, step=STEPS[index]))


def finished(settings: Settings) -> Settings:
    """The settings after the last page, or after "Skip": it does not open by itself any more."""
    return replace(settings, first_run_done=True, first_run=FirstRun())


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
    energy: EnergyAccessView | None = None
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
    better: Action | None = None
    """To a figure, where the power is a range and no click opens a counter."""
    proxy: str | None = None
    """What the field for a proxy begins with; None: no field."""


def first_run_view(scene: Scene) -> FirstRunView:
    step = step_of(scene.settings)
    title, lead = _words(step)
    view = FirstRunView(step, STEPS.index(step) + 1, len(STEPS), title, lead, tr("Continue"))
    if step == "machine":
        energy = _energy(scene)
        better = None if energy is not None else better_way(scene.host.sample)
        return replace(view, back=False, facts=machine_facts(scene), energy=energy, better=better)
    if step == "server":
        return _server(scene, view)
    if step == "price":
        return replace(view, price=price_step(scene))
    if step == "model":
        return _with_downloads(scene, _model(scene, view))
    if step == "login":
        supported = scene.extras.autostart_supported
        view = replace(view, autostart=scene.settings.start_at_login, autostart_supported=supported)
        return _with_downloads(scene, view)
    page = try_step(scene)
    view = replace(view, next_text=tr("Finish"), next_primary=page.done, last=True, trying=page)
    return _with_downloads(scene, view)


def _energy(scene: Scene) -> EnergyAccessView | None:
    """The counter that could be opened, as an offer: the main button goes on without it."""
    view = energy_access_view(scene)
    return view and replace(view, actions=tuple(replace(a, primary=False) for a in view.actions))


def _words(step: str) -> tuple[str, str]:
    return {
        "machine": (
            tr("This computer"),
            tr(
                "Wattlight runs language models on this computer and measures what they draw and cost. This "
                "is what it found:"
            ),
        ),
        "server": (
            tr("What runs the models"),
            tr("Ollama is the program that runs language models on this computer."),
        ),
        "price": (
            tr("Your electricity price"),
            tr("It turns energy into cost. You can change it at any time, also for past days."),
        ),
        "model": (
            tr("A first model"),
            tr("These fit this computer. A model is downloaded once and then runs here, without a network."),
        ),
        "login": (tr("Measuring every day"), ""),
        "try": (tr("Ask it something"), ""),
    }[step]


def _server(scene: Scene, view: FirstRunView) -> FirstRunView:
    page = server_step(scene)
    text = tr("Continue") if page.ready else tr("Continue without")
    if page.progress is not None:
        text = tr("Continue meanwhile")
    return replace(view, next_text=text, next_primary=page.ready or page.progress is not None, server=page)


def _model(scene: Scene, view: FirstRunView) -> FirstRunView:
    page, (slow, actions) = model_step(scene), slow_line(scene)
    chosen = next((c for c in page.choices if c.chosen), None)
    install = page.install if scene.ready else None
    text = view.next_text if install is None or chosen is None else tr("Install {name}", name=chosen.name)
    if page.install is not None and install is None:
        text = tr("Continue without")
    return replace(
        view,
        next_text=text,
        next_command=install,
        next_primary=not actions,
        stays=install is not None,
        model=replace(page, note="") if slow else page,
        slow=slow,
        slow_actions=actions,
    )


def _with_downloads(scene: Scene, view: FirstRunView) -> FirstRunView:
    """The strip under the page: what arrives, whether it takes long, why it does not arrive."""
    view = replace(view, busy=tuple(b for b in busy_actions(scene) if b.key.startswith("pull ")))
    failed = next((p for p in scene.state.pulls if p.error and not p.cancelled), None)
    if failed is None:
        return view
    _, again = failed_pull(failed)
    dismiss = Action(tr("Dismiss"), Command(Verb.CANCEL_PULL, failed.model))
    proxy = None
    if scene.setup.pull_problem in {"registry_unreachable", "registry_fault"} and scene.setup.server_is_ours:
        proxy = scene.settings.server_proxy or scene.setup.proxy
    return replace(
        view,
        problem=clean_sentence(failed.error or "", 500),
        problem_actions=(again, dismiss),
        proxy=proxy,
    )
