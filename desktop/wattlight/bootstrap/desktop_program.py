"""Builds the parts of the desktop program around the icon that is already there."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from wattlight import __version__
from wattlight.assets import asset_text
from wattlight.catalog.installed import models_folders
from wattlight.domain.instant import to_us
from wattlight.domain.state import AppState, HostState, PullState, RunningModel, ServerState, TaskState
from wattlight.domain.tariff import Tariff
from wattlight.domain.values import LOCAL_HOST, HostId, MachineSample, Problem
from wattlight.i18n import activate, local_zone, short_date
from wattlight.runtime import ModelServer, MovableServer, connect, parse_endpoint
from wattlight.runtime.managed import read_advisories
from wattlight.services import StateHub
from wattlight.services.desk import (
    BudgetWatch,
    CurrentSettings,
    Desk,
    DeskParts,
    MeterStation,
    StationNews,
    StationParts,
)
from wattlight.services.metering import kept_since
from wattlight.services.models import FitsBeside, ModelTasks, ServerWatch, TaskEnd, TaskSettings, room_by_size
from wattlight.services.pricing import mean_price, tariff_of
from wattlight.services.serving import KnownHoles
from wattlight.settings import Settings, SettingsFile, merged
from wattlight.store import LedgerReader, LedgerWriter, forget_before, open_reader
from wattlight.system import autostart_for_platform, open_log
from wattlight.ui import DesktopFace, EarlyIcon

from .break_even_basis import BasisMaker
from .cost_page import CostPage
from .extras import ExtrasMaker, Sources
from .fit_notes import Experience
from .learned import Learned, LearnedParts
from .setting_up import SettingUp, SettingUpParts
from .shipped import api_prices, countries, models_folder, own_command
from .workshop import LocalWorkshop

ADVISORIES = "servers/advisories.json"


class DesktopProgram:
    """One run of the tray. Made and run on the main thread."""

    def __init__(self, workshop: LocalWorkshop, early: EarlyIcon, arguments: list[str]) -> None:
        self._workshop = workshop
        self._file = SettingsFile(workshop.places.settings_file)
        loaded = self._file.load()
        settings = loaded.settings
        self._current = CurrentSettings(settings)
        self._log = open_log(workshop.places.log_file)
        activate(settings.language)
        self._servers = {s.host: MovableServer(connect(s, workshop.environ)) for s in settings.servers}
        self._hub = StateHub(_first_state(settings, self._servers))
        self._holes = KnownHoles(read_advisories(asset_text(ADVISORIES)), self._hub, workshop.now)
        self._meter = MeterStation(self._station_parts())
        self._learned = Learned(self._learned_parts())
        self._budget = BudgetWatch(
            lambda: self._settings().meter, workshop.places.state / "budget-told.txt", self._notify
        )
        self._setting_up = SettingUp(self._setting_up_parts())
        self._extras = self._make_extras()
        self._desk = Desk(self._desk_parts(), self._current)
        self._desk.use_tasks(self._make_tasks())
        self._face = DesktopFace(
            self._desk,
            self._hub.state,
            settings,
            workshop.places,
            arguments,
            early=early,
            extras=self._extras.extras,
            setup=self._setting_up.guide,
        )
        for number, text in enumerate(loaded.notices):
            self._desk.notify(f"settings {number}", text)

    def run(self) -> int:
        """Run until quit, stop in order, return the exit code."""
        leave_hub = self._hub.subscribe(self._state_changed)
        self._extras.start()
        self._extras.ask("fixed")
        self._desk.start()
        self._setting_up.begin()
        self._face.publish(self._hub.state, setup=self._setting_up.guide.facts)
        try:
            return self._face.start()
        finally:
            leave_hub()
            stopped = self._desk.stop()
            stopped = self._extras.stop() and stopped
            stopped = self._setting_up.close() and stopped
            if not stopped:
                self._log.warning("a thread was still busy at the end")

    def _desk_parts(self) -> DeskParts:
        autostart = autostart_for_platform(own_command())
        return DeskParts(
            hub=self._hub,
            watches={host: self._watch(host, server) for host, server in self._servers.items()},
            meter=self._meter,
            now=self._workshop.now,
            save=self._save,
            advise=self._extras.ask_advice,
            judge=self._extras.ask_about,
            quit=self._quit,
            set_autostart=autostart.set_enabled,
            counting=self._learned.counting,
            speeds=self._learned.speeds,
            ended=self._task_ended,
            looked_at=self._looked_at,
            start_server=self._setting_up.guide.start_server,
        )

    def _setting_up_parts(self) -> SettingUpParts:
        return SettingUpParts(
            workshop=self._workshop,
            server=self._servers[LOCAL_HOST]
            if LOCAL_HOST in self._servers
            else next(iter(self._servers.values())),
            state=lambda: self._hub.state,
            settings=self._settings,
            change_settings=lambda change: self._face.change_settings(change),  # noqa: PLW0108 - made later
            publish=lambda facts: self._face.publish(setup=facts),
            answers=self._learned.answers,
            tap=self._learned.tap,
            count=self._learned.counting.count,
            delete_records=self._delete_records,
            refresh=lambda: self._desk.refresh(),  # noqa: PLW0108 - made later
            notify=self._notify,
        )

    def _learned_parts(self) -> LearnedParts:
        return LearnedParts(
            workshop=self._workshop,
            state=lambda: self._hub.state,
            fresh_profile=self._meter.fresh_profile,
            context=lambda: self._settings().context_length,
            hurry=self._meter.hurry,
            note_tokens=self._meter.note_tokens,
            rest_w=self._meter.rest_w,
            compared=lambda _comparison: self._extras.ask("fits", "loads"),
            counted=self._counted,
        )

    def _station_parts(self) -> StationParts:
        places, workshop = self._workshop.places, self._workshop
        return StationParts(
            prober=workshop.prober,
            ledger_file=places.ledger_file,
            lock_file=places.meter_lock,
            tariff=self._tariff,
            settings=lambda: self._settings().meter,
            zone=local_zone(workshop.environ),
            now=workshop.now,
            publish=self._metered,
            notify=self._notify,
            follow=self._follow,
            daily=self._forget_old,
        )

    def _make_extras(self) -> ExtrasMaker:
        page = CostPage(
            self._reader,
            self._tariff,
            local_zone(self._workshop.environ),
            self._workshop.now,
            api_prices,
            self._rate,
            self._local,
            self._learned.hours,
        )
        basis = BasisMaker(
            api_prices,
            self._tariff,
            self._learned.runs,
            lambda: self._extras.extras.fits,
            self._learned.hours,
            self._workshop.now,
        )
        sources = Sources(
            state=lambda: self._hub.state,
            context=lambda: self._settings().context_length,
            advisor=self._workshop.advisor,
            profile=lambda: self._hub.state.hosts[0].profile,
            countries=countries,
            cost=page.answers,
            models_folder=models_folder(self._workshop.environ),
            version=__version__,
            autostart_supported=True,
            startable=self._setting_up.startable,
            experience=self._experience,
            break_even=basis.basis,
            loads=self._learned.learner.comparisons,
            catalog_date=lambda: short_date(self._workshop.catalog().date),
            shape=lambda name: self._workshop.shape_finder().named(name),
        )
        return ExtrasMaker(sources, lambda extras: self._face.publish(self._hub.state, extras))

    def _make_tasks(self) -> ModelTasks:
        def settings() -> TaskSettings:
            wanted = self._settings()
            return TaskSettings(wanted.keep_alive, wanted.context_length or None)

        loading = {host: self._learned.announcing(server) for host, server in self._servers.items()}
        return ModelTasks(
            loading.__getitem__,
            self._fits_beside,
            self._tasks_changed,
            self._desk.task_ended,
            settings=settings,
            folders=self._folders,
            now=self._workshop.now,
        )

    def _folders(self, host: HostId) -> tuple[Path, ...]:
        """Where the files of a server of this computer can be looked at."""
        local = parse_endpoint(self._servers[host].url).is_loopback
        return models_folders(self._workshop.environ) if local else ()

    def _watch(self, host: HostId, server: ModelServer) -> ServerWatch:
        def seen(state: ServerState) -> None:
            self._desk.server_changed(host, state)
            self._holes.look(host, state)
            if host == LOCAL_HOST:
                self._setting_up.server_seen(state)

        return ServerWatch(server, seen)

    def _fits_beside(self, host: HostId) -> FitsBeside:
        def fits(model: str, running: tuple[RunningModel, ...]) -> bool | None:
            item = next((h for h in self._hub.state.hosts if h.id == host), None)
            if item is None:
                return None
            wanted = next((m for m in item.server.installed if m.name == model), None)
            return room_by_size(item.profile, wanted, running)

        return fits

    def _state_changed(self, state: AppState) -> None:
        self._extras.state_changed(state)
        self._face.publish(state)

    def _metered(self, news: StationNews) -> None:
        view = news.view

        def change(state: AppState) -> AppState:
            hosts = tuple(
                replace(
                    host,
                    profile=news.profile or host.profile,
                    sample=view.sample,
                    history=view.history,
                    today=view.today,
                    month=view.month,
                )
                if host.id == LOCAL_HOST
                else host
                for host in state.hosts
            )
            return replace(
                state,
                hosts=hosts,
                paused=view.paused,
                recording=news.recording,
                price_known=view.price_known,
            )

        self._hub.update(change)
        self._extras.beat()
        if view.day is not None:
            self._budget.look(view.day, view.today, view.month)

    def _follow(self, sample: MachineSample, running: tuple[RunningModel, ...] | None) -> None:
        self._learned.followers.take(sample, running)

    def _counted(self) -> None:
        self._desk.counted()

    def _tasks_changed(self, tasks: tuple[TaskState, ...], pulls: tuple[PullState, ...]) -> None:
        self._setting_up.pulls_changed(pulls)
        self._desk.tasks_changed(tasks, pulls)

    def _delete_records(self) -> None:
        self._meter.delete_records()
        self._extras.ask("cost")

    def _forget_old(self, writer: LedgerWriter) -> None:
        months = self._settings().meter.keep_months
        if months is not None and months > 0:
            forget_before(writer, to_us(kept_since(self._workshop.now(), months)))

    def _task_ended(self, end: TaskEnd) -> None:
        self._setting_up.task_ended(end)
        if end.kind in {"pull", "remove", "repair"}:
            self._workshop.advisor().forget()
        if end.kind in {"pull", "remove", "repair", "measure"}:
            self._extras.ask("fits", "offers", "cost")

    def _save(self, settings: Settings) -> None:
        together = self._file.save(settings)
        if together != settings:
            self._face.change_settings(lambda mine: merged(settings, mine, together))
        self._extras.ask("cost", "fits")

    def _looked_at(self, watching: bool) -> None:
        """Somebody looks: what the command line has changed meanwhile counts from now on."""
        self._extras.looked_at(watching)
        current = self._settings()
        news = self._file.changed_outside(current) if watching else None
        if news is not None:
            self._face.change_settings(lambda mine: merged(current, mine, news))

    def _settings(self) -> Settings:
        return self._current.value

    def _tariff(self) -> Tariff | None:
        try:
            return tariff_of(self._settings().price, self._workshop.environ)
        except Problem as problem:
            self._notify("tariff", str(problem))
            return None

    def _experience(self) -> Experience:
        tariff = self._tariff()
        return self._learned.experience(None if tariff is None else mean_price(tariff, self._workshop.now()))

    def _local(self) -> HostState | None:
        return next((host for host in self._hub.state.hosts if host.id == LOCAL_HOST), None)

    def _rate(self) -> tuple[Decimal | None, str]:
        price = self._settings().price
        try:
            rate = None if price.dollar_rate is None else Decimal(price.dollar_rate)
        except InvalidOperation:
            return None, ""
        return (
            rate if rate is not None and rate.is_finite() and rate > 0 else None
        ), price.dollar_rate_date or ""

    def _reader(self) -> LedgerReader | None:
        file = self._workshop.places.ledger_file
        return open_reader(file) if file.exists() else None

    def _notify(self, kind: str, text: str) -> None:
        self._desk.notify(kind, text)

    def _quit(self) -> None:
        self._face.stop()


def _first_state(settings: Settings, servers: Mapping[HostId, ModelServer]) -> AppState:
    hosts = tuple(
        HostState(address.host, address.name, ServerState(servers[address.host].url))
        for address in settings.servers
    )
    return AppState(hosts=hosts, paused=settings.meter.paused)
