"""The type of a model's KV cache: what is in force, what a smaller one frees, and how it comes about."""

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel
from wattlight.i18n import gib, tr
from wattlight.services.answers import FitNote

from .scene import Scene
from .words import Action

EIGHT_BIT = "q8_0"
WORTH_BYTES = 1 << 26
"""Less than 64 MiB is not worth a setting."""


def cache_name(kv_type: str) -> str:
    """The type in words: "16-bit cache"."""
    words = {"f16": tr("16-bit cache"), EIGHT_BIT: tr("8-bit cache"), "q4_0": tr("4-bit cache")}
    return words.get(kv_type, tr("cache of type {kind}", kind=kv_type))


def cache_text(scene: Scene, model: str, fit: FitNote | None) -> str:
    """What the cache of ``model`` is, what an 8-bit one would free, and what a wish for it still needs."""
    if fit is None or fit.kv_type is None:
        return ""
    frees, wished = fit.eight_bit_frees_bytes, scene.settings.chosen_for(model).kv_type
    if wished not in {None, fit.kv_type}:
        return tr(
            "You wish an {wished} for it; the server has one type for all models and runs with a {now}. "
            "Settings can change that: OLLAMA_KV_CACHE_TYPE, with flash attention on.",
            wished=cache_name(wished),
            now=cache_name(fit.kv_type),
        )
    if frees is None or frees < WORTH_BYTES:
        return ""
    return tr("An 8-bit cache would free {size}.", size=gib(frees))


def cache_actions(scene: Scene, model: InstalledModel | None, fit: FitNote | None) -> tuple[Action, ...]:
    """To wish an 8-bit cache where it frees much, to take that back, and to the setting that it needs."""
    if model is None or model.remote_host is not None or fit is None or fit.kv_type is None:
        return ()
    wished = scene.settings.chosen_for(model.name).kv_type
    if wished is None:
        if (fit.eight_bit_frees_bytes or 0) < WORTH_BYTES:
            return ()
        hint = tr("The server has one type of cache for all models; what it needs is shown then.")
        return (
            Action(tr("Wish an 8-bit cache"), Command(Verb.USE_CACHE, model.name, text=EIGHT_BIT), hint=hint),
        )
    undo = Action(tr("Any cache again"), Command(Verb.USE_CACHE, model.name))
    if wished == fit.kv_type:
        return (undo,)
    question = tr(
        "For all models, from the next start of the server: OLLAMA_KV_CACHE_TYPE={kind} and "
        "OLLAMA_FLASH_ATTENTION=1. Settings shows what is written before it is. Go there?",
        kind=wished,
    )
    plan = Command(Verb.PLAN_CACHE, model.name, question, tr("Show in Settings"), text=wished)
    return Action(tr("Set it for the server…"), plan), undo
