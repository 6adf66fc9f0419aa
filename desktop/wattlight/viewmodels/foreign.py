"""A registry that is not Ollama's own, named in the model's name: it is asked before anything is fetched."""

from dataclasses import replace

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr

from .command import Command, Verb
from .metered import asked_when_metered
from .scene import Scene

FETCHES = frozenset({Verb.PULL, Verb.START_SMALL, Verb.REPAIR})


def asked_before_download(scene: Scene, command: Command, metered: bool | None) -> Command:
    """``command`` with the questions that come before a download: whose registry, and a network paid for."""
    paid = asked_when_metered(scene, command, metered)
    host = None if command.asked or command.verb not in FETCHES else foreign_registry(command.model)
    if host is None:
        return paid
    text = tr(
        "Fetch {model} from {host}, which is not Ollama's own registry?",
        model=clean_text(command.model, 120),
        host=clean_text(host, 120),
    )
    question = f"{text} {paid.question}" if paid.question else text
    return replace(paid, question=question, confirm=paid.confirm or tr("Fetch"))


def foreign_registry(model: str) -> str | None:
    """The host that ``model`` names, None when it is Ollama's own or none is named."""
    from wattlight.runtime import read_name

    try:
        name = read_name(model)
        if name.registry is None:
            return None
        from wattlight.catalog.registry import read_address

        return None if name.registry.lower() == read_address(name.model).host else name.registry
    except Problem:
        return None
