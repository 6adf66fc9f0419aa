"""The small window: cost, power, what runs, and one click to something else."""

from dataclasses import dataclass, replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can
from wattlight.domain.state import InstallStage, ServerStatus
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import joined, tr
from wattlight.services.calibration import wall_of

from .activity import NoticeView, busy_actions, notice_views, under_way
from .chart import PowerChartView, power_chart
from .figures import (
    FigureView,
    models_amount,
    models_figure,
    no_sensor,
    no_sensor_text,
    power_figure,
    sure_now,
)
from .pulls import BusyView
from .running import RunningView, running_views, switch_command
from .scene import Scene
from .whole import learned_now
from .words import DASH, Action, download_text, server_trouble, verdict_short

ROWS = 4
"""Other models listed; the rest are one click away."""


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """Another model that one click switches to (or installs)."""

    name: str
    note: str
    command: Command
    spoken: str


@dataclass(frozen=True, slots=True)
class EmptyView:
    """An empty state that teaches: what is missing, why, and what to do."""

    title: str
    text: str
    rows: tuple[SwitchRow, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class SmallWindowView:
    cost: FigureView
    power: FigureView
    sure: str
    chart: PowerChartView
    running: tuple[RunningView, ...]
    busy: tuple[BusyView, ...]
    others: tuple[SwitchRow, ...]
    more_text: str
    empty: EmptyView | None
    notices: tuple[NoticeView, ...]
    price_question: Action | None
    paused_text: str


class SmallWindowViews:
    """Makes the view of each scene; what shows no reading is made anew only when something it is made of is
    another."""

    def __init__(self) -> None:
        self._still: Scene | None = None
        self._view: SmallWindowView | None = None

    def view(self, scene: Scene) -> SmallWindowView:
        still = scene.without_readings()
        if self._view is None or still != self._still:
            self._still, self._view = still, small_window_view(scene)
            return self._view
        cost, power, sure, chart = _head(scene)
        return replace(self._view, cost=cost, power=power, sure=sure, chart=chart)


def small_window_view(scene: Scene) -> SmallWindowView:
    state = scene.state
    others = len(scene.switchable) if scene.host.server.can(Can.LOAD) else 0
    ask = state.price_known or scene.settings.price.declined
    return SmallWindowView(
        *_head(scene),
        running_views(scene),
        busy_actions(scene),
        _others(scene),
        tr("{n} more…", n=others - ROWS) if others > ROWS else "",
        empty_view(scene),
        notice_views(scene),
        None if ask else Action(tr("Set your electricity price"), Command(Verb.ASK_PRICE)),
        tr("Metering is paused; this time is not counted.") if state.paused else "",
    )


def _head(scene: Scene) -> tuple[FigureView, FigureView, str, PowerChartView]:
    """Cost, power, how sure both are, and the chart."""
    host = scene.host
    cost = models_figure(host, host.today, tr("Models today"), with_machine=False)
    known = models_amount(host.today) != DASH
    wall = wall_of(scene.settings.meter)
    power = power_figure(host, tr("Now"), wall)
    basis = power.note if learned_now(host.sample, wall) else sure_now(host.sample)
    sure = (" · " if known else "\n").join(t for t in (cost.note, basis) if t)
    ranged = host.today is not None and host.today.estimated is not None
    if no_sensor(host.sample) and not known and ranged:
        sure = joined((cost.note, cost.hint), ". ")
    elif no_sensor(host.sample) and not known:
        sure = no_sensor_text(host.sample)
    chart = power_chart(host, scene.now)
    if no_sensor(host.sample):
        chart = replace(chart, empty_text="")  # the line above it has said so
    return cost, power, sure, chart


def _others(scene: Scene) -> tuple[SwitchRow, ...]:
    rows = []
    if scene.ready and scene.why_not(Can.LOAD):
        return ()
    for model in scene.switchable[:ROWS]:
        name, note = clean_text(model.name, 60), verdict_short(scene.fit_of(model.name))
        spoken = tr("Switch to {name}, {note}", name=name, note=note or tr("fit not checked"))
        rows.append(SwitchRow(name, note, switch_command(scene, model.name), spoken))
    return tuple(rows)


def empty_view(scene: Scene) -> EmptyView | None:
    """What to show where no model can be listed; None when there is one."""
    server = scene.host.server
    if server.status is ServerStatus.UNKNOWN:
        text = tr("The program that runs the models on this computer.")
        return EmptyView(server_trouble(server.status, server.kind), text)
    if server.status is not ServerStatus.READY:
        return _no_server(scene)
    if server.running or scene.local_models:
        return None
    offers = (scene.extras.offers or ())[:3]
    if not offers:
        text = tr("Choose one that fits this computer; it is downloaded once and then runs here.")
        get = Action(tr("Get models…"), Command(Verb.OPEN_MODELS), primary=True)
        return EmptyView(tr("No model yet"), text, actions=(get,))
    rows = tuple(
        SwitchRow(
            clean_text(o.model, 60),
            tr("{size} to download", size=download_text(o)),
            Command(Verb.OPEN_MODELS, o.model),
            tr("Look at {name}", name=clean_text(o.model, 60)),
        )
        for o in offers
    )
    heads = {
        1: tr("No model yet. This one fits this computer."),
        2: tr("No model yet. These two fit this computer."),
    }
    return EmptyView(heads.get(len(rows), tr("No model yet. These three fit this computer.")), "", rows)


def _being_installed(scene: Scene) -> EmptyView | None:
    """An installation that goes on, waits for a person or failed after the setup was closed."""
    setup = scene.setup.setup
    if setup is None:
        return None
    if under_way(setup):
        head, text = tr("Ollama is being installed"), tr("It can be used here as soon as that is done.")
    elif setup.stage == InstallStage.OPENED:
        head, text = tr("Ollama's installer is open"), tr("Follow its steps; the server is found by itself.")
    elif setup.error:
        head, text = tr("Ollama was not installed"), clean_sentence(setup.error, 300)
    else:
        return None
    show = Action(tr("Show the setup"), Command(Verb.SET_UP), primary=True)
    return EmptyView(head, text, actions=(show, Action(tr("Look again"), Command(Verb.REFRESH))))


def _no_server(scene: Scene) -> EmptyView:
    server = scene.host.server
    absent = server.status is ServerStatus.ABSENT
    startable = absent and scene.extras.server_startable
    text = tr("The power meter keeps running meanwhile.")
    if absent:
        text = tr("Start Ollama, or install it first. {meanwhile}", meanwhile=text)
    if absent and (installing := _being_installed(scene)) is not None:
        return installing
    look = Action(tr("Look again"), Command(Verb.REFRESH), primary=not startable)
    start = Action(tr("Start Ollama"), Command(Verb.START_SERVER), primary=True)
    said = clean_sentence(server.message, 300) if absent and server.message else text
    return EmptyView(
        server_trouble(server.status, server.kind), said, actions=(start, look) if startable else (look,)
    )
