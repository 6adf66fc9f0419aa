"""The door's three functions."""

from wattlight.domain.shape import ModelShape
from wattlight.domain.values import MachineProfile

from .prepared import PreparedModel
from .result import FitOptions, FitResult


def prepare(shape: ModelShape) -> PreparedModel:
    """Work out everything about ``shape`` that does not depend on machine and options."""
    raise NotImplementedError


def fit(prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None) -> FitResult:
    """What the model takes on ``machine`` now."""
    raise NotImplementedError


def largest_context(
    prepared: PreparedModel, machine: MachineProfile, options: FitOptions | None = None
) -> int | None:
    """Largest multiple of 256 at which it, and everything smaller, stays wholly on the GPU; None if none."""
    raise NotImplementedError
