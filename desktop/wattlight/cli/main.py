"""Parses the command line, runs the verb, turns every error into one sentence."""

import argparse
import contextlib
import gc
import importlib
import os
import re
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn, TextIO

from wattlight import __version__
from wattlight.domain import UNANSWERED
from wattlight.domain.values import Problem, clean_lines, clean_text
from wattlight.i18n import activate, marked, tr
from wattlight.services.factory import ServiceFactory

from .output import Call, Output, likely_name, near, room_of, wrapped
from .usage import Parser, WrongUse, sentence


@dataclass(frozen=True, slots=True)
class CliVerb:
    """A verb, its module in this room (with ``arguments(parser)`` and ``run(args, call)``), its
    summary. ``run`` returns an exit code; None is 0."""

    name: str
    module: str
    summary: str


VERBS: tuple[CliVerb, ...] = (
    CliVerb("hardware", "verb_hardware", marked("what this computer has: accelerators, memory, sensors")),
    CliVerb("recommend", "verb_recommend", marked("models that fit this computer, best first")),
    CliVerb("fit", "verb_fit", marked("what a model will take, and whether it fits")),
    CliVerb("hosts", "verb_hosts", marked("other computers with model servers: list, add, remove")),
    CliVerb("models", "verb_models", marked("models installed on the server")),
    CliVerb("ps", "verb_ps", marked("models loaded now")),
    CliVerb("pull", "verb_pull", marked("download a model")),
    CliVerb("updates", "verb_updates", marked("newer versions of installed models, and taking them")),
    CliVerb("load", "verb_load", marked("load a model into memory")),
    CliVerb("unload", "verb_unload", marked("free the memory of one or all loaded models")),
    CliVerb("switch", "verb_switch", marked("load one model and unload the others")),
    CliVerb("remove", "verb_remove", marked("delete a model from the server's disk")),
    CliVerb("disk", "verb_disk", marked("the disk that models take, and files that belong to none")),
    CliVerb("server-settings", "verb_server_settings", marked("variables of the server: show and set them")),
    CliVerb("power", "verb_power", marked("what the computer draws now, part by part")),
    CliVerb("plug", "verb_plug", marked("read a smart plug: the watts at the wall")),
    CliVerb("benchmark", "verb_benchmark", marked("how fast a model is, with an empty and a filled context")),
    CliVerb("compare", "verb_compare", marked("two models side by side on your own prompts")),
    CliVerb("cost", "verb_cost", marked("energy and money of a day, a month or any span")),
    CliVerb("meter", "verb_meter", marked("record without a window")),
    CliVerb("replay", "verb_replay", marked("run a recorded trace through the meter")),
    CliVerb("tariff", "verb_tariff", marked("show, check or set the electricity price")),
    CliVerb("export", "verb_export", marked("write the ledger as CSV or JSON, back it up or restore it")),
    CliVerb("breakeven", "verb_breakeven", marked("compare running a model here with an API")),
    CliVerb("connect", "verb_connect", marked("ready lines for programs that use your models")),
    CliVerb("mcp", "verb_mcp", marked("answer programs that speak the Model Context Protocol")),
    CliVerb("completion", "verb_completion", marked("write what bash, zsh or fish needs to complete")),
    CliVerb("doctor", "verb_doctor", marked("what is missing and the one step that would add it")),
)


_ASKED_WRONGLY = frozenset(
    {
        "wrong_use",
        "use",
        "span",
        "invalid_name",
        "invalid_duration",
        "bad_address",
        "bad_input",
        "missing_figure",
        "unknown_api",
    }
)
"""Problems that lie in what was typed: exit code 2 as for any wrong use."""
_EVERYWHERE = frozenset({"--json", "-q", "--quiet"})
"""Options of every verb; they may stand before it too."""
_NEGATIVE = re.compile(r"-[\d.]")


def run(arguments: list[str], workshop: ServiceFactory, stdout: TextIO | None = None) -> int:
    """Run one command line and return its exit code: 0 fine, 1 an error that was said, 2 wrong use."""
    stream = sys.stdout if stdout is None else stdout
    out = Output(stream, "--json" in arguments, bool({"-q", "--quiet"} & set(arguments)))
    args = argparse.Namespace()
    fault: Problem | None = None
    try:
        try:  # help and wrong use speak the person's language too, and need no settings
            activate(workshop.settings().language, isolates=False)
        except Problem as problem:
            fault = problem
        words = _ordered(arguments)
        verb = _verb_of(words)
        if verb is None:
            if words:
                _parser(None).parse_args(words)
            _parser(None).print_help(stream)
            return 0
        args, unknown = _parser(verb).parse_known_args(words)
        if unknown:
            _refuse(verb, unknown)
        if fault is not None:
            raise fault
        module = importlib.import_module(f"wattlight.cli.{verb.module}")
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        code: int | None = module.run(args, Call(workshop, out))
        return code or 0
    except WrongUse as error:
        return _say(out, 2, "wrong_use", str(error), "")
    except Problem as problem:
        exit_code = 2 if problem.code in _ASKED_WRONGLY else 1
        next_step = f"{problem.next_step} {_near_model(args, workshop, problem)}".strip()
        return _say(out, exit_code, problem.code, problem.message, next_step)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last border: no traceback reaches a person
        return _unexpected(out, workshop, error)


