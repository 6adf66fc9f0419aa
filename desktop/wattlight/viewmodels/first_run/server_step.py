"""The second page: the server that runs the models. Use the running one, start one, install one."""

from dataclasses import dataclass

from wattlight.domain.state import InstallState, ServerStatus, ServerWays
from wattlight.domain.values import clean_lines, clean_text
from wattlight.i18n import gb, tr

from ..activity import BusyView
from ..command import Action, Command, Verb
from ..scene import Scene
from ..server_copy import install_line, rough_size
from ..words import PillView, Tone


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
    """What was found, and the one thing to do."""
    server, facts = scene.host.server, scene.setup
    if server.status is ServerStatus.READY:
        return _ready(scene)
    if facts.setup is not None and facts.setup.stage not in {"failed", "opened"}:
        return _installing(facts.setup)
    if facts.starting:
        return ServerStep(tr("Ollama is being started…"), tr("This takes some seconds."))
    if server.status is ServerStatus.UNKNOWN or (server.status is ServerStatus.ABSENT and facts.ways is None):
        return ServerStep(tr("Looking for Ollama…"), tr("The program that runs the models on this computer."))
    if server.status is not ServerStatus.ABSENT:
        title = {
            ServerStatus.FOREIGN: tr("Another program answers where Ollama should"),
            ServerStatus.SILENT: tr("Ollama does not answer"),
        }.get(server.status, tr("Ollama cannot be used"))
        return ServerStep(title, clean_text(server.message or "", 400), Tone.BAD, actions=(_again(True),))
    return _absent(scene, facts.ways or ServerWays())


def _ready(scene: Scene) -> ServerStep:
    server = scene.host.server
    version = clean_text(server.version or "", 30)
    title = tr("Ollama {version} is running", version=version).replace("  ", " ")
    count = len(scene.local_models)
    have = {0: tr("No model is installed yet."), 1: tr("One model is installed.")}.get(
        count, tr("{n} models are installed.", n=count)
    )
    if scene.setup.server_is_ours:
        how = tr("Wattlight started it and ends it when you quit.")
    else:
        how = tr("Wattlight uses it as it is and changes nothing about it.")
    return ServerStep(title, f"{how} {have}", Tone.GOOD, ready=True, pill=PillView(tr("ready"), Tone.GOOD))


def _installing(state: InstallState) -> ServerStep:
    busy = install_line(state)
    title = tr("Installing Ollama {version}", version=clean_text(state.version, 30)).strip()
    return ServerStep(title, tr("What has arrived is kept, also after a cancel."), progress=busy)


def _absent(scene: Scene, ways: ServerWays) -> ServerStep:
    facts = scene.setup
    error = facts.server_error or (facts.setup.error if facts.setup else None) or ""
    log = clean_lines("\n".join(facts.server_log), 8000) if error else ""
    if ways.startable:
        return _startable(ways, error, log)
    if ways.commands:
        text = tr(
            "Ollama is installed as a service of this computer, which Wattlight never touches. Its owner "
            "starts it with these commands; Wattlight then finds it by itself."
        )
        return ServerStep(
            tr("Ollama is installed but not running"), text, commands=ways.commands, actions=(_again(True),)
        )
    if ways.version is None:
        why = clean_text(ways.why_not, 400) or tr("Install Ollama; Wattlight finds it by itself.")
        return ServerStep(tr("Ollama is not installed"), why, actions=(_again(True),))
    if ways.by_installer:
        return _by_installer(scene, ways, error)
    return _installable(scene, ways, error, log)


def _startable(ways: ServerWays, error: str, log: str) -> ServerStep:
    where = clean_text(ways.program or "", 200)
    if ways.managed is not None:
        text = tr("Wattlight's own copy, version {version}.", version=clean_text(ways.managed, 30))
    else:
        text = tr("It was found at {path}.", path=where)
    text += " " + tr("Wattlight starts it for you and ends it when you quit.")
    start = Action(tr("Start Ollama"), Command(Verb.START_SERVER), primary=True)
    if error:
        return ServerStep(tr("Ollama did not start"), error, Tone.BAD, actions=(start, _again()), log=log)
    title = tr("Ollama is installed but not running")
    return ServerStep(title, text, actions=(start, _again()))


def _installable(scene: Scene, ways: ServerWays, error: str, log: str) -> ServerStep:
    size = rough_size(ways.download_bytes, ways.download_is_exact)
    sentences = [
        tr("Wattlight can install a copy for you alone, without an administrator."),
        tr("Version {version}: {size} to download. Installing takes {disk} of the disk, {kept} of it stay.",
           version=clean_text(ways.version or "", 30), size=size,
           disk=rough_size(ways.disk_bytes, ways.disk_is_exact),
           kept=rough_size(ways.kept_bytes, ways.disk_is_exact)),
    ]  # fmt: skip
    if ways.with_amd:
        sentences.append(tr("That includes the extra files that AMD cards need."))
    if ways.without_amd:
        sentences.append(
            tr(
                "The extra files for AMD cards are not part of it: your card may be used less well or not at "
                "all. With an Ollama installed as its own web page says, it is."
            )
        )
    free = scene.extras.disk_free_bytes
    room = free is None or free >= ways.disk_bytes
    if free is not None:
        sentences.append(tr("{free} are free.", free=gb(free, 0 if free >= 10**10 else 1)))
    install = Action(
        tr("Install Ollama, {size}", size=size),
        Command(Verb.INSTALL_SERVER),
        primary=True,
        enabled=room,
        why_not="" if room else tr("There is not enough room on the disk."),
    )
    if error:
        return ServerStep(
            tr("Ollama was not installed"), error, Tone.BAD, actions=(install, _again()), log=log
        )
    return ServerStep(tr("Ollama is not installed"), " ".join(sentences), actions=(install, _again()))


def _by_installer(scene: Scene, ways: ServerWays, error: str) -> ServerStep:
    setup = scene.setup.setup
    if setup is not None and setup.stage == "opened":
        text = tr(
            "Wattlight checked that Ollama's maker signed it. Do what its window says: on a Mac drag Ollama "
            "into Applications and open it there. Wattlight finds Ollama by itself as soon as it runs."
        )
        anew = Action(tr("Open Ollama's installer"), Command(Verb.INSTALL_SERVER))
        return ServerStep(tr("Ollama's installer is open"), text, actions=(_again(True), anew))
    free = scene.extras.disk_free_bytes
    room = free is None or free >= ways.disk_bytes
    sentences = [
        tr("Wattlight fetches Ollama's own installer, checks that Ollama's maker signed it, and opens it. "
           "What it installs, you decide in its window."),
        tr("Version {version}: {size} to download, and more of the disk once it is installed.",
           version=clean_text(ways.version or "", 30),
           size=rough_size(ways.download_bytes, ways.download_is_exact)),
    ]  # fmt: skip
    if free is not None:
        sentences.append(tr("{free} are free.", free=gb(free, 0 if free >= 10**10 else 1)))
    start = Action(
        tr("Open Ollama's installer"),
        Command(Verb.INSTALL_SERVER),
        primary=True,
        enabled=room,
        why_not="" if room else tr("There is not enough room on the disk."),
    )
    if error:
        return ServerStep(tr("Ollama was not installed"), error, Tone.BAD, actions=(start, _again()))
    return ServerStep(tr("Ollama is not installed"), " ".join(sentences), actions=(start, _again()))


def _again(primary: bool = False) -> Action:
    return Action(tr("Look again"), Command(Verb.REFRESH), primary=primary)
