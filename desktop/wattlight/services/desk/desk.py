"""Turns the user's commands into work of the services, and what they report into the next state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from wattlight.domain.state import AppState, PullState, RunningModel, ServerState, ServerStatus, TaskState
from wattlight.domain.values import LOCAL_HOST, HostId, Problem
from wattlight.i18n import tr
from wattlight.services.hub import StateHub
from wattlight.services.models import ModelTasks, ServerWatch, TaskEnd
from wattlight.services.models.lane import Lane
from wattlight.settings import Settings

from .counting import Counting
from .current import CurrentSettings
from .meter_port import MeterPort
from .speed_runs import SpeedRuns


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What the desk works with.

    Attributes:
        save: writes the settings (raises a Problem).
        set_autostart: turns starting at login on or off (raises a Problem); None where it cannot.
        start_server: starts the installed server (raises a Problem); None where there is none.
        advise: asks for recommendations; the answer goes to the window.
        judge: asks whether a model fits; with True its registry is asked for its header.
        quit: ends the program; called once.
        counting: counts the tokens of every client while the settings say so.
        speeds: measures models on request.
        ended: hears of every task that ended.
        looked_at: hears when somebody looks and when nobody does any more.
    """

    hub: StateHub
    watches: Mapping[HostId, ServerWatch]
    meter: MeterPort
    now: Callable[[], datetime]
    save: Callable[[Settings], None]
    advise: Callable[[str | None, int | None], None]
    judge: Callable[[str, bool], None]
    quit: Callable[[], None]
    set_autostart: Callable[[bool], None] | None = None
    start_server: Callable[[], None] | None = None
    counting: Counting | None = None
    speeds: SpeedRuns | None = None
    ended: Callable[[TaskEnd], None] = lambda _end: None
    looked_at: Callable[[bool], None] = lambda _on: None


