"""The page Now: three figures, ten minutes of power, the loaded models and the memory they fill."""

from calendar import monthrange
from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.power import MachineSample
from wattlight.domain.wall import Wall
from wattlight.i18n import day_and_month, interval, joined, money, month_name, tr
from wattlight.services.calibration import wall_of

from .activity import NoticeView, busy_actions, notice_views
from .chart import PowerChartView, short_name
from .figures import FigureView, counted, models_figure, power_figure, reasons_text, total_now
from .history import LATEST, chart_of
from .hosts import HostView, host_views
from .pulls import BusyView
from .running import MemoryBarView, RunningView, running_bar, running_views
from .scene import Scene
from .small_window import EmptyView, empty_view
from .whole import better_way, learned_now
from .words import Action, PillView, Tone


@dataclass(frozen=True, slots=True)
class NowView:
    power: FigureView
    today: FigureView
    month: FigureView
    chart: PowerChartView
    not_measured: PillView | None
    running: tuple[RunningView, ...]
    memory: MemoryBarView | None
    idle_text: str
    switch: Action | None
    busy: tuple[BusyView, ...]
    empty: EmptyView | None
    notices: tuple[NoticeView, ...]
    better: Action | None = None
    """One click from an estimated range to a figure."""
    hosts: tuple[HostView, ...] = ()


def now_view(scene: Scene, span: str = LATEST) -> NowView:
    """The page for a state; ``span`` is what its chart shows."""
    host = scene.host
    running = running_views(scene)
    empty = empty_view(scene)
    choose = Action(
        tr("Switch…"), Command(Verb.OPEN_MODELS), primary=True, hint=tr("Choose another model to load.")
    )
    return NowView(
        power_figure(host, tr("Power draw now"), wall_of(scene.settings.meter)),
        models_figure(host, host.today, tr("Models today")),
        month_figure(scene),
        chart_of(scene, span),
        not_measured(host.sample, wall_of(scene.settings.meter)) if span == LATEST else None,
        running,
        running_bar(scene, compare=not any(line.memory for line in running)),
        "" if running or empty else tr("No model is loaded. The memory is free for other programs."),
        choose if empty is None else None,
        busy_actions(scene),
        empty,
        notice_views(scene),
        better_way(host.sample),
        host_views(scene),
    )


def month_figure(scene: Scene) -> FigureView:
    """Models this month, with the expected range by its end where one can be given."""
    today, month = scene.today, scene.host.month
    name = month_name(today)
    view = models_figure(
        scene.host,
        month,
        tr("Models in {month}", month=name),
        with_machine=False,
        whole_label=tr("Computer in {month}", month=name),
    )
    if month is None or month.quality is None:
        return view
    whole = None if scene.extras.costs is None else scene.extras.costs.projection
    note = view.note
    if whole is not None and month.currency and not month.models_unknown:
        reach = interval(money(whole.low, month.currency), money(whole.high, month.currency))
        last = today.replace(day=monthrange(today.year, today.month)[1])
        note = tr("about {range} by {day}", range=reach, day=day_and_month(last))
    elif month.models.cost_micro is not None and not month.models_unknown:
        note = tr("{energy} since {day}", energy=view.note, day=day_and_month(today.replace(day=1)))
    return FigureView(view.label, view.value, view.before, view.after, note, view.hint)


def not_measured(sample: MachineSample | None, wall: Wall | None = None) -> PillView | None:
    """What the sum leaves out, said in a pill."""
    if sample is None:
        return None
    if learned_now(sample, wall) is not None:
        return None  # the figure and the chart say how the whole is known
    measured, inside = counted(sample), total_now(sample).inside
    if not measured:
        return PillView(tr("no readable power sensor"), Tone.PLAIN, reasons_text(sample))
    silent = [d for d in sample.devices if d.power_w is None and d.id not in inside and not d.asleep]
    hint = "\n".join(f"{short_name(d.name)}: {tr(d.power.reason)}" for d in silent if d.power.reason)
    if {d.kind for d in measured} & {"system", "battery", "wall"}:
        return None
    if not any(d.kind == "cpu" for d in measured):
        return PillView(tr("processor, screen and rest of the PC not measured"), Tone.PLAIN, hint)
    if any(d.kind == "gpu" for d in silent):
        names = joined(short_name(d.name) for d in silent if d.kind == "gpu")
        return PillView(tr("{names}, screen and rest of the PC not measured", names=names), Tone.PLAIN, hint)
    return PillView(tr("screen and rest of the PC not measured"), Tone.PLAIN, hint)
