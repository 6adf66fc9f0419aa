"""The banner: what went wrong or needs a look, each with a way out. Never a dialog, never a traceback."""

from dataclasses import dataclass

from wattlight.domain.state import ServerStatus
from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from .activity import pull_view
from .command import Action, Command, Verb
from .scene import Scene

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
