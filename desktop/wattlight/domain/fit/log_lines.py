"""How the server reads sizes from the engine's log."""

_MIB = 1048576
_CENTS = 100 / _MIB


def logged(size: int) -> int:
    """``size`` as the log prints it (MiB with two decimals) and the server reads it back."""
    return int(round(size * _CENTS) / 100 * _MIB)
