"""Writes the manual page from the command line's own parser, so that the two cannot differ.

python packaging/linux/man_page.py DATE > wattlight.1
"""

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "desktop"))

from wattlight import __version__
from wattlight.cli.main import VERBS, CliVerb

HEAD = """\
.TH WATTLIGHT 1 "{date}" "wattlight {version}" "User Commands"
.SH NAME
wattlight \\- local language models: what fits, what runs, what it draws, what it costs
.SH SYNOPSIS
.B wattlight
.RB [ \\-\\-window | \\-\\-hidden ]
.br
.B wattlight
.I VERB
.RI [ OPTION " ...]"
.SH DESCRIPTION
Without a verb the tray program starts (or the one that runs already shows its window).
With a verb the answer is printed, and no window system is needed.
.SH OPTIONS
.TP
.B \\-\\-window
Start with the window open.
.TP
.B \\-\\-hidden
Start in the tray only (as at login).
.TP
.B \\-\\-help
Show the verbs; after a verb, its options.
.TP
.B \\-\\-version
Show the version.
.SH VERBS
"""
TAIL = """\
.SH EXIT STATUS
0 when all went well, 1 after an error that was said, 2 after wrong use.
.SH ENVIRONMENT
.TP
.B OLLAMA_HOST
Where the Ollama server listens (as for Ollama itself).
.TP
.B WATTLIGHT_HOME
One folder for settings, ledger, logs and cache, in place of the usual ones.
.SH FILES
.TP
.I ~/.config/wattlight
Settings.
.TP
.I ~/.local/share/wattlight
The ledger of energy and cost.
.TP
.I ~/.local/state/wattlight
Logs.
"""


def roff(text: str) -> str:
    """``text`` safe for roff: no hyphens that become dashes, no line that starts a request."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return "\\&" + safe if safe.startswith((".", "'")) else safe


def parser_of(verb: CliVerb) -> argparse.ArgumentParser:
    """The parser of one verb, as the command line makes it."""
    parser = argparse.ArgumentParser(prog=f"wattlight {verb.name}", add_help=False)
    parser.add_argument("--json", action="store_true", help="print JSON (schema 1)")
    importlib.import_module(f"wattlight.cli.{verb.module}").arguments(parser)
    return parser


def describe(action: argparse.Action) -> str:
    """One option or argument with its help."""
    metavar = action.metavar or action.dest.upper()
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in action.option_strings)
    value = (
        ""
        if action.nargs == 0
        else f"\\fI{roff(metavar if isinstance(metavar, str) else ' '.join(metavar))}\\fR"
    )
    formatted = action.help or ""
    if formatted and action.help != argparse.SUPPRESS:
        formatted = argparse.HelpFormatter("wattlight")._expand_help(action)
    return f".TP\n{' '.join(part for part in (names, value) if part)}\n{roff(formatted)}\n"


def options_of(parser: argparse.ArgumentParser) -> str:
    """All options and arguments of a parser; those of its sub-commands below their names."""
    lines = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                summary = next((c.help for c in action._choices_actions if c.dest == name), "") or ""
                lines.append(f".TP\n\\fB{roff(name)}\\fR\n{roff(summary)}\n.RS\n{options_of(sub)}.RE\n")
        elif not isinstance(action, argparse._HelpAction):
            lines.append(describe(action))
    return "".join(lines)


def section(verb: CliVerb) -> str:
    """One verb: what it is for and its options."""
    head = f'.SS "wattlight {roff(verb.name)}"\n{roff(verb.summary.capitalize())}.\n'
    return head + options_of(parser_of(verb))


def page(date: str) -> str:
    """The whole manual page for an ISO date."""
    return HEAD.format(date=date, version=__version__) + "".join(map(section, VERBS)) + TAIL


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1]))
