"""Finds the shape of a model by name or path: file, disk, registry, and where those fail the catalogue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

from wattlight.catalog.gguf import shape_from_file
from wattlight.catalog.installed import InstalledModels
from wattlight.catalog.registry import Registry, RegistryProblem
from wattlight.domain.fit import Confidence
from wattlight.domain.shape import ModelShape
from wattlight.domain.values import Problem


class Source(StrEnum):
    FILE = "file"
    INSTALLED = "installed"
    REGISTRY = "registry"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class FoundShape:
    """A shape and where it came from.

    Attributes:
        confidence: upper bound of the confidence of anything worked out from it.
        catalogue_date: of a catalogue estimate, None otherwise.
        obstacle: why the registry was not used although it was asked; None otherwise.
    """

    name: str
    shape: ModelShape
    source: Source
    confidence: Confidence = Confidence.HIGH
    catalogue_date: date | None = None
    obstacle: Problem | None = None


def is_path(model: str) -> bool:
    """True for what can only be a file: a path, or a name that ends in ``.gguf``."""
    return (
        model.lower().endswith(".gguf")
        or model.startswith(("/", "./", "../", "~", ".\\", "\\"))
        or model[1:3] in {":\\", ":/"}
    )


class ShapeFinder:
    """Asks, in this order: the file itself, the server's own disk, the registry, the shipped catalogue.

    Blocks while it reads or asks. Only a name that is not installed makes it use the network.
    """

    def __init__(
        self,
        installed: InstalledModels,
        registry: Registry,
        from_catalogue: Callable[[str], FoundShape | None],
    ) -> None:
        self._installed = installed
        self._registry = registry
        self._from_catalogue = from_catalogue

    def find(self, model: str) -> FoundShape:
        """The shape of ``model``, a path or a name.

        Raises:
            Problem: the file or name cannot be used, or nothing is known of it.
        """
        if is_path(model) or Path(model).is_file():
            return FoundShape(model, shape_from_file(Path(model).expanduser()), Source.FILE)
        return self.named(model)

    def named(self, model: str) -> FoundShape:
        """The shape of the model with this name; no file of that name is looked for.

        Raises:
            Problem: the name cannot be used, or nothing is known of it.
        """
        shape = self._installed.shape(model)
        if shape is not None:
            return FoundShape(model, shape, Source.INSTALLED)
        try:
            return FoundShape(model, self._registry.shape(model), Source.REGISTRY)
        except RegistryProblem as problem:
            if problem.code not in {"offline", "busy", "registry"}:
                raise
            known = self._from_catalogue(model)
            if known is None:
                raise
            return replace(known, obstacle=problem)

    def on_disk(self, model: str) -> ModelShape | None:
        """The shape of an installed model, None if its file cannot be read here; never the network."""
        return self._installed.shape(model)
