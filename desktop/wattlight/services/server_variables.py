"""The variables of this computer's server as they are set and in force, and a change of them step by step."""

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wattlight.domain.command import Command
from wattlight.domain.server_variables import KNOWN, SHOWN_ONLY, agrees, in_force
from wattlight.domain.state import AppState, ServerStatus
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.paths import open_regular
from wattlight.runtime import cache_types, weights_file
from wattlight.settings import Settings
from wattlight.system import NO_WINDOW, restart_user_service

from .server_settings import (
    ChangePlan,
    SettingsPlace,
    StartedBy,
    apply,
    find_place,
    plan,
    set_at,
    with_values,
)

if TYPE_CHECKING:
    from .answers import Extras
    from .current import CurrentSettings
    from .factory import ServiceFactory
    from .first_run import SetupGuide

_LOG_BYTES = 4 << 20
_JOURNAL_S = 5.0
_LINES = "server config|loaded meta data|llama_kv_cache"
PART = "variables"
"""The name of this answer among the slower ones."""


@dataclass(frozen=True, slots=True)
class VariableRow:
    """One variable: what is set where Wattlight sets it, and what the server said; None: not known."""

    name: str
    ours: str | None = None
    now: str | None = None

    @property
    def as_set(self) -> bool | None:
        """Whether what is set is in force; None where that is not known."""
        return None if self.ours is None or self.now is None else agrees(self.ours, self.now)

    @property
    def is_usual(self) -> bool:
        """Nothing is set, and the server runs with what it takes by itself."""
        known = KNOWN.get(self.name)
        usual = known.default if known is not None else ""
        return self.ours is None and (not self.now or agrees(usual, self.now))


@dataclass(frozen=True, slots=True)
class VariablesNow:
    """``told``: a log said what is in force. ``planned``: a change that waits to be written.

    ``said`` is what came of the last step; ``restart_due``: what was written counts from the next start.
    """

    place: SettingsPlace
    rows: tuple[VariableRow, ...] = ()
    told: bool = False
    planned: ChangePlan | None = None
    said: str = ""
    bad: bool = False
    restart_due: bool = False


def place_of(factory: "ServiceFactory", settings: Settings) -> SettingsPlace:
    """A server that is ours has a record while it runs; else whoever starts it as a service."""
    place = find_place(factory.environ, (factory.places.state / "managed-server.json").exists())
    ours = place.kind is StartedBy.BY_HAND and settings.start_server
    return SettingsPlace(StartedBy.MANAGED) if ours else place


def read_variables(factory: "ServiceFactory", settings: Settings) -> VariablesNow:
    """Every known variable, and those that are set or in force beside them."""
    place, problem = place_of(factory, settings), ""
    try:
        own = set_at(place, settings)
    except Problem as fault:
        own, problem = {}, str(fault)
    log = _log(factory, place)
    told = None if log is None else in_force(log)
    more = sorted({*own, *(told or {})} - {*KNOWN, *SHOWN_ONLY})
    rows = tuple(
        VariableRow(name, own.get(name), None if told is None else told.get(name)) for name in (*KNOWN, *more)
    )
    return VariablesNow(place, rows, told is not None, None, problem, bool(problem))


def caches_in_force(factory: "ServiceFactory", settings: Settings, models: tuple[str, ...]) -> dict[str, str]:
    """The type of the KV cache of loaded ``models`` by name, as the server's log tells of their last load."""
    if not models:
        return {}
    log = _log(factory, place_of(factory, settings))
    types = {} if log is None else cache_types(log)
    if not types:
        return {}
    server, found = factory.server(), {}
    for name in models:
        with contextlib.suppress(Problem):
            file = weights_file(server.describe(name))
            if file in types:
                found[name] = types[file]
    return found


def _log(factory: "ServiceFactory", place: SettingsPlace) -> str | None:
    """The newest log with a start of the server in it; None where none can be read."""
    newest: tuple[float, str] | None = None
    for file in factory.server_logs():
        try:
            with open_regular(file) as stream:
                text = stream.read(_LOG_BYTES).decode("utf-8", "replace")
                at = file.stat().st_mtime
        except OSError:
            continue
        if in_force(text) is not None and (newest is None or at > newest[0]):
            newest = at, text
    journal = _journal(factory.environ, place.kind)
    if journal is not None:
        return journal
    return None if newest is None else newest[1]


