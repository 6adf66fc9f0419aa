"""Where the variables of this computer's server are set, and a change of them with its diff."""

import contextlib
import difflib
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from wattlight.domain.server_variables import SHOWN_ONLY, checked
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.paths import read_small, write_whole
from wattlight.settings import Settings

_UNIT = "ollama.service"
_DROP_IN = f"{_UNIT}.d/wattlight.conf"
_SYSTEM = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_MOST_BYTES = 1 << 18
_HEAD = "# Written by Wattlight (server-settings); lines of your own are kept.\n"


def values_of(settings: Settings) -> dict[str, str]:
    """The variables that a server of ours is started with; what cannot be one is left out."""
    found = {}
    for item in settings.server_values:
        with contextlib.suppress(Problem):
            found[item.name] = checked(item.name, item.value)
    return found


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
    """Where variables are set. ``file``: the one that Wattlight writes, None where it only shows commands."""

    kind: StartedBy
    file: Path | None = None


def find_place(
    environ: Mapping[str, str], managed: bool, platform: str = sys.platform, root: Path = Path("/")
) -> SettingsPlace:
    """The place for this computer; ``managed``: its server is started by Wattlight. ``root`` is for tests."""
    if managed:
        return SettingsPlace(StartedBy.MANAGED)
    if platform == "darwin":
        return SettingsPlace(StartedBy.LAUNCHD)
    if platform == "win32":
        return SettingsPlace(StartedBy.WINDOWS)
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    units = Path(config) / "systemd" / "user"
    if config and (units / _UNIT).is_file():
        return SettingsPlace(StartedBy.USER_SERVICE, units / _DROP_IN)
    if any((root / folder.lstrip("/") / _UNIT).is_file() for folder in _SYSTEM):
        return SettingsPlace(StartedBy.SYSTEM_SERVICE)
    return SettingsPlace(StartedBy.BY_HAND)


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """A change before it is made. ``diff`` is empty where no file is written; ``commands`` do what is left.

    ``text`` is the new content of the file.
    """

    place: SettingsPlace
    diff: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    text: str = ""


def plan(place: SettingsPlace, wanted: Mapping[str, str], unset: tuple[str, ...] = ()) -> ChangePlan:
    """What would be written and what a person types, to set ``wanted`` and take ``unset`` away.

    Raises:
        Problem: a variable is not ours to set, a value cannot be, or the file cannot be read.
    """
    values = {name: checked(name, value) for name, value in wanted.items()}
    for name in unset:
        if name in SHOWN_ONLY:
            checked(name, "")
    if place.file is None:
        return ChangePlan(place, commands=_commands(place.kind, values, unset))
    try:
        before = read_small(place.file, _MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        before = ""
    except OSError as error:
        raise _unwritable(place.file, error) from error
    after = drop_in(before, values, unset)
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="")
    restart = ("systemctl --user daemon-reload", "systemctl --user restart ollama")
    return ChangePlan(place, tuple(diff), restart if before != after else (), after)


def how_to(place: SettingsPlace, name: str, value: str) -> tuple[str, ...]:
    """What its owner types to set what Wattlight only shows; nothing for a server of ours."""
    if place.kind is StartedBy.USER_SERVICE:
        line = f"[Service]\n{_line(name, value)}\n"
        return (f"printf %s {shlex.quote(line)} | systemctl --user edit --stdin ollama",)
    return _commands(place.kind, {name: value}, ())


def apply(change: ChangePlan) -> None:
    """Write the file whole, or leave it as it was.

    Raises:
        Problem: it cannot be written.
    """
    file = change.place.file
    if file is None or not change.diff:
        return
    try:
        write_whole(file, change.text.encode())
    except OSError as error:
        raise _unwritable(file, error) from error


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


def _unwritable(file: Path, error: OSError) -> Problem:
    return Problem(
        tr("{file} cannot be used ({reason}).", file=file, reason=error.strerror or type(error).__name__),
        tr("Make the folder writable; nothing was changed."),
        "not_writable",
    )
