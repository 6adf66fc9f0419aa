"""How the server reads sizes from the engine's log."""

from .constants import MIB


def logged(size: int) -> int:
    """``size`` as the log prints it (MiB with two decimals) and the server reads it back."""
    return int(round(size / MIB, 2) * MIB)