def _journal(environ: Mapping[str, str], kind: StartedBy) -> str | None:
    """What the journal of a service has of it; None where this account may not read it."""
    program = shutil.which("journalctl", path=environ.get("PATH", ""))
    if program is None or kind not in {StartedBy.USER_SERVICE, StartedBy.SYSTEM_SERVICE}:
        return None
    whose = ["--user"] if kind is StartedBy.USER_SERVICE else []
    command = [program, *whose, "-u", "ollama", "-g", _LINES, "-n", "2000", "-o", "cat", "--no-pager"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_JOURNAL_S,
            check=False,
            env=dict(environ),
            creationflags=NO_WINDOW,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = done.stdout[-_LOG_BYTES:].decode("utf-8", "replace")
    return text if in_force(text) is not None else None


class ServerVariables:
    """What the card of the page Settings asks for. Each method returns at once; the work is done, and the
    answer made, when :meth:`answer` is called on the thread of the slower answers.

    ``ask`` has that thread work out a part anew; ``save`` gets settings before and after.
    """

    def __init__(
        self,
        factory: "ServiceFactory",
        settings: "CurrentSettings",
        guide: "SetupGuide",
        save: Callable[[Settings, Settings], None],
        ask: Callable[..., None],
    ) -> None:
        self._factory, self._settings, self._guide = factory, settings, guide
        self._save, self._ask = save, ask
        self._lock = threading.Lock()
        self._steps: list[Callable[[VariablesNow], VariablesNow]] = []
        self._edits: dict[str, str | None] = {}
        self._now: VariablesNow | None = None
        self._ready = False

    def read(self, _command: Command) -> None:
        """Read anew what is set and in force."""
        self._step(lambda now: now)

    def plan(self, command: Command) -> None:
        """Let ``command.model`` be ``command.text``, with ``number`` 1 be unset: what would be written."""

        def add(now: VariablesNow) -> VariablesNow:
            edits = {**self._edits, command.model: None if command.number == 1 else command.text}
            planned = self._planned(now, edits)
            self._edits = edits
            return replace(now, planned=planned)

        self._step(add)

    def plan_cache(self, command: Command) -> None:
        """Let every model have a cache of the type ``command.text``; a smaller one needs flash attention."""
        self.plan(replace(command, model="OLLAMA_KV_CACHE_TYPE"))
        if command.text != "f16":
            self.plan(replace(command, model="OLLAMA_FLASH_ATTENTION", text="1"))

    def drop(self, _command: Command) -> None:
        """Forget the change that waits."""

        def forget(now: VariablesNow) -> VariablesNow:
            self._edits = {}
            return replace(now, planned=None)

        self._step(forget)

    def write(self, _command: Command) -> None:
        """Make the change that was shown."""

        def make(now: VariablesNow) -> VariablesNow:
            change = now.planned
            if change is None or not change.diff:
                return now
            if change.place.kind is StartedBy.MANAGED:
                before = self._settings.value
                self._save(before, with_values(before, dict(change.values), change.unset))
            else:
                apply(change)
            self._edits = {}
            said = tr("Written. It counts from the next start of the server.")
            return replace(now, planned=None, said=said, restart_due=True)

        self._step(make)

    def restart(self, _command: Command) -> None:
        """Start the server again, where it is ours or a service of this account."""
        place = place_of(self._factory, self._settings.value)
        if place.kind is StartedBy.MANAGED:
            self._guide.restart_server()
            self._step(lambda now: replace(now, said=tr("The server is started again."), restart_due=False))
            return

        def again(now: VariablesNow) -> VariablesNow:
            if place.kind is not StartedBy.USER_SERVICE:
                return now
            restart_user_service("ollama", self._factory.environ)
            return replace(now, said=tr("The server is started again."), restart_due=False)

        self._step(again)

    def state_changed(self, state: AppState) -> None:
        """A server that has started tells what it runs with."""
        ready = state.local.server.status is ServerStatus.READY
        if ready and not self._ready and self._now is not None:
            self._ask(PART)
        self._ready = ready

    def answer(self, extras: "Extras") -> "Extras":
        """Carry out what waits, then read anew."""
        with self._lock:
            steps, self._steps = self._steps, []
        before = self._now or VariablesNow(SettingsPlace(StartedBy.BY_HAND))
        now = replace(before, said="", bad=False) if steps else before
        for step in steps:
            try:
                now = step(now)
            except Problem as problem:
                now = replace(now, said=str(problem), bad=True)
        fresh = read_variables(self._factory, self._settings.value)
        if not now.said:
            now = replace(now, said=fresh.said, bad=fresh.bad)
        self._now = replace(now, place=fresh.place, rows=fresh.rows, told=fresh.told)
        return replace(extras, variables=self._now)

    def _planned(self, now: VariablesNow, edits: Mapping[str, str | None]) -> ChangePlan:
        values = {name: value for name, value in edits.items() if value is not None}
        unset = tuple(name for name, value in edits.items() if value is None)
        place = place_of(self._factory, self._settings.value) if now.planned is None else now.planned.place
        return plan(place, values, unset, self._settings.value)

    def _step(self, step: Callable[[VariablesNow], VariablesNow]) -> None:
        with self._lock:
            self._steps.append(step)
        self._ask(PART)
