"""The tray: the icon's state, its tooltip, and the menu as a list of one-line entries."""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can
from wattlight.domain.state import HostState, InstalledModel, RunningModel, ServerStatus, same_model
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import joined, number, tr
from wattlight.services.calibration import wall_of
from wattlight.services.models import standing_text
from wattlight.services.slowness import cause_text

from .activity import busy_actions
from .figures import models_amount
from .hosts import menu_text, model_key, others
from .pulls import pulls_menu
from .running import context_text, keep_command, switch_command, unload_command
from .scene import Scene
from .settings_page import counting_line, keep_alive_choices
from .whole import power_now, range_amount, watts_now
from .words import DASH, kept_text, moment, running_pill, server_trouble, verdict_short

MENU_MODELS = 15
"""More models than this are behind "More…"."""
LABEL_LIMIT = 80
WORKING_PERCENT = 15.0
"""Utilisation from which a loaded model counts as working rather than waiting."""


FLAME_STEPS = 4
FLAME_SECONDS, FLAME_POINTS = 20.0, 40


class IconState(StrEnum):
    """What the icon's shape says."""

    OFF = "off"
    READY = "ready"
    LOADING = "loading"
    WORKING = "working"
    ATTENTION = "attention"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line. No command and no children: a plain line. ``text`` empty: a separator."""

    text: str = ""
    command: Command | None = None
    checked: bool | None = None
    enabled: bool = True
    children: tuple["MenuEntry", ...] = ()

    @property
    def separator(self) -> bool:
        """Whether the entry is only a line between groups."""
        return not self.text


@dataclass(frozen=True, slots=True)
class TrayView:
    """Compared by content: an equal view changes nothing."""

    icon: IconState
    tooltip: str
    menu: tuple[MenuEntry, ...]
    figure: str = ""
    """Drawn into the icon, four characters at most; "" for the icon alone."""
    flame: float = 1.0
    """The share of its height to which a filled flame is filled; all of it where the draw is not known."""


SEPARATOR = MenuEntry()


class TrayViews:
    """Makes the view of each scene. The entries below the headline are made anew only when something they are
    made of is another: a look at the computer changes its figures alone."""

    def __init__(self) -> None:
        self._still: Scene | None = None
        self._entries: tuple[MenuEntry, ...] = ()

    def view(self, scene: Scene) -> TrayView:
        still = scene.without_readings()
        if still != self._still:
            self._still, self._entries = still, _entries(still)
        icon, first = icon_state(scene), headline(scene)
        menu = (MenuEntry(first, Command(Verb.OPEN_COST)), *self._entries)
        return TrayView(icon, tooltip(scene, icon, first), menu, icon_figure(scene), flame(scene, icon))


def tray_view(scene: Scene) -> TrayView:
    return TrayViews().view(scene)


def _entries(scene: Scene) -> tuple[MenuEntry, ...]:
    counting = counting_line(scene)  # a program that listens says so where one sees it
    groups = (
        _busy_group(scene),
        _model_group(scene),
        _loaded_group(scene),
        tuple(_host_entry(host) for host in others(scene)[:MENU_MODELS]),
        (MenuEntry(counting, Command(Verb.OPEN_SETTINGS)),) if counting else (),
        _window_group(scene),
        (MenuEntry(tr("Quit"), Command(Verb.QUIT)),),
    )
    entries: list[MenuEntry] = []
    for group in groups:
        if group:
            entries += [SEPARATOR, *group]
    return tuple(entries)


def flame(scene: Scene, icon: IconState) -> float:
    """The mean draw of the cards in the last seconds as a share of their limits, in a few steps: calm, and
    the same while the work is the same. Cards that tell no watts or no limit are left out."""
    sample = scene.host.sample
    if icon is not IconState.WORKING or sample is None:
        return 1.0
    cards = [d for d in sample.devices if d.kind == "gpu" and d.power_w is not None and d.limit_w]
    if not cards:
        return 1.0
    since = scene.now - timedelta(seconds=FLAME_SECONDS)
    late = [point for point in reversed(scene.host.history[-FLAME_POINTS:]) if point.at >= since]
    drawn = 0.0
    for card in cards:
        powers = [p for point in late for key, p in point.power_w if key == card.id and p is not None]
        drawn += sum(powers) / len(powers) if powers else card.power_w or 0.0
    share = drawn / sum(card.limit_w or 0.0 for card in cards)
    return min(FLAME_STEPS, max(1, math.ceil(share * FLAME_STEPS))) / FLAME_STEPS


def icon_figure(scene: Scene) -> str:
    """Watts now or the models' cost of today, as the person wishes, with the digits an icon has room for.

    Without a currency sign or a unit: the tooltip has them. Nothing while nothing is known.
    """
    wish = scene.settings.icon_figure
    if wish == "watts":
        power = power_now(scene.host.sample, wall_of(scene.settings.meter))
        return "" if power is None else _short(round(power))
    today = scene.host.today
    if wish != "cost" or today is None or today.models_unknown or today.models.cost_micro is None:
        return ""
    amount = today.models.cost_micro / 1_000_000
    if amount >= 9.995:
        return _short(round(amount))
    return number(amount, 1) if amount >= 1 else number(max(0.0, amount), 2)[1:]


def _short(value: int) -> str:
    """A whole number in four characters at most: 850, 1.2k, 12k."""
    if value < 1000:
        return number(value)
    thousands = value / 1000
    return number(thousands, 1 if thousands < 9.95 else 0) + "k"


def icon_state(scene: Scene) -> IconState:
    """Paused, then attention, then what the models do."""
    state, server = scene.state, scene.host.server
    if state.paused:
        return IconState.PAUSED
    if state.down or any(t.error for t in state.tasks) or any(n.level == "error" for n in state.notices):
        return IconState.ATTENTION
    if server.status in {ServerStatus.FOREIGN, ServerStatus.SILENT, ServerStatus.ERROR}:
        return IconState.ATTENTION
    if state.tasks or any(p.moving for p in state.pulls):
        return IconState.LOADING
    if not scene.ready or not server.running:
        return IconState.OFF
    return IconState.WORKING if _working(scene) else IconState.READY


def _working(scene: Scene) -> bool:
    sample = scene.host.sample
    if sample is None:
        return False
    busy = [d.load.value for d in sample.devices if d.kind == "gpu"]
    return any(u is not None and u >= WORKING_PERCENT for u in busy)


def toggle_command(scene: Scene, last: str) -> Command:
    """A middle click: unload what is loaded; else load ``last``, the model that was; else show the window."""
    server = scene.host.server
    if server.running and server.can(Can.UNLOAD):
        return Command(Verb.UNLOAD)
    last = last or scene.settings.alias.model
    known = not server.running and any(same_model(model.name, last) for model in scene.switchable)
    if known and not scene.why_not(Can.LOAD):
        return switch_command(scene, last)
    return Command(Verb.OPEN_WINDOW)


def headline(scene: Scene) -> str:
    """ "Models €0.20 today · 52 W now", with what is known of it."""
    parts = []
    amount = models_amount(scene.host.today)
    if amount != DASH:
        parts.append(tr("Models {amount} today", amount=amount))
    today = scene.host.today
    if amount == DASH and today is not None and today.quality is None and today.estimated is not None:
        parts.append(tr("Computer {range} today, estimated", range=range_amount(today.estimated)))
    power = watts_now(scene.host.sample, wall_of(scene.settings.meter))
    if power != DASH:
        parts.append(tr("{watts} now", watts=power))
    return " · ".join(parts) if parts else tr("Nothing measured yet")


def tooltip(scene: Scene, icon: IconState, first: str) -> str:
    """A few plain lines: name, ``first`` (the headline), what runs."""
    state_line = {
        IconState.PAUSED: tr("Metering is paused"),
        IconState.ATTENTION: tr("Something needs your attention"),
    }.get(icon, "")
    loaded = scene.host.server.running[:3]
    running = [
        f"{_name(m.name)} – {running_pill(m, scene.fit_of(m.name)).text}, {context_text(scene, m)}"
        for m in loaded
    ]
    slow = [cause_text(item) for item in scene.host.slow[:1]]
    lines = ["Wattlight", first, state_line, *running, *slow, counting_line(scene)]
    return "\n".join(line for line in lines if line)


def _busy_group(scene: Scene) -> tuple[MenuEntry, ...]:
    """What is being done, for how long, each with its way to stop; all downloads in one line."""
    found = [
        MenuEntry(_label(tr("{doing} – cancel", doing=busy.menu_text)), busy.cancel)
        for busy in busy_actions(scene)
        if busy.cancel is not None and not busy.key.startswith("pull ")
    ]
    pulls = pulls_menu(scene)
    return (*found, *((MenuEntry(_label(pulls[0]), pulls[1]),) if pulls else ()))


def _model_group(scene: Scene) -> tuple[MenuEntry, ...]:
    models: list[RunningModel | InstalledModel] = [*scene.host.server.running, *scene.switchable]
    entries = [
        _running_entry(scene, model) if isinstance(model, RunningModel) else _installed_entry(scene, model)
        for model in models[: 2 * MENU_MODELS]
    ]
    shown, more = entries[:MENU_MODELS], tuple(entries[MENU_MODELS:])
    if len(models) > 2 * MENU_MODELS:
        more = (*more, MenuEntry(tr("All models…"), Command(Verb.OPEN_MODELS)))
    if more:
        shown.append(MenuEntry(tr("More models"), children=more))
    return tuple(shown) or _empty_entries(scene)


def _running_entry(scene: Scene, model: RunningModel) -> MenuEntry:
    fit = scene.fit_of(model.name)
    where = tr("on GPU") if model.gpu_share == 1 else running_pill(model, fit).text
    if model.said_asleep:
        tail = tr("{where}, says it sleeps", where=where)
    elif not scene.host.server.can(Can.KEEP):
        tail = where
    elif model.expires_at is None:
        tail = joined((where, kept_text(scene, None)))
    else:
        tail = tr("{where} until {time}", where=where, time=moment(scene, model.expires_at))
    if stale := standing_text(model, scene.installed(model.name)):
        tail = joined((stale, tail))
    elif any(item.sure and same_model(item.model, model.name) for item in scene.host.slow):
        tail = tr("{where} – why is it slow?", where=tail)
    return MenuEntry(
        _label(f"{_name(model.name)} – {tail}"), Command(Verb.OPEN_NOW, model.name), checked=True
    )


def _installed_entry(scene: Scene, model: InstalledModel) -> MenuEntry:
    verdict = verdict_short(scene.fit_of(model.name))
    text = f"{_name(model.name)} – {verdict}" if verdict else _name(model.name)
    if scene.ready and scene.why_not(Can.LOAD):
        return MenuEntry(_label(text), Command(Verb.OPEN_MODELS, model.name))
    return MenuEntry(_label(text), switch_command(scene, model.name))


def _empty_entries(scene: Scene) -> tuple[MenuEntry, ...]:
    status, kind = scene.host.server.status, scene.host.server.kind
    if status is ServerStatus.READY:
        return (MenuEntry(tr("No model yet"), enabled=False),)
    if status is ServerStatus.UNKNOWN:
        return (MenuEntry(server_trouble(status, kind), enabled=False),)
    lines = [MenuEntry(server_trouble(status, kind), Command(Verb.OPEN_NOW))]
    if scene.extras.server_startable and status is ServerStatus.ABSENT:
        lines.append(MenuEntry(tr("Start Ollama"), Command(Verb.START_SERVER)))
    return tuple(lines)


def _loaded_group(scene: Scene) -> tuple[MenuEntry, ...]:
    running = scene.host.server.running
    if not running or not scene.host.server.can(Can.UNLOAD):
        return ()
    on_gpu = any(m.size_vram_bytes > 0 for m in running)
    unload = tr("Unload (free the GPU)") if on_gpu else tr("Unload (free the memory)")
    entries = [MenuEntry(unload, Command(Verb.UNLOAD))]
    if not scene.host.server.can(Can.KEEP):
        return tuple(entries)
    if len(running) == 1:
        model = running[0]
        lasting = not standing_text(model, scene.installed(model.name))
        keep = MenuEntry(tr("Keep loaded"), keep_command(model), model.expires_at is None, lasting)
        entries.append(keep)
    else:
        kept = tuple(
            MenuEntry(_label(_name(m.name)), keep_command(m), checked=m.expires_at is None)
            for m in running
            if not standing_text(m, scene.installed(m.name))
        )
        if kept:
            entries.append(MenuEntry(tr("Keep loaded"), children=kept[:MENU_MODELS]))
    times = tuple(
        MenuEntry(_label(_name(m.name)), children=_time_entries(scene, m)) for m in running[:MENU_MODELS]
    )
    entries.append(MenuEntry(tr("Unload after"), children=times if len(times) > 1 else times[0].children))
    return tuple(entries)


def _host_entry(host: HostState) -> MenuEntry:
    """Another computer: one line, and behind it its models to switch to."""
    server = host.server
    if server.status is not ServerStatus.READY:
        return MenuEntry(_label(menu_text(host)), Command(Verb.OPEN_NOW))
    entries = []
    for item in server.installed[:MENU_MODELS]:
        loaded = any(same_model(m.name, item.name) for m in server.running)
        switch = Command(Verb.SWITCH, item.name, host=host.id)
        able = server.can(Can.LOAD) and item.remote_host is None and not loaded
        shown = Command(Verb.OPEN_MODELS, model_key(host, item.name))
        entries.append(MenuEntry(_label(_name(item.name)), switch if able else shown, loaded or None))
    if server.running and server.can(Can.UNLOAD):
        entries += [SEPARATOR, MenuEntry(tr("Unload"), Command(Verb.UNLOAD, host=host.id))]
    if not entries:
        return MenuEntry(_label(menu_text(host)), Command(Verb.OPEN_NOW))
    return MenuEntry(_label(menu_text(host)), children=tuple(entries))


def _time_entries(scene: Scene, model: RunningModel) -> tuple[MenuEntry, ...]:
    """How long a model stays after its last answer, as chosen for it or for all, and away with it now."""
    wanted = scene.settings.wish(model.name).keep_alive
    chosen = "-1" if model.expires_at is None else "" if wanted in {"-1", "forever"} else wanted
    away = MenuEntry(tr("Unload now"), unload_command(scene, model))
    if standing_text(model, scene.installed(model.name)):
        return (away,)
    return (
        *(
            MenuEntry(choice.text, Command(Verb.KEEP, model.name, text=choice.value), choice.value == chosen)
            for choice in keep_alive_choices(scene.settings.keep_alive)
            if choice.value != "-1"
        ),
        away,
    )


def _window_group(scene: Scene) -> tuple[MenuEntry, ...]:
    if scene.state.paused:
        pause = MenuEntry(tr("Resume metering"), Command(Verb.RESUME))
    else:
        pause = MenuEntry(tr("Pause metering"), Command(Verb.PAUSE))
    set_up = MenuEntry(tr("Set up…"), Command(Verb.SET_UP))  # once it is done, Settings opens it
    return (
        MenuEntry(tr("Get models…"), Command(Verb.OPEN_MODELS)),
        MenuEntry(tr("Dashboard"), Command(Verb.OPEN_NOW)),
        MenuEntry(tr("Settings…"), Command(Verb.OPEN_SETTINGS)),
        *(() if scene.settings.first_run_done else (set_up,)),
        pause,
    )


def _name(name: str) -> str:
    return clean_text(name, LABEL_LIMIT // 2)


def _label(text: str) -> str:
    return clean_sentence(text, LABEL_LIMIT)
