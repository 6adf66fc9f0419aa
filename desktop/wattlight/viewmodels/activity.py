"""What is being done now, and what went wrong or needs a look; each with its words and its way out."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import same_model
from wattlight.domain.state import InstallStage, InstallState, ServerStatus, TaskState
from wattlight.domain.values import LOCAL_HOST, HostId, clean_sentence, clean_text
from wattlight.i18n import duration, gb, tr

from .pulls import BusyView, failed_pull, pulls_in_short, transferred
from .scene import Scene
from .words import Action


def busy_actions(scene: Scene) -> tuple[BusyView, ...]:
    """An installation of the server first, then tasks, then downloads; what failed is left to the banner."""
    setup = scene.setup.setup
    server = [install_line(setup)] if setup is not None and under_way(setup) else []
    tasks = [_task(scene, task) for task in scene.state.tasks if task.error is None]
    return (*server, *tasks, *pulls_in_short(scene))


def _task(scene: Scene, task: TaskState) -> BusyView:
    name = clean_text(task.model, 60)
    doing = {
        "load": tr("Loading {name}", name=name),
        "switch": tr("Switching to {name}", name=name),
        "unload": tr("Unloading {name}", name=name) if name else tr("Unloading"),
        "remove": tr("Removing {name}", name=name),
        "repair": tr("Checking {name} for damaged files", name=name),
        "keep": tr("Changing how long {name} is kept", name=name),
        "alias": tr("Changing what a name stands for"),
        "tag": tr("Making a model from {name}", name=name),
        "measure": tr("Measuring the speed of {name}", name=name),
    }.get(task.kind, name)
    if task.host != LOCAL_HOST:
        where = next((clean_text(h.name, 60) for h in scene.state.hosts if h.id == task.host), task.host)
        doing = tr("{doing} on {host}", doing=doing, host=where)
    seconds = max(0.0, (scene.now - task.started_at).total_seconds())
    told = tr("{doing}, {seconds}", doing=doing, seconds=duration(seconds))
    can_stop = task.kind in {"load", "switch", "measure", "repair"}
    return BusyView(
        f"task {task.kind} {task.host} {task.model}",
        told,
        told,
        task.fraction,
        Command(Verb.CANCEL_TASK, task.model, host=task.host) if can_stop else None,
    )


def busy_there(scene: Scene, host: HostId, model: str) -> BusyView | None:
    """What is being done with ``model`` on another computer."""
    tasks = (t for t in scene.state.tasks if t.error is None and t.host == host)
    return next((_task(scene, t) for t in tasks if same_model(t.model, model)), None)


def under_way(setup: InstallState) -> bool:
    """It is neither over nor in the hands of another program."""
    over = {InstallStage.OPENED, InstallStage.DONE, InstallStage.CANCELLED, InstallStage.FAILED}
    return setup.stage not in over


def install_line(state: InstallState) -> BusyView:
    """How far an installation is. Its last step, trying the program, takes a moment and is not cancelled."""
    texts = {
        "checking": tr("Checking disk space"),
        "fetching": tr("Downloading"),
        "unpacking": tr("Unpacking"),
        "trying": tr("Testing whether it runs here"),
        "verifying": tr("Checking its signature"),
    }
    fraction, parts = transferred(state.done_bytes, state.total_bytes, state.bytes_per_s)
    if fraction is None and state.done_bytes:
        parts = [tr("{done} so far", done=gb(state.done_bytes))]
    text = " · ".join([texts.get(state.stage, tr("Installing")), *parts])
    cancel = None if state.stage == InstallStage.TRYING else Command(Verb.CANCEL_INSTALL)
    return BusyView("server", text, tr("Installing Ollama"), fraction, cancel)


MOST = 3
"""Banners shown at once; the rest wait."""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One sentence with its level (``info``, ``warning``, ``error``) and its buttons."""

    text: str
    level: str
    actions: tuple[Action, ...] = ()
    dismiss: Command | None = None


def level_name(level: str) -> str:
    """How much a notice matters, in a word."""
    return {"error": tr("Problem"), "warning": tr("Warning")}.get(level, tr("Note"))


NOTICE_KINDS = ("budget", "slow", "cut")
"""Kinds of notices that have a switch of their own; all others share one."""


def told_by_desktop(scene: Scene, kind: str) -> bool:
    """Whether the person wants this kind of notice from the desktop too."""
    first = kind.split(" ", maxsplit=1)[0]
    if first == "update":
        return scene.settings.look_for_updates  # the switch of its own
    return bool(getattr(scene.settings.notifications, first if first in NOTICE_KINDS else "trouble"))


def notice_views(scene: Scene) -> tuple[NoticeView, ...]:
    """The banners of a state, most important first."""
    found = [*_failed_tasks(scene), *_failed_pulls(scene), *_server(scene), *_notices(scene)]
    order = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda n: order.get(n.level, 2))[:MOST])


def _failed_tasks(scene: Scene) -> list[NoticeView]:
    return [
        NoticeView(
            clean_sentence(t.error, 300), "error", dismiss=Command(Verb.CANCEL_TASK, t.model, host=t.host)
        )
        for t in scene.state.tasks
        if t.error
    ]


def _failed_pulls(scene: Scene) -> list[NoticeView]:
    views = []
    for pull in scene.state.pulls:
        if pull.error and not pull.cancelled:
            text, again = failed_pull(pull)
            dismiss = Command(Verb.CANCEL_PULL, pull.model)
            views.append(NoticeView(text, "error", (again,), dismiss))
    return views


def _server(scene: Scene) -> list[NoticeView]:
    server = scene.host.server
    if server.status in {ServerStatus.READY, ServerStatus.UNKNOWN, ServerStatus.ABSENT}:
        return []
    text = server.message or tr("The model server cannot be used.")
    look = Action(tr("Look again"), Command(Verb.REFRESH))
    return [NoticeView(clean_sentence(text, 300), "warning", (look,))]


def _notices(scene: Scene) -> list[NoticeView]:
    latest = {notice.kind: notice for notice in scene.state.notices}
    return [
        NoticeView(clean_sentence(n.text, 400), n.level, dismiss=Command(Verb.DISMISS, n.kind))
        for n in latest.values()
    ]
