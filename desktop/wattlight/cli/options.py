"""What the verbs on models share: the ``--host`` option, the server, models as documents, yes or no."""

import argparse
import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from wattlight.domain.machine_file import MachineFileProblem, parse_machine
from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.domain.values import MachineProfile, Problem, clean_text
from wattlight.i18n import tr
from wattlight.runtime import ModelServer
from wattlight.services.text_files import read_text

from .output import Call, Document, pick


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--host`` to a verb."""
    parser.add_argument(
        "--host",
        metavar="URL|NAME",
        help="the model server: a name from the settings, or an address "
        "(default: OLLAMA_HOST, then port 11434 of this computer)",
    )


def server_of(args: argparse.Namespace, call: Call) -> ModelServer:
    """The server the arguments mean; nothing is sent yet."""
    return call.workshop.server(args.host)


def installed_document(model: InstalledModel, loaded: bool) -> Document:
    """An installed model."""
    document = pick(model, "name size_bytes modified_at remote_host")
    return document | _or_none(model, "digest family parameter_size quantization") | {"loaded": loaded}


def running_document(model: RunningModel) -> Document:
    """A loaded model; ``expires_at`` null means until it is unloaded."""
    document = pick(model, "name size_bytes size_vram_bytes context_length expires_at")
    return document | _or_none(model, "digest family quantization")


def _or_none(model: InstalledModel | RunningModel, names: str) -> Document:
    return {name: value or None for name, value in pick(model, names).items()}


def kept_documents(kept: tuple[tuple[str, str], ...]) -> list[Document]:
    """Models that could not be unloaded."""
    return [{"name": name, "reason": reason} for name, reason in kept]


def require_yes(args: argparse.Namespace, call: Call, question: str, refusal: str) -> None:
    """Go on only after a yes: ``--yes``, or an answer at the terminal.

    Raises:
        Problem: the answer was no, or nobody could be asked (``refusal`` says what is at stake).
    """
    if args.yes:
        return
    if call.as_json or not sys.stdin.isatty():
        raise Problem(refusal, tr("Add --yes to do it without being asked."), "needs_yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Problem(tr("Nothing was changed."), code="declined")


MAX_FILE_BYTES = 1_000_000


def add_machine_option(parser: ArgumentParser) -> None:
    """Add ``--machine`` to a verb."""
    parser.add_argument(
        "--machine",
        metavar="FILE",
        help="answer for the computer in FILE (see 'wattlight hardware --profile')",
    )


def read_machine_file(name: str) -> MachineProfile:
    """The profile in the file ``name``.

    Raises:
        MachineFileProblem: it cannot be read or is not a machine profile.
    """
    text = read_text(Path(name), MAX_FILE_BYTES, MachineFileProblem)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MachineFileProblem(tr("The machine file {name} is not JSON.", name=clean_text(name))) from error
    return parse_machine(document)


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type for ``add_argument``: a whole number from ``least`` to ``most``, or a sentence (exit code 2)."""

    def number_within(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to {most} is needed")
        return value

    return number_within