class Desk:
    """Implements :class:`wattlight.services.Controller`. Commands that touch the disk run on a lane."""

    def __init__(self, parts: DeskParts, current: CurrentSettings) -> None:
        self._parts = parts
        self._current = current
        self._errands = Lane("wattlight-errands")
        self._tasks: ModelTasks | None = None
        self._quitting = False
        self._url = self._address()

    def _address(self) -> str:
        """Where the server of this computer is."""
        hosts = self._parts.hub.state.hosts
        return next((host.server.url for host in hosts if host.id == LOCAL_HOST), "")

    def use_tasks(self, tasks: ModelTasks) -> None:
        """Hand over the tasks, which themselves report to this desk. Call before anything else."""
        self._tasks = tasks

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._current.value

    def start(self) -> None:
        """Begin to watch and to meter."""
        self._parts.meter.set_paused(self.settings.meter.paused)
        for watch in self._parts.watches.values():
            watch.start()
        self._parts.meter.start()
        if self.settings.passthrough_on:
            self._errands.submit(lambda: self._set_counting(self.settings))

    def stop(self) -> bool:
        """Stop in order: relay, sampler and recorder, watches, tasks, errands, token counts.

        False if something took too long.
        """
        counting = self._parts.counting
        if counting is not None:
            counting.turn_off()
        in_time = self._parts.meter.stop()
        for watch in self._parts.watches.values():
            in_time = watch.stop() and in_time
        if self._tasks is not None:
            in_time = self._tasks.close() and in_time
        in_time = self._errands.close(1.0) and in_time
        return (counting is None or counting.stop()) and in_time

    def server_changed(self, host: HostId, server: ServerState) -> None:
        """A watch looked at its server."""
        moved = host == LOCAL_HOST and server.url != self._url
        self._parts.hub.update_host(host, lambda item: replace(item, server=server))
        if host == LOCAL_HOST:
            resident: tuple[RunningModel, ...] | None = server.running
            if server.status not in {ServerStatus.READY, ServerStatus.ABSENT}:
                resident = None
            self._parts.meter.set_running(resident)
        if moved:
            self._url = server.url
            if self.settings.passthrough_on:
                self._errands.submit(lambda: self._set_counting(self.settings))

    def tasks_changed(self, tasks: tuple[TaskState, ...], pulls: tuple[PullState, ...]) -> None:
        """What is being done has changed."""

        def change(state: AppState) -> AppState:
            failed = tuple(t for t in state.tasks if t.error and not _same_work(t, tasks))
            return replace(state, tasks=(*tasks, *failed), pulls=pulls)

        self._parts.hub.update(change)

    def task_ended(self, end: TaskEnd) -> None:
        """A task or pull ended: ask the server anew; an error stays visible until it is dismissed."""
        watch = self._parts.watches.get(end.host)
        if watch is not None:
            watch.refresh()
        self._parts.ended(end)
        if end.cancelled or end.kind == "pull":
            return
        if end.problem is not None:
            failed = TaskState(end.kind, end.model, self._parts.now(), error=str(end.problem))
            self._parts.hub.update(
                lambda state: replace(
                    state, tasks=(*(t for t in state.tasks if not _same_work(failed, (t,))), failed)
                )
            )
        elif end.note.startswith("context "):
            text = tr(
                "{model} was loaded with a context of {context}: it was trained for no more.",
                model=end.model,
                context=end.note.removeprefix("context "),
            )
            self._parts.hub.notify("context", text, self._parts.now(), "info")
        elif end.note:
            self._parts.hub.notify("kept", end.note, self._parts.now())

    def switch(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Load ``model`` and unload the others."""
        self._forget_failure(model)
        self._work.switch(model, host)

    def load(self, model: str, context_length: int | None = None, host: HostId = LOCAL_HOST) -> None:
        """Load ``model`` beside what is loaded."""
        self._forget_failure(model)
        self._work.load(model, context_length, host)

    def unload(self, model: str | None = None, host: HostId = LOCAL_HOST) -> None:
        """Unload one model, or all."""
        self._forget_failure(model or "")
        self._work.unload(model, host)

    def keep_loaded(self, model: str, keep: bool, host: HostId = LOCAL_HOST) -> None:
        """Keep ``model`` until it is unloaded, or give it the usual time again."""
        self._work.keep_loaded(model, keep, host)

    def remove(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Delete ``model`` from the server's disk."""
        self._forget_failure(model)
        self._work.remove(model, host)

    def pull(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Download ``model``."""
        self._work.pull(model, host)

    def repair(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Remove the damaged files of ``model`` and download them again."""
        self._forget_failure(model)
        self._work.cancel_pull(model)
        self._work.repair(model, host)

    def cancel_pull(self, model: str) -> None:
        """Stop a download, or take a failed one off the screen."""
        self._work.cancel_pull(model)

    def cancel_task(self, model: str) -> None:
        """Stop waiting for a load or switch, or take a failed one off the screen."""
        self._forget_failure(model)
        self._work.cancel_task(model)

    def measure_speed(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Run the quick benchmark on ``model``."""
        speeds = self._parts.speeds
        if speeds is not None:
            self._forget_failure(model)
            self._work.measure(model, lambda say, cancel: speeds.run(model, say, cancel), host)

    def set_paused(self, paused: bool) -> None:
        """Pause or resume the meter; remembered."""
        self.apply_settings(replace(self.settings, meter=replace(self.settings.meter, paused=paused)))

    def set_watching(self, watching: bool) -> None:
        """Somebody looks, or nobody does. Whoever has no model yet is shown what would fit."""
        self._parts.meter.set_shown(watching)
        if watching and not any(host.server.installed for host in self._parts.hub.state.hosts):
            self._parts.advise(None, None)
        self._parts.looked_at(watching)
        for watch in self._parts.watches.values():
            watch.set_shown(watching)

    def apply_settings(self, settings: Settings) -> None:
        """Save and act on new settings."""
        before, self._current.value = self._current.value, settings
        paused = settings.meter.paused
        if paused != before.meter.paused:
            self._parts.meter.set_paused(paused)
            self._parts.hub.update(lambda state: replace(state, paused=paused))

        def errand() -> None:
            self._try("settings", lambda: self._parts.save(settings))
            set_autostart = self._parts.set_autostart
            if settings.start_at_login != before.start_at_login and set_autostart is not None:
                self._try("autostart", lambda: set_autostart(settings.start_at_login))
            counted = (before.passthrough_on, before.passthrough_port)
            if counted != (settings.passthrough_on, settings.passthrough_port):
                self._set_counting(settings)

        self._parts.meter.settings_changed()
        self._errands.submit(errand)

    def start_server(self) -> None:
        """Start the installed server."""
        start = self._parts.start_server
        if start is None:
            return

        def errand() -> None:
            if self._try("start_server", start):
                self.refresh()

        self._errands.submit(errand)

    def refresh(self) -> None:
        """Ask the servers again now."""
        for watch in self._parts.watches.values():
            watch.refresh()

    def request_advice(self, use: str | None = None, context_length: int | None = None) -> None:
        """Ask for recommendations."""
        self._parts.advise(use, context_length)

    def judge(self, model: str, registry: bool) -> None:
        """Ask whether ``model`` fits."""
        self._parts.judge(model, registry)

    def dismiss(self, kind: str) -> None:
        """Forget the notice of this kind."""
        self._parts.hub.dismiss(kind, self._parts.now())

    def quit(self) -> None:
        """End the program."""
        if not self._quitting:
            self._quitting = True
            self._parts.quit()

    def notify(self, kind: str, text: str) -> None:
        """Show what a service has to say."""
        self._parts.hub.notify(kind, text, self._parts.now())

    @property
    def _work(self) -> ModelTasks:
        if self._tasks is None:
            raise RuntimeError("The desk has no tasks yet.")
        return self._tasks

    def _forget_failure(self, model: str) -> None:
        self._parts.hub.update(
            lambda state: replace(
                state, tasks=tuple(t for t in state.tasks if not (t.error and t.model == model))
            )
        )

    def _set_counting(self, settings: Settings) -> None:
        counting = self._parts.counting
        if counting is None:
            return
        if settings.passthrough_on:
            self._try("counting", lambda: counting.turn_on(settings.passthrough_port))
        else:
            counting.turn_off()
            self._parts.hub.withdraw("counting")
        self.counted()

    def counted(self) -> None:
        """Show how the relay stands; called with each sample, so that no request waits for it."""
        counting = self._parts.counting
        if counting is not None:
            now = counting.state
            if now != self._parts.hub.state.counting:
                self._parts.hub.update(lambda state: replace(state, counting=now))

    def _try(self, kind: str, what: Callable[[], None]) -> bool:
        try:
            what()
        except Problem as problem:
            self._parts.hub.notify(kind, str(problem), self._parts.now(), "error")
            return False
        self._parts.hub.withdraw(kind)
        return True


def _same_work(task: TaskState, others: tuple[TaskState, ...]) -> bool:
    return any(other.kind == task.kind and other.model == task.model for other in others)
