"""The catalogue: all entries and how to find one by any of its names."""

from dataclasses import dataclass, field
from datetime import date

from .model_entry import CatalogEntry, CatalogTag

DEFAULT_TAG = "latest"
LIBRARY = "library/"


@dataclass(frozen=True, slots=True)
class CatalogMatch:
    """An entry and which of its tags was meant."""

    entry: CatalogEntry
    tag: CatalogTag

    @property
    def name(self) -> str:
        """What to pull: "gemma4:12b-it-q8_0"."""
        return f"{self.entry.base_name}:{self.tag.tag}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every known model; ``date`` is the newest day its source saw the library."""

    entries: tuple[CatalogEntry, ...]
    date: date
    _by_name: dict[str, CatalogMatch] = field(repr=False, compare=False, hash=False, default_factory=dict)

    def find(self, name: str) -> CatalogMatch | None:
        """The model called ``name`` ("qwen3.5", "qwen3.5:9b", "gemma4:12b-it-q8_0"); None: not listed.

        Tags and names are compared without regard to case, as the server does. Cloud tags are never found.
        """
        wanted = name.strip().lower().removeprefix(LIBRARY)
        if ":" not in wanted:
            wanted = f"{wanted}:{DEFAULT_TAG}"
        if not self._by_name:
            self._by_name.update(_index(self.entries))
        return self._by_name.get(wanted)


def _index(entries: tuple[CatalogEntry, ...]) -> dict[str, CatalogMatch]:
    names: dict[str, CatalogMatch] = {}
    for entry in entries:
        base = entry.base_name.lower()
        default = CatalogMatch(entry, entry.default_tag)
        names[entry.name.lower()] = default
        for alias in entry.aliases:
            names[f"{base}:{alias.lower()}"] = default
        for tag in entry.tags[1:]:
            names.setdefault(f"{base}:{tag.tag.lower()}", CatalogMatch(entry, tag))
    return names
