"""The meter of another computer in Settings: what it is, where it is, and what it said when it was tried."""

from dataclasses import dataclass

from wattlight.domain.command import METER_PARTS, Command, Verb
from wattlight.domain.values import LOCAL_HOST, HostId, clean_sentence, clean_text
from wattlight.i18n import tr
from wattlight.settings import ServerAddress

from .hosts import far_watts
from .scene import Scene
from .settings_page import Choice
from .words import DASH, Action


@dataclass(frozen=True, slots=True)
class MeterForm:
    """What is typed into the card; ``token`` is kept by nobody but the keyring."""

    host: HostId
    kind: str
    address: str
    watts: str = ""
    energy: str = ""
    token: str = ""
    in_file: bool = False


@dataclass(frozen=True, slots=True)
class FarMeterView:
    """``hosts``: the computers, by id; the fields are those of ``chosen`` as its settings have them.

    ``saved``: kind and address as the settings have them. ``entities``: the kind has names for watts and
    counter. ``leave``: the meter there can be let go.
    """

    about: str
    hosts: tuple[Choice, ...]
    chosen: str
    saved: tuple[str, str]
    kinds: tuple[Choice, ...]
    kind: str
    address: str
    example: str
    entities: bool
    watts: str
    energy: str
    token_hint: str
    stand: str
    said: str
    said_is_bad: bool
    in_file: bool
    leave: tuple[Action, ...]


_KINDS = ("wattlight", "prometheus", "homeassistant")
_EXAMPLES = {
    "wattlight": "ssh://me@gpu-box",
    "prometheus": "http://gpu-box:9400/metrics",
    "homeassistant": "https://home.example.org",
}


def far_meter_view(scene: Scene, chosen: str = "", kind: str = "") -> FarMeterView:
    """``chosen`` and ``kind`` are what the person has picked; "" goes by the settings."""
    others = [address for address in scene.settings.servers if address.host != LOCAL_HOST]
    at = next((a for a in others if a.host == chosen), others[0] if others else ServerAddress())
    kind = kind or at.meter_kind
    same = kind == at.meter_kind
    trial = scene.state.trying_meter
    return FarMeterView(
        _about(kind),
        tuple(Choice(address.host, clean_text(address.name, 60)) for address in others),
        at.host,
        (at.meter_kind, at.meter),
        tuple(Choice(key, text) for key, text in zip(_KINDS, _kind_texts(), strict=True)),
        kind,
        at.meter if same else "",
        _EXAMPLES.get(kind, ""),
        kind == "homeassistant",
        at.meter_watts if same else "",
        at.meter_energy if same else "",
        tr("kept; type another one to change it") if at.meter_key and same else "",
        _stand(scene, at),
        clean_sentence(trial.said, 400),
        trial.bad,
        trial.no_keyring,
        _leave(at),
    )


def _kind_texts() -> tuple[str, ...]:
    return (tr("Wattlight on that computer"), tr("NVIDIA's DCGM exporter"), tr("an entity of Home Assistant"))


def _about(kind: str) -> str:
    if kind == "prometheus":
        return tr("What its cards draw, from the page of NVIDIA's DCGM exporter; the rest is not in it.")
    if kind == "homeassistant":
        return tr(
            "A plug that the other computer hangs on, as Home Assistant knows it: the names of its entities "
            "of watts and of energy, and a long-lived token."
        )
    return tr(
        "Start 'wattlight meter --serve 127.0.0.1' there; its records are carried here, each hour once. "
        "ssh:// opens a tunnel with your own keys; 'wattlight meter --show-token' there tells the token."
    )


def _stand(scene: Scene, at: ServerAddress) -> str:
    host = next((h for h in scene.state.hosts if h.id == at.host), None)
    if not at.meter or host is None or host.meter is None:
        return ""
    if host.meter.said:
        return clean_sentence(host.meter.said, 300)
    now = far_watts(host)
    if now == DASH:
        return tr("It is asked; nothing is known of its watts now.")
    basis = clean_text(host.meter.basis, 120)
    return tr("Now: {power}, from {source}.", power=now, source=basis or tr("the meter there"))


def _leave(at: ServerAddress) -> tuple[Action, ...]:
    if not at.meter:
        return ()
    question = tr("Ask the meter of {name} no more? What was recorded stays.", name=clean_text(at.name, 60))
    leave = Command(Verb.DROP_METER, host=at.host, question=question, confirm=tr("Ask no more"))
    return (Action(tr("Ask no more…"), leave),)


def meter_command(form: MeterForm, keep: bool) -> tuple[Command | None, str]:
    """To try the meter (``keep``: and use it), or a sentence why not."""
    if not form.address.strip():
        return None, tr("Type the address of the meter, like {example}.", example=_EXAMPLES[form.kind])
    if form.kind == "homeassistant" and not (form.watts.strip() or form.energy.strip()):
        return None, tr("Type the name of an entity, like sensor.box_power.")
    parts = (form.kind, form.address.strip(), form.watts.strip(), form.energy.strip(), form.token.strip())
    verb = Verb.USE_METER if keep else Verb.TRY_METER
    text = METER_PARTS.join(parts)
    return Command(verb, text=text, number=1 if form.in_file else None, host=form.host), ""
