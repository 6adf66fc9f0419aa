"""The command line of the bootstrap."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from .check import test
from .install import Wish
from .say import StepError, complain, say
from .start import run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 packaging/bootstrap.py",
        description="Sets Wattlight up in its own folder and starts it, or runs its checks.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="run|test")
    said = "set up once, then start the tray (without a screen: print what it would show)"
    start = commands.add_parser("run", help=said)
    said = "passed on to wattlight, after --: for example  run -- hardware"
    start.add_argument("arguments", nargs="*", metavar="ARG", help=said)
    said = "leave no link to the wattlight command in ~/.local/bin"
    start.add_argument("--no-link", action="store_true", help=said)
    check = commands.add_parser(
        "test", help="everything that CI runs: style, types, tests, wheel, fresh clone"
    )
    said = "with the newest versions of all packages, not the locked ones"
    check.add_argument("--newest", action="store_true", help=said)
    check.add_argument("--only", action="append", metavar="STEP", help="only this step (may be repeated)")
    check.add_argument("arguments", nargs="*", metavar="ARG", help="passed on to pytest, after --")
    for sub in (start, check):
        said = "install missing system packages too (asks for root through sudo)"
        sub.add_argument("--system", action="store_true", help=said)
        said = "where the environment goes (else in the checkout, or below your data folder)"
        sub.add_argument("--venv", metavar="DIR", help=said)
        said = "install from wheels in this folder, without network"
        sub.add_argument("--wheels", metavar="FOLDER", type=Path, help=said)
    return parser


def main(argv: list[str]) -> int:
    """Run one command and return its exit code; every error is a sentence and what to do."""
    args = _parser().parse_args(argv)
    rest = [word for word in argv[1:] if word != "--system"]
    again = shlex.join(["python3", "packaging/bootstrap.py", args.command, "--system", *rest])
    link = not getattr(args, "no_link", False)
    wheels = args.wheels and args.wheels.absolute()
    wish = Wish(args.venv, wheels, args.system, tuple(args.arguments), again, link)
    try:
        if args.wheels and not args.wheels.is_dir():
            raise StepError(f"There is no folder {args.wheels}.", "Give the folder that holds the wheels.")
        if args.command == "run":
            return run(wish)
        return test(wish, args.newest, tuple(args.only or ()))
    except StepError as error:
        complain(error)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has seen enough
        return 0
    except KeyboardInterrupt:
        say("\nStopped. Run again to go on.")
        return 130
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename or ''}".strip(": ")
        complain(StepError(what, "Put that right and run again."))
        return 1
