"""Who draws it, prepared: programs, what nobody uses, and what cannot be seen, beside their measured sum."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattlight.domain.energy import OTHERS, SHARE_ERROR, ByProgram, ProgramsNow
from wattlight.domain.values import clean_text, is_model_server
from wattlight.i18n import clock_time, kwh, money, percent, tr, watts

from .figures import total_now
from .scene import Scene
from .words import NO_TABLE, TableView

SHOWN = 8
"""Programs with a line of their own; the others are one line."""


@dataclass(frozen=True, slots=True)
class ProgramsView:
    table: TableView
    note: str


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """A line of any face: what it is, mW now, mJ today and micro-units of money for it; ``program`` False: no
    single program."""

    name: str
    now_mw: int
    today_mj: int | None
    program: bool = True
    micro: int | None = None


def programs_view(scene: Scene) -> ProgramsView | None:
    """None where no part is measured, or before anything is known."""
    programs = scene.host.programs
    if programs is None or total_now(scene.host.sample).measured_w is None:
        return None
    lines = program_lines(programs.now_mw, programs.today_mj, programs.today_micro)
    rows: list[tuple[str, ...]] = [
        (line.name, watts(line.now_mw / 1000), "" if line.today_mj is None else kwh(line.today_mj))
        for line in lines
    ]
    quiet = frozenset(i for i, line in enumerate(lines) if not line.program)
    headings: tuple[str, ...] = (tr("Program"), tr("Now"), tr("Today"))
    today = scene.host.today
    if programs.today_micro is not None and today is not None:
        headings = (*headings, tr("Cost today"))
        costs = (money(line.micro, today.currency, SHARE_ERROR if line.program else None) for line in lines)
        rows = [(*row, cost) for row, cost in zip(rows, costs, strict=True)]
    return ProgramsView(TableView(headings, tuple(rows), quiet) if rows else NO_TABLE, _note(scene, programs))


def _note(scene: Scene, programs: ProgramsNow) -> str:
    said = [shares_text()]
    if programs.now_mw.undivided:
        said.append(tr("The idle level of some parts is not known yet; it shows in the next quiet minutes."))
    if programs.since is not None:
        at = clock_time(programs.since, scene.zone)
        said.append(tr("Today is counted since {time}.", time=at))
    return " ".join(said)


def shares_text() -> str:
    """What the shares rest on and how far each may be off."""
    return tr(
        "The sum is measured; a program's share is an estimate by its processor time and its use of the GPU, "
        "about ±{error}. Programs of other accounts cannot be seen.",
        error=percent(SHARE_ERROR),
    )


def program_lines(
    now: ByProgram, today: ByProgram | None = None, cost: ByProgram | None = None
) -> list[ProgramLine]:
    """Programs by what they draw, then what is no program; their figures sum to what is measured."""
    day = today.programs if today is not None else {}
    paid = cost.programs if cost is not None else {}
    names = sorted(
        {*now.programs, *day} - {OTHERS},
        key=lambda name: (-now.programs.get(name, 0), -day.get(name, 0), name),
    )
    leading = names[:SHOWN]
    busiest = sorted(names[SHOWN:], key=lambda name: -day.get(name, 0))[:2]  # much today, though little now
    own = [*leading, *(name for name in busiest if day.get(name))]
    lines = [
        ProgramLine(
            _title(n),
            now.programs.get(n, 0),
            None if today is None else day.get(n, 0),
            micro=None if cost is None else paid.get(n, 0),
        )
        for n in own
    ]
    left = _sum(now.programs.items(), own), _sum(day.items(), own)
    if any(left):
        spent = None if cost is None else _sum(paid.items(), own)
        others = tr("other programs"), left[0], None if today is None else left[1], False, spent
        lines.append(ProgramLine(*others))
    apart = (
        (tr("computer at rest"), "idle"),
        (tr("system and what cannot be seen"), "rest"),
        (tr("not divided yet"), "undivided"),
    )
    for title, field in apart:
        drawn = getattr(now, field), None if today is None else getattr(today, field)
        if any(drawn):
            spent = None if cost is None else getattr(cost, field)
            lines.append(ProgramLine(title, *drawn, program=False, micro=spent))
    if lines:
        whole = now.total, None if today is None else today.total
        spent = None if cost is None else cost.total
        lines.append(ProgramLine(tr("measured parts together"), *whole, program=False, micro=spent))
    return lines


def _sum(programs: Iterable[tuple[str, int]], without: list[str]) -> int:
    return sum(drawn for name, drawn in programs if name not in without)


def _title(name: str) -> str:
    shown = clean_text(name, 60)
    return tr("models ({program})", program=shown) if is_model_server(name) else shown
