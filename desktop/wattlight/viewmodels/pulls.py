"""Downloads in words: a row for each with what can be done about it, and how they are wished in general."""

from dataclasses import dataclass, replace

from wattlight.catalog.download import read_place
from wattlight.domain.command import Command, Verb
from wattlight.domain.pulls import AT_NIGHT, PullState, Waiting, read_hours, read_rate
from wattlight.domain.values import Problem, clean_sentence, clean_text
from wattlight.i18n import as_typed, duration, gb, number, percent, tr, trn
from wattlight.settings import PullSettings

from .scene import Scene
from .words import Action, moment


@dataclass(frozen=True, slots=True)
class BusyView:
    """One line of work. ``fraction`` None: no telling how far; ``cancel`` None: it cannot be stopped.

    ``actions`` are what else can be done about it, ``files`` its parts in lines of their own, shown on
    request.
    """

    key: str
    text: str
    menu_text: str
    fraction: float | None = None
    cancel: Command | None = None
    actions: tuple[Action, ...] = ()
    files: tuple[str, ...] = ()


def pull_views(scene: Scene) -> tuple[BusyView, ...]:
    """All downloads that are neither over nor failed, in their order."""
    return tuple(pull_view(scene, pull) for pull in scene.state.pulls if pull.under_way)


def pulls_in_short(scene: Scene) -> tuple[BusyView, ...]:
    """The download that runs, else the first one, and how many more there are."""
    views = pull_views(scene)
    if not views:
        return ()
    pull = _foremost(scene)
    view = pull_view(scene, pull)
    first = replace(view, actions=view.actions[-1:], files=())
    if len(views) == 1:
        return (first,)
    text = trn("{count} more download in the queue", "{count} more downloads in the queue", len(views) - 1)
    show = Action(
        tr("Show"), Command(Verb.OPEN_MODELS), hint=tr("Their order, and what can be done with them")
    )
    return first, BusyView("pulls", text, text, actions=(show,))


def _foremost(scene: Scene) -> PullState:
    pulls = [pull for pull in scene.state.pulls if pull.under_way]
    return next((pull for pull in pulls if pull.moving), pulls[0])


def pull_view(scene: Scene, pull: PullState) -> BusyView:
    name = clean_text(pull.model, 60)
    fraction, parts = transferred(pull.completed_bytes, pull.total_bytes, pull.bytes_per_s)
    doing = tr("Installing {name}", name=name)
    if pull.waiting:
        doing, parts = name, [waiting_text(scene, pull), *parts[:1]]
    elif fraction is None and pull.status:
        parts = [clean_text(pull.status, 60)]
    elif pull.bytes_per_s:
        parts.insert(1, rate_text(pull.bytes_per_s))
    menu = f"{doing}, {percent(fraction)}" if fraction is not None else doing
    cancel = Command(Verb.CANCEL_PULL, pull.model)
    return BusyView(
        f"pull {pull.model}",
        " · ".join([doing, *parts]),
        menu,
        fraction,
        cancel,
        _actions(scene, pull),
        _file_lines(pull) if pull.moving else (),
    )


def waiting_text(scene: Scene, pull: PullState) -> str:
    """Why it does not run now."""
    at = "" if pull.waits_until is None else moment(scene, pull.waits_until)
    return {
        Waiting.TURN: tr("waits for its turn"),
        Waiting.PAUSED: tr("paused"),
        Waiting.HOURS: tr("waits until {time}", time=at),
        Waiting.METERED: tr("waits for a connection that is not metered"),
        Waiting.RETRY: tr("connection lost, tried again at {time}", time=at),
    }.get(pull.waiting, "")


def rate_text(bytes_per_s: float) -> str:
    """ "11.4 MB/s"."""
    return tr("{rate} MB/s", rate=number(bytes_per_s / 1e6, 1))


MOST_FILES = 8


def _file_lines(pull: PullState) -> tuple[str, ...]:
    """A line for each file that has not come yet, then how many have; none where there is one file alone."""
    if len(pull.layers) < 2:
        return ()
    coming = sorted(
        (layer for layer in pull.layers if layer.missing_bytes > 0), key=lambda layer: -layer.missing_bytes
    )
    lines = []
    for layer in coming[:MOST_FILES]:
        _, parts = transferred(layer.completed_bytes, layer.total_bytes, layer.bytes_per_s)
        if layer.bytes_per_s:
            parts.insert(1, rate_text(layer.bytes_per_s))
        lines.append(f"{layer.name} · {' · '.join(parts)}")
    more, whole = len(coming) - MOST_FILES, len(pull.layers) - len(coming)
    if more > 0:
        lines.append(trn("{count} more file to come", "{count} more files to come", more))
    if whole:
        lines.append(trn("{count} file is here", "{count} files are here", whole))
    return tuple(lines)


def _actions(scene: Scene, pull: PullState) -> tuple[Action, ...]:
    """Up and down past those that wait, and pause or resume."""
    order = [other for other in scene.state.pulls if other.under_way]
    at = next((i for i, other in enumerate(order) if other.model == pull.model), 0)
    found = []
    if not pull.moving and at > 0 and not order[at - 1].moving:
        up = Command(Verb.MOVE_PULL, pull.model, number=-1)
        found.append(Action(tr("Up"), up, hint=tr("Download this one earlier")))
    if not pull.moving and at < len(order) - 1:
        down = Command(Verb.MOVE_PULL, pull.model, number=1)
        found.append(Action(tr("Down"), down, hint=tr("Download this one later")))
    if pull.waiting is Waiting.PAUSED:
        found.append(Action(tr("Resume"), Command(Verb.RESUME_PULL, pull.model)))
    else:
        hint = tr("What has arrived is kept, also when this computer restarts.")
        found.append(Action(tr("Pause"), Command(Verb.PAUSE_PULL, pull.model), hint=hint))
    return tuple(found)


