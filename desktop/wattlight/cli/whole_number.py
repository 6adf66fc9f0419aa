"""Whole numbers with bounds as types of options."""

import argparse
from collections.abc import Callable


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
