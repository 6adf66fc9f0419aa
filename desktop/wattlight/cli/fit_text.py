"""``fit`` for a person."""

from wattlight.domain.fit import Confidence, DeviceUse, HostUse, Verdict
from wattlight.domain.values import clean_text
from wattlight.i18n import gib, number, short_date, tokens_per_second, tr
from wattlight.services.shapes import Source
from wattlight.viewmodels.fit import confidence_name

from .call import Output
from .columns import aligned
from .fit_document import Answer


def print_fit(out: Output, answer: Answer) -> None:
    """Verdict first, then memory, context, speed, and why."""
    result = answer.result
    out.line(
        tr(
            "{model} on {machine}: {verdict}",
            model=clean_text(answer.model),
            machine=answer.machine.name,
            verdict=_verdict(answer),
        )
    )
    out.line()
    for line in aligned(_memory(answer), frozenset({1, 2, 3, 4})):
        out.line(line)
    out.line()
    rows = [
        (
            tr("Layers on GPU"),
            tr("{n} of {total}", n=number(result.layers_on_gpu), total=number(result.layers_total)),
        ),
        (tr("Context"), _context(answer)),
        (tr("All on GPU up to"), _largest(answer)),
        (tr("Batch"), number(result.batch)),
        (
            tr("Server will report"),
            tr(
                "{size}, of it {vram} on GPU",
                size=gib(result.reported_size_bytes),
                vram=gib(result.reported_vram_bytes),
            ),
        ),
        (tr("Spare"), gib(result.spare_bytes)),
        (
            tr("Sure to"),
            tr(
                "± {bytes} ({word})",
                bytes=gib(result.uncertainty_bytes, 2),
                word=confidence_name(Confidence(answer.confidence)),
            ),
        ),
        (tr("Speed"), tokens_per_second(answer.speed.low, answer.speed.high)),
        (tr("Source"), _source(answer)),
    ]
    for line in aligned(rows):
        out.line(line)
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
                verdict=_verdict_word(answer.unloaded.result.verdict),
            )
        )


def _verdict(answer: Answer) -> str:
    return _verdict_word(answer.result.verdict)


def _verdict_word(verdict: Verdict) -> str:
    return {
        Verdict.FULL_GPU: tr("fits wholly on the GPU"),
        Verdict.PARTIAL_GPU: tr("fits partly on the GPU"),
        Verdict.CPU: tr("runs on the processor"),
        Verdict.NO: tr("does not fit"),
    }[verdict]


def _memory(answer: Answer) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(tr("MEMORY"), tr("WEIGHTS"), tr("KV CACHE"), tr("COMPUTE"), tr("TOTAL"))]
    rows += [(clean_text(use.name, 40), *_cells(use)) for use in answer.result.devices]
    rows.append((tr("RAM"), *_cells(answer.result.host)))
    return rows


def _cells(use: DeviceUse | HostUse) -> tuple[str, ...]:
    sizes = (use.weights_bytes, use.kv_bytes, use.compute_bytes, use.total_bytes)
    return tuple(gib(size, 2) for size in sizes)


def _context(answer: Answer) -> str:
    result = answer.result
    text = number(result.context)
    if result.context != result.context_asked:
        text = tr("{n} (asked: {asked})", n=text, asked=number(result.context_asked))
    if result.parallel > 1:
        text = tr("{n} for each of {slots} slots", n=text, slots=number(result.parallel))
    return tr("{n} tokens, {kv} cache", n=text, kv=result.kv_type)


def _largest(answer: Answer) -> str:
    return ", ".join(
        tr("{n} ({kv})", n=number(tokens) if tokens else tr("never"), kv=kind)
        for kind, tokens in answer.largest.items()
    )


def _source(answer: Answer) -> str:
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
        Source.REGISTRY: tr("the header in the registry"),
    }[found.source]
