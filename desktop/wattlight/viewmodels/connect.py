"""The page Connect: ready lines for other programs, with this server and a model of it in them."""

from dataclasses import dataclass, replace

from wattlight.i18n import tr
from wattlight.services.connecting import filled, installed_names, snippets, target_of

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


def connect_view(scene: Scene, program: str = "", model: str = "") -> ConnectView:
    """The page for a program and a model that were chosen ("": the first, and the one in use)."""
    alias = scene.settings.alias
    names = installed_names(scene.local_models)
    follows = alias.name if alias.on and alias.digest else ""
    known = model if model in (*names, follows) else ""
    target = target_of(scene.state, follows, known)
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
    if not chosen.tried:
        needs.append(tr("Written from its documentation; it was not tried."))
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
    )
