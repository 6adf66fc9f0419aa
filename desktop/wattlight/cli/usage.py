"""The parser of the command line: argparse's own words in the language in force, errors as one sentence."""

import argparse
import re
from typing import Any, NoReturn

from wattlight.i18n import marked, tr

from .output import near


class WrongUse(Exception):
    """The arguments make no sense (exit code 2)."""


_CHOICES = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")


class _Formatter(argparse.HelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, tr("usage: ") if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """Says what is wrong as :class:`WrongUse`, with what was probably meant."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"formatter_class": _Formatter, **more, "add_help": False})
        self._positionals.title, self._optionals.title = tr("positional arguments"), tr("options")
        self.add_argument("-h", "--help", action="help", help=tr("show this and end"))

    def error(self, message: str) -> NoReturn:
        found = _CHOICES.search(message)
        meant = near(found[1], re.findall(r"[^', ]+", found[2])) if found else ""
        raise WrongUse(sentence(self.prog, translated(message), meant))


def sentence(prog: str, message: str, meant: str) -> str:
    """What is wrong, what was probably meant, and where to look."""
    more = tr("See '{command} --help'.", command=prog)
    return " ".join(part for part in (f"{prog}: {message}.", meant, more) if part)


def translated(message: str) -> str:
    """An error of argparse in the language in force; one that is not known stays as it is."""
    for pattern, text in _errors():
        if found := pattern.fullmatch(message):
            return tr(text).format(**found.groupdict())
    argument = re.fullmatch(r"argument (?P<name>[^:]+): (?P<problem>.*)", message, re.DOTALL)
    if argument is None:
        return message
    problem = translated(argument["problem"])
    return tr("argument {name}: {problem}", name=argument["name"], problem=problem)


def _errors() -> tuple[tuple[re.Pattern[str], str], ...]:
    """(the English of argparse, the text that is translated)."""
    return (
        (
            re.compile(r"the following arguments are required: (?P<names>.*)"),
            marked("the following arguments are required: {names}"),
        ),
        (
            re.compile(r"one of the arguments (?P<names>.*) is required"),
            marked("one of the arguments {names} is required"),
        ),
        (
            re.compile(r"invalid choice: (?P<value>.*) \(choose from (?P<choices>.*)\)"),
            marked("invalid choice: {value} (choose from {choices})"),
        ),
        (re.compile(r"invalid \w+ value: (?P<value>.*)"), marked("invalid value: {value}")),
        (re.compile(r"expected one argument"), marked("expected one argument")),
        (re.compile(r"expected at least one argument"), marked("expected at least one argument")),
        (re.compile(r"expected at most one argument"), marked("expected at most one argument")),
        (re.compile(r"expected (?P<n>\d+) arguments"), marked("expected {n} arguments")),
        (
            re.compile(r"not allowed with argument (?P<name>.*)"),
            marked("not allowed with argument {name}"),
        ),
        (
            re.compile(r"ambiguous option: (?P<option>.*) could match (?P<matches>.*)"),
            marked("ambiguous option: {option} could match {matches}"),
        ),
        (
            re.compile(r"ignored explicit argument (?P<value>.*)"),
            marked("it takes no value: {value}"),
        ),
    )
