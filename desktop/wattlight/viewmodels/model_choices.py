"""What the list of models can be asked for: a use, a context length, an order."""

from collections.abc import Callable, Sequence

from wattlight.domain.state import InstalledModel
from wattlight.domain.values import clean_text
from wattlight.i18n import number, tr
from wattlight.services.answers import FitNote, Offer

USES = ("chat", "code", "vision", "reasoning", "agents", "embedding")

ORDERS = ("", "name", "size", "speed")
""" "": as it is advised, the best first."""


def use_name(use: str) -> str:
    names = {
        "chat": tr("Chat"),
        "code": tr("Code"),
        "vision": tr("Images"),
        "reasoning": tr("Reasoning"),
        "agents": tr("Agents"),
        "embedding": tr("Embeddings"),
    }
    return names.get(use, clean_text(use, 30) if use else tr("Any use"))


def context_name(length: int) -> str:
    """ "Context 8k"."""
    return tr("Context {k}k", k=number(length // 1024))


def order_name(order: str) -> str:
    names = {"name": tr("By name"), "size": tr("By size"), "speed": tr("By speed")}
    return names.get(order, tr("Best first"))


def in_order(
    models: Sequence[InstalledModel | Offer], order: str, fit_of: Callable[[str], FitNote | None]
) -> list[InstalledModel | Offer]:
    """``models`` by name, smallest first or fastest first; what is not known of a model puts it last."""
    if order == "name":
        return sorted(models, key=lambda model: _name(model).lower())
    if order == "size":
        return sorted(models, key=lambda model: (_size(model) is None, _size(model) or 0))
    if order == "speed":
        return sorted(models, key=lambda model: -(_speed(model, fit_of) or 0.0))
    return list(models)


def _name(model: InstalledModel | Offer) -> str:
    return model.name if isinstance(model, InstalledModel) else model.model


def _size(model: InstalledModel | Offer) -> int | None:
    return (model.size_bytes if isinstance(model, InstalledModel) else model.download_bytes) or None


def _speed(model: InstalledModel | Offer, fit_of: Callable[[str], FitNote | None]) -> float | None:
    """Measured, else the middle of the range."""
    fit = fit_of(model.name) if isinstance(model, InstalledModel) else model.fit
    if fit is None:
        return None
    if fit.measured_tokens_per_s is not None:
        return fit.measured_tokens_per_s
    if fit.tokens_low is None or fit.tokens_high is None:
        return fit.tokens_low
    return (fit.tokens_low + fit.tokens_high) / 2
