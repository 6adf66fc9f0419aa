"""What is asked before a download: a registry that is not Ollama's own, a cloud, a metered connection."""

from dataclasses import replace

from wattlight.catalog.registry import read_address
from wattlight.domain.command import Command, Verb
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import gb, tr
from wattlight.runtime import is_cloud_name, read_name

from .scene import Scene

BIG_BYTES = 100_000_000
DOWNLOADS = frozenset({Verb.PULL, Verb.START_SMALL, Verb.INSTALL_SERVER, Verb.REPAIR})


def asked_before_download(scene: Scene, command: Command, metered: bool | None) -> Command:
    """``command`` with what is to be known before it downloads in front of its question; asked once."""
    if command.asked or command.verb not in DOWNLOADS:
        return command
    server = command.verb is Verb.INSTALL_SERVER
    name = tr("Ollama") if server else clean_text(command.model, 120)
    notes = []
    host = None if server else foreign_registry(command.model)
    if host is not None:
        host = clean_text(host, 120)
        notes.append(tr("{name} comes from {host}, not from Ollama's own library.", name=name, host=host))
    if not server and is_cloud_name(command.model):
        text = tr(
            "{name} is not downloaded: it runs on Ollama's servers, and your text leaves this computer.",
            name=name,
        )
        notes.append(text)
    size = _size(scene, command)
    if metered and size is None:
        notes.append(tr("This is a metered connection."))
    elif metered and size is not None and size >= BIG_BYTES:
        notes.append(tr("This is a metered connection, and {name} is {size}.", name=name, size=gb(size)))
    if not notes:
        return command
    question = command.question or tr("Download {name} anyway?", name=name)
    confirm = command.confirm or tr("Download anyway")
    return replace(command, question=" ".join([*notes, question]), confirm=confirm)


def foreign_registry(model: str) -> str | None:
    """The host that ``model`` names, None when it is Ollama's own or none is named."""
    try:
        name = read_name(model)
        if name.registry is None:
            return None
        return None if name.registry.lower() == read_address(name.model).host else name.registry
    except Problem:
        return None


def _size(scene: Scene, command: Command) -> int | None:
    if command.verb is Verb.INSTALL_SERVER:
        ways = scene.setup.ways
        return ways.fetch_bytes if ways and ways.version else None
    offer = scene.offer_of(command.model)
    return None if offer is None else offer.download_bytes
