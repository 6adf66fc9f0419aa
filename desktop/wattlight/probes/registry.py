"""The vendors. A new one is a file with ``find(machine)`` and a line here."""

from collections.abc import Callable

from .part import Machine, Part


def _nvidia(machine: Machine) -> list[Part]:
    from .nvidia import find

    return find(machine)


LINUX: tuple[Callable[[Machine], list[Part]], ...] = (_nvidia,)
