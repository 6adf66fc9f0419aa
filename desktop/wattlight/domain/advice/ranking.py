"""The list: judged in order of promise until no model left could still get onto it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

from wattlight.domain.fit import FitOptions, Verdict, fit, largest_context, usable_devices

from ..entry import CatalogEntry, CatalogTag
from ..speed import tokens_per_second
from ..values import MachineProfile
from .candidates import (
    Candidate,
    api_advice,
    at_best,
    candidates,
    judge_candidate,
    judge_first,
    start_tag,
    why,
)
from .judgement import Judged, effective_billions, reach_of
from .known import KnownModels
from .uses import Advice, PassedOver, Question, Recommendation, Use, statement

MOST_LEFT_OUT = 6
MOST_INSTEAD = 3
FAR_LARGER = 4
"""Nobody asks why a model so many times larger was not taken."""
OUT_OF_REACH = 3
"""Nor why one was not that needs so many times the memory there is."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A tag that was refused: ``no_room`` or ``too_slow``; ``fitted`` False: by its bytes alone.

    ``candidate``: without its compute buffers, which others wait for until it is shown.
    """

    entry: CatalogEntry
    tag: CatalogTag
    code: str
    needed_bytes: int
    room_bytes: int
    tokens_per_s: float | None = None
    fitted: bool = True
    candidate: Candidate | None = None

    @property
    def name(self) -> str:
        return f"{self.entry.base_name}:{self.tag.tag}"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A model for which a better one of its line and size stands; ``judged`` None: it was not even fitted.

    ``candidate``: it is worth a fit where it is shown.
    """

    name: str
    entry: CatalogEntry
    winner: Judged
    judged: Judged | None = None
    candidate: Candidate | None = None


def kept_instead(
    item: Judged,
    dropped: Sequence[Dropped],
    rejected: Sequence[Rejection],
    known: KnownModels,
    machine: MachineProfile,
    question: Question,
) -> tuple[PassedOver, ...]:
    """Near relatives of ``item`` that were not taken: older ones, and the next size that does not fit."""
    losers: dict[str, Dropped] = {}
    for loser in dropped:
        if loser.winner.entry is item.entry and loser.entry is not item.entry:
            losers.setdefault(loser.entry.name, loser)
    newest_first = sorted(losers.values(), key=lambda loser: -known.editorial.line_of(loser.entry)[1])
    found = [_against(loser, item, known, machine, question) for loser in newest_first]
    line, place = known.editorial.line_of(item.entry)
    larger = [
        refusal
        for refusal in rejected
        if known.editorial.line_of(refusal.entry)[0] == line
        and known.editorial.line_of(refusal.entry)[1] >= place
        and item.tag.bytes_listed < refusal.tag.bytes_listed < FAR_LARGER * item.tag.bytes_listed
    ]
    larger.sort(key=lambda refusal: refusal.tag.bytes_listed)
    found += [_refused(refusal, known, machine, question) for refusal in larger[:1]]
    return tuple(found[: MOST_INSTEAD - 1] + found[-1:]) if len(found) > MOST_INSTEAD else tuple(found)


def left_out(
    recommendations: Sequence[Recommendation],
    rejected: Sequence[Rejection],
    known: KnownModels,
    machine: MachineProfile,
    question: Question,
) -> tuple[PassedOver, ...]:
    """The most promising models that are not on the list, and why; none that a relative there stands for."""
    listed = {recommendation.entry.name for recommendation in recommendations}
    room = _room_bytes(machine)
    found: list[PassedOver] = []
    lines: set[tuple[str, bool]] = set()
    for refusal in rejected:
        kind = (known.editorial.line_of(refusal.entry)[0], refusal.entry.moe)
        if refusal.entry.name in listed or kind in lines or refusal.needed_bytes > OUT_OF_REACH * room:
            continue
        lines.add(kind)
        found.append(_refused(refusal, known, machine, question))
        if len(found) == MOST_LEFT_OUT:
            break
    return tuple(found)


def _refused(
    refusal: Rejection, known: KnownModels, machine: MachineProfile, question: Question
) -> PassedOver:
    """Why it was refused; what it needs is what a fit of it says, the same figure as everywhere."""
    if refusal.candidate is not None:
        first = judge_first(refusal.candidate, known, machine, question)
        refusal = _rejection(first, machine) if first is not None else refusal
    if refusal.code == "too_slow" and refusal.tokens_per_s is not None:
        return PassedOver(refusal.name, statement("too_slow", tokens_per_s=refusal.tokens_per_s))
    needed = refusal.needed_bytes
    ready = None if refusal.fitted else known.known(refusal.entry, refusal.tag)
    if ready is not None:
        needed = fit(ready.model, machine, FitOptions(context=question.context)).needed_bytes
    why_not = statement("no_room", needed_bytes=needed, room_bytes=refusal.room_bytes)
    return PassedOver(refusal.name, why_not)


