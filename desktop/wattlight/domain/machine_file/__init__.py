"""A computer described as JSON: read from a ``--machine`` file, written by ``hardware --profile``."""

from .document import MachineFileProblem, machine_document, parse_machine

__all__ = ["MachineFileProblem", "machine_document", "parse_machine"]
