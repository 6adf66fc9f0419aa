"""Models of other computers on the page Models: their lines, and one of them in detail."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.placement import best_place
from wattlight.domain.servers import (
    Can,
    InstalledModel,
    RunningModel,
    ServerStatus,
    cannot_text,
    same_model,
)
from wattlight.domain.state import HostState
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import gb, gib, number, tr

from .activity import busy_there
from .hosts import BETWEEN, host_name, model_key, others
from .model_detail import ModelDetailView
from .scene import Scene
from .words import Action, PillView, Tone, running_pill


@dataclass(frozen=True, slots=True)
class HostModel:
    """A model of another computer, as a line of the list of models."""

    host: HostState
    item: InstalledModel

    @property
    def model(self) -> str:
        """Names it among the models of all computers."""
        return model_key(self.host, self.item.name)


def far_view(scene: Scene, far: HostModel) -> ModelDetailView:
    """The model in detail; what it would take there is not known here."""
    main, others_ = actions_of(far)
    pill = pill_of(far) or PillView(tr("not loaded"), Tone.PLAIN)
    name, why = clean_text(far.item.name, 120), why_of(scene, far)
    busy = busy_there(scene, far.host.id, far.item.name)
    action = None if busy else main
    return ModelDetailView(
        far.model, name, facts_of(far), pill, None, (), 0, "", why, action, others_, "", busy
    )


def host_models(scene: Scene, search: str) -> tuple[tuple[str, tuple[HostModel, ...]], ...]:
    """Heading and models of each other computer that answers."""
    wanted = search.strip().lower()
    found = []
    for host in others(scene):
        if host.server.status is ServerStatus.READY:
            models = (m for m in host.server.installed if wanted in m.name.lower())
            lines = tuple(HostModel(host, model) for model in models)
            if lines:
                found.append((tr("On {name}", name=host_name(host)), lines))
    return tuple(found)


def host_model(scene: Scene, key: str) -> HostModel | None:
    """The model of another computer that ``key`` names."""
    host_id, between, name = key.partition(BETWEEN)
    if not between:
        return None
    for host in others(scene):
        if host.id == host_id:
            item = next((m for m in host.server.installed if same_model(m.name, name)), None)
            return None if item is None else HostModel(host, item)
    return None


def loaded_as(found: HostModel) -> RunningModel | None:
    """The model as it is loaded there."""
    return next((m for m in found.host.server.running if same_model(m.name, found.item.name)), None)


def pill_of(found: HostModel) -> PillView | None:
    loaded = loaded_as(found)
    if found.item.remote_host is not None:
        return PillView(tr("in the cloud"), Tone.PLAIN)
    return None if loaded is None else running_pill(loaded, None)


def facts_of(found: HostModel) -> str:
    item = found.item
    size = tr("{size} on disk", size=gb(item.size_bytes)) if item.size_bytes else ""
    parts = (item.family, item.parameter_size, item.quantization, size)
    return " · ".join(clean_sentence(part, 60) for part in parts if part)


def why_of(scene: Scene, found: HostModel) -> str:
    """How it is loaded there, and where it runs best."""
    parts = [tr("On {name}, at {url}.", name=host_name(found.host), url=found.host.server.url)]
    if (loaded := loaded_as(found)) is not None:
        parts.append(tr("Loaded now."))
        if loaded.size_bytes:
            parts.append(tr("It takes {memory} there.", memory=gib(loaded.size_bytes)))
        if loaded.context_length:
            parts.append(tr("Context {n}.", n=number(loaded.context_length)))
    best = best_place(scene.state.hosts, found.item.name)
    return " ".join((*parts, *(() if best is None else (best.text,))))


def actions_of(found: HostModel) -> tuple[Action, tuple[Action, ...]]:
    """The main thing to do with it there, and the others."""
    server, host, name = found.host.server, found.host.id, found.item.name
    if loaded_as(found) is not None:
        return _act(found, tr("Unload"), Command(Verb.UNLOAD, name, host=host), Can.UNLOAD), ()
    word = tr("Switch to it") if server.running else tr("Load")
    main = _act(found, word, Command(Verb.SWITCH, name, host=host), Can.LOAD, primary=True)
    if not server.running:
        return main, ()
    return main, (_act(found, tr("Load alongside"), Command(Verb.LOAD, name, host=host), Can.LOAD),)


def _act(found: HostModel, text: str, command: Command, wants: Can, primary: bool = False) -> Action:
    server = found.host.server
    why_not = "" if server.can(wants) else cannot_text(server.kind, wants)
    if found.item.remote_host is not None:
        why_not = tr("Another computer answers for it.")
    return Action(text, command, primary, not why_not, why_not)