def _against(
    dropped: Dropped, winner: Judged, known: KnownModels, machine: MachineProfile, question: Question
) -> PassedOver:
    loser, name = dropped.judged, dropped.name
    older = known.editorial.line_of(dropped.entry)[1] < known.editorial.line_of(winner.entry)[1]
    if loser is None and dropped.candidate is not None:
        loser = judge_candidate(dropped.candidate, known, machine, question)[0]
        name = loser.name
    if older:
        return PassedOver(name, statement("older", winner=winner.name))
    if loser is None:
        return PassedOver(name, statement("near_equal", winner=winner.name))
    if loser.fit.verdict is not winner.fit.verdict:
        return PassedOver(name, statement("less_on_gpu", winner=winner.name))
    if (
        loser.speed.mid is not None
        and winner.speed.mid is not None
        and loser.speed.mid < 0.8 * winner.speed.mid
    ):
        return PassedOver(name, statement("slower", tokens_per_s=loser.speed.mid, winner=winner.name))
    return PassedOver(name, statement("near_equal", winner=winner.name))


SURELY_WHOLE = 0.8
"""A file of less than this share of the devices' free memory lies there wholly: its first bound is near."""
FAR_BEHIND = 8.0
"""Points behind the best at which a model is not worth naming any more."""
SAME_SIZE = 1.45
"""Models of one line whose sizes differ by less than this factor are of one size."""


def recommend(known: KnownModels, machine: MachineProfile, question: Question) -> Advice:
    """What to run on ``machine``: only models that fit and that the server can pull, best first."""
    found = candidates(known, machine, question)
    judged, rejected, outdone = _judge_all(found, known, machine, question)
    kept, dropped = _one_of_a_kind(judged, known, question)
    dropped += outdone
    top = kept if question.everything else _near_the_best(kept)[: question.limit]
    recommendations = tuple(
        _recommendation(item, known, machine, question, dropped, rejected) for item in top
    )
    return Advice(
        question=question,
        recommendations=recommendations,
        passed_over=left_out(recommendations, rejected, known, machine, question),
        api=api_advice(recommendations, machine, question.use),
        catalogue_date=known.catalog.date,
        eligible=len({item.entry.name for item in found}),
    )


def _judge_all(
    found: Sequence[Candidate], known: KnownModels, machine: MachineProfile, question: Question
) -> tuple[list[Judged], list[Rejection], list[Dropped]]:
    """Fits, best first, what was refused, and what a better one of its kind stands for without a fit.

    The most promising is always the next; what a model that may have to be divided could be at best is made
    out twice, the second time from its weights and its cache. Fits nothing more when the list can no longer
    change.
    """
    judged: list[Judged] = []
    rejected: dict[int, list[Rejection]] = {}
    outdone: list[Dropped] = []
    bare: dict[int, Judged | None] = {}
    waiting, reach = _with_room(found, machine, rejected), reach_of(machine)
    while waiting:
        most, number = heappop(waiting)
        candidate = found[number]
        if not question.everything:
            if _settled(judged, -most, known, question):
                heappush(waiting, (most, number))
                break
            if number not in bare:
                rival = _rival(candidate, judged, known)
                if rival is not None:
                    outdone.append(Dropped(candidate.name, candidate.entry, rival))
                    continue
                if start_tag(candidate).bytes_listed > SURELY_WHOLE * reach.device_bytes > 0:
                    bare[number], most = at_best(candidate, known, machine, question, reach)
                    heappush(waiting, (-most, number))
                    continue
        tried = judge_candidate(candidate, known, machine, question)
        for item in tried if question.everything else tried[:1]:
            if item.fits:
                judged.append(item)
            else:
                rejected.setdefault(number, []).append(_rejection(item, machine))
    judged.sort(key=lambda item: (-item.points, item.name))
    for _, number in waiting:
        hopeless, candidate = bare.get(number), found[number]
        if hopeless is not None and not hopeless.fits:
            rejected[number] = [replace(_rejection(hopeless, machine), candidate=candidate)]
        elif hopeless is not None:
            rival = next((other for other in judged if _same_kind(candidate.entry, other.entry, known)), None)
            outdone += [Dropped(candidate.name, candidate.entry, rival, candidate=candidate)] if rival else []
    return judged, [item for number in sorted(rejected) for item in rejected[number]], outdone


