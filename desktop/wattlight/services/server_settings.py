"""Where the variables of this computer's server are set, and a change of them with its diff."""

import contextlib
import difflib
import plistlib
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from xml.parsers.expat import ExpatError

from wattlight.domain.server_variables import SHOWN_ONLY, checked, is_variable
from wattlight.domain.values import UNREADABLE, Problem
from wattlight.i18n import tr
from wattlight.paths import read_small, write_whole
from wattlight.settings import ServerValue, Settings
from wattlight.system import APP_ID, set_login_variables, set_user_variables, user_variables

_UNIT = "ollama.service"
_DROP_IN = f"{_UNIT}.d/wattlight.conf"
_SYSTEM = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_AGENT = f"{APP_ID}.server-variables"
_MOST_BYTES = 1 << 18
_KEY_OF_WINDOWS = "HKEY_CURRENT_USER\\Environment"
_HEAD = "# Written by Wattlight (server-settings); lines of your own are kept.\n"


def values_of(settings: Settings) -> dict[str, str]:
    """The variables that a server of ours is started with; what cannot be one is left out."""
    found = {}
    for item in settings.server_values:
        with contextlib.suppress(Problem):
            found[item.name] = checked(item.name, item.value)
    return found


def with_values(settings: Settings, values: Mapping[str, str], unset: tuple[str, ...] = ()) -> Settings:
    """``settings`` with variables of a server of ours set and taken away."""
    gone = {*values, *unset}
    kept = tuple(item for item in settings.server_values if item.name not in gone)
    made = tuple(ServerValue(name, checked(name, value)) for name, value in values.items())
    return replace(settings, server_values=(*kept, *made))


class StartedBy(StrEnum):
    """Who starts the server."""

    MANAGED = "managed"
    USER_SERVICE = "user_service"
    SYSTEM_SERVICE = "system_service"
    LAUNCHD = "launchd"
    WINDOWS = "windows"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class SettingsPlace:
    """Where variables are set. ``file``: the one that Wattlight writes; ``in_registry``: or it writes there.

    Where neither is, and the server is not ours, only commands are shown.
    """

    kind: StartedBy
    file: Path | None = None
    in_registry: bool = False

    @property
    def is_written(self) -> bool:
        """Whether Wattlight itself makes changes there."""
        return self.kind is StartedBy.MANAGED or self.file is not None or self.in_registry


def find_place(
    environ: Mapping[str, str], managed: bool, platform: str = sys.platform, root: Path = Path("/")
) -> SettingsPlace:
    """The place for this computer; ``managed``: its server is started by Wattlight. ``root`` is for tests."""
    if managed:
        return SettingsPlace(StartedBy.MANAGED)
    home = environ.get("HOME", "")
    if platform == "darwin":
        agent = Path(home) / "Library" / "LaunchAgents" / f"{_AGENT}.plist" if home else None
        return SettingsPlace(StartedBy.LAUNCHD, agent)
    if platform == "win32":
        return SettingsPlace(StartedBy.WINDOWS, in_registry=True)
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    units = Path(config) / "systemd" / "user"
    if config and (units / _UNIT).is_file():
        return SettingsPlace(StartedBy.USER_SERVICE, units / _DROP_IN)
    if any((root / folder.lstrip("/") / _UNIT).is_file() for folder in _SYSTEM):
        return SettingsPlace(StartedBy.SYSTEM_SERVICE)
    return SettingsPlace(StartedBy.BY_HAND)


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """A change before it is made. ``diff`` is empty where nothing is written; ``commands`` do what is left.

    ``text`` is the new content of the file; ``values`` and ``unset`` are what was asked for.
    """

    place: SettingsPlace
    diff: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    text: str = ""
    values: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()


RESTART_SERVICE = ("systemctl --user daemon-reload", "systemctl --user restart ollama")


def plan(
    place: SettingsPlace,
    wanted: Mapping[str, str],
    unset: tuple[str, ...] = (),
    settings: Settings | None = None,
) -> ChangePlan:
    """What would be written and what a person types, to set ``wanted`` and take ``unset`` away.

    ``settings`` are Wattlight's own, where a server of ours keeps its variables.

    Raises:
        Problem: a variable is not ours to set, a value cannot be, or what is set cannot be read.
    """
    values = {name: checked(name, value) for name, value in wanted.items()}
    for name in unset:
        if name in SHOWN_ONLY:
            checked(name, "")
    asked = (tuple(values.items()), unset)
    if not place.is_written:
        return ChangePlan(place, (), _commands(place.kind, values, unset), "", *asked)
    if place.kind is StartedBy.USER_SERVICE:
        before = _read(place)
        after = drop_in(before, values, unset)
        commands: tuple[str, ...] = RESTART_SERVICE if before != after else ()
    else:
        known = set_at(place, settings or Settings())
        kept = {name: value for name, value in known.items() if name not in {*values, *unset}}
        before, after = _lines(known), _lines({**kept, **values})
        commands = ()
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="")
    return ChangePlan(place, tuple(diff), commands, after, *asked)


def set_at(place: SettingsPlace, settings: Settings) -> dict[str, str]:
    """The variables that are set at ``place``, as far as Wattlight sets them there.

    Raises:
        Problem: they cannot be read.
    """
    if place.kind is StartedBy.MANAGED:
        return {item.name: item.value for item in settings.server_values}
    if place.in_registry:
        try:
            found = user_variables()
        except (OSError, ImportError) as error:
            raise _unwritable(_KEY_OF_WINDOWS, error) from error
        return {name: value for name, value in found.items() if is_variable(name) and name not in SHOWN_ONLY}
    if place.file is None:
        return {}
    return set_in(_read(place)) if place.kind is StartedBy.USER_SERVICE else _of_agent(_read(place))


