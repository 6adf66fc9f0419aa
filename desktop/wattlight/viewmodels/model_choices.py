"""What the list of models can be asked for: a use, a context length, an order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wattlight.domain.state import InstalledModel
from wattlight.domain.values import clean_text
from wattlight.i18n import gb, number, tr
from wattlight.services.answers import CPU_ONLY, DOES_NOT_FIT, FULL_GPU, PARTIAL_GPU, FitNote, Offer

USES = ("chat", "code", "vision", "reasoning", "agents", "embedding")

ORDERS = ("", "name", "size", "speed")
""" "": as it is advised, the best first."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the person asked the list for."""

    use: str = ""
    context_length: int = 8192
    search: str = ""
    order: str = ""
    fit: str = ""
    """A verdict; "" is any."""
    most_bytes: int = 0
    """Largest download; 0 is any."""
    licence: str = ""
    """Of what could be installed; "" is any."""
    show_cloud: bool = False
    show_left_out: bool = False
    looked_up: str = ""
    """The model whose registry was asked last."""

    @property
    def narrow(self) -> bool:
        """Whether something is left out by fit, size or licence."""
        return bool(self.fit or self.most_bytes or self.licence)

    def take(self, fit: FitNote | None, size_bytes: int | None, licence: str | None = None) -> bool:
        """Whether a model is asked for; one whose fit or size is not known is not, where that was chosen.
        ``licence`` None: it is installed, and none is asked for any more."""
        if self.fit and (fit is None or fit.verdict != self.fit):
            return False
        if licence is not None and self.licence not in {"", licence}:
            return False
        return not self.most_bytes or (size_bytes is not None and size_bytes <= self.most_bytes)


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


FITS = ("", FULL_GPU, PARTIAL_GPU, CPU_ONLY, DOES_NOT_FIT)
GB = 10**9
SIZES = (0, 5 * GB, 10 * GB, 20 * GB, 40 * GB)
"""Largest downloads that are shown, in bytes; 0 is any."""


def fit_name(verdict: str) -> str:
    names = {
        FULL_GPU: tr("All on GPU"),
        PARTIAL_GPU: tr("Partly on GPU"),
        CPU_ONLY: tr("CPU only"),
        DOES_NOT_FIT: tr("Does not fit"),
    }
    return names.get(verdict, tr("Any fit"))


def size_name(most_bytes: int) -> str:
    return tr("Up to {size}", size=gb(most_bytes, 0)) if most_bytes else tr("Any size")


def licences(offers: Iterable[Offer]) -> tuple[str, ...]:
    """The licences there are, by name."""
    return tuple(sorted({clean_text(o.licence, 40) for o in offers if o.licence}, key=str.lower))


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
