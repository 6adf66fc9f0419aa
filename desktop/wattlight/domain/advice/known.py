"""Listed models made ready to be fitted: all that a fit needs of this package."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wattlight.domain.fit import Confidence, PreparedModel, prepare

from ..entry import Catalog, CatalogEntry, CatalogTag
from .shape_estimate import estimate_shape

if TYPE_CHECKING:
    from .uses import Editorial


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A prepared model; ``confidence`` is the best that anything worked out from it can have."""

    model: PreparedModel
    confidence: Confidence


def estimated(entry: CatalogEntry, tag: CatalogTag) -> KnownModel | None:
    """``tag`` of ``entry``, None where no geometry is known to estimate it with."""
    if entry.layout is None:
        return None
    estimate = estimate_shape(entry, tag, entry.layout)
    divided = entry.layout.divided.get(tag.tag, "")
    return KnownModel(prepare(estimate.shape, entry.layout.whole, divided), estimate.confidence)


def estimated_by_name(catalog: Catalog, name: str) -> KnownModel | None:
    """``name`` as the catalogue lets it be estimated, None if it is not listed."""
    match = catalog.find(name)
    return None if match is None else estimated(match.entry, match.tag)


@dataclass(frozen=True, slots=True)
class KnownModels:
    """Catalogue, judgement and the models prepared so far.

    One per program; sharing it between threads is safe (a model prepared twice is the same).
    """

    catalog: Catalog
    editorial: "Editorial"
    _prepared: dict[tuple[str, str], KnownModel | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def known(self, entry: CatalogEntry, tag: CatalogTag) -> KnownModel | None:
        """``tag`` of ``entry``, None where no geometry is known to estimate it with."""
        key = (entry.name, tag.tag)
        if key not in self._prepared:
            self._prepared[key] = estimated(entry, tag)
        return self._prepared[key]
