"""The verdict in words: why, and what would change it."""

from wattlight.domain.values import MachineProfile

from .prepared import PreparedModel
from .result import FitOptions, FitResult, Reason


def explain(
    prepared: PreparedModel, machine: MachineProfile, result: FitResult, options: FitOptions | None = None
) -> tuple[Reason, ...]:
    """Sentences for a person: the reasons of the verdict first, then what would change it."""
    raise NotImplementedError
