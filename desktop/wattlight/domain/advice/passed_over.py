"""Why this and not that."""

from collections.abc import Sequence
from dataclasses import dataclass

from wattlight.domain.entry import CatalogEntry, CatalogTag

from .judgement import Judged
from .known_models import KnownModels
from .question import PassedOver, Recommendation, Statement, statement

MOST_LEFT_OUT = 6
MOST_INSTEAD = 3
FAR_LARGER = 8
"""Nobody asks why a model so many times larger was not taken."""
OUT_OF_REACH = 3
"""Nor why one was not that needs so many times the memory there is."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A tag that was refused: ``no_room`` or ``too_slow``."""

    entry: CatalogEntry
    tag: CatalogTag
    code: str
    needed_bytes: int
    room_bytes: int
    tokens_per_s: float | None = None

    @property
    def name(self) -> str:
        """What it would be pulled as."""
        return f"{self.entry.base_name}:{self.tag.tag}"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A model for which a better one of its line and size stands; ``judged`` None: it was not even fitted."""

    name: str
    entry: CatalogEntry
    winner: Judged
    judged: Judged | None = None


def kept_instead(
    item: Judged, dropped: Sequence[Dropped], rejected: Sequence[Rejection], known: KnownModels
) -> tuple[PassedOver, ...]:
    """Near relatives of ``item`` that were not taken: older ones, and the next size that does not fit."""
    losers: dict[str, Dropped] = {}
    for loser in dropped:
        if loser.winner.entry is item.entry and loser.entry is not item.entry:
            losers.setdefault(loser.entry.name, loser)
    newest_first = sorted(losers.values(), key=lambda loser: -known.editorial.line_of(loser.entry)[1])
    found = [PassedOver(loser.name, _against(loser, item, known)) for loser in newest_first]
    line, place = known.editorial.line_of(item.entry)
    larger = [
        refusal
        for refusal in rejected
        if known.editorial.line_of(refusal.entry)[0] == line
        and known.editorial.line_of(refusal.entry)[1] >= place
        and item.tag.bytes_listed < refusal.tag.bytes_listed < FAR_LARGER * item.tag.bytes_listed
    ]
    larger.sort(key=lambda refusal: refusal.tag.bytes_listed)
    found += [PassedOver(refusal.name, _refused(refusal)) for refusal in larger[:1]]
    return tuple(found[: MOST_INSTEAD - 1] + found[-1:]) if len(found) > MOST_INSTEAD else tuple(found)


def left_out(
    recommendations: Sequence[Recommendation],
    rejected: Sequence[Rejection],
    known: KnownModels,
    room: int,
) -> tuple[PassedOver, ...]:
    """The most promising models that are not on the list, and why; none that a relative there stands for."""
    listed = {recommendation.entry.name for recommendation in recommendations}
    found: list[PassedOver] = []
    lines: set[tuple[str, bool]] = set()
    for refusal in rejected:
        kind = (known.editorial.line_of(refusal.entry)[0], refusal.entry.moe)
        if refusal.entry.name in listed or kind in lines or refusal.needed_bytes > OUT_OF_REACH * room:
            continue
        lines.add(kind)
        found.append(PassedOver(refusal.name, _refused(refusal)))
    return tuple(found[:MOST_LEFT_OUT])


def _refused(refusal: Rejection) -> Statement:
    if refusal.code == "too_slow" and refusal.tokens_per_s is not None:
        return statement("too_slow", tokens_per_s=refusal.tokens_per_s)
    return statement("no_room", needed_bytes=refusal.needed_bytes, room_bytes=refusal.room_bytes)


def _against(dropped: Dropped, winner: Judged, known: KnownModels) -> Statement:
    older = known.editorial.line_of(dropped.entry)[1] < known.editorial.line_of(winner.entry)[1]
    names = {"winner": winner.name}
    if older:
        return statement("older", **names)
    loser = dropped.judged
    if loser is None:
        return statement("near_equal", **names)
    if loser.fit.verdict is not winner.fit.verdict:
        return statement("less_on_gpu", **names)
    if (
        loser.speed.mid is not None
        and winner.speed.mid is not None
        and loser.speed.mid < 0.8 * winner.speed.mid
    ):
        return statement("slower", tokens_per_s=loser.speed.mid, **names)
    return statement("near_equal", **names)
