"""Wattlight's own copy of Ollama on the page Settings: its version, a newer one, the one before."""

from dataclasses import dataclass

from wattlight.domain.state import InstallState, ServerStatus, ServerWays
from wattlight.domain.values import clean_text
from wattlight.i18n import duration, gb, tr

from .activity import BusyView
from .command import Action, Command, Verb
from .scene import Scene


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
    if setup is not None and setup.stage not in {"failed", "opened"}:
        return ServerCopyView(title, note, progress=install_line(setup))
    error = (setup.error if setup is not None else None) or facts.server_error
    return ServerCopyView(title, note, clean_text(error, 400), actions=_actions(scene, ways))


def install_line(state: InstallState) -> BusyView:
    """How far an installation is. Its last step, trying the program, takes a moment and is not cancelled."""
    texts = {
        "checking": tr("Looking for room on the disk"),
        "fetching": tr("Fetching"),
        "unpacking": tr("Unpacking"),
        "trying": tr("Trying whether it runs here"),
        "verifying": tr("Checking who signed it"),
    }
    parts = [texts.get(state.stage, tr("Installing"))]
    fraction = None
    if state.total_bytes:
        fraction = min(1.0, state.done_bytes / state.total_bytes)
        parts.append(tr("{done} of {total}", done=gb(state.done_bytes), total=gb(state.total_bytes)))
        if state.bytes_per_s:
            left = (state.total_bytes - state.done_bytes) / state.bytes_per_s
            parts.append(tr("about {time} left", time=duration(left)))
    elif state.done_bytes:
        parts.append(tr("{done} so far", done=gb(state.done_bytes)))
    cancel = None if state.stage == "trying" else Command(Verb.CANCEL_INSTALL)
    text, menu = " · ".join(parts), tr("Installing Ollama")
    return BusyView("server", text, menu, fraction, cancel, "" if cancel is None else tr("Cancel"))


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
    if not ways.fetch_bytes:  # it was gone back from, and is still on the disk
        return Action(tr("Update to {version}", version=version), command)
    size = rough_size(ways.download_bytes, ways.download_is_exact)
    free = scene.extras.disk_free_bytes
    room = free is None or free >= ways.disk_bytes
    return Action(
        tr("Update to {version}, {size}", version=version, size=size),
        command,
        enabled=room,
        why_not="" if room else tr("There is not enough room on the disk."),
    )


def _restart_note(scene: Scene, ways: ServerWays) -> str:
    running = scene.host.server.version
    if running == ways.managed:  # gone back from a version that never ran
        return ""
    note = tr("Takes effect when no model is loaded.")
    if not running:
        return note
    return f"{note} " + tr("Until then {version} runs.", version=_version(running))


def _version(text: str) -> str:
    return clean_text(text, 30)
