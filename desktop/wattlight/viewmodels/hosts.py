"""Other computers in the window and the menu: what each has loaded, draws and costs, what is done there."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can, ServerStatus, kind_name, same_model
from wattlight.domain.state import HostState
from wattlight.domain.values import LOCAL_HOST, Problem, clean_sentence, clean_text
from wattlight.i18n import gib, joined, tr, trn, watts
from wattlight.runtime import parse_endpoint
from wattlight.services.hosts import memory_bytes, new_host
from wattlight.settings import ServerAddress, Settings

from .figures import models_amount
from .scene import Scene
from .settings_page import Choice
from .words import DASH, Action, PillView, Tone, server_trouble

BETWEEN = "\n"
"""Between host and model in a key; no name has it."""


@dataclass(frozen=True, slots=True)
class HostView:
    """One other computer on the page Now."""

    name: str
    pill: PillView
    loaded: str
    figures: str
    remark: str
    actions: tuple[Action, ...]


def model_key(host: HostState, name: str) -> str:
    """Names a model among those of all computers."""
    return f"{host.id}{BETWEEN}{name}"


def others(scene: Scene) -> tuple[HostState, ...]:
    """The computers beside the one that the windows show."""
    return tuple(host for host in scene.state.hosts if host is not scene.host)


def host_name(host: HostState) -> str:
    return clean_text(host.name, 60)


def host_views(scene: Scene) -> tuple[HostView, ...]:
    return tuple(_view(host) for host in others(scene))


def _view(host: HostState) -> HostView:
    server = host.server
    if server.status is not ServerStatus.READY:
        tone = Tone.PLAIN if server.status is ServerStatus.UNKNOWN else Tone.BAD
        pill = PillView(server_trouble(server.status, server.kind), tone)
        return HostView(
            host_name(host), pill, "", _figures(host, True), clean_sentence(server.message or "", 300), ()
        )
    version = f"{kind_name(server.kind)} {clean_text(server.version or '', 30)}".strip()
    show = Action(tr("Models"), Command(Verb.OPEN_MODELS, first_key(host)), hint=tr("Load or switch there."))
    return HostView(
        host_name(host),
        PillView(version, Tone.PLAIN),
        loaded_text(host),
        _figures(host, True),
        " ".join(text for text in (*host.warnings, _meter_trouble(host)) if text),
        (*_unload(host), show),
    )


def first_key(host: HostState) -> str:
    """The model of ``host`` that is loaded, else its first."""
    server = host.server
    names = [*(model.name for model in server.running), *(model.name for model in server.installed)]
    installed = [m for m in host.server.installed if names and same_model(m.name, names[0])]
    return model_key(host, installed[0].name) if installed else ""


def loaded_text(host: HostState) -> str:
    """What is loaded there, in a few words."""
    if host.server.resident is None:
        return tr("It does not tell what is loaded.")
    names = [clean_text(model.name, 60) for model in host.server.running]
    return joined(names) if names else tr("No model is loaded.")


def _meter_trouble(host: HostState) -> str:
    """Why its watts are not told."""
    if host.meter is not None:
        return clean_sentence(host.meter.said, 300)
    if parse_endpoint(host.server.url).is_loopback:
        return tr("It runs on this computer, and its energy is counted with it.")
    return tr("What it draws is not known: no meter is set for it (wattlight hosts meter).")


def _figures(host: HostState, basis: bool = False) -> str:
    """Memory, watts and cost, those that are known; ``basis``: also what the watts are of, and how sure."""
    parts = []
    memory = memory_bytes(host.server.running)
    if memory and host.server.status is ServerStatus.READY:
        parts.append(tr("{memory} in memory", memory=gib(memory)))
    if (power := far_watts(host)) != DASH:
        now = tr("{watts} now", watts=power)
        of = clean_text(host.meter.basis, 120) if basis and host.meter is not None else ""
        parts.append(tr("{figure} ({basis})", figure=now, basis=of) if of else now)
    if (amount := models_amount(host.today)) != DASH:
        parts.append(tr("{amount} today", amount=amount))
    return " · ".join(parts)


def far_watts(host: HostState) -> str:
    """What it draws now, as the meter there says; a dash where none does."""
    return DASH if host.meter is None or host.meter.power_w is None else watts(host.meter.power_w)


def _unload(host: HostState) -> tuple[Action, ...]:
    if not host.server.running or not host.server.can(Can.UNLOAD):
        return ()
    names = joined(clean_text(model.name, 40) for model in host.server.running)
    hint = tr("Unloads {names} on {host}.", names=names, host=host_name(host))
    return (Action(tr("Unload"), Command(Verb.UNLOAD, host=host.id), hint=hint),)


def menu_text(host: HostState) -> str:
    """One line of the menu: name, what runs there, and its figures."""
    if host.server.status is not ServerStatus.READY:
        tail = server_trouble(host.server.status, host.server.kind)
    else:
        names = [clean_text(model.name, 40) for model in host.server.running]
        running = names[0] if len(names) == 1 else trn("{count} model", "{count} models", len(names))
        tail = running if names else tr("no model loaded")
    return " · ".join(part for part in (f"{host_name(host)} – {tail}", _figures(host)) if part)


@dataclass(frozen=True, slots=True)
class HostRow:
    """A computer on the page Settings."""

    name: str
    facts: str
    remove: Action


@dataclass(frozen=True, slots=True)
class HostsCardView:
    """``keyed``: computers a key may be given for, by id; ``said`` is what came of the last change."""

    about: str
    rows: tuple[HostRow, ...]
    keyed: tuple[Choice, ...]
    said: str
    said_is_bad: bool
    in_file: bool


def hosts_card_view(scene: Scene) -> HostsCardView:
    others_ = [address for address in scene.settings.servers if address.host != LOCAL_HOST]
    adding = scene.state.adding
    return HostsCardView(
        tr(
            "Model servers on other computers: they stand in the menu and on the pages Now and Models. They "
            "are asked what they have and have loaded; what you do here is done there."
        ),
        tuple(_host_row(address) for address in others_),
        tuple(Choice(address.host, clean_text(address.name, 60)) for address in others_),
        clean_sentence(adding.said, 400),
        adding.bad,
        adding.no_keyring,
    )


def _host_row(address: ServerAddress) -> HostRow:
    name = clean_text(address.name, 60)
    facts = [clean_text(address.url or "", 120), tr("with a key") if address.key else ""]
    question = tr("Let {name} go? Nothing is changed there, and what was recorded of it stays.", name=name)
    remove = Command(Verb.REMOVE_HOST, host=address.host, question=question, confirm=tr("Let go"))
    return HostRow(name, " · ".join(fact for fact in facts if fact), Action(tr("Remove…"), remove))


def understood_host(
    text: str, name: str, plain_http: bool, settings: Settings
) -> tuple[Command | None, str, bool]:
    """To add the computer that was typed, or a sentence why not; and whether the person may accept that."""
    if not text.strip():
        return None, tr("Type its address, like gpu-box:11434 or https://llm.example.org."), False
    try:
        new_host(text, settings, name, plain_http)
    except Problem as problem:
        return None, str(problem), problem.code == "unencrypted"
    number = 1 if plain_http else None
    return Command(Verb.ADD_HOST, name.strip(), text=text.strip(), number=number), "", False
