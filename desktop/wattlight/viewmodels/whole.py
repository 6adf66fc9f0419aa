"""The whole computer where it is not measured: learned on battery or, as the last resort, a range."""

from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import CostRange, CostReport
from wattlight.domain.power import LearnedFigure, MachineSample
from wattlight.domain.tariff import MJ_PER_KWH
from wattlight.domain.wall import Wall, WallBasis, WallFigure
from wattlight.i18n import duration, interval, kwh, money, number, tr, watts
from wattlight.services.calibration import learned_how, learned_limits

from .words import DASH, Action

COARSE = 0.4
"""Error of an estimate: its money has no finer digits than the currency's own."""
SMALL_MJ = MJ_PER_KWH // 10
"""Below, energy is told in Wh."""


def learned_now(sample: MachineSample | None, wall: Wall | None) -> tuple[WallFigure, LearnedFigure] | None:
    """What was learned, where nothing surer tells of the whole."""
    if sample is None or sample.learned is None:
        return None
    found = (wall or Wall()).figure(sample.total, sample.learned)
    return (found, sample.learned) if found is not None and found.basis is WallBasis.LEARNED else None


def power_now(sample: MachineSample | None, wall: Wall | None) -> float | None:
    """Watts of the whole as learned, else of the measured parts; None where neither is known."""
    learned = learned_now(sample, wall)
    if learned is not None:
        return learned[0].power_w
    return None if sample is None else sample.total.measured_w


def watts_now(sample: MachineSample | None, wall: Wall | None) -> str:
    """ "52 W" measured, "about 23 W" learned, "12–30 W (estimated)"; a dash where nothing can be said."""
    if sample is None:
        return DASH
    learned = learned_now(sample, wall)
    if learned is not None:
        return tr("about {power}", power=watts(learned[0].power_w))
    if sample.total.measured_w is None and sample.estimate_w is not None:
        return tr("{range} (estimated)", range=range_watts(sample.estimate_w))
    return watts(sample.total.measured_w)


def learned_note(found: WallFigure, learned: LearnedFigure, measured_w: float | None) -> str:
    """The quiet line below a learned figure."""
    note = tr("± {error}, whole computer, {how}", error=watts(found.error_w), how=learned_how(learned))
    if measured_w is None:
        return note
    return tr("{note}; {power} of it measured", note=note, power=watts(measured_w))


def learned_hint(learned: LearnedFigure) -> str:
    """What it rests on, and what it cannot see."""
    basis = (
        tr("It follows from the processor's own counter, the graphics and the brightness of the screen.")
        if learned.counter
        else tr(
            "It follows from the processor's load and clock, the graphics and the brightness of the screen."
        )
    )
    return f"{basis} {learned_limits(learned)}".strip()


def range_watts(edges: tuple[float, float]) -> str:
    low, high = edges
    return interval(number(round(low)), f"{number(round(high))} W")


def range_amount(found: CostRange) -> str:
    """Money where there is a price, else energy."""
    return interval(*range_ends(found))


def range_ends(found: CostRange) -> tuple[str, str]:
    """Both ends, formatted alike."""
    if found.low_micro is not None and found.high_micro is not None:
        return money(found.low_micro, found.currency, COARSE), money(found.high_micro, found.currency, COARSE)
    if found.high_mj < SMALL_MJ:
        return kwh(found.low_mj), kwh(found.high_mj)
    low, high = (f"{number(mj / MJ_PER_KWH, 2)} kWh" for mj in (found.low_mj, found.high_mj))
    return low, high


def better_way(sample: MachineSample | None) -> Action | None:
    """Where nothing is measured or learned: to the page that tells the ways to measure it."""
    if sample is None or sample.estimate_w is None:
        return None
    hint = tr("To make it exact: {way}.", way=exact_way(sample))
    return Action(tr("Make it exact…"), Command(Verb.OPEN_MACHINE), hint=hint)


def estimate_basis() -> str:
    return tr("from rated power and load")


def exact_way(sample: MachineSample | None) -> str:
    """How the range becomes a figure on this computer."""
    if sample is not None and any(part.kind == "battery" for part in sample.devices):
        return tr("unplug the charger for half an hour, and Wattlight learns what this computer draws")
    return tr("set up a wall plug in Settings, or see Machine for other ways")


def estimated_beside(cost: CostReport | None) -> str:
    """Of the hours in which nothing was measured, while others were; "" where there were none."""
    if cost is None or cost.quality is None or cost.estimated is None:
        return ""
    return tr(
        "In {time} nothing was measured; the computer took {range} then, estimated, which is in no sum.",
        time=duration(cost.estimated.seen_s),
        range=range_amount(cost.estimated),
    )
