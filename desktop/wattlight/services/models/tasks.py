"""The user's commands on models, each done in the background, its progress published as frozen values."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from wattlight import StartThread, start_thread
from wattlight.domain.servers import Can
from wattlight.domain.state import TaskState, same_model
from wattlight.domain.values import LOCAL_HOST, HostId, Problem, clean_text
from wattlight.i18n import tr
from wattlight.runtime import ModelServer, RuntimeProblem
from wattlight.services.hub import InOrder
from wattlight.settings import Alias, Settings

from .alias import FollowingName
from .pulls import damaged_layers, remove_damaged
from .switching import (
    Announce,
    FitsBeside,
    as_listed,
    load_beside,
    remove_model,
    shared_text,
    switch,
    unload,
    unload_all,
    with_it_text,
)
from .watch import SerialExecutor


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ended: ``problem`` None and not ``cancelled`` means it was done. ``note`` may add a fact."""

    kind: str
    model: str
    host: HostId
    problem: Problem | None = None
    cancelled: bool = False
    note: str = ""


@dataclass(slots=True)
class _Task:
    state: TaskState
    host: HostId
    cancel: threading.Event


Work = Callable[[ModelServer, _Task], str]
MEASURE = "measure"
Measuring = Callable[[Callable[[float | None], None], threading.Event], None]
"""A measurement: told how to say how far it is (0 to 1), and an event that ends it."""