def _read(place: SettingsPlace) -> str:
    if place.file is None:
        return ""
    try:
        return read_small(place.file, _MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unwritable(place.file, error) from error


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(values.items()))


def _of_agent(text: str) -> dict[str, str]:
    """The variables that our agent of macOS sets at login."""
    try:
        found = plistlib.loads(text.encode()).get("WattlightVariables", {}) if text else {}
        return {str(name): str(value) for name, value in found.items() if is_variable(str(name))}
    except (*UNREADABLE, ExpatError):
        return {}


def _agent(text: str) -> bytes:
    """An agent that sets the variables of ``text`` (lines of NAME=VALUE) at each login."""
    values = dict(line.split("=", 1) for line in text.splitlines())
    script = "; ".join(f"launchctl setenv {name} {shlex.quote(value)}" for name, value in values.items())
    return plistlib.dumps(
        {
            "Label": _AGENT,
            "ProgramArguments": ["/bin/sh", "-c", script],
            "RunAtLoad": True,
            "WattlightVariables": values,
        }
    )


def how_to(place: SettingsPlace, name: str, value: str) -> tuple[str, ...]:
    """What its owner types to set what Wattlight only shows; nothing for a server of ours."""
    if place.kind is StartedBy.USER_SERVICE:
        line = f"[Service]\n{_line(name, value)}\n"
        return (f"printf %s {shlex.quote(line)} | systemctl --user edit --stdin ollama",)
    return _commands(place.kind, {name: value}, ())


def apply(change: ChangePlan) -> None:
    """Make the change in a file (written whole, or left as it was) or in the registry of Windows.

    Raises:
        Problem: it cannot be written.
    """
    place, file = change.place, change.place.file
    if not change.diff:
        return
    try:
        if place.in_registry:
            set_user_variables(dict(change.values), change.unset)
        elif file is not None and place.kind is StartedBy.LAUNCHD:
            if change.text:
                write_whole(file, _agent(change.text))
            else:
                file.unlink(missing_ok=True)
            set_login_variables(dict(change.values), change.unset)
        elif file is not None:
            write_whole(file, change.text.encode())
    except OSError as error:
        raise _unwritable(file or _KEY_OF_WINDOWS, error) from error


def drop_in(before: str, values: Mapping[str, str], unset: tuple[str, ...] = ()) -> str:
    """The text of our drop-in with ``values`` set; every other line stays where it is."""
    gone = {*values, *unset}
    lines = [line for line in before.splitlines() if _variable(line) not in gone]
    if not lines:
        lines = _HEAD.splitlines()
    if "[Service]" not in (line.strip() for line in lines):
        lines.append("[Service]")
    lines += [_line(name, value) for name, value in values.items()]
    return "\n".join(lines) + "\n"


def set_in(text: str) -> dict[str, str]:
    """The variables that our drop-in sets."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name = _variable(line)
        if name:
            quoted = line.partition("=")[2].strip()
            value = shlex.split(quoted)[0].partition("=")[2]
            found[name] = value.replace("%%", "%")
    return found


def _variable(line: str) -> str:
    """The one variable that a line sets; "" for any other line, also one that sets several."""
    key, _, rest = line.partition("=")
    if key.strip() != "Environment":
        return ""
    try:
        words = shlex.split(rest)
    except ValueError:
        return ""
    return words[0].partition("=")[0] if len(words) == 1 else ""


def _line(name: str, value: str) -> str:
    """A variable as systemd reads it between double quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'Environment="{name}={escaped}"'


def _commands(kind: StartedBy, values: Mapping[str, str], unset: tuple[str, ...]) -> tuple[str, ...]:
    """What does it where Wattlight writes nothing."""
    pairs = values.items()
    if kind is StartedBy.SYSTEM_SERVICE:
        body = "\n".join(_line(name, value) for name, value in pairs)
        gone = "".join(f"\nUnsetEnvironment={name}" for name in unset)
        text = shlex.quote(f"[Service]\n{body}{gone}\n".replace("\n\n", "\n"))
        file = f"/etc/systemd/system/{_UNIT}.d/wattlight.conf"
        return (
            f"sudo mkdir -p {Path(file).parent}",
            f"printf %s {text} | sudo tee {file}",
            "sudo systemctl daemon-reload && sudo systemctl restart ollama",
        )
    if kind is StartedBy.LAUNCHD:
        return (
            *(f"launchctl setenv {name} {shlex.quote(value)}" for name, value in pairs),
            *(f"launchctl unsetenv {name}" for name in unset),
        )
    if kind is StartedBy.WINDOWS:
        return (
            *(f'setx {name} "{re.sub(chr(34), chr(92) + chr(34), value)}"' for name, value in pairs),
            *(f"reg delete HKCU\\Environment /v {name} /f" for name in unset),
        )
    if kind is StartedBy.BY_HAND:
        return (
            *(f"export {name}={shlex.quote(value)}" for name, value in pairs),
            *(f"unset {name}" for name in unset),
            "ollama serve",
        )
    return ()


def _unwritable(place: Path | str, error: Exception) -> Problem:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return Problem(
        tr("{file} cannot be used ({reason}).", file=place, reason=reason),
        tr("Make the folder writable; nothing was changed."),
        "not_writable",
    )
