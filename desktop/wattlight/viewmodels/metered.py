"""A network that is paid by volume: a large download asks before."""

from dataclasses import replace

from wattlight.domain.values import clean_text
from wattlight.i18n import gb, tr

from .command import Command, Verb
from .scene import Scene, same_model

BIG_BYTES = 100_000_000
DOWNLOADS = frozenset({Verb.PULL, Verb.START_SMALL, Verb.INSTALL_SERVER, Verb.REPAIR})


def asked_when_metered(scene: Scene, command: Command, metered: bool | None) -> Command:
    """``command`` with a question when it would download much over a metered network."""
    if not metered or command.verb not in DOWNLOADS or command.question or command.asked:
        return command
    size, name = _size(scene, command)
    if size is not None and size < BIG_BYTES:
        return command
    if size is None:
        text = tr("This network is paid by volume. Download {name} over it?", name=name)
    else:
        text = tr(
            "This network is paid by volume, and {name} is {size}. Download it anyway?",
            name=name,
            size=gb(size),
        )
    return replace(command, question=text, confirm=tr("Download"))


def _size(scene: Scene, command: Command) -> tuple[int | None, str]:
    if command.verb is Verb.INSTALL_SERVER:
        ways = scene.setup.ways
        return (ways.fetch_bytes if ways and ways.version else None), tr("Ollama")
    offer = next((o for o in scene.extras.offers or () if same_model(o.model, command.model)), None)
    return (None if offer is None else offer.download_bytes), clean_text(command.model, 60)
