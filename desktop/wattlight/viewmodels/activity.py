"""What is being done now, and what went wrong or needs a look; each with its words and its way out."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import PullState, ServerStatus, TaskState
from wattlight.domain.values import clean_text
from wattlight.i18n import duration, gb, percent, tr

from .scene import Scene
from .words import Action


@dataclass(frozen=True, slots=True)
class BusyView:
    """One line of work. ``fraction`` None: no telling how far; ``failed`` has the sentence in ``text``."""

    key: str
    text: str
    menu_text: str
    fraction: float | None = None
    cancel: Command | None = None
    cancel_text: str = ""
    failed: bool = False
    retry: Command | None = None
    retry_text: str = ""


def busy_actions(scene: Scene) -> tuple[BusyView, ...]:
    """Tasks first, then downloads; those that failed are left to the banner."""
    tasks = [_task(scene, task) for task in scene.state.tasks if task.error is None]
    pulls = [pull_view(p) for p in scene.state.pulls if p.under_way]
    return (*tasks, *pulls)


def _task(scene: Scene, task: TaskState) -> BusyView:
    name = clean_text(task.model, 60)
    doing = {
        "load": tr("Loading {name}", name=name),
        "switch": tr("Switching to {name}", name=name),
        "unload": tr("Unloading {name}", name=name) if name else tr("Unloading"),
        "remove": tr("Removing {name}", name=name),
        "repair": tr("Checking {name} for damaged files", name=name),
        "measure": tr("Measuring the speed of {name}", name=name),
    }.get(task.kind, name)
    seconds = max(0.0, (scene.now - task.started_at).total_seconds())
    can_stop = task.kind in {"load", "switch", "measure", "repair"}
    return BusyView(
        f"task {task.kind} {task.model}",
        tr("{doing}, {seconds}", doing=doing, seconds=duration(seconds)),
        doing,
        task.fraction,
        cancel=Command(Verb.CANCEL_TASK, task.model) if can_stop else None,
        cancel_text=tr("Cancel") if can_stop else "",
    )


def pull_view(pull: PullState) -> BusyView:
    """One download in words."""
    name = clean_text(pull.model, 60)
    doing = tr("Installing {name}", name=name)
    if pull.error and pull.damaged:
        return _damaged(pull, name, doing)
    if pull.error:
        text = tr(
            "{name} was not installed: {why}. What was downloaded is kept.",
            name=name,
            why=clean_text(pull.error).rstrip("."),
        )
        again = Command(Verb.PULL, pull.model)
        return BusyView(
            f"pull {pull.model}", text, doing, failed=True, retry=again, retry_text=tr("Try again")
        )
    fraction = None
    parts = [doing]
    if pull.total_bytes:
        fraction = min(1.0, pull.completed_bytes / pull.total_bytes)
        parts.append(tr("{done} of {total}", done=gb(pull.completed_bytes), total=gb(pull.total_bytes)))
        if pull.bytes_per_s:
            left = (pull.total_bytes - pull.completed_bytes) / pull.bytes_per_s
            parts.append(tr("about {time} left", time=duration(left)))
    elif pull.status:
        parts.append(clean_text(pull.status, 60))
    menu = f"{doing}, {percent(fraction)}" if fraction is not None else doing
    stop = Command(Verb.CANCEL_PULL, pull.model)
    return BusyView(f"pull {pull.model}", " · ".join(parts), menu, fraction, stop, tr("Cancel"))


def _damaged(pull: PullState, name: str, doing: str) -> BusyView:
    """It arrived, but the server kept files that are not what they should be."""
    question = tr(
        "Remove the damaged files of {name} and download them again? The rest of it and all other models "
        "are kept.",
        name=name,
    )
    return BusyView(
        f"pull {pull.model}",
        clean_text(pull.error or "", 300),
        doing,
        failed=True,
        retry=Command(Verb.REPAIR, pull.model, question, tr("Remove and download")),
        retry_text=tr("Repair…"),
    )


MOST = 3
"""Banners shown at once; the rest wait."""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One sentence with its level (``info``, ``warning``, ``error``) and its buttons."""

    key: str
    text: str
    level: str
    actions: tuple[Action, ...] = ()
    dismiss: Command | None = None


def notice_views(scene: Scene) -> tuple[NoticeView, ...]:
    """The banners of a state, most important first."""
    found = [*_failed_tasks(scene), *_failed_pulls(scene), *_server(scene), *_notices(scene)]
    order = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda n: order.get(n.level, 2))[:MOST])


def _failed_tasks(scene: Scene) -> list[NoticeView]:
    return [
        NoticeView(
            f"task {t.kind} {t.model}",
            clean_text(t.error, 300),
            "error",
            dismiss=Command(Verb.CANCEL_TASK, t.model),
        )
        for t in scene.state.tasks
        if t.error
    ]


def _failed_pulls(scene: Scene) -> list[NoticeView]:
    views = []
    for pull in scene.state.pulls:
        if not pull.error or pull.cancelled:
            continue
        busy = pull_view(pull)
        again = (Action(busy.retry_text, busy.retry),) if busy.retry else ()
        views.append(NoticeView(busy.key, busy.text, "error", again, Command(Verb.CANCEL_PULL, pull.model)))
    return views


def _server(scene: Scene) -> list[NoticeView]:
    server = scene.host.server
    if server.status in {ServerStatus.READY, ServerStatus.UNKNOWN, ServerStatus.ABSENT}:
        return []
    text = server.message or tr("The model server cannot be used.")
    look = Action(tr("Look again"), Command(Verb.REFRESH))
    return [NoticeView("server", clean_text(text, 300), "warning", (look,))]


def _notices(scene: Scene) -> list[NoticeView]:
    latest = {notice.kind: notice for notice in scene.state.notices}
    return [
        NoticeView(
            f"notice {n.kind}", clean_text(n.text, 400), n.level, dismiss=Command(Verb.DISMISS, n.kind)
        )
        for n in latest.values()
    ]
