"""Why a model stands on the list, as statements that make one sentence."""

from wattlight.domain.entry import CatalogEntry, Flavour
from wattlight.domain.fit import FitResult, Verdict

from .judgement import Judged
from .known_models import KnownModels
from .question import Statement, statement


def why(item: Judged, known: KnownModels, embeds: bool) -> tuple[Statement, ...]:
    """What it is, where it lies, how fast it is."""
    parts = [_what(item.entry, item.tag.flavour, known), _where(item.fit)]
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
