"""When to say: use a provider's API for this."""

from collections.abc import Sequence

from wattlight.domain.values import MachineProfile

from .quality import effective_billions
from .question import ApiAdvice, Recommendation, statement
from .uses import Use

SLOW_TOKENS_PER_S = 8.0
"""Below this even the best model on the list tries one's patience."""
ENOUGH_BILLIONS = {Use.CHAT: 3.5, Use.VISION: 3.5, Use.CODE: 8.0, Use.REASONING: 7.0, Use.AGENTS: 8.0}
"""Billions of (effective) parameters from which a local model is more than a stopgap (our judgement)."""


def api_advice(recommendations: Sequence[Recommendation], machine: MachineProfile, use: Use) -> ApiAdvice:
    """Honest advice where this machine is not enough for ``use``."""
    if not recommendations:
        return ApiAdvice(True, statement("api_nothing_fits", ram_bytes=machine.ram_available_bytes))
    if use is Use.EMBEDDING:
        return ApiAdvice(False)
    best = recommendations[0]
    if best.speed.mid is not None and best.speed.mid < SLOW_TOKENS_PER_S:
        return ApiAdvice(True, statement("api_slow", tokens_per_s=best.speed.mid))
    quick = [i for i in recommendations[:3] if i.speed.mid is None or i.speed.mid >= SLOW_TOKENS_PER_S]
    if max(effective_billions(item.entry) for item in quick) < ENOUGH_BILLIONS[use]:
        return ApiAdvice(True, statement(f"api_small_{'talk' if use in _TALK else 'work'}"))
    return ApiAdvice(False)


_TALK = frozenset({Use.CHAT, Use.VISION})
