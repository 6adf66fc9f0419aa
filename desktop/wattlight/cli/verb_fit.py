"""``wattlight fit``: what a model will take, and whether it fits."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from wattlight.domain.fit import (
    KV_TYPES,
    Confidence,
    ContextSource,
    DeviceUse,
    FitOptions,
    FitResult,
    HostUse,
    PreparedModel,
    Verdict,
    explain,
    fit,
    largest_context,
    prepare,
)
from wattlight.domain.speed import SpeedRange, prompt_tokens_per_second, tokens_per_second, with_draft
from wattlight.domain.values import MachineProfile, Problem, clean_text
from wattlight.i18n import gib, number, short_date, tr
from wattlight.i18n import tokens_per_second as speed_text
from wattlight.services.fit_words import confidence_name, reason_sentence, verdict_name
from wattlight.services.shapes import FoundShape, Source

from .options import MAX_CONTEXT, add_machine_option, machine_of, whole
from .output import SPEED, Call, Document, Output, pick, plain

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
        "reasons": list(answer.reasons),
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
    out.table(rows)
    out.line()
    for reason in answer.reasons:
        out.line(f"- {reason}")
    out.line(f"- {answer.speed.basis}")
    if answer.unloaded is not None and answer.unloaded.result.verdict is not result.verdict:
        out.line(
            "- "
            + tr(
                "With {models} unloaded: {verdict}.",
                models=", ".join(clean_text(name) for name in answer.unloaded.models),
                verdict=verdict_name(answer.unloaded.result.verdict),
            )
        )


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
    return ", ".join(
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


MAX_PARALLEL = 1024
MAX_BATCH = 1 << 16
MAX_LAYERS = 1 << 16
MAX_DRAFT = 64
BROKEN_DRAFTS = frozenset(("draft_crashes", "draft_refused"))
SHOWN_TYPES = ("f16", "q8_0", "q4_0")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of a model, or path of a .gguf file")
    parser.add_argument(
        "--context",
        type=whole(1, MAX_CONTEXT),
        metavar="N",
        help="context in tokens (default: the server's for this computer)",
    )
    parser.add_argument(
        "--kv-type",
        choices=list(KV_TYPES),
        metavar="T",
        help=f"type of the KV cache: {', '.join(KV_TYPES)} (default: the server's setting)",
    )
    parser.add_argument(
        "--parallel",
        type=whole(1, MAX_PARALLEL),
        metavar="N",
        help="slots (default: the server's)",
    )
    parser.add_argument(
        "--batch",
        type=whole(1, MAX_BATCH),
        metavar="N",
        help="batch (default: what the server chooses)",
    )
    parser.add_argument(
        "--flash-attention",
        choices=["auto", "on", "off"],
        help="default: the server's setting",
    )
    parser.add_argument(
        "--gpu-layers",
        type=whole(0, MAX_LAYERS),
        metavar="N",
        help="layers on accelerators (default: as many as fit); 0 is the processor alone",
    )
    parser.add_argument(
        "--draft",
        type=whole(0, MAX_DRAFT),
        metavar="N",
        help="tokens drafted at a time, 0 for no draft (default: the model's draft_num_predict)",
    )
    parser.add_argument(
        "--projector", type=Path, metavar="FILE", help="vision projector of a MODEL that is a file"
    )
    parser.add_argument("--spread", action="store_true", help="use all accelerators even where one would do")
    add_machine_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    """Say how the model fits this computer or the one in a file; "it does not" is an answer too."""
    machine = machine_of(args, call)
    found = call.workshop.shape_finder().find(args.model, args.projector)
    options = FitOptions(
        context=args.context,
        kv_type=args.kv_type,
        parallel=args.parallel,
        batch=args.batch,
        flash_attention=args.flash_attention,
        gpu_layers=args.gpu_layers,
        spread=args.spread,
        draft=args.draft,
    )
    model = prepare(found.shape)
    result = fit(model, machine, options)
    speed = tokens_per_second(model, result, machine)
    bare = fit(model, machine, replace(options, draft=0)) if result.draft else None
    kinds = dict.fromkeys((*SHOWN_TYPES, result.kv_type))
    answer = FitAnswer(
        model=args.model,
        machine=machine,
        found=found,
        prepared=model,
        result=result,
        unloaded=_with_models_unloaded(args, call, model, machine, options),
        largest={kind: largest_context(model, machine, replace(options, kv_type=kind)) for kind in kinds},
        speed=speed,
        without_draft=WithoutDraft(bare, with_draft(speed, model, result, bare, machine)) if bare else None,
        prompt_speed=prompt_tokens_per_second(model, result, machine),
        reasons=(
            *(reason_sentence(reason) for reason in explain(model, machine, result, options)),
            *found.notes,
            *machine.notes,
        ),
    )
    if call.as_json:
        call.out.document(fit_document(answer))
    else:
        print_fit(call.out, answer)


def _with_models_unloaded(
    args: argparse.Namespace, call: Call, model: PreparedModel, machine: MachineProfile, options: FitOptions
) -> Unloaded | None:
    """The same question for this computer without the models that are loaded now.

    None for another computer, without a server, without a loaded model, and where several accelerators make
    it unknown which one would get free.
    """
    if args.machine or len(machine.devices) != 1:
        return None
    try:
        running = call.workshop.server().running()
    except Problem:
        return None
    held = sum(item.size_vram_bytes for item in running)
    if not held:
        return None
    freed = replace(options, unloaded=((machine.devices[0].id, held),))
    return Unloaded(tuple(item.name for item in running), fit(model, machine, freed))
