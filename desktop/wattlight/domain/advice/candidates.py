"""Which models and which of their tags come into question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wattlight.domain.fit import FitResult, Verdict

from ..entry import CatalogEntry, CatalogTag, Flavour
from ..values import MachineProfile
from .judgement import (
    QUANT_LOSS,
    Judged,
    Reach,
    age_months,
    bound_of,
    effective_billions,
    judge_tag,
    quality_points,
    quant_points,
    reach_of,
    speed_points,
    wanted_speed,
)
from .known import KnownModels
from .uses import ApiAdvice, Question, Recommendation, Statement, Use, statement, suits

OUTDATED_MONTHS = 24
"""Older models are named only if everything is asked for; embedding models age more slowly."""
UNKNOWN_LANGUAGE_LOSS = 2.0
SIXTEEN_BITS = frozenset({"BF16", "FP16", "F16"})
SIXTEEN_BITS_BELOW = 1.5e9
"""Unquantized tags are for models with fewer parameters than this; larger ones gain nothing by it."""
WORTH_A_TRY = 0.3
"""Expected points above which another quantization is tried."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model in one flavour, with the points it would have at best."""

    entry: CatalogEntry
    flavour: Flavour
    tags: tuple[CatalogTag, ...]
    quality: float
    at_best: float

    @property
    def name(self) -> str:
        """What its first tag would be pulled as."""
        return f"{self.entry.base_name}:{start_tag(self).tag}"


def candidates(known: KnownModels, machine: MachineProfile, question: Question) -> list[Candidate]:
    """Everything meant for the use (and the language), most promising on ``machine`` first."""
    found = []
    reach = reach_of(machine)
    for entry in known.catalog.entries:
        if not suits(entry, question.use, known.editorial) or _left_aside(entry, known, question):
            continue
        language_loss = _language_loss(entry, question, known)
        if language_loss is None:
            continue
        for flavour in (Flavour.SAME, Flavour.INSTRUCT):
            tags = tuple(tags_of(entry, flavour))
            if not tags or (flavour is Flavour.INSTRUCT and question.use is Use.REASONING):
                continue
            quality = quality_points(entry, question.use, flavour, known.editorial, known.catalog.date)
            quality -= language_loss
            most = bound_of(entry, tags, quality, reach, question.use, known.editorial)
            found.append(Candidate(entry, flavour, tags, quality, most))
    found.sort(key=lambda item: (-item.at_best, item.entry.name))
    return found


def _left_aside(entry: CatalogEntry, known: KnownModels, question: Question) -> bool:
    """Outdated, or trained for less context than is asked for."""
    if question.everything or question.use is Use.EMBEDDING:
        return False
    return entry.context < question.context or age_months(entry, known.catalog.date) > OUTDATED_MONTHS


def _language_loss(entry: CatalogEntry, question: Question, known: KnownModels) -> float | None:
    """Points lost for the language; None if the model is not meant for it."""
    if question.language is None:
        return 0.0
    speaks = known.editorial.languages.speaks(entry.base_name, question.language)
    if speaks is None:
        return UNKNOWN_LANGUAGE_LOSS
    return 0.0 if speaks else None


def tags_of(entry: CatalogEntry, flavour: Flavour) -> Iterator[CatalogTag]:
    """The tags worth considering: those the GGUF engine runs, in quantizations that are worth their bytes."""
    small = (entry.params_total or entry.unverified.params_total or 1 << 62) < SIXTEEN_BITS_BELOW
    if flavour is Flavour.SAME:
        yield entry.default_tag
    for tag in entry.tags[1:]:
        if tag.flavour is not flavour or tag.engine != "gguf" or tag.quant not in QUANT_LOSS:
            continue
        if tag.quant in SIXTEEN_BITS and not small:
            continue
        if flavour is Flavour.SAME and tag.quant == entry.quant:
            continue
        yield tag


def judge_first(
    candidate: Candidate, known: KnownModels, machine: MachineProfile, question: Question
) -> Judged | None:
    """The tag that is tried first, None where no geometry is known."""
    return _judge(candidate, start_tag(candidate), known, machine, question)


def judge_candidate(
    candidate: Candidate, known: KnownModels, machine: MachineProfile, question: Question
) -> tuple[Judged, ...]:
    """The candidate's tags that were tried, best first; empty where no geometry is known.

    The default tag is tried first: its bytes are exact. Then at most two others: a larger quantization if
    there is room and it would gain, the largest smaller ones if it is too large or too slow.
    """
    first = judge_first(candidate, known, machine, question)
    if first is None:
        return ()
    tried = [first]
    wholly = first.fits and first.fit.layers_on_gpu in {0, first.fit.layers_total}
    others = _others_that_fit(candidate, first, known, question) if wholly else _smaller(candidate, first)
    for tag in others[:2]:
        judged = _judge(candidate, tag, known, machine, question)
        if judged is not None:
            tried.append(judged)
            if judged.fits and (not first.fits or judged.points > first.points):
                break
    tried.sort(key=lambda item: (not item.fits, -item.points))
    return tuple(tried)


