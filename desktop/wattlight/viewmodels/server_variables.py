"""The card of the server's own settings: what is set, what is in force, and a change before it is written."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.server_variables import KNOWN, SHOWN_ONLY, VARIABLES, ServerVariable, checked
from wattlight.domain.values import Problem, clean_sentence, clean_text
from wattlight.i18n import joined, tr
from wattlight.services.server_settings import SettingsPlace, StartedBy, how_to
from wattlight.services.server_variables import VariableRow, VariablesNow

from .scene import Scene
from .settings_page import Choice
from .words import DASH, Action

VALUE_CHARS = 200
LINE_CHARS = 5000
"""What is written is shown whole; a value has 4,000 characters at most."""
FILE_CHARS = 160


@dataclass(frozen=True, slots=True)
class VariableLine:
    """``notable``: it is set, or the server runs with another value than it takes by itself."""

    name: str
    ours: str
    now: str
    notable: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class VariablesView:
    """``commands`` are for a person to type, where Wattlight does not write or restart."""

    about: str
    lines: tuple[VariableLine, ...]
    names: tuple[Choice, ...]
    diff: str
    commands: tuple[str, ...]
    actions: tuple[Action, ...]
    said: str
    said_is_bad: bool


def variables_view(scene: Scene) -> VariablesView:
    now = scene.extras.variables
    names = tuple(Choice(variable.name, variable.name) for variable in VARIABLES)
    if now is None:
        return VariablesView(tr("Reading…"), (), names, "", (), (), "", False)
    planned = now.planned
    diff = () if planned is None else planned.diff
    return VariablesView(
        _about(now),
        tuple(_line(row) for row in now.rows),
        names,
        "\n".join(clean_text(line, LINE_CHARS) for line in diff if not line.startswith(("---", "+++", "@@"))),
        _commands(now),
        _actions(scene, now),
        _said(now),
        now.bad,
    )


def _about(now: VariablesNow) -> str:
    parts = [_where(now.place)]
    if not now.told:
        parts.append(tr("What is in force is not known: the server's log cannot be read here."))
    return " ".join(parts)


def _where(place: SettingsPlace) -> str:
    file = clean_text(str(place.file or ""), FILE_CHARS)
    return {
        StartedBy.MANAGED: tr("Wattlight starts this server and keeps its variables."),
        StartedBy.USER_SERVICE: tr(
            "The server is a service of this account; Wattlight writes {file}.", file=file
        ),
        StartedBy.SYSTEM_SERVICE: tr("The server is a service of the system; a change is yours to type."),
        StartedBy.LAUNCHD: tr("Programs of this account inherit these; Wattlight writes {file}.", file=file),
        StartedBy.WINDOWS: tr("Programs of this account inherit these; Wattlight writes them in Windows."),
        StartedBy.BY_HAND: tr("The server is started by hand; a change is yours to type."),
    }[place.kind]


def _line(row: VariableRow) -> VariableLine:
    return VariableLine(
        clean_text(row.name, VALUE_CHARS),
        DASH if row.ours is None else clean_text(row.ours, VALUE_CHARS),
        DASH if row.now is None else clean_text(row.now, VALUE_CHARS) or tr("nothing"),
        not row.is_usual,
        row.as_set is False,
    )


def _commands(now: VariablesNow) -> tuple[str, ...]:
    planned = now.planned
    if planned is not None and not planned.diff:
        return planned.commands
    return ()


def _actions(scene: Scene, now: VariablesNow) -> tuple[Action, ...]:
    actions = []
    if now.planned is not None:
        if now.planned.diff:
            actions.append(Action(tr("Write"), Command(Verb.WRITE_VARIABLES), True))
        actions.append(Action(tr("Discard"), Command(Verb.DROP_VARIABLES)))
    if now.place.kind in {StartedBy.MANAGED, StartedBy.USER_SERVICE}:
        actions.append(restart_action(scene, primary=now.restart_due and now.planned is None))
    return tuple(actions)


def restart_action(scene: Scene, primary: bool = False) -> Action:
    """To start the server again; asks where models are loaded."""
    names = joined(clean_text(m.name, 60) for m in scene.host.server.running)
    question = tr("{names} is unloaded by that. Start the server again?", names=names) if names else ""
    command = Command(Verb.RESTART_SERVER, question=question, confirm=tr("Restart") if names else "")
    busy = scene.setup.starting
    return Action(
        tr("Restart server"), command, primary, not busy, tr("It is being started.") if busy else ""
    )


def _said(now: VariablesNow) -> str:
    if now.said or now.planned is None or now.planned.diff:
        return clean_sentence(now.said, 400)
    return tr("These commands do it:") if now.planned.commands else tr("It is set so already.")


@dataclass(frozen=True, slots=True)
class EditorView:
    """The editor of one variable. ``values`` are what may be chosen; empty: it is typed, like ``example``."""

    about: str
    values: tuple[Choice, ...]
    value: str
    example: str
    can_unset: bool


def editor_view(scene: Scene, name: str) -> EditorView:
    """What ``name`` may be, and what it is now."""
    variable, now = KNOWN[name], scene.extras.variables
    row = next((row for row in now.rows if row.name == name), None) if now is not None else None
    values: tuple[Choice, ...] = ()
    if variable.kind == "switch":
        values = (Choice("1", tr("on")), Choice("0", tr("off")))
    elif "|" in variable.kind:
        values = tuple(Choice(word, word) for word in variable.kind.split("|"))
    ours = row.ours if row is not None else None
    return EditorView(_meaning(variable), values, ours or "", _EXAMPLES[variable.kind], ours is not None)


_EXAMPLES = {
    "switch": "1",
    "number": "8192",
    "time": "1h",
    "folder": "/mnt/models",
    "text": "0,1",
    "f16|q8_0|q4_0": "q8_0",
}


def _meaning(variable: ServerVariable) -> str:
    meaning = tr(variable.meaning)
    text = meaning[:1].upper() + meaning[1:]
    if variable.default:
        text = tr("{meaning}; usually {value}", meaning=text, value=variable.default)
    if variable.until:
        text = tr("{meaning}; until {version}", meaning=text, version=variable.until)
    return f"{text}."


def understood_variable(name: str, value: str) -> tuple[Command | None, str]:
    """The command that plans what was typed, or a sentence what is wrong with it."""
    try:
        return Command(Verb.PLAN_VARIABLE, name, text=checked(name, value)), ""
    except Problem as problem:
        return None, str(problem)


def shown_only(scene: Scene) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What decides who reaches the server: what each is, and how its owner sets it."""
    now = scene.extras.variables
    if now is None:
        return ()
    return tuple(
        (
            tr("{name}: {what}. Wattlight never changes it.", name=name, what=tr(what)),
            how_to(now.place, name, example),
        )
        for name, (what, example) in SHOWN_ONLY.items()
    )
