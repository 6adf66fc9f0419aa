"""The server that runs the models: found, started, installed; and Wattlight's own copy of it."""

from dataclasses import dataclass, replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import kind_name
from wattlight.domain.state import InstallStage, ServerStatus, ServerWays
from wattlight.domain.values import clean_lines, clean_sentence, clean_text
from wattlight.i18n import gb, tr
from wattlight.services.serving import conversion

from .activity import install_line, under_way
from .pulls import BusyView
from .scene import Scene
from .words import Action, PillView, Tone, server_trouble


@dataclass(frozen=True, slots=True)
class ServerCopyView:
    """The section. ``problem`` is what went wrong, ``note`` what is still to come."""

    title: str
    note: str = ""
    problem: str = ""
    progress: BusyView | None = None
    actions: tuple[Action, ...] = ()


def server_copy_view(scene: Scene) -> ServerCopyView | None:
    """None where our own copy is not in use: nothing is offered for a server that is not ours.

    A copy that does not come up counts as in use: that is when going back is wanted most.
    """
    facts, server = scene.setup, scene.host.server
    ways = facts.ways
    if ways is None or ways.managed is None:
        return None
    if not facts.server_is_ours and server.status is not ServerStatus.ABSENT:
        return None
    title = tr("Ollama {version}, Wattlight's own copy", version=_version(ways.managed))
    note = _restart_note(scene, ways) if ways.restart_due else ""
    setup = facts.setup
    if setup is not None and under_way(setup):
        return ServerCopyView(title, note, progress=install_line(setup))
    error = (setup.error if setup is not None else None) or facts.server_error
    return ServerCopyView(title, note, clean_sentence(error, 400), actions=_actions(scene, ways))


def rough_size(size_bytes: int, exact: bool) -> str:
    """ "1.4 GB", or "about 1.4 GB" where it is not known to the byte."""
    text = gb(size_bytes)
    return text if exact else tr("about {size}", size=text)


def _actions(scene: Scene, ways: ServerWays) -> tuple[Action, ...]:
    actions = []
    offered = ways.version if ways.newer and not ways.by_installer else None
    if offered is not None:
        actions.append(_update(scene, ways, offered))
    if ways.previous is not None and ways.previous != offered:
        version = _version(ways.previous)
        question = tr(
            "Go back to Ollama {version}? It takes effect when no model is loaded. Your models stay.",
            version=version,
        )
        command = Command(Verb.GO_BACK, question=question, confirm=tr("Go back"))
        actions.append(Action(tr("Go back to {version}", version=version), command))
    return tuple(actions)


def _update(scene: Scene, ways: ServerWays, offered: str) -> Action:
    command, version = Command(Verb.INSTALL_SERVER), _version(offered)
    changes = None if conversion(ways.managed) else conversion(version)
    if changes is not None:
        question = tr("{changes} Free the disk for that first, or stay with what you have.", changes=changes)
        command = replace(command, question=question, confirm=tr("Update"))
    if not ways.fetch_bytes:  # it was gone back from, and is still on the disk
        return Action(tr("Update to {version}", version=version), command)
    size = rough_size(ways.download_bytes, ways.download_is_exact)
    text = tr("Update to {version}, {size}", version=version, size=size)
    return replace(_install_action(scene, ways, text), command=command)


def _restart_note(scene: Scene, ways: ServerWays) -> str:
    running = scene.host.server.version
    if running == ways.managed:  # gone back from a version that never ran
        return ""
    note = tr("Takes effect when no model is loaded.")
    if not running:
        return note
    return f"{note} " + tr("Until then, {version} keeps running.", version=_version(running))


def _version(text: str | None) -> str:
    return clean_text(text or "", 30)


@dataclass(frozen=True, slots=True)
class ServerStep:
    """The page. ``commands`` are for the owner of the computer to type; ``log`` the last lines of a server
    that did not start."""

    title: str
    text: str
    tone: Tone = Tone.PLAIN
    commands: tuple[str, ...] = ()
    progress: BusyView | None = None
    actions: tuple[Action, ...] = ()
    log: str = ""
    ready: bool = False
    pill: PillView | None = None


def server_step(scene: Scene) -> ServerStep:
    server, facts = scene.host.server, scene.setup
    if scene.ready:
        return _ready(scene)
    if facts.setup is not None and facts.setup.stage not in {InstallStage.FAILED, InstallStage.OPENED}:
        title = tr("Installing Ollama {version}", version=_version(facts.setup.version)).strip()
        text = tr("What was downloaded is kept, even if you cancel.")
        return ServerStep(title, text, progress=install_line(facts.setup))
    if facts.starting:
        return ServerStep(tr("Starting Ollama…"), tr("This takes a few seconds."))
    if server.status is ServerStatus.UNKNOWN or (server.status is ServerStatus.ABSENT and facts.ways is None):
        text = tr("The program that runs the models on this computer.")
        return ServerStep(server_trouble(ServerStatus.UNKNOWN), text)
    if server.status is not ServerStatus.ABSENT:
        said = clean_sentence(server.message or "", 400)
        return ServerStep(server_trouble(server.status, server.kind), said, Tone.BAD, actions=(_again(True),))
    return _absent(scene, facts.ways or ServerWays())


