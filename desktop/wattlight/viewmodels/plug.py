"""The card Wall plug of the page Settings: which kinds there are, what each needs, what came of trying it."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.plug import Hangs
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.domain.wall import PLUG
from wattlight.i18n import tr, watts

from .scene import Scene
from .settings_page import Choice
from .words import Action

_OUTLET = {"shelly", "fritz"}
_USER = {"fritz", "shelly", "tasmota"}
_PATHS = {"homeassistant", "json", "command"}
_SECRET = {"shelly", "tasmota", "fritz", "homeassistant", "json"}


@dataclass(frozen=True, slots=True)
class PlugView:
    """What the card shows. ``needs`` are the fields that the kind asks for; ``stand`` is what the plug in use
    says now, ``said`` what came of the last trial."""

    kinds: tuple[Choice, ...]
    kind: str
    hangs: tuple[Choice, ...]
    hanging: str
    address: str
    address_example: str
    outlet: str
    outlet_label: str
    user: str
    watts: str
    energy: str
    units: tuple[str, str]
    needs: frozenset[str]
    about: str
    stand: str
    said: str
    said_is_bad: bool
    in_file: bool
    """Whether the person is asked to agree to a file for the password."""
    try_it: Action


def plug_view(scene: Scene) -> PlugView:
    plug, trial = scene.settings.plug, scene.state.plug
    kind = plug.kind
    fields = (("outlet", _OUTLET), ("user", _USER), ("secret", _SECRET))
    needs = {name for name, kinds in fields if kind in kinds}
    if kind in _PATHS:
        needs |= {"watts", "energy"}
    if kind in {"json", "command"}:
        needs.add("units")
    return PlugView(
        _kinds(),
        kind,
        (
            Choice(Hangs.COMPUTER, tr("computer alone")),
            Choice(Hangs.SCREEN, tr("computer and screen")),
            Choice(Hangs.MORE, tr("computer and more")),
        ),
        plug.hangs,
        plug.address,
        {"command": "my-meter --json", "fritz": "fritz.box"}.get(kind, "192.168.1.40"),
        plug.outlet,
        tr("Number (AIN)") if kind == "fritz" else tr("Output"),
        plug.user,
        plug.watts,
        plug.energy,
        (plug.watts_unit, plug.energy_unit),
        frozenset(needs),
        _about(plug.hangs) if kind else tr("A smart plug measures what this computer draws at the wall."),
        _stand(scene) if kind else "",
        clean_sentence(trial.said, 400),
        trial.bad,
        trial.no_keyring,
        Action(tr("Test"), Command(Verb.TRY_PLUG)),
    )


def _kinds() -> tuple[Choice, ...]:
    return (
        Choice("", tr("none")),
        Choice("shelly", "Shelly"),
        Choice("tasmota", "Tasmota"),
        Choice("fritz", "FRITZ!DECT"),
        Choice("homeassistant", "Home Assistant"),
        Choice("json", tr("another, as JSON over HTTP")),
        Choice("command", tr("a command of yours")),
    )


def _about(hangs: str) -> str:
    said = tr("It is asked every ten seconds, in your own network, and counts instead of all other sensors.")
    if hangs == Hangs.MORE:
        more = tr("What else hangs on it is counted as this computer's, and its changes as a model's.")
        return f"{said} {more}"
    return said


def _stand(scene: Scene) -> str:
    sample = scene.host.sample
    part = next((p for p in sample.devices if p.id == PLUG), None) if sample is not None else None
    if part is None:
        return tr("It has not been read yet.")
    if part.power_w is None:
        return (
            clean_sentence(tr(part.power.reason), 300)
            if part.power.reason
            else tr("It has not been read yet.")
        )
    source = clean_text(part.power.source, 80)
    return tr("Now: {power}, from {source}.", power=watts(part.power_w), source=source)
