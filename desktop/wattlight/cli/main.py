"""Parses the command line, runs the verb, turns every error into one sentence."""

import argparse
import importlib
import os
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn, TextIO

from wattlight import __version__
from wattlight.domain.values import Problem, clean_lines
from wattlight.i18n import activate
from wattlight.services.factory import ServiceFactory

from .output import Call, Output


@dataclass(frozen=True, slots=True)
class CliVerb:
    """A verb, its module in this room (with ``arguments(parser)`` and ``run(args, call)``), its
    summary. ``run`` returns an exit code; None is 0."""

    name: str
    module: str
    summary: str


VERBS: tuple[CliVerb, ...] = (
    CliVerb("hardware", "verb_hardware", "what this computer has: accelerators, memory, sensors"),
    CliVerb("recommend", "verb_recommend", "models that fit this computer, best first"),
    CliVerb("fit", "verb_fit", "what a model will take, and whether it fits"),
    CliVerb("models", "verb_models", "models installed on the server"),
    CliVerb("ps", "verb_ps", "models loaded now"),
    CliVerb("pull", "verb_pull", "download a model"),
    CliVerb("load", "verb_load", "load a model into memory"),
    CliVerb("unload", "verb_unload", "free the memory of one or all loaded models"),
    CliVerb("switch", "verb_switch", "load one model and unload the others"),
    CliVerb("remove", "verb_remove", "delete a model from the server's disk"),
    CliVerb("power", "verb_power", "what the computer draws now, part by part"),
    CliVerb("cost", "verb_cost", "energy and money of a day, a month or any span"),
    CliVerb("meter", "verb_meter", "record without a window"),
    CliVerb("replay", "verb_replay", "run a recorded trace through the meter"),
    CliVerb("tariff", "verb_tariff", "show, check or set the electricity price"),
    CliVerb("export", "verb_export", "write the ledger as CSV or JSON, back it up or restore it"),
    CliVerb("breakeven", "verb_breakeven", "compare running a model here with an API"),
    CliVerb("doctor", "verb_doctor", "what is missing and the one step that would add it"),
)


class WrongUse(Exception):
    """The arguments make no sense (exit code 2)."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{self.prog}: {message}. See '{self.prog} --help'.")


def run(arguments: list[str], workshop: ServiceFactory, stdout: TextIO | None = None) -> int:
    """Run one command line and return its exit code: 0 fine, 1 an error that was said, 2 wrong use."""
    stream = sys.stdout if stdout is None else stdout
    out = Output(stream, "--json" in arguments)
    try:
        verb = _verb_of(arguments)
        args = _parser(verb).parse_args(arguments)
        if verb is None:
            _parser(None).print_help(stream)
            return 0
        language = workshop.settings().language
        if language:
            activate(language)
        module = importlib.import_module(f"wattlight.cli.{verb.module}")
        code: int | None = module.run(args, Call(workshop, out))
        return code or 0
    except WrongUse as error:
        return _say(out, 2, "wrong_use", str(error), "")
    except Problem as problem:
        return _say(out, 1, problem.code, problem.message, problem.next_step)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last border: no traceback reaches a person
        return _unexpected(out, workshop, error)


def _verb_of(arguments: list[str]) -> CliVerb | None:
    names = {verb.name: verb for verb in VERBS}
    return next((names[word] for word in arguments if word in names), None)


def _parser(chosen: CliVerb | None) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="wattlight",
        description="Local language models: what fits, what runs, what it draws, what it costs. "
        "Without a verb the tray starts.",
    )
    parser.add_argument("--version", action="version", version=f"wattlight {__version__}")
    commands = parser.add_subparsers(metavar="VERB", parser_class=_Parser)
    for verb in VERBS:
        sub = commands.add_parser(verb.name, help=verb.summary, description=verb.summary.capitalize() + ".")
        sub.add_argument("--json", action="store_true", help="print JSON (schema 1)")
        if verb is chosen:
            importlib.import_module(f"wattlight.cli.{verb.module}").arguments(sub)
    return parser


def _say(out: Output, exit_code: int, code: str, message: str, next_step: str) -> int:
    message, next_step = clean_lines(message), clean_lines(next_step)
    if out.as_json:
        out.document({"error": {"code": code, "message": message, "next": next_step}})
    else:
        sys.stderr.write(f"{message} {next_step}".strip() + "\n")
    return exit_code


def _unexpected(out: Output, workshop: ServiceFactory, error: Exception) -> int:
    where = ""
    try:
        log = workshop.places.log_file
        workshop.places.make(log.parent)
        with log.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
        where = f"The details are in {log}; please report them."
    except (Problem, OSError):
        where = "Please report it."
    return _say(out, 1, "internal", f"Wattlight hit an error of its own ({type(error).__name__}).", where)
