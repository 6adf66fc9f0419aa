"""Which three models are offered first, and which of them is chosen beforehand."""

from collections.abc import Sequence

from wattlight.domain.state import InstalledModel

from ..scene import DOES_NOT_FIT, Extras, Offer, Scene, same_model

FEW_MINUTES_S = 360.0
"""A first download should not take longer than about six minutes."""
MUCH_SMALLER = 0.6
"""The second of three is at most this part of the first in size, the third of the second."""


def three_offers(extras: Extras) -> tuple[Offer, ...]:
    """The best for this computer and two that are much smaller, each the best of its size; best first.

    The smaller ones come from everything that fits, since a recommendation leaves out what a larger model
    does better. What does not fit or has no known size is left out.
    """
    ranked = [o for o in (*(extras.offers or ()), *extras.starters) if _usable(o)]
    chosen = ranked[:1]
    while chosen and len(chosen) < 3:
        limit = (chosen[-1].download_bytes or 0) * MUCH_SMALLER
        smaller = next((o for o in ranked if (o.download_bytes or 0) <= limit), None)
        if smaller is None:
            break
        chosen.append(smaller)
    return tuple(chosen)


def _usable(offer: Offer) -> bool:
    return bool(offer.download_bytes) and offer.fit.verdict != DOES_NOT_FIT


def fetch_seconds(size_bytes: int | None, bytes_per_s: float | None) -> float | None:
    """How long so many bytes take; None while the speed of the line is not known."""
    if not size_bytes or not bytes_per_s or bytes_per_s <= 0:
        return None
    return size_bytes / bytes_per_s


def preselected(scene: Scene, three: Sequence[Offer]) -> str:
    """The model to begin with.

    The person's own choice, else one that is installed, else the largest of the three that arrives within
    six minutes (the smallest where none does), else the first of the list.
    """
    chosen = scene.settings.first_run.model
    installed = installed_first(scene)
    known = [m.name for m in scene.local_models] + [o.model for o in three]
    if chosen and any(same_model(chosen, name) for name in known):
        return chosen
    if installed is not None:
        return installed.name
    if not three:
        return ""
    speed = scene.setup.line_bytes_per_s
    if speed is None:
        return three[0].model
    quick = [o for o in three if (fetch_seconds(o.download_bytes, speed) or 0.0) <= FEW_MINUTES_S]
    return (quick[0] if quick else three[-1]).model


def installed_first(scene: Scene) -> InstalledModel | None:
    """An installed model to begin with: one that fits, the largest of them; None without any."""
    order = {"full_gpu": 0, "partial_gpu": 1, "cpu": 1, None: 2, DOES_NOT_FIT: 3}

    def rank(model: InstalledModel) -> tuple[int, int]:
        fit = scene.fit_of(model.name)
        return order.get(fit.verdict if fit else None, 2), -model.size_bytes

    return min(scene.local_models, key=rank, default=None)
