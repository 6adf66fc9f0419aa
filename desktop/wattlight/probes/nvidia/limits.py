"""The power limit of NVIDIA cards: read it, set it, put it back. Setting needs an administrator's rights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr

from .nvml import NO_ATTACH, NO_PERMISSION, NOT_SUPPORTED, Handle, NvmlApi, NvmlFault


class PowerLimitProblem(Problem):
    """The limit of a card cannot be read or set."""

    code = "power_limit"


@dataclass(frozen=True, slots=True)
class CardLimit:
    """One card. Limits in whole milliwatts: in force, the card's own, the lowest and the highest it takes."""

    api: NvmlApi
    handle: Handle
    uuid: str
    name: str
    limit_mw: int
    default_mw: int
    lowest_mw: int
    highest_mw: int

    def set(self, limit_mw: int) -> None:
        """Raises: PowerLimitProblem: without the rights, or the driver refuses."""
        try:
            self.api.set_limit_mw(self.handle, limit_mw)
        except NvmlFault as fault:
            raise _refused(fault, self.name) from fault


@contextmanager
def card_limits(api: NvmlApi) -> Iterator[list[CardLimit]]:
    """The cards whose limit can be read; the library is open within the block.

    Raises:
        PowerLimitProblem: there is no NVIDIA driver.
    """
    try:
        api.init(NO_ATTACH)
    except NvmlFault as fault:
        raise PowerLimitProblem(
            tr("No NVIDIA driver answers here, and only it lets a power limit be set."),
            tr("'wattlight hardware' shows what was found."),
        ) from fault
    try:
        yield [card for card in map(partial(_card, api), api.handles()) if card is not None]
    finally:
        api.shutdown()


def _card(api: NvmlApi, handle: Handle) -> CardLimit | None:
    try:
        low, high = api.limit_range_mw(handle)
        return CardLimit(
            api, handle, clean_text(api.uuid(handle), 60), clean_text(api.name(handle), 60),
            api.wanted_limit_mw(handle), api.default_limit_mw(handle), low, high,
        )  # fmt: skip
    except NvmlFault:
        return None


def _refused(fault: NvmlFault, name: str) -> PowerLimitProblem:
    if fault.code == NO_PERMISSION:
        return PowerLimitProblem(
            tr("Setting the power limit of {name} needs an administrator's rights.", name=name),
            tr("Start it with 'sudo', on Windows in a terminal of an administrator."),
            "no_permission",
        )
    if fault.code == NOT_SUPPORTED:
        return PowerLimitProblem(
            tr("The power limit of {name} cannot be set.", name=name), tr("Laptops keep it to themselves.")
        )
    return PowerLimitProblem(
        tr("The driver refused the power limit of {name} (error {code}).", name=name, code=fault.code),
        tr("Try again after the next start of the computer."),
    )
