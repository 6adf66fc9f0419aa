"""``wattlight server-settings``: the variables of this computer's server, and a change of them."""

import argparse
from collections.abc import Mapping

from wattlight.domain.server_variables import KNOWN, SHOWN_ONLY
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import joined, marked, tr
from wattlight.services.server_settings import (
    ChangePlan,
    SettingsPlace,
    StartedBy,
    apply,
    how_to,
    plan,
    with_values,
)
from wattlight.services.server_variables import VariableRow, VariablesNow, place_of, read_variables
from wattlight.settings import save_settings

from .options import require_yes
from .output import Call, Document

_KINDS = {
    "switch": marked("switch"),
    "number": marked("number"),
    "time": marked("time"),
    "folder": marked("folder"),
    "text": marked("text"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="set a variable")
    parser.add_argument("--unset", metavar="NAME", action="append", default=[], help="take a variable away")
    parser.add_argument("--yes", action="store_true", help="do not ask before a file is written")


def run(args: argparse.Namespace, call: Call) -> None:
    """Show the variables, or change them where they are ours to change."""
    workshop = call.workshop
    values = dict(_pair(text) for text in args.set)
    if values or args.unset:
        settings = workshop.settings()
        change = plan(place_of(workshop, settings), values, tuple(args.unset), settings)
        _carry_out(args, call, change, values)
        return
    now = read_variables(workshop, workshop.settings())
    if call.as_json:
        call.out.document(_document(now))
        return
    table = [(tr("NAME"), tr("SET"), tr("IN FORCE"), tr("WHAT IT IS"))]
    table += [(row.name, row.ours or "–", _said(row), _meaning(row.name)) for row in now.rows]
    call.out.table(table)
    call.out.line()
    for text in (*((now.said,) if now.said else ()), *_notes(now.place, now.told)):
        call.out.line(text)


def _carry_out(args: argparse.Namespace, call: Call, change: ChangePlan, values: Mapping[str, str]) -> None:
    kind = change.place.kind
    if kind is StartedBy.MANAGED:
        settings = with_values(call.workshop.settings(), values, tuple(args.unset))
        save_settings(call.workshop.places.settings_file, settings)
        written, left = (
            True,
            [tr("It counts from the next start of the server: quit Wattlight and start it again.")],
        )
    elif not change.place.is_written:
        written, left = False, [tr("Wattlight does not write there. These commands do it:"), *change.commands]
    else:
        if change.diff:
            for line in () if call.as_json else change.diff:
                call.out.line(line)
            file = change.place.file or tr("the variables of this account")
            require_yes(args, call, tr("Write {file}?", file=file), tr("{file} would be written.", file=file))
            apply(change)
        written = bool(change.diff)
        again = tr("It counts when the server is started again:")
        if not change.commands:
            again = tr("It counts when Ollama is quit and started again.")
        left = [again, *change.commands] if written else []
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


def _said(row: VariableRow) -> str:
    now = clean_text(row.now or "", 40)
    if row.as_set is False:
        return tr("{value} (not as set)", value=now or tr("nothing"))
    return now or "–"


def _meaning(name: str) -> str:
    variable = KNOWN.get(name)
    if variable is None:
        return tr("not known to Wattlight; kept")
    facts = [tr(_KINDS.get(variable.kind, variable.kind))]
    if variable.default:
        facts.append(tr("usually {value}", value=variable.default))
    if variable.since:
        facts.append(tr("since {version}", version=variable.since))
    if variable.until:
        facts.append(tr("until {version}", version=variable.until))
    return f"{tr(variable.meaning)} ({joined(facts)})"


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
            "Programs of this account inherit them: launchctl is asked, and {file} at each login.",
            file=place.file,
        ),
        StartedBy.WINDOWS: tr("Programs of this account inherit them: its variables in Windows are written."),
        StartedBy.BY_HAND: tr("The server is started by hand: the commands for a change are shown."),
    }[place.kind]
    notes = [where]
    for name, (text, example) in SHOWN_ONLY.items():
        notes.append(tr("{name}: {what}. Wattlight never changes it.", name=name, what=tr(text)))
        notes += how_to(place, name, example)
    if not told:
        notes.append(tr("What is in force is not known: the server's log cannot be read here."))
    return notes


def _document(now: VariablesNow) -> Document:
    return {
        "place": now.place.kind.value,
        "file": None if now.place.file is None else str(now.place.file),
        "read_back": now.told,
        "variables": [
            {
                "name": row.name,
                "set": row.ours,
                "in_force": row.now,
                "as_set": row.as_set,
                "kind": KNOWN[row.name].kind if row.name in KNOWN else None,
                "default": (KNOWN[row.name].default or None) if row.name in KNOWN else None,
            }
            for row in now.rows
        ],
    }