def _with_room(
    found: Sequence[Candidate], machine: MachineProfile, rejected: dict[int, list[Rejection]]
) -> list[tuple[float, int]]:
    """A heap of what could be held at all, by points at best; the others go to ``rejected``."""
    room, waiting = _room_bytes(machine), []
    for number, candidate in enumerate(found):
        smallest = min(tag.bytes_listed for tag in candidate.tags)
        if smallest > room:
            start = start_tag(candidate)
            rejected[number] = [Rejection(candidate.entry, start, "no_room", smallest, room, fitted=False)]
        else:
            waiting.append((-candidate.at_best, number))
    heapify(waiting)
    return waiting


def _rival(candidate: Candidate, judged: list[Judged], known: KnownModels) -> Judged | None:
    """One of its kind that has more points than the candidate could get."""
    for item in judged:
        if item.points >= candidate.at_best and _same_kind(candidate.entry, item.entry, known):
            return item
    return None


def _near_the_best(kept: list[Judged]) -> list[Judged]:
    """Without what is so far behind the best that nobody should take it."""
    return [item for item in kept if item.points > kept[0].points - FAR_BEHIND]


def _settled(judged: list[Judged], at_best: float, known: KnownModels, question: Question) -> bool:
    better = [item for item in judged if item.points >= at_best]
    if len(better) < question.limit:
        return False
    better.sort(key=lambda item: (-item.points, item.name))
    return len(_one_of_a_kind(better, known, question)[0]) >= question.limit


def _room_bytes(machine: MachineProfile) -> int:
    """More than this cannot be held at all."""
    cards = sum(
        device.memory_total_bytes or device.memory_free_bytes or 0
        for device in usable_devices(machine)
        if not (device.unified or device.integrated)
    )
    return cards + machine.own_bytes + machine.ram_available_bytes


def _rejection(item: Judged, machine: MachineProfile) -> Rejection:
    refusal = item.refusal or "no_room"
    shared = {device.id for device in machine.devices if device.unified or device.integrated}
    cards = sum(use.free_bytes for use in item.fit.devices if use.id not in shared)
    pool = sum(use.free_bytes for use in item.fit.devices if use.id in shared)
    in_ram = machine.ram_available_bytes
    room = cards + min(pool or in_ram, in_ram + machine.own_bytes)
    return Rejection(item.entry, item.tag, refusal, item.fit.needed_bytes, room, item.speed.mid)


def _one_of_a_kind(
    judged: Sequence[Judged], known: KnownModels, question: Question
) -> tuple[list[Judged], list[Dropped]]:
    """One model per line and size, and those dropped for one that was kept. Sorted input."""
    if question.everything:
        return list(judged), []
    kept: list[Judged] = []
    dropped: list[Dropped] = []
    for item in judged:
        rival = next((other for other in kept if _same_kind(item.entry, other.entry, known)), None)
        if rival is None:
            kept.append(item)
        else:
            dropped.append(Dropped(item.name, item.entry, rival, item))
    return kept, dropped


def _same_kind(one: CatalogEntry, other: CatalogEntry, known: KnownModels) -> bool:
    if one is other:
        return True
    if known.editorial.line_of(one)[0] != known.editorial.line_of(other)[0] or one.moe != other.moe:
        return False
    ratio = effective_billions(one) / effective_billions(other)
    return 1 / SAME_SIZE < ratio < SAME_SIZE


def _recommendation(
    item: Judged,
    known: KnownModels,
    machine: MachineProfile,
    question: Question,
    dropped: Sequence[Dropped],
    rejected: Sequence[Rejection],
) -> Recommendation:
    largest = None
    if item.fit.verdict is Verdict.FULL_GPU:
        largest = largest_context(item.model, machine, FitOptions())
    thinking = item.tag.flavour.value != "instruct"
    embeds = question.use is Use.EMBEDDING
    speed = item.speed if embeds else tokens_per_second(item.model, item.fit, machine)
    return Recommendation(
        name=item.name,
        entry=item.entry,
        tag=item.tag,
        use=question.use,
        verdict=item.fit.verdict,
        context=item.fit.context,
        spare_bytes=item.fit.spare_bytes,
        largest_full_gpu_context=largest,
        speed=speed,
        download_bytes=item.tag.bytes_listed,
        download_exact=item.tag.slack_bytes == 0,
        confidence=item.confidence,
        capabilities=item.entry.capabilities if thinking else item.entry.capabilities - {"thinking"},
        fit=item.fit,
        points=round(item.points, 3),
        why=why(item, known, embeds),
        instead_of=kept_instead(item, dropped, rejected, known, machine, question),
    )
