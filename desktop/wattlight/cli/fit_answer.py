"""The answer of ``wattlight fit``: as a document, and as lines for a person."""

from dataclasses import dataclass

from wattlight.domain.fit import (
    Confidence,
    ContextSource,
    DeviceUse,
    FitResult,
    HostUse,
    PreparedModel,
    RoomBeside,
    Together,
    Verdict,
)
from wattlight.domain.speed import SpeedRange
from wattlight.domain.values import MachineProfile, clean_text
from wattlight.i18n import gib, joined, number, short_date, tr
from wattlight.i18n import tokens_per_second as speed_text
from wattlight.services.fit_words import confidence_name, together_text, verdict_name
from wattlight.services.shapes import FoundShape, Source

from .output import SPEED, Document, Output, pick, plain

BROKEN_DRAFTS = frozenset(("draft_crashes", "draft_refused"))
_PARTS = "weights_bytes kv_bytes compute_bytes"
_RESULT = (
    "verdict layers_total layers_on_gpu expert_blocks_in_ram needed_bytes gpu_bytes host_bytes "
    "projector_bytes batch context kv_type parallel flash_attention reported_size_bytes reported_vram_bytes "
    "spare_bytes missing_bytes uncertainty_bytes"
)


@dataclass(frozen=True, slots=True)
class Unloaded:
    models: tuple[str, ...]
    result: FitResult


@dataclass(frozen=True, slots=True)
class WithoutDraft:
    """The same without the draft, and the speed with it (None: no gain is to be expected)."""

    result: FitResult
    speed_with: SpeedRange | None


@dataclass(frozen=True, slots=True)
class WithOthers:
    """The model and others, loaded in this order."""

    models: tuple[str, ...]
    together: Together


@dataclass(frozen=True, slots=True)
class FitAnswer:
    model: str
    machine: MachineProfile
    found: FoundShape
    prepared: PreparedModel
    result: FitResult
    unloaded: Unloaded | None
    without_draft: WithoutDraft | None
    largest: dict[str, int | None]
    speed: SpeedRange
    prompt_speed: SpeedRange
    reasons: tuple[str, ...]
    beside: WithOthers | None = None

    @property
    def confidence(self) -> Confidence:
        """The lower of what the source allows and what the memory model claims."""
        return self.result.confidence.at_most(self.found.confidence)


def fit_document(answer: FitAnswer) -> Document:
    result, found, unloaded = answer.result, answer.found, answer.unloaded
    return {
        "model": clean_text(answer.model),
        "machine": answer.machine.name,
        "source": found.source.value,
        "catalogue_date": plain(found.catalogue_date),
        "size_exact": not found.shape.rounded,
        "stand_in": found.shape.stand_in or None,
        "architecture": answer.prepared.arch.name,
        "devices": [pick(use, f"name {_PARTS}") for use in result.devices],
        "host": pick(result.host, _PARTS),
        **pick(result, _RESULT),
        "context_source": result.context_source.value,
        "context_asked": result.context_asked if result.context_source is ContextSource.ASKED else None,
        "context_trained": answer.prepared.context_trained,
        "largest_full_gpu_context": answer.largest,
        "confidence": answer.confidence.value,
        "tokens_per_second": pick(answer.speed, SPEED, 2),
        "prompt_tokens_per_second": pick(answer.prompt_speed, SPEED, 2),
        "if_unloaded": None
        if unloaded is None
        else {
            "models": [clean_text(name) for name in unloaded.models],
            **pick(unloaded.result, "verdict layers_on_gpu spare_bytes"),
        },
        "draft": _draft_document(answer),
        "together": _together_document(answer.beside),
        "reasons": list(answer.reasons),
    }


def _together_document(beside: WithOthers | None) -> Document | None:
    if beside is None:
        return None
    found = beside.together
    return {
        "fits": found.fits,
        **pick(found, "used_bytes total_bytes"),
        "models": [
            {
                "model": clean_text(name),
                "room": room.value,
                **pick(result, "verdict context needed_bytes missing_bytes"),
            }
            for name, room, result in zip(beside.models, found.rooms, found.results, strict=True)
        ],
    }


def _draft_document(answer: FitAnswer) -> Document | None:
    draft, without = answer.result.draft, answer.without_draft
    if draft is None or without is None:
        return None
    speed = without.speed_with
    return {
        **pick(draft, f"kind length {_PARTS} state_bytes output_bytes counted"),
        "without": pick(without.result, "verdict layers_on_gpu expert_blocks_in_ram gpu_bytes host_bytes"),
        "tokens_per_second": None if speed is None else pick(speed, SPEED, 2),
    }


def print_fit(out: Output, answer: FitAnswer) -> None:
    """Verdict first, then memory, context, speed, and why."""
    result = answer.result
    model, verdict = clean_text(answer.model), _with_draft(answer, _headline(answer))
    machine = answer.machine.name
    out.line(tr("{model} on {machine}: {verdict}", model=model, machine=machine, verdict=verdict))
    if answer.beside is not None:
        for text in together_lines(answer.beside):
            out.line(text)
    if out.quiet:
        return
    out.line()
    out.table(_memory(answer), {1, 2, 3, 4})
    out.line()
    rows = [
        (
            tr("Layers on GPU"),
            tr("{n} of {total}", n=number(result.layers_on_gpu), total=number(result.layers_total)),
        ),
        (tr("Context"), _context(answer)),
        (tr("All on GPU up to"), _largest(answer)),
        (tr("Needs"), gib(result.needed_bytes, 2)),
        (tr("Batch"), number(result.batch)),
        (
            tr("Server will report"),
            tr(
                "{size}, of it {vram} on GPU",
                size=gib(result.reported_size_bytes),
                vram=gib(result.reported_vram_bytes),
            ),
        ),
        *_draft_rows(answer),
        (tr("Spare"), gib(result.spare_bytes)),
        (
            tr("Accuracy"),
            tr(
                "±{bytes} ({word})",
                bytes=gib(result.uncertainty_bytes, 2),
                word=confidence_name(answer.confidence),
            ),
        ),
        (tr("Speed"), _speed(answer)),
        (tr("Source"), _source(answer)),
    ]
    out.table(rows, headed=False)
    out.line()
    for reason in answer.reasons:
        out.line(f"- {reason}")
    out.line(f"- {answer.speed.basis}")
    if answer.unloaded is not None and answer.unloaded.result.verdict is not result.verdict:
        out.line(
            "- "
            + tr(
                "With {models} unloaded: {verdict}.",
                models=joined(clean_text(name) for name in answer.unloaded.models),
                verdict=verdict_name(answer.unloaded.result.verdict),
            )
        )


