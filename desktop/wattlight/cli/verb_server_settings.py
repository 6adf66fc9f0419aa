"""``wattlight server-settings``: the variables of this computer's server, and a change of them."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wattlight.domain.server_variables import KNOWN, SHOWN_ONLY, VARIABLES, agrees, checked, in_force
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import open_regular, read_small
from wattlight.services.server_settings import (
    ChangePlan,
    SettingsPlace,
    StartedBy,
    apply,
    find_place,
    how_to,
    plan,
    set_in,
)
from wattlight.settings import ServerValue, save_settings

from .options import require_yes
from .output import Call, Document

_LOG_BYTES = 4 << 20


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a variable")
    parser.add_argument("--unset", metavar="NAME", action="append", default=[], help="take a variable away")
    parser.add_argument("--yes", action="store_true", help="do not ask before a file is written")


def run(args: argparse.Namespace, call: Call) -> None:
    """Show the variables, or change them where they are ours to change."""
    workshop = call.workshop
    values = dict(_pair(text) for text in args.set)
    place = _place(call)
    if values or args.unset:
        change = plan(place, values, tuple(args.unset))
        _carry_out(args, call, change, values)
        return
    own, told = _own(call, place), _told(workshop.server_logs())
    names = [*KNOWN, *(name for name in sorted({*own, *(told or {})}) if name not in {**KNOWN, **SHOWN_ONLY})]
    rows = [(name, own.get(name), None if told is None else told.get(name)) for name in names]
    if call.as_json:
        call.out.document(_document(place, rows, told is not None))
        return
    table = [(tr("NAME"), tr("SET"), tr("IN FORCE"), tr("WHAT IT IS"))]
    table += [(name, ours or "–", _said(ours, now), _meaning(name)) for name, ours, now in rows]
    call.out.table(table)
    call.out.line()
    for text in _notes(place, told is not None):
        call.out.line(text)


def _carry_out(args: argparse.Namespace, call: Call, change: ChangePlan, values: Mapping[str, str]) -> None:
    kind = change.place.kind
    if kind is StartedBy.MANAGED:
        settings = call.workshop.settings()
        gone = {*values, *args.unset}
        kept = tuple(item for item in settings.server_values if item.name not in gone)
        made = tuple(ServerValue(name, checked(name, value)) for name, value in values.items())
        save_settings(call.workshop.places.settings_file, replace(settings, server_values=(*kept, *made)))
        written, left = (
            True,
            [tr("It counts from the next start of the server: quit Wattlight and start it again.")],
        )
    elif change.place.file is None:
        written, left = False, [tr("Wattlight does not write there. These commands do it:"), *change.commands]
    else:
        if change.diff:
            for line in () if call.as_json else change.diff:
                call.out.line(line)
            file = change.place.file
            require_yes(args, call, tr("Write {file}?", file=file), tr("{file} would be written.", file=file))
            apply(change)
        written = bool(change.diff)
        left = [tr("It counts when the server is started again:"), *change.commands] if written else []
        left = left or [tr("It is set so already.")]
    if call.as_json:
        document = {"place": kind.value, "written": written, "diff": list(change.diff)}
        call.out.document({**document, "commands": list(change.commands)})
        return
    for text in left:
        call.out.line(text)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise Problem(
            tr('"{typed}" is not NAME=VALUE.', typed=clean_text(text, 60)),
            tr("Write it like --set OLLAMA_KEEP_ALIVE=1h."),
            "bad_value",
        )
    return name.strip(), value


def _place(call: Call) -> SettingsPlace:
    """A server that is ours has a record while it runs; else whoever starts it as a service."""
    places, environ = call.workshop.places, call.workshop.environ
    place = find_place(environ, (places.state / "managed-server.json").exists())
    ours = place.kind is StartedBy.BY_HAND and call.workshop.settings().start_server
    return SettingsPlace(StartedBy.MANAGED) if ours else place


def _own(call: Call, place: SettingsPlace) -> dict[str, str]:
    """What was set where Wattlight sets it."""
    if place.kind is StartedBy.MANAGED:
        return {item.name: item.value for item in call.workshop.settings().server_values}
    try:
        return set_in(read_small(place.file, 1 << 18).decode("utf-8", "replace")) if place.file else {}
    except OSError:
        return {}


def _told(logs: tuple[Path, ...]) -> Mapping[str, str] | None:
    """What the server said of itself at its last start; None where no log of it can be read."""
    newest: tuple[float, Mapping[str, str]] | None = None
    for file in logs:
        try:
            with open_regular(file) as stream:
                found = in_force(stream.read(_LOG_BYTES).decode("utf-8", "replace"))
                at = file.stat().st_mtime
        except OSError:
            continue
        if found is not None and (newest is None or at > newest[0]):
            newest = at, found
    return None if newest is None else newest[1]


def _said(ours: str | None, now: str | None) -> str:
    if ours is not None and now is not None and not agrees(ours, now):
        return tr("{value} (not as set)", value=clean_text(now, 40) or tr("nothing"))
    return clean_text(now or "", 40) or "–"


def _meaning(name: str) -> str:
    variable = KNOWN.get(name)
    if variable is None:
        return tr("not known to Wattlight; kept")
    facts = [variable.kind]
    if variable.default:
        facts.append(tr("usually {value}", value=variable.default))
    if variable.since:
        facts.append(tr("since {version}", version=variable.since))
    if variable.until:
        facts.append(tr("until {version}", version=variable.until))
    return f"{tr(variable.meaning)} ({', '.join(facts)})"


def _notes(place: SettingsPlace, told: bool) -> list[str]:
    where = {
        StartedBy.MANAGED: tr(
            "Wattlight starts this server: its variables are kept in Wattlight's settings."
        ),
        StartedBy.USER_SERVICE: tr(
            "The server is a service of this account: {file} is written.", file=place.file
        ),
        StartedBy.SYSTEM_SERVICE: tr(
            "The server is a service of the system: the commands for a change are shown."
        ),
        StartedBy.LAUNCHD: tr(
            "Variables of macOS are set by launchctl: the commands for a change are shown."
        ),
        StartedBy.WINDOWS: tr("Variables of Windows are set by setx: the commands for a change are shown."),
        StartedBy.BY_HAND: tr("The server is started by hand: the commands for a change are shown."),
    }[place.kind]
    notes = [where]
    for name, (text, example) in SHOWN_ONLY.items():
        notes.append(tr("{name}: {what}. Wattlight never changes it.", name=name, what=tr(text)))
        notes += how_to(place, name, example)
    if not told:
        notes.append(tr("What is in force is not known: the server's log cannot be read here."))
    return notes


def _document(place: SettingsPlace, rows: list[tuple[str, str | None, str | None]], told: bool) -> Document:
    defaults = {variable.name: variable for variable in VARIABLES}
    return {
        "place": place.kind.value,
        "file": None if place.file is None else str(place.file),
        "read_back": told,
        "variables": [
            {
                "name": name,
                "set": ours,
                "in_force": now,
                "as_set": None if ours is None or now is None else agrees(ours, now),
                "kind": defaults[name].kind if name in defaults else None,
                "default": (defaults[name].default or None) if name in defaults else None,
            }
            for name, ours, now in rows
        ],
    }
