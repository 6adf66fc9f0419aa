"""What could be saved: models kept loaded for nothing, cards that are kept awake, power limits."""

from wattlight.domain.answers import SWEEPS
from wattlight.domain.cost import Amount
from wattlight.domain.values import clean_text
from wattlight.i18n import duration, interval, joined, kwh, money, percent, tr, trn, watts

from .chart import short_name
from .figures import amount_text
from .scene import Scene

COARSE = 0.3
"""Error of what is scaled up or compared with another week: no finer than the minor unit."""


def currency_of(scene: Scene) -> str | None:
    for cost in (scene.host.today, scene.host.month):
        if cost is not None and cost.currency:
            return cost.currency
    return scene.settings.price.currency


def savings(scene: Scene) -> tuple[str, ...]:
    """Models that are kept loaded for nothing, and power limits worth trying; nothing without figures."""
    lines = _idle_lines(scene)
    for cap in scene.extras.costs.caps if scene.extras.costs else ():
        advice, currency = cap.advice, currency_of(scene)
        low, high = advice.saves_low_micro, advice.saves_high_micro
        if low is not None and high is not None and currency is not None:
            saved = interval(money(low, currency), money(high, currency))
        else:
            saved = interval(kwh(advice.saves_low_mj), kwh(advice.saves_high_mj))
        lines.append(
            tr(
                "A power limit of {cap} on {device} would save about {saved} a month. Published sweeps "
                "({sweeps}) lost {slower} of the speed of answers and {reading} of reading; for your card "
                "measure before and after.",
                cap=watts(advice.cap_w),
                device=clean_text(cap.device, 60),
                saved=saved,
                sweeps=SWEEPS,
                slower=interval(*map(percent, advice.slower)),
                reading=interval(*map(percent, advice.slower_reading)),
            )
        )
    return tuple(lines)


IDLE_LINES = 3


def _idle_lines(scene: Scene) -> list[str]:
    costs, currency, lines = scene.extras.costs, currency_of(scene), []
    for item in costs.idle[:IDLE_LINES] if costs else ():
        lines.append(
            trn(
                "{model} takes {cost} a month loaded and idle ({time}). A keep-alive of 5 minutes would save "
                "at most {saved}; it would be loaded again about once a month.",
                "{model} takes {cost} a month loaded and idle ({time}). A keep-alive of 5 minutes would save "
                "at most {saved}; it would be loaded again about {count} times a month.",
                item.loads,
                model=clean_text(item.model, 60),
                cost=amount_text(Amount(item.parked_mj, item.parked_micro, COARSE), currency),
                time=duration(item.idle_s),
                saved=amount_text(Amount(item.saved_mj, item.saved_micro, COARSE), currency),
            )
        )
    for draw in costs.idle_draws[:IDLE_LINES] if costs else ():
        lines.append(
            tr(
                "{device} draws {more} more while {models} is loaded and nobody asks anything ({whole} in "
                "all): a server that holds the card keeps it awake (ollama#8591).",
                device=short_name(draw.device),
                more=watts(draw.more_w),
                models=joined(clean_text(name, 40) for name in draw.models),
                whole=watts(draw.whole_w),
            )
        )
    return lines