class ModelTasks:
    """Does one operation at a time on each host; the rest waits in order.

    All methods return at once and may be called from any thread. ``on_change`` gets all tasks that are not
    over; ``on_end`` is called once per task. Both are called on a worker thread or the caller's. ``pull``
    downloads a model anew whose damaged files were removed.
    """

    def __init__(
        self,
        servers: Mapping[HostId, ModelServer],
        fits_beside: Callable[[HostId], FitsBeside],
        on_change: Callable[[tuple[TaskState, ...]], None],
        on_end: Callable[[TaskEnd], None],
        *,
        settings: Callable[[], Settings] = Settings,
        folders: Callable[[HostId], tuple[Path, ...]] = lambda _: (),
        pull: Callable[[str, HostId], None] = lambda _model, _host: None,
        announce: Announce = lambda _model, _context: None,
        on_alias: Callable[[Alias], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        start: StartThread = start_thread,
    ) -> None:
        self._servers = servers
        self._announce = announce
        self._alias = FollowingName(lambda: settings().alias, on_alias)
        self._fits_beside = fits_beside
        self._changes: InOrder[tuple[TaskState, ...]] = InOrder(on_change)
        self._on_end = on_end
        self._settings = settings
        self._folders = folders
        self._pull = pull
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: list[_Task] = []
        self._threads = start
        self._operations: dict[HostId, SerialExecutor] = {}

    def load(
        self,
        model: str,
        context_length: int | None = None,
        host: HostId = LOCAL_HOST,
        again: bool = False,
    ) -> None:
        def work(server: ModelServer, task: _Task) -> str:
            wanted = self._settings().wish(model)
            context = context_length or wanted.context_length
            loaded = load_beside(
                server,
                model,
                keep_alive=wanted.keep_alive,
                context_length=context,
                cancel=task.cancel,
                say=lambda text: self._say(task, text),
                announce=lambda name, length: self._expect(host, name, length),
            )
            alias = self._settings().alias
            if loaded is not None and not same_model(loaded.name, model):
                return "" if same_model(loaded.name, alias.name) else shared_text(model, loaded)
            got = None if loaded is None else loaded.context_length
            return f"context {got}" if got is not None and context is not None and got < context else ""

        self._start("load", model, host, work, again)

    def unload(self, model: str | None = None, host: HostId = LOCAL_HOST, digest: str = "") -> None:
        """Free ``model``, or all; ``digest``: which one where two loaded models have that name."""

        def work(server: ModelServer, task: _Task) -> str:
            if model is None:
                unload_all(server, task.cancel, lambda text: self._say(task, text))
                return ""
            gone = unload(server, model, task.cancel, digest).unloaded[1:]
            return " ".join(with_it_text(model, name) for name in gone)

        self._start("unload", model or "", host, work)

    def switch(self, model: str, host: HostId = LOCAL_HOST) -> None:
        def work(server: ModelServer, task: _Task) -> str:
            wanted = self._settings().wish(model)
            result = switch(
                server,
                model,
                self._fits_beside(host),
                keep_alive=wanted.keep_alive,
                context_length=wanted.context_length,
                cancel=task.cancel,
                say=lambda text: self._say(task, text),
                announce=lambda name, context: self._expect(host, name, context),
                own_names=self._alias.own_names if host == LOCAL_HOST else as_listed,
            )
            notes = [result.kept[0][1]] if result.kept else []
            if host == LOCAL_HOST:
                notes.append(self._alias.follow(server, model, wanted.context_length, task.cancel))
            return " ".join(note for note in notes if note)

        self._start("switch", model, host, work)

    def point_alias(self, model: str) -> None:
        """Let the name that follows the model in use stand for ``model``."""

        def work(server: ModelServer, task: _Task) -> str:
            self._alias.point(server, model, self._settings().wish(model).context_length, task.cancel)
            return ""

        self._start("alias", model, LOCAL_HOST, work)

    def drop_alias(self) -> None:
        """Take the name that follows the model in use off the server."""

        def work(server: ModelServer, task: _Task) -> str:
            self._alias.drop(server, task.cancel)
            return ""

        self._start("alias", self._settings().alias.name, LOCAL_HOST, work)

    def tag_context(self, model: str, context_length: int, host: HostId = LOCAL_HOST) -> None:
        """Make a model of its own from ``model`` whose context is ``context_length`` for every client."""

        def work(server: ModelServer, task: _Task) -> str:
            made = server.with_context(model, context_length, task.cancel)
            return tr("{name} is made: it shares its files and takes next to no room on the disk.", name=made)

        self._start("tag", model, host, work)

    def keep_loaded(self, model: str, keep_alive: str, host: HostId = LOCAL_HOST) -> None:
        """Keep ``model`` loaded for so long after each use, from now on; its context stays."""

        def work(server: ModelServer, task: _Task) -> str:
            server.require(Can.KEEP)
            now = next((m for m in server.running(task.cancel) if same_model(m.name, model)), None)
            context = self._settings().wish(model).context_length if now is None else now.context_length
            self._expect(host, model, context)
            server.load(model, keep_alive=keep_alive, context_length=context, cancel=task.cancel)
            return ""

        self._start("keep", model, host, work, again=True)

    def follow_pull(self, server: ModelServer, model: str, cancel: threading.Event) -> None:
        """A download of ``model`` is done: the name that stands for it takes the newer version."""
        context = self._settings().wish(model).context_length
        self._alias.follow_pull(server, model, context, cancel)

    def remove(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Delete ``model`` from the disk; a loaded one is unloaded before, or it could not be any more."""

        def work(server: ModelServer, task: _Task) -> str:
            if host == LOCAL_HOST:
                loaded = self._alias.own_names(server, server.running(task.cancel))
                if any(m.loaded_as and same_model(m.name, model) for m in loaded):
                    server.unload(model, task.cancel)
                self._alias.drop_with(server, model, task.cancel)
            remove_model(server, model, task.cancel)
            return ""

        self._start("remove", model, host, work)

    def repair(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Remove the damaged files of ``model`` and pull it again. The window has asked before."""

        def work(_: ModelServer, task: _Task) -> str:
            remove_damaged(damaged_layers(model, self._folders(host), task.cancel))
            self._pull(model, host)
            return ""

        self._start("repair", model, host, work)

    def measure(self, model: str, work: Measuring, host: HostId = LOCAL_HOST) -> None:
        """Measure ``model`` when nothing else is done; any other operation ends the measurement at once."""

        def run(_: ModelServer, task: _Task) -> str:
            def say(fraction: float | None) -> None:
                task.state = replace(task.state, fraction=fraction)
                self._tell()

            work(say, task.cancel)
            return ""

        self._start(MEASURE, model, host, run)

    def cancel_task(self, model: str, host: HostId = LOCAL_HOST) -> None:
        """Stop waiting for what is being done with ``model``."""
        with self._lock:
            for task in self._tasks:
                if task.host == host and same_model(task.state.model, model):
                    task.cancel.set()

    def close(self, timeout_s: float = 1.0) -> bool:
        """Cancel everything and wait for the threads; True when all ended in time."""
        with self._lock:
            for task in self._tasks:
                task.cancel.set()
        end = self._clock() + timeout_s
        ended = [each.close(max(0.05, end - self._clock())) for each in self._operations.values()]
        return all(ended)

    def _expect(self, host: HostId, model: str, context_length: int | None) -> None:
        """What is learned of loads is of this computer."""
        if host == LOCAL_HOST:
            self._announce(model, context_length)

    def _start(self, kind: str, model: str, host: HostId, work: Work, again: bool = False) -> None:
        """Do it when its turn comes; the same twice is done once, unless ``again``."""
        task = _Task(TaskState(kind, clean_text(model), self._now(), host=host), host, threading.Event())
        with self._lock:
            if not again and any(t.state.what == task.state.what for t in self._tasks):
                return
            lane = self._operations.get(host)
            if lane is None:  # a server that is dead or slow keeps nobody else waiting
                name = "wattlight-models" if host == LOCAL_HOST else f"wattlight-models {host}"
                lane = self._operations[host] = SerialExecutor(name, self._threads)
            for other in self._tasks if kind != MEASURE else ():
                if other.state.kind == MEASURE:
                    other.cancel.set()
            self._tasks.append(task)
        self._tell()
        if not lane.submit(lambda: self._run(task, work)):
            self._finish(task, TaskEnd(kind, task.state.model, host, cancelled=True))

    def _run(self, task: _Task, work: Work) -> None:
        kind, model, host = task.state.kind, task.state.model, task.host
        try:
            if task.cancel.is_set():
                end = TaskEnd(kind, model, host, cancelled=True)
            else:
                end = TaskEnd(kind, model, host, note=work(self._servers[host], task))
        except Problem as problem:
            end = TaskEnd(kind, model, host, problem, cancelled=problem.code == "cancelled")
        except Exception as error:  # noqa: BLE001 - the worker must live; the error is told, not hidden
            end = TaskEnd(kind, model, host, unexpected(error))
        self._finish(task, end)

    def _finish(self, task: _Task, end: TaskEnd) -> None:
        with self._lock:
            self._tasks = [other for other in self._tasks if other is not task]
        self._tell()
        self._on_end(end)

    def _say(self, task: _Task, text: str) -> None:
        task.state = replace(task.state, message=text)
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._changes.put(tuple(t.state for t in self._tasks))
        self._changes.deliver()


def unexpected(error: Exception) -> RuntimeProblem:
    """What a person is told of an error of our own."""
    return RuntimeProblem(
        tr("Wattlight hit an error of its own ({name}).", name=type(error).__name__),
        tr("Please report it."),
        "internal",
    )
