"""Which program draws it: a part's power shared by who used the part. The shares always sum to the whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .attribution import share

SHARE_ERROR = 0.4
"""Relative error of a program's share: time of use takes a busy second of every program alike, and one that
computes on all of a core draws more than one that waits for memory."""
MOST_PROGRAMS = 40
"""More are added up as :data:`OTHERS`."""
OTHERS = "…"
_FINE = 1_000_000
"""Shares of use are whole numbers of this."""


@dataclass(frozen=True, slots=True)
class PartUse:
    """A part over a span.

    Attributes:
        amount: its energy or power, in any whole unit.
        idle: what of it is drawn while nobody uses the part, in the same unit; None: not known.
        use: how much each program used it, by name, in any unit.
        hidden: use of those that cannot be seen (other accounts, the system).
    """

    amount: int
    idle: int | None = None
    use: Mapping[str, float] = field(default_factory=dict)
    hidden: float = 0.0


@dataclass(frozen=True, slots=True)
class ByProgram:
    """The sum of parts, divided.

    Attributes:
        idle: drawn without anybody's use.
        rest: used by those that cannot be seen, or measured while nobody looked.
        undivided: of parts whose idle level is not known yet.
    """

    programs: Mapping[str, int] = field(default_factory=dict)
    idle: int = 0
    rest: int = 0
    undivided: int = 0

    @property
    def total(self) -> int:
        return sum(self.programs.values()) + self.idle + self.rest + self.undivided

    def __add__(self, other: "ByProgram") -> "ByProgram":
        names = {**self.programs, **other.programs}
        programs = {name: self.programs.get(name, 0) + other.programs.get(name, 0) for name in names}
        return ByProgram(
            fewer(programs), self.idle + other.idle, self.rest + other.rest, self.undivided + other.undivided
        )


def by_program(parts: Iterable[PartUse]) -> ByProgram:
    """Divide each part: its idle level is nobody's, what is above belongs to those that used it, by use."""
    whole = ByProgram()
    for part in parts:
        whole += _divided(part)
    return whole


def _divided(part: PartUse) -> ByProgram:
    if part.idle is None:
        return ByProgram(undivided=part.amount)
    idle = min(part.amount, max(0, part.idle))
    above = part.amount - idle
    used = {name: use for name, use in part.use.items() if use > 0}
    together = sum(used.values()) + max(0.0, part.hidden)
    if not above or together <= 0:
        return ByProgram(idle=idle, rest=above)
    weights = [round(_FINE * use / together) for use in used.values()]
    *shares, rest = share(above, [*weights, max(0, _FINE - sum(weights))])
    return ByProgram({name: mine for name, mine in zip(used, shares, strict=True) if mine}, idle, rest)


def fewer(programs: Mapping[str, int]) -> dict[str, int]:
    """The programs that draw most; what is beyond them is one."""
    if len(programs) <= MOST_PROGRAMS:
        return dict(programs)
    order = sorted((name for name in programs if name != OTHERS), key=lambda name: -programs[name])
    kept = {name: programs[name] for name in order[: MOST_PROGRAMS - 1]}
    kept[OTHERS] = sum(programs.values()) - sum(kept.values())
    return kept


@dataclass(frozen=True, slots=True)
class ProgramsNow:
    """Who draws it: now in mW, and the energy of today in mJ since ``since``; what that costs in micro-units,
    None without a price."""

    now_mw: ByProgram
    today_mj: ByProgram | None = None
    since: datetime | None = None
    today_micro: ByProgram | None = None