def pulls_menu(scene: Scene) -> tuple[str, Command] | None:
    """The one line of the tray for all downloads: a click pauses what runs, or lets what is paused go on."""
    count = sum(pull.under_way for pull in scene.state.pulls)
    if not count:
        return None
    first = _foremost(scene)
    text = pull_view(scene, first).menu_text
    if count > 1:
        text = trn("{text}, {count} more", "{text}, {count} more", count - 1, text=text)
    if first.waiting is Waiting.PAUSED:
        return tr("{doing} – resume", doing=text), Command(Verb.RESUME_PULL, first.model)
    if first.waiting:
        return f"{text} – {waiting_text(scene, first)}", Command(Verb.OPEN_MODELS, first.model)
    return tr("{doing} – pause", doing=text), Command(Verb.PAUSE_PULL, first.model)


def transferred(
    done_bytes: int, total_bytes: int | None, bytes_per_s: float | None
) -> tuple[float | None, list[str]]:
    """How far a download is, and "2.0 GB of 4.1 GB", "about 3 min left"; nothing without its size."""
    if not total_bytes:
        return None, []
    parts = [tr("{done} of {total}", done=gb(done_bytes), total=gb(total_bytes))]
    if bytes_per_s:
        left = (total_bytes - done_bytes) / bytes_per_s
        parts.append(tr("about {time} left", time=duration(left)))
    return min(1.0, done_bytes / total_bytes), parts


def failed_pull(pull: PullState) -> tuple[str, Action]:
    """What became of a download that failed, and the way to try it again.

    A damaged one arrived, but the server kept files that are not what they should be.
    """
    name = clean_text(pull.model, 60)
    if pull.damaged:
        question = tr(
            "Remove the damaged files of {name} and download them again? The rest of it and all other models "
            "are kept.",
            name=name,
        )
        repair = Command(Verb.REPAIR, pull.model, question, tr("Remove and download"))
        return clean_sentence(pull.error or "", 300), Action(tr("Repair…"), repair)
    text = tr(
        "{name} was not installed: {why}. What was downloaded is kept.",
        name=name,
        why=clean_sentence(pull.error or "").rstrip("."),
    )
    return text, Action(tr("Try again"), Command(Verb.PULL, pull.model))


ANY_TIME, OWN_HOURS = "", "own"


@dataclass(frozen=True, slots=True)
class PullSettingsView:
    """The card Downloads. ``times`` are (value, words); ``own_hours`` is typed where ``time`` is ``own``."""

    limit: str
    limit_note: str
    times: tuple[tuple[str, str], ...]
    time: str
    own_hours: str
    source: str
    source_note: str
    not_metered: bool | None
    """None: it is not known here whether the connection is metered, so there is nothing to choose."""
    not_metered_note: str


def pull_settings_view(scene: Scene) -> PullSettingsView:
    pulls = scene.settings.pulls
    own = read_hours(pulls.hours)
    unknown = scene.state.metered is None
    limit = "" if pulls.limit_bytes_per_s is None else as_typed(f"{pulls.limit_bytes_per_s / 1e6:g}")
    return PullSettingsView(
        limit,
        tr(
            "Holds where Wattlight downloads by itself: into a folder of models that is yours to write. "
            "Where Ollama runs as a service of the system, it downloads itself and cannot be slowed."
        ),
        (
            (ANY_TIME, tr("at any time")),
            (AT_NIGHT, tr("at night, or when your tariff is cheapest")),
            (OWN_HOURS, tr("between set hours")),
        ),
        AT_NIGHT if pulls.hours == AT_NIGHT else ANY_TIME if own is None else OWN_HOURS,
        "" if own is None else own.text(),
        pulls.source,
        tr("What it has is taken from there and checked against the registry's hashes."),
        None if unknown else pulls.not_metered,
        tr("This computer does not tell whether its connection is a metered one.") if unknown else "",
    )


def understood_limit(text: str, pulls: PullSettings) -> tuple[PullSettings, str]:
    """With the limit that was typed, in MB/s or with a unit of its own; or a sentence what is wrong."""
    typed = text.strip()
    if not typed:
        return replace(pulls, limit_bytes_per_s=None), ""
    rate = read_rate(typed if typed[-1].isalpha() else f"{typed} MB/s")
    if rate is None:
        return pulls, tr("Type the limit as a number of megabytes a second, like 5, or like 40 Mbit/s.")
    return replace(pulls, limit_bytes_per_s=rate), ""


def understood_hours(time: str, text: str, pulls: PullSettings) -> tuple[PullSettings, str]:
    """With the hours that were chosen (``own``: typed), or a sentence what is wrong with them."""
    if time != OWN_HOURS:
        return replace(pulls, hours=time), ""
    hours = read_hours(text)
    if hours is None:
        return pulls, tr("Type two times, like 23:00-06:00.")
    return replace(pulls, hours=hours.text()), ""


def understood_source(text: str, pulls: PullSettings) -> tuple[PullSettings, str]:
    """With the nearer source that was typed, or a sentence what is wrong with it."""
    if not text.strip():
        return replace(pulls, source=""), ""
    try:
        return replace(pulls, source=str(read_place(text))), ""
    except Problem as problem:
        return pulls, str(problem)
