"""The ``--machine FILE`` option of the verbs that answer for another computer."""

import json
from argparse import ArgumentParser
from pathlib import Path

from wattlight.domain.machine_file import MachineFileProblem, parse_machine
from wattlight.domain.values import MachineProfile, clean_text

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
    try:
        with Path(name).open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise MachineFileProblem(
            f"The machine file {clean_text(name)} cannot be read ({error.strerror})."
        ) from error
    if len(raw) > MAX_FILE_BYTES:
        raise MachineFileProblem(f"The machine file {clean_text(name)} is too large to be one.")
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise MachineFileProblem(f"The machine file {clean_text(name)} is not JSON.") from error
    return parse_machine(document)
