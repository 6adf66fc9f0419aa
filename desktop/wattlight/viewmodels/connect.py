"""The page Connect: ready lines for other programs, with this server and a model of it in them."""

from dataclasses import dataclass, replace

from wattlight.i18n import tr
from wattlight.services.connecting import YOUR_KEY, filled, installed_names, snippets, target_of

from .scene import Scene
from .settings_page import Choice


@dataclass(frozen=True, slots=True)
class ConnectView:
    """``text`` is what is copied; ``needs`` are what must be there first, a line each."""

    programs: tuple[Choice, ...]
    program: str
    models: tuple[Choice, ...]
    model: str
    text: str
    install: str
    needs: tuple[str, ...]
    empty: str = ""
    hosts: tuple[Choice, ...] = ()
    """None where there is one host alone."""
    host: str = ""


def connect_view(scene: Scene, program: str = "", model: str = "", host: str = "") -> ConnectView:
    """The page for a program, a model and a host that were chosen ("": the first, the one in use, and this
    computer)."""
    alias, state = scene.settings.alias, scene.state
    at = next((found for found in state.hosts if found.id == host), state.local)
    here = at is state.local
    names = installed_names(scene.local_models if here else at.server.installed)
    follows = alias.name if here and alias.on and alias.digest else ""
    known = model if model in (*names, follows) else ""
    keyed = any(address.host == at.id and address.key for address in scene.settings.servers)
    target = target_of(state, follows, known, at, keyed)
    offered = snippets(target)
    chosen = next((snippet for snippet in offered if snippet.key == program), offered[0])
    models = [Choice(name, name) for name in names if name != follows]
    if follows:
        models.insert(0, Choice(follows, tr("{name} (the model in use)", name=follows)))
    if not target.model and chosen.key != "mcp":
        target = replace(target, model="MODEL")
    needs = []
    if chosen.embedding and not target.embedding_there:
        needs.append(tr("Needs the model {model}: download it on the page Models.", model=target.embedding))
    if target.keyed and chosen.key != "mcp":
        needs.append(tr("Put the key of {host} in the place of {word}.", host=at.name, word=YOUR_KEY))
    if chosen.key == "continue":
        needs.append(tr("Its agent needs a model that can use tools, and a context of 8,192 tokens or more."))
    if target.counted and chosen.key != "mcp":
        needs.append(tr("Goes through Wattlight's relay, so that its tokens are counted."))
    return ConnectView(
        tuple(Choice(snippet.key, snippet.title) for snippet in offered),
        chosen.key,
        tuple(models),
        target.model,
        filled(chosen, target),
        chosen.install if chosen.packages else "",
        tuple(needs),
        "" if names else tr("No model is installed yet: write the name of one in the place of MODEL."),
        tuple(Choice(found.id, found.name) for found in state.hosts) if len(state.hosts) > 1 else (),
        at.id,
    )