def at_best(
    candidate: Candidate, known: KnownModels, machine: MachineProfile, question: Question, reach: Reach
) -> tuple[Judged | None, float]:
    """Its first tag without compute buffers, None where no geometry is known, and the most points that
    :func:`judge_candidate` could find for any of its tags."""
    start = start_tag(candidate)
    bare = _judge(candidate, start, known, machine, question, True)
    others = tuple([tag for tag in candidate.tags if tag is not start])
    if bare is None or not others:
        return bare, bare.points if bare else candidate.at_best
    most = bound_of(candidate.entry, others, candidate.quality, reach, question.use, known.editorial)
    return bare, max(bare.points, most)


def start_tag(candidate: Candidate) -> CatalogTag:
    if candidate.flavour is Flavour.SAME:
        return candidate.tags[0]
    default = candidate.entry.quant
    return next((tag for tag in candidate.tags if tag.quant == default), candidate.tags[0])


def _judge(
    candidate: Candidate,
    tag: CatalogTag,
    known: KnownModels,
    machine: MachineProfile,
    question: Question,
    bare: bool = False,
) -> Judged | None:
    ready = known.known(candidate.entry, tag)
    if ready is None:
        return None
    return judge_tag(
        candidate.entry,
        tag,
        ready.model,
        ready.confidence,
        machine,
        question.use,
        question.context,
        known.editorial,
        candidate.quality,
        bare,
    )


def _others_that_fit(
    candidate: Candidate, first: Judged, known: KnownModels, question: Question
) -> list[CatalogTag]:
    """Other quantizations that should fit and gain points, for quality or for speed; most promising first."""
    wanted = wanted_speed(candidate.entry, first.tag, question.use, known.editorial)
    mid = first.speed.mid
    gains = []
    for tag in candidate.tags:
        more = tag.bytes_listed + tag.slack_bytes - first.tag.bytes_listed
        if tag is first.tag or more > first.fit.spare_bytes:
            continue
        gain = quant_points(candidate.entry, tag) - quant_points(candidate.entry, first.tag)
        if mid is not None:
            then = mid * first.tag.bytes_listed / tag.bytes_listed
            gain += speed_points(then, wanted) - speed_points(mid, wanted)
        if gain > WORTH_A_TRY:
            gains.append((gain, tag))
    gains.sort(key=lambda item: -item[0])
    return [tag for _, tag in gains]


def _smaller(candidate: Candidate, first: Judged) -> list[CatalogTag]:
    smaller = [tag for tag in candidate.tags if tag.bytes_listed < 0.97 * first.tag.bytes_listed]
    smaller.sort(key=lambda tag: -tag.bytes_listed)
    lacking = max(0, -first.fit.spare_bytes)
    enough = [t for t in smaller if first.tag.bytes_listed - t.bytes_listed >= 0.8 * lacking]
    return enough or smaller[-1:]


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


def why(item: Judged, known: KnownModels, embeds: bool) -> tuple[Statement, ...]:
    """What it is, where it lies, how fast it is."""
    parts = [_what(item.entry, item.tag.flavour, known), _where(item.fit)]
    if item.fit.draft is not None:
        parts.append(
            statement("drafts", length=item.fit.draft.length, draft_bytes=item.fit.draft.total_bytes)
        )
    if not embeds:
        parts.append(_pace(item))
    return tuple(parts)


def _what(entry: CatalogEntry, flavour: Flavour, known: KnownModels) -> Statement:
    """The one thing that speaks most for the model."""
    line, place = known.editorial.line_of(entry)
    newest = all(
        other_place <= place
        for name, (other, other_place) in known.editorial.generation.items()
        if other == line
    )
    names = {"title": entry.title, "publisher": entry.publisher}
    if "embedding" in entry.capabilities:
        return statement("what_embedding", **names)
    if entry.code_specialised:
        return statement("what_code", **names)
    if entry.moe:
        return statement("what_experts", **names)
    if flavour is Flavour.INSTRUCT:
        return statement("what_instruct", **names)
    if newest and line != entry.base_name:
        return statement("what_newest", **names)
    if "vision" in entry.capabilities:
        return statement("what_vision", **names)
    if "thinking" in entry.capabilities:
        return statement("what_thinking", **names)
    return statement("what_plain", **names)


def _where(result: FitResult) -> Statement:
    device = result.devices[0].name if result.devices else ""
    context = result.context
    if len(result.devices) > 1 and result.layers_on_gpu:
        device = " + ".join(use.name for use in result.devices)
    match result.verdict:
        case Verdict.FULL_GPU:
            return statement("on_gpu", device=device, spare_bytes=result.spare_bytes, context_tokens=context)
        case Verdict.PARTIAL_GPU if result.expert_blocks_in_ram:
            blocks, total = result.expert_blocks_in_ram, result.layers_total - 1
            return statement(
                "experts_in_ram", device=device, blocks=blocks, total=total, context_tokens=context
            )
        case Verdict.PARTIAL_GPU:
            return statement(
                "partly_on_gpu",
                device=device,
                layers=result.layers_on_gpu,
                total=result.layers_total,
                context_tokens=context,
            )
        case _:
            return statement("in_ram", used_bytes=result.host_bytes, spare_bytes=result.spare_bytes)


def _pace(item: Judged) -> Statement:
    low, high = item.speed.low, item.speed.high
    if low is None or high is None:
        return statement("pace_unknown")
    return statement("pace", low=low, high=high)