def _ready(scene: Scene) -> ServerStep:
    server = scene.host.server
    name, version = kind_name(server.kind), _version(server.version)
    title = tr("{server} {version} is running", server=name, version=version).replace("  ", " ")
    count = len(scene.local_models)
    many = tr("{n} models are installed.", n=count)
    have = {0: tr("No model is installed yet."), 1: tr("One model is installed.")}.get(count, many)
    if scene.setup.server_is_ours:
        how = tr("Wattlight started it and stops it when you quit.")
    else:
        how = tr("Wattlight uses it as it is and changes nothing about it.")
    return ServerStep(title, f"{how} {have}", Tone.GOOD, ready=True, pill=PillView(tr("ready"), Tone.GOOD))


def _absent(scene: Scene, ways: ServerWays) -> ServerStep:
    facts = scene.setup
    error = facts.server_error or (facts.setup.error if facts.setup else None) or ""
    log = clean_lines("\n".join(facts.server_log), 8000) if error else ""
    if ways.startable:
        return _startable(ways, error, log)
    if ways.commands:
        text = tr(
            "Ollama is installed as a system service, which Wattlight never touches. An administrator "
            "starts it with these commands; Wattlight then finds it automatically."
        )
        return ServerStep(
            tr("Ollama is installed but not running"), text, commands=ways.commands, actions=(_again(True),)
        )
    if ways.version is None:
        why = clean_text(ways.why_not, 400) or tr("Install Ollama; Wattlight then finds it automatically.")
        return ServerStep(tr("Ollama is not installed"), why, actions=(_again(True),))
    if ways.by_installer:
        return _by_installer(scene, ways, error)
    return _installable(scene, ways, error, log)


def _startable(ways: ServerWays, error: str, log: str) -> ServerStep:
    if ways.managed is not None:
        text = tr("Wattlight's own copy, version {version}.", version=_version(ways.managed))
    else:
        text = tr("It was found at {path}.", path=clean_text(ways.program or "", 200))
    text += " " + tr("Wattlight starts it for you and stops it when you quit.")
    start = Action(tr("Start Ollama"), Command(Verb.START_SERVER), primary=True)
    if error:
        return ServerStep(tr("Ollama did not start"), error, Tone.BAD, actions=(start, _again()), log=log)
    return ServerStep(tr("Ollama is installed but not running"), text, actions=(start, _again()))


def _installable(scene: Scene, ways: ServerWays, error: str, log: str) -> ServerStep:
    size = rough_size(ways.download_bytes, ways.download_is_exact)
    sentences = [
        tr("Wattlight can install a copy just for you, without administrator rights."),
        tr(
            "Version {version}: {size} to download. Installing needs {disk} of disk space, of which "
            "{kept} stay in use.",
            version=_version(ways.version),
            size=size,
            disk=rough_size(ways.disk_bytes, ways.disk_is_exact),
            kept=rough_size(ways.kept_bytes, ways.disk_is_exact),
        ),
    ]
    if ways.with_amd:
        sentences.append(tr("That includes the extra files that AMD cards need."))
    if ways.without_amd:
        sentences.append(
            tr(
                "The extra files for AMD cards are not part of it: your card may be used less well or "
                "not at all. An Ollama installed as its website describes includes them."
            )
        )
    return _offered(scene, ways, tr("Install Ollama, {size}", size=size), sentences, error, log)


def _by_installer(scene: Scene, ways: ServerWays, error: str) -> ServerStep:
    button, setup = tr("Open Ollama's installer"), scene.setup.setup
    if setup is not None and setup.stage == InstallStage.OPENED:
        text = tr(
            "Wattlight checked that Ollama's maker signed it. Follow its window: on a Mac, drag Ollama "
            "into Applications and open it there. Wattlight finds Ollama automatically as soon as it "
            "runs."
        )
        anew = Action(button, Command(Verb.INSTALL_SERVER))
        return ServerStep(tr("Ollama's installer is open"), text, actions=(_again(True), anew))
    sentences = [
        tr(
            "Wattlight downloads Ollama's own installer, checks that Ollama's maker signed it, and opens "
            "it. You decide in its window what is installed."
        ),
        tr(
            "Version {version}: {size} to download, and more disk space once it is installed.",
            version=_version(ways.version),
            size=rough_size(ways.download_bytes, ways.download_is_exact),
        ),
    ]
    return _offered(scene, ways, button, sentences, error)


def _offered(
    scene: Scene, ways: ServerWays, button: str, sentences: list[str], error: str, log: str = ""
) -> ServerStep:
    """An installation with the room it needs, or why the last one failed."""
    free = scene.extras.disk_free_bytes
    if free is not None:
        sentences.append(tr("{free} are free.", free=gb(free, 0 if free >= 10**10 else 1)))
    actions = (_install_action(scene, ways, button, primary=True), _again())
    if error:
        return ServerStep(tr("Ollama was not installed"), error, Tone.BAD, actions=actions, log=log)
    return ServerStep(tr("Ollama is not installed"), " ".join(sentences), actions=actions)


def _install_action(scene: Scene, ways: ServerWays, text: str, primary: bool = False) -> Action:
    free = scene.extras.disk_free_bytes
    room = free is None or free >= ways.disk_bytes
    why_not = "" if room else tr("There is not enough disk space.")
    return Action(text, Command(Verb.INSTALL_SERVER), primary, room, why_not)


def _again(primary: bool = False) -> Action:
    return Action(tr("Look again"), Command(Verb.REFRESH), primary=primary)
