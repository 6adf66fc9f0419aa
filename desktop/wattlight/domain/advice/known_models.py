"""The catalogue's models made ready for fits, each when it is first needed."""

from dataclasses import dataclass, field

from wattlight.domain.entry import Architecture, Catalog, CatalogEntry, CatalogTag
from wattlight.domain.fit import Confidence, PreparedModel, prepare

from .editorial import Editorial
from .geometry import geometry_of
from .shape_estimate import estimate_shape


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A prepared model; ``confidence`` is the best that anything worked out from it can have."""

    model: PreparedModel
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class KnownModels:
    """Catalogue, judgement and the models prepared so far.

    One per program; sharing it between threads is safe (a model prepared twice is the same).
    """

    catalog: Catalog
    editorial: Editorial
    _prepared: dict[tuple[str, str], KnownModel | None] = field(
        default_factory=dict, repr=False, compare=False
    )
    _geometry: dict[str, Architecture | None] = field(default_factory=dict, repr=False, compare=False)

    def known(self, entry: CatalogEntry, tag: CatalogTag) -> KnownModel | None:
        """``tag`` of ``entry``, None where no geometry is known to estimate it with."""
        key = (entry.name, tag.tag)
        if key not in self._prepared:
            self._prepared[key] = self._prepare(entry, tag)
        return self._prepared[key]

    def _prepare(self, entry: CatalogEntry, tag: CatalogTag) -> KnownModel | None:
        if entry.name not in self._geometry:
            self._geometry[entry.name] = geometry_of(entry, self.catalog, self.editorial)
        arch = self._geometry[entry.name]
        if arch is None:
            return None
        estimate = estimate_shape(entry, tag, arch)
        return KnownModel(prepare(estimate.shape), estimate.confidence)
