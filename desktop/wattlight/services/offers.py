"""Recommendations in words, for both faces, and as the offers of the page Models."""

from collections.abc import Callable
from dataclasses import replace

from wattlight.domain.advice import Advice, PassedOver, Recommendation, Statement
from wattlight.domain.entry import CatalogEntry
from wattlight.i18n import gib, joined, number, tokens_per_second, tr
from wattlight.services.answers import FitNote, LeftOut, Offer


def why_sentence(recommendation: Recommendation) -> str:
    """One sentence why a model stands on the list."""
    what, *rest = (_text(item) for item in recommendation.why)
    return tr("{what}: {rest}.", what=what, rest=joined(rest))


def passed_over_sentence(passed: PassedOver) -> str:
    """Why not that one: "qwen3:8b: an older generation than qwen3.5:9b."."""
    return tr("{name}: {reason}.", name=passed.name, reason=_text(passed.reason))


def reason_text(statement: Statement) -> str:
    return _text(statement)


def api_sentence(advice: Advice) -> str:
    """When to use a provider's API instead; empty where this computer is enough."""
    return "" if advice.api.reason is None else tr("{sentence}.", sentence=_text(advice.api.reason))


def _text(statement: Statement) -> str:
    if statement.code == "pace":
        ends = [float(value) for _, value in statement.values]
        return tr("about {speed}", speed=tokens_per_second(ends[0], ends[1]))
    return _TEXTS[statement.code]({name: _shown(name, value) for name, value in statement.values})


def _shown(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("_bytes"):
        return gib(round(value))
    if name == "tokens_per_s":
        return number(value, 1 if value < 9.95 else 0)
    return number(value)


def _texts() -> dict[str, Callable[[dict[str, str]], str]]:
    """Each statement's words; one call of ``tr`` each, so that every text is found by the extractor."""
    return {
        "what_newest": lambda v: tr("{title} is from its maker's newest generation", **v),
        "what_code": lambda v: tr("{title} is made for code", **v),
        "what_experts": lambda v: tr("{title} uses only part of its weights for each token", **v),
        "what_instruct": lambda v: tr("{title} answers without thinking first", **v),
        "what_vision": lambda v: tr("{title} reads text and images", **v),
        "what_thinking": lambda v: tr("{title} can think before it answers", **v),
        "what_plain": lambda v: tr("{title} is a general model", **v),
        "what_embedding": lambda v: tr("{title} turns text into vectors for search", **v),
        "on_gpu": lambda v: tr(
            "it fits entirely on {device} with {spare_bytes} to spare at {context_tokens} tokens of context",
            **v,
        ),
        "experts_in_ram": lambda v: tr(
            "it runs on {device}, but the experts of {blocks} of its {total} blocks stay in RAM", **v
        ),
        "partly_on_gpu": lambda v: tr(
            "{layers} of its {total} layers fit on {device}, the rest stay in RAM", **v
        ),
        "in_ram": lambda v: tr(
            "it runs on the processor in {used_bytes} of RAM, leaving {spare_bytes} free", **v
        ),
        "drafts": lambda v: tr("{draft_bytes} of what it takes are for drafts of {length} tokens", **v),
        "pace_unknown": lambda _v: tr("its speed here is not known"),
        "older": lambda v: tr("an older generation than {winner}", **v),
        "less_on_gpu": lambda v: tr("less of it fits on the GPU than of {winner}", **v),
        "slower": lambda v: tr("about {tokens_per_s} tokens/s, slower than {winner}", **v),
        "near_equal": lambda v: tr("similar to {winner}, which ranks higher here", **v),
        "no_room": lambda v: tr("needs about {needed_bytes}, but only {room_bytes} are available", **v),
        "too_slow": lambda v: tr("would generate only about {tokens_per_s} tokens/s here", **v),
        "api_nothing_fits": lambda v: tr(
            "No model in the catalogue fits in the {ram_bytes} of free memory: close programs and try "
            "again, or use a provider's API",
            **v,
        ),
        "api_slow": lambda v: tr(
            "The best model generates only about {tokens_per_s} tokens/s here: for more than short "
            "answers, use a provider's API",
            **v,
        ),
        "api_small_talk": lambda _v: tr(
            "Models this small suit short answers and simple texts: for more, use a provider's API"
        ),
        "api_small_work": lambda _v: tr(
            "Models this small get code, long tool use and hard questions wrong too often: use a provider's "
            "API for those"
        ),
    }


_TEXTS = _texts()


def offers(advice: Advice) -> tuple[Offer, ...]:
    """One offer for each recommendation, in their order."""
    return tuple(_offer(item) for item in advice.recommendations)


def left_out(advice: Advice) -> tuple[LeftOut, ...]:
    """The models that were not recommended, with the sentences of ``recommend``."""
    return tuple(
        LeftOut(passed.name, passed_over_sentence(passed), passed.reason.code == "too_slow")
        for passed in advice.passed_over
    )


def listed_offer(
    note: FitNote, entry: CatalogEntry | None, download_bytes: int | None, exact: bool = True
) -> Offer:
    """A model as it can be installed, with what the catalogue says of it (None: it is not listed)."""
    if entry is None:
        return Offer(note.model, note, download_bytes, download_exact=exact)
    return Offer(
        note.model,
        note,
        download_bytes,
        download_exact=exact,
        publisher=entry.publisher,
        released=entry.released or "",
        licence=entry.license or "",
        uses=entry.uses,
        parameters=entry.params_total,
    )


def _offer(item: Recommendation) -> Offer:
    offer = listed_offer(_note(item), item.entry, item.download_bytes, item.download_exact)
    return replace(offer, quantization=item.tag.quant, why=why_sentence(item))


def _note(item: Recommendation) -> FitNote:
    fit = item.fit
    return FitNote(
        model=item.name,
        verdict=item.verdict.value,
        layers_on_gpu=fit.layers_on_gpu,
        layers_total=fit.layers_total,
        weights_bytes=sum(use.weights_bytes for use in fit.devices),
        work_bytes=sum(use.kv_bytes + use.compute_bytes for use in fit.devices),
        host_bytes=fit.host_bytes,
        spare_bytes=item.spare_bytes,
        context_length=item.context,
        trained_context=item.entry.context,
        largest_gpu_context=item.largest_full_gpu_context,
        tokens_low=item.speed.low,
        tokens_high=item.speed.high,
        tokens_confidence=item.speed.confidence.value,
        confidence=item.confidence.value,
        reasons=(why_sentence(item),) if item.download_exact else (why_sentence(item), _rounded()),
    )


def _rounded() -> str:
    return tr("Only a rounded size is listed for this tag; the largest it can stand for was used.")