def _ordered(arguments: list[str]) -> list[str]:
    """The arguments with the verb first, ``help VERB`` as ``VERB --help``, and ``--keep -1m`` in one word."""
    words = list(arguments)
    before: list[str] = []
    while words and words[0] in _EVERYWHERE:
        before.append(words.pop(0))
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    joined: list[str] = []
    for word in words:
        option = joined[-1] if joined else ""
        if (
            _NEGATIVE.match(word)
            and option.startswith("--")
            and "=" not in option
            and option not in _EVERYWHERE
        ):
            joined[-1] = f"{option}={word}"
        else:
            joined.append(word)
    return [*joined[:1], *before, *joined[1:]]


def _verb_of(words: list[str]) -> CliVerb | None:
    """The verb; None for options alone.

    Raises:
        WrongUse: the first word is no verb.
    """
    if not words or words[0].startswith("-"):
        return None
    names = {verb.name: verb for verb in VERBS}
    if words[0] in names:
        return names[words[0]]
    message = tr("'{word}' is no verb", word=clean_text(words[0], 40))
    raise WrongUse(sentence("wattlight", message, near(words[0], [*names, "help", "tray"])))


def _refuse(verb: CliVerb, unknown: list[str]) -> NoReturn:
    options = re.findall(r"--([a-z][a-z-]+)", verb_parser(verb).format_help())
    word = unknown[0].partition("=")[0]
    found = likely_name(word[2:], options) if word.startswith("--") else ""  # the dashes are no likeness
    meant = tr("Did you mean {name}?", name=f"--{found}") if found else ""
    message = tr("unrecognized arguments: {words}", words=clean_text(" ".join(unknown), 80))
    raise WrongUse(sentence(f"wattlight {verb.name}", message, meant))


def _near_model(args: argparse.Namespace, workshop: ServiceFactory, problem: Problem) -> str:
    """A name like the one that is not known, of the models installed or in the catalogue."""
    model = getattr(args, "model", None)
    if problem.code not in {"unknown_model", *UNANSWERED} or not isinstance(model, str):
        return ""
    names: list[str] = []
    with contextlib.suppress(Exception):  # a hint is not worth another error
        for entry in workshop.catalog().entries:
            family = entry.name.partition(":")[0]
            names += [entry.name, *(f"{family}:{tag.tag}" for tag in entry.tags)]
    if problem.code == "unknown_model":
        with contextlib.suppress(Exception):
            names += [
                installed.name for installed in workshop.server(getattr(args, "host", None)).installed()
            ]
    if model.lower() in names:
        return ""
    family, _, tag = model.lower().partition(":")
    likely = likely_name(family, {name.partition(":")[0] for name in names})
    same = [name for name in names if name.partition(":")[0] == likely]
    meant = likely_name(f"{likely}:{tag}", same) if tag else next(iter(same), "")
    return near(meant or model, names)


def _parser(chosen: CliVerb | None) -> argparse.ArgumentParser:
    parser = Parser(
        prog="wattlight",
        description=tr(
            "Local language models: what fits, what runs, what it draws, what it costs. Without a verb the "
            "tray starts."
        ),
        epilog=tr("'wattlight help VERB' tells more of one; 'wattlight completion SHELL' is for the shell."),
    )
    parser.add_argument(
        "--version", action="version", version=f"wattlight {__version__}", help=tr("show the version and end")
    )
    commands = parser.add_subparsers(metavar="VERB", parser_class=Parser)
    for verb in VERBS:
        summary = tr(verb.summary)
        said = tr("{sentence}.", sentence=f"{summary[:1].upper()}{summary[1:]}")
        sub = commands.add_parser(verb.name, help=summary, description=said)
        _declare(sub, verb if verb is chosen else None)
    return parser


def verb_parser(verb: CliVerb) -> argparse.ArgumentParser:
    """What ``verb`` takes, for those that tell of it."""
    parser = Parser(prog=f"wattlight {verb.name}")
    _declare(parser, verb)
    return parser


def _declare(parser: argparse.ArgumentParser, verb: CliVerb | None) -> None:
    parser.add_argument("--json", action="store_true", help=tr("print JSON (schema 1)"))
    parser.add_argument(
        "-q", "--quiet", action="store_true", help=tr("print names or figures alone, no remarks")
    )
    if verb is not None:
        importlib.import_module(f"wattlight.cli.{verb.module}").arguments(parser)


def _say(out: Output, exit_code: int, code: str, message: str, next_step: str) -> int:
    message, next_step = clean_lines(message), clean_lines(next_step)
    if out.as_json:
        out.document({"error": {"code": code, "message": message, "next": next_step}})
    else:
        text = f"{message} {next_step}".strip()
        lines = [part for line in text.split("\n") for part in wrapped(line, room_of(sys.stderr))]
        sys.stderr.write("\n".join(lines) + "\n")
    return exit_code


def _unexpected(out: Output, workshop: ServiceFactory, error: Exception) -> int:
    where = ""
    try:
        log = workshop.places.log_file
        workshop.places.make(log.parent)
        with log.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
        where = tr("The details are in {log}; please report them.", log=log)
    except (Problem, OSError):
        where = tr("Please report it.")
    return _say(
        out,
        1,
        "internal",
        tr("Wattlight hit an error of its own ({kind}).", kind=type(error).__name__),
        where,
    )