def together_lines(beside: WithOthers) -> list[str]:
    """Whether they fit together; where not, which does not and why."""
    found = beside.together
    names = tuple(clean_text(name, 60) for name in beside.models)
    if found.fits:
        return [together_text(names, RoomBeside.FITS.value, found.used_bytes, found.total_bytes)]
    return [
        together_text((*names[:index], names[index]), room.value, 0, 0, result.missing_bytes)
        for index, (room, result) in enumerate(zip(found.rooms, found.results, strict=True))
        if room is not RoomBeside.FITS
    ]


def _with_draft(answer: FitAnswer, verdict: str) -> str:
    draft = answer.result.draft
    if answer.result.obstacle in BROKEN_DRAFTS and draft is not None:
        return tr("does not work with a draft of {n}", n=number(draft.length))
    return (
        verdict
        if draft is None
        else tr("{verdict}, with a draft of {n}", verdict=verdict, n=number(draft.length))
    )


def _draft_rows(answer: FitAnswer) -> list[tuple[str, ...]]:
    draft, without = answer.result.draft, answer.without_draft
    if draft is None or without is None:
        return []
    text = tr("{n} tokens, {size}", n=number(draft.length), size=gib(draft.total_bytes, 2))
    bare = tr(
        "{verdict}, {n} of {total} layers on GPU",
        verdict=verdict_name(without.result.verdict),
        n=number(without.result.layers_on_gpu),
        total=number(without.result.layers_total),
    )
    speed = without.speed_with
    gain = speed_text(speed.low, speed.high) if speed else tr("no gain to be expected")
    return [(tr("Draft"), text), (tr("Without the draft"), bare), (tr("Speed with the draft"), gain)]


def _headline(answer: FitAnswer) -> str:
    """The verdict; where it is bad at the server's own choice of context, first what fits."""
    result = answer.result
    verdict = verdict_name(result.verdict)
    largest = answer.largest.get(result.kv_type)
    if result.verdict is Verdict.FULL_GPU or result.context_source is ContextSource.ASKED or not largest:
        return verdict
    return tr(
        "all on GPU up to {most} tokens; {verdict} at the server's {context}",
        most=number(largest),
        verdict=verdict,
        context=number(result.context),
    )


def _speed(answer: FitAnswer) -> str:
    speed = answer.speed
    text = speed_text(speed.low, speed.high)
    if speed.mid is None:
        return text
    return tr("{speed} ({word})", speed=text, word=confidence_name(speed.confidence))


def _memory(answer: FitAnswer) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(tr("MEMORY"), tr("WEIGHTS"), tr("KV CACHE"), tr("COMPUTE"), tr("TOTAL"))]
    about = "~" if answer.found.shape.rounded else ""
    rows += [(clean_text(use.name, 40), *_cells(use, about)) for use in answer.result.devices]
    rows.append((tr("RAM"), *_cells(answer.result.host, about)))
    return rows


def _cells(use: DeviceUse | HostUse, about: str) -> tuple[str, ...]:
    """Sizes; ``about`` stands before those that follow from a rounded one."""
    weights, total = about + gib(use.weights_bytes, 2), about + gib(use.total_bytes, 2)
    return weights, gib(use.kv_bytes, 2), gib(use.compute_bytes, 2), total


def _context(answer: FitAnswer) -> str:
    result = answer.result
    text, before = number(result.context), number(result.context_asked)
    if result.parallel > 1:
        text = tr("{n} for each of {slots} slots", n=text, slots=number(result.parallel))
    text = tr("{n} tokens, {kv} cache", n=text, kv=result.kv_type)
    words = {
        ContextSource.TIER: tr("the server's default"),
        ContextSource.MODEL: tr("set in the model: {before}", before=before),
        ContextSource.STEPPED_DOWN: tr("the server's default of {before} does not fit", before=before),
        ContextSource.SETTING: tr("OLLAMA_CONTEXT_LENGTH: {before}", before=before),
    }
    asked = tr("asked: {before}", before=before) if result.context != result.context_asked else ""
    why = words.get(result.context_source, asked)
    return f"{text} ({why})" if why else text


def _largest(answer: FitAnswer) -> str:
    return joined(
        tr("{n} ({kv})", n=number(tokens) if tokens else tr("never"), kv=kind)
        for kind, tokens in answer.largest.items()
    )


def _source(answer: FitAnswer) -> str:
    found = answer.found
    if found.source is Source.CATALOGUE:
        return tr(
            "catalogue of {date} (estimate): {why}",
            date=short_date(found.catalogue_date),
            why=found.obstacle.message if found.obstacle else "",
        )
    return {
        Source.FILE: tr("the file's own header"),
        Source.INSTALLED: tr("the header of the installed file"),
        Source.SERVER: tr("what the server tells of its header"),
        Source.REGISTRY: tr("the header in the registry"),
    }[found.source]
