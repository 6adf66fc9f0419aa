"""The running desktop program: owns state and settings, and carries out what a person asks for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import HostState, ServerState, ServerWays, TaskState
from wattlight.domain.values import LOCAL_HOST, HostId, Problem
from wattlight.i18n import activate, tr
from wattlight.settings import Alias, FirstRun, Settings, SettingsFile, merged
from wattlight.system import Autostart

from .counting import Counting
from .current import CurrentSettings, Servers
from .factory import ServiceFactory
from .first_run import SetupGuide
from .hosts import loaded_here
from .hub import StateHub
from .learning import LoadLearner, LoadPredictor
from .meter_service import MeterService
from .model_pulls import ModelPulls
from .model_wishes import ModelWishes, fits_beside
from .models import ModelTasks, SerialExecutor, ServerWatches, TaskEnd, by_own_names, with_target
from .serving import SecurityAdvisories, host_warnings
from .speed_runs import SpeedRuns

SettingsListener = Callable[[Settings, int], None]
"""Hears the settings in force, and how many :class:`ChangeSettings` are in them."""


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """The person changed ``before`` into ``after``; what others changed meanwhile stays."""

    before: Settings
    after: Settings


class Application:
    """:meth:`do` returns at once; commands are carried out one after another on a thread of their own.

    Their outcome is in the next state (``tasks``, ``pulls``, ``notices``, ``hosts``, ``setup``) or the next
    settings.
    """

    def __init__(
        self,
        factory: ServiceFactory,
        file: SettingsFile,
        settings: CurrentSettings,
        hub: StateHub,
        servers: Servers,
        meter: MeterService,
        learner: LoadLearner,
        predictor: LoadPredictor,
        counting: Counting,
        speeds: SpeedRuns,
        guide: SetupGuide,
        advisories: SecurityAdvisories,
        autostart: Autostart,
    ) -> None:
        self._factory, self._file = factory, file
        self._settings, self._hub, self._servers = settings, hub, servers
        self._meter, self._learner, self._predictor = meter, learner, predictor
        self._counting, self._guide = counting, guide
        self._advisories, self._autostart = advisories, autostart
        self._executor = SerialExecutor("wattlight-application", factory.threads.start)
        self._changes = 0
        self._settings_listeners: list[SettingsListener] = []
        self._outdated: list[Callable[..., None]] = []
        self._watch_listeners: list[Callable[[bool], None]] = []
        self.watching = False
        self._watches = ServerWatches(servers, self._server_seen, factory.threads.start)
        self._pulls = ModelPulls(
            factory,
            settings,
            hub,
            servers,
            guide.pulls_changed,
            self._task_ended,
            lambda *pulled: self._tasks.follow_pull(*pulled),  # noqa: PLW0108 - they are made one after another
        )
        self._tasks = ModelTasks(
            servers,
            lambda host: fits_beside(hub, host),
            self._tasks_changed,
            self._task_ended,
            settings=lambda: settings.value,
            folders=self._folders,
            pull=self._pulls.queue.pull,
            announce=self._announce,
            on_alias=self._remember_alias,
            now=factory.now,
            start=factory.threads.start,
        )
        self._handlers = self._make_handlers(speeds)
        settings.subscribe(lambda s: s.servers, self._addresses_changed)
        settings.subscribe(lambda s: (s.passthrough_on, s.passthrough_port), self._set_counting)
        settings.subscribe(lambda s: s.start_at_login, self._set_autostart)
        settings.subscribe(lambda s: s.language, lambda: activate(settings.value.language))
        servers.subscribe(self._server_moved)

    def do(self, command: Command | ChangeSettings) -> None:
        """Carry ``command`` out soon. Any thread; never blocks or raises."""
        self._executor.submit(lambda: self._carry_out(command))

    def handle(self, verb: Verb, handler: Callable[[Command], None]) -> None:
        """Let ``handler`` carry out ``verb``, on the application's thread. Call before :meth:`start`."""
        self._handlers[verb] = handler

    def listen(self, listener: SettingsListener) -> None:
        """Call ``listener`` after each change of the settings, on the application's thread."""
        self._settings_listeners.append(listener)

    def on_outdated(self, listener: Callable[..., None]) -> None:
        """Call ``listener`` with the names of slower answers ("fits", "cost" and so on) that are old now."""
        self._outdated.append(listener)

    def on_watch(self, listener: Callable[[bool], None]) -> None:
        """Call ``listener`` when somebody looks, or nobody does any more. Call before :meth:`start`."""
        self._watch_listeners.append(listener)

    def start(self) -> None:
        """Begin to watch and to meter; returns at once."""
        self._executor.submit(self._start)

    def stop(self) -> bool:
        """Stop in order: commands (those that wait are carried out), relay, sampler and recorder, watches,
        tasks, token counts, the server that is ours. False if something took too long."""
        in_time = self._executor.close(2.0, finish=True)
        self._counting.turn_off()
        in_time = self._meter.stop() and in_time
        in_time = self._watches.stop() and in_time
        in_time = self._pulls.close() and in_time
        in_time = self._tasks.close() and in_time
        in_time = self._counting.stop() and in_time
        return self._guide.close() and in_time

    def _make_handlers(self, speeds: SpeedRuns) -> dict[Verb, Callable[[Command], None]]:
        tasks, guide = self._tasks, self._guide
        return {
            Verb.SWITCH: lambda c: tasks.switch(c.model, c.host),
            Verb.LOAD: lambda c: tasks.load(c.model, c.number, c.host),
            Verb.UNLOAD: lambda c: tasks.unload(c.model or None, c.host, c.text),
            **self._pulls.handlers(),
            **ModelWishes(self._settings, self._hub, tasks, self._change).handlers(),
            Verb.REMOVE: lambda c: tasks.remove(c.model, c.host),
            Verb.REPAIR: self._repair,
            Verb.CANCEL_TASK: lambda c: tasks.cancel_task(c.model, c.host),
            Verb.MEASURE: lambda c: tasks.measure(c.model, lambda say, end: speeds.run(c.model, say, end)),
            Verb.COMPARE: lambda c: tasks.measure(
                c.model, lambda say, end: speeds.compare(c.model, c.text, say, end)
            ),
            Verb.PAUSE: lambda _: self._pause(True),
            Verb.RESUME: lambda _: self._pause(False),
            Verb.WATCH: lambda _: self._watch(True),
            Verb.LOOK_AWAY: lambda _: self._watch(False),
            Verb.REFRESH: lambda _: self._refresh(),
            Verb.START_SERVER: lambda _: self._start_server(),
            Verb.LOOK_FOR_SERVER: lambda _: guide.look(),
            Verb.INSTALL_SERVER: lambda _: self._install_server(),
            Verb.CANCEL_INSTALL: lambda _: guide.cancel_install(),
            Verb.GO_BACK: lambda _: guide.go_back(),
            Verb.USE_PROXY: self._use_proxy,
            Verb.START_SMALL: self._start_small,
            Verb.TRY_PROMPT: lambda c: guide.try_prompt(c.model, c.text),
            Verb.STOP_ANSWER: lambda _: guide.stop_answer(),
            Verb.READ_CONTACTS: lambda _: guide.read_contacts(),
            Verb.DELETE_LEDGER: lambda _: self._delete_records(),
            Verb.DECLINE_PRICE: lambda _: self._change(
                lambda s: replace(s, price=replace(s.price, declined=True))
            ),
            Verb.DISMISS: lambda c: self._hub.dismiss(c.model, self._factory.now()),
        }

    def _carry_out(self, command: Command | ChangeSettings) -> None:
        try:
            if isinstance(command, ChangeSettings):
                self._changes += 1
                self._change(lambda now: merged(command.before, command.after, now))
            else:
                self._forget_failure(command)
                self._handlers[command.verb](command)
        except Exception:
            logging.getLogger("wattlight").exception("a command failed")
            text = tr("Wattlight hit an error of its own; the log tells more.")
            self._hub.notify("internal", text, self._factory.now(), "error")

    def _start(self) -> None:
        self._watches.start()
        self._meter.start()
        self._pulls.start()
        if self._settings.value.passthrough_on:
            self._set_counting()
        self._guide.begin()

    def _change(self, change: Callable[[Settings], Settings]) -> None:
        """Put changed settings in force and save them; an address that cannot be used is not taken."""
        before = self._settings.value
        wanted = change(before)
        if wanted.servers != before.servers and not self._try(
            "servers", lambda: self._servers.set_addresses(wanted.servers)
        ):
            wanted = replace(wanted, servers=before.servers)
        if wanted != before:
            self._settings.replace(wanted)

            def save() -> None:
                together = self._file.save(wanted)
                if together != wanted:
                    self._settings.replace(together)

            self._try("settings", save)
        for listener in self._settings_listeners:
            listener(self._settings.value, self._changes)

    def _take_outside(self) -> None:
        """What the command line has changed meanwhile counts from now on."""
        news = self._file.changed_outside(self._settings.value)
        if news is not None:
            self._change(lambda _: news)

    def _pause(self, paused: bool) -> None:
        self._change(lambda s: replace(s, meter=replace(s.meter, paused=paused)))

    def _set_autostart(self) -> None:
        self._try("autostart", lambda: self._autostart.set_enabled(self._settings.value.start_at_login))

    def _addresses_changed(self) -> None:
        """Servers came, went or moved: a watch for each, and only those hosts in the state."""
        addresses = self._servers.addresses
        known = {host.id: host for host in self._hub.state.hosts}
        hosts = tuple(
            replace(known[a.host], name=a.name)
            if a.host in known
            else HostState(a.host, a.name, ServerState(self._servers[a.host].url))
            for a in addresses
        )
        self._watches.follow()
        self._hub.update(lambda state: replace(state, hosts=hosts))

    def _server_moved(self) -> None:
        """A server has another address: look there now, and let the relay follow."""
        self._watches.refresh()
        if self._settings.value.passthrough_on:
            self._executor.submit(self._set_counting)

    def _server_seen(self, host: HostId, server: ServerState) -> None:
        if host == LOCAL_HOST:
            alias = self._settings.value.alias
            server = replace(server, running=by_own_names(server.running, server.installed, alias))
        warned = () if host == LOCAL_HOST else host_warnings(server, self._servers[host])
        self._hub.update_host(host, lambda item: replace(item, server=server, warnings=warned))
        self._advisories.look(host, server)
        if host in self._servers.here:
            self._meter.set_running(loaded_here(self._hub.state, self._servers), self._servers.ports_here)
        if host == LOCAL_HOST:
            self._guide.server_seen(server)
        self._pulls.queue.look()

    def _refresh(self) -> None:
        self._servers.ask_keys_again()
        self._watches.refresh()
        self._guide.look()

    def _watch(self, watching: bool) -> None:
        """Somebody looks, or nobody does. Whoever has no model yet is shown what would fit."""
        self.watching = watching
        self._meter.set_shown(watching)
        self._watches.set_shown(watching)
        for listener in self._watch_listeners:
            listener(watching)
        if watching:
            self._tell_outdated("computer", "tables")
            if not any(host.server.installed for host in self._hub.state.hosts):
                self.do(Command(Verb.ADVISE))
            self._take_outside()

    def _start_server(self) -> None:
        self._change(lambda s: replace(s, start_server=True))
        self._guide.start_server()
        self._watches.refresh()

    def _install_server(self) -> None:
        ways = self._hub.state.setup.ways or ServerWays()
        # what the vendor's installer brings starts by itself, and an update leaves that wish as it is
        if not ways.by_installer and ways.managed is None:
            self._change(lambda s: replace(s, start_server=True))
        self._guide.install_server()

    def _use_proxy(self, command: Command) -> None:
        self._change(lambda s: replace(s, server_proxy=command.text))
        self._guide.use_proxy(command.text)

    def _start_small(self, command: Command) -> None:
        """Begin with a smaller model; the larger one is offered again once that answers."""
        larger = [p.model for p in self._hub.state.pulls if p.under_way]
        for name in larger:
            self._pulls.queue.cancel(name)
        self._pulls.queue.pull(command.model)

        def change(settings: Settings) -> Settings:
            step = "login" if settings.first_run.step == "model" else settings.first_run.step
            return replace(settings, first_run=FirstRun(step, command.model, next(iter(larger), None)))

        self._change(change)

    def _repair(self, command: Command) -> None:
        self._pulls.queue.cancel(command.model)
        self._tasks.repair(command.model)

    def _remember_alias(self, alias: Alias) -> None:
        """What the tasks have given the name to."""
        self._executor.submit(lambda: self._change(lambda s: replace(s, alias=with_target(s.alias, alias))))

    def _announce(self, model: str, context_length: int | None) -> None:
        prediction = self._predictor.before(model, context_length)
        if prediction is not None:
            self._learner.expect(model, prediction, self._factory.now())

    def _folders(self, host: HostId) -> tuple[Path, ...]:
        return self._factory.model_folders(self._servers[host].url)

    def _tasks_changed(self, tasks: tuple[TaskState, ...]) -> None:
        self._hub.update(lambda state: state.with_tasks(tasks))

    def _task_ended(self, end: TaskEnd) -> None:
        """Ask the server anew; an error stays visible until it is dismissed."""
        self._watches.refresh(end.host)
        self._guide.task_ended(end)
        if end.kind in {"pull", "remove", "repair"}:
            self._factory.advisor().forget()
        if end.kind in {"pull", "remove", "repair", "measure"}:
            self._tell_outdated("computer", "fits", "offers", "cost")
        now = self._factory.now()
        if end.kind == "pull" and end.note:
            self._hub.notify("kept", end.note, now)
        if end.cancelled or end.kind == "pull":
            return
        if end.problem is not None:
            failed = TaskState(end.kind, end.model, now, error=str(end.problem), host=end.host)
            self._hub.update(lambda state: state.with_failure(failed))
        elif end.note.startswith("context "):
            text = tr(
                "{model} was loaded with a context of {context}: it was trained for no more.",
                model=end.model,
                context=end.note.removeprefix("context "),
            )
            self._hub.notify("context", text, now, "info")
        elif end.note:
            self._hub.notify("kept", end.note, now)

    def _forget_failure(self, command: Command) -> None:
        """Doing something with a model takes its last error off the screen."""
        if command.verb in _RENEWS:
            self._hub.update(lambda state: state.without_failure(command.model, command.host))

    def _delete_records(self) -> None:
        if self._try("ledger", self._meter.delete_records) and self._try("ledger", self._counting.forget):
            self._tell_outdated("cost")

    def _set_counting(self) -> None:
        settings, counting = self._settings.value, self._counting
        if settings.passthrough_on:
            self._try("counting", lambda: counting.turn_on(settings.passthrough_port))
        else:
            counting.turn_off()
            self._hub.withdraw("counting")
        self.counted()

    def counted(self) -> None:
        """Show how the relay stands; called with each sample, so that no request waits for it."""
        now, speeds = self._counting.state, self._counting.speeds
        self._hub.update(lambda state: replace(state, counting=now, speeds=speeds))

    def _tell_outdated(self, *parts: str) -> None:
        for listener in self._outdated:
            listener(*parts)

    def _try(self, kind: str, what: Callable[[], object]) -> bool:
        try:
            what()
        except Problem as problem:
            self._hub.notify(kind, str(problem), self._factory.now(), "error")
            return False
        self._hub.withdraw(kind)
        return True


_RENEWS = frozenset(
    {Verb.SWITCH, Verb.LOAD, Verb.UNLOAD, Verb.REMOVE, Verb.REPAIR, Verb.CANCEL_TASK, Verb.MEASURE}
)
