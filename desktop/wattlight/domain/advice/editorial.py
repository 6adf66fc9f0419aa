"""Our own judgement about models, as values (``resources/catalog/README.md`` says what each part is)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wattlight.domain.entry import CatalogEntry


@dataclass(frozen=True, slots=True)
class Languages:
    """What makers say of languages, by a model's name before the colon; codes are ISO 639-1."""

    broad: frozenset[str] = frozenset()
    english: frozenset[str] = frozenset()
    some: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def speaks(self, base_name: str, language: str) -> bool | None:
        """Whether the model is meant for ``language``; None where we do not know."""
        if language == "en" or base_name in self.broad:
            return True
        if base_name in self.english:
            return False
        listed = self.some.get(base_name)
        return None if listed is None else language in listed


@dataclass(frozen=True, slots=True)
class Editorial:
    """Judgement used to order models; never shown as fact.

    ``generation`` maps a model's name before the colon to its line and its place in it (newer is higher).
    """

    generation: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    standing: Mapping[str, float] = field(default_factory=dict)
    languages: Languages = field(default_factory=Languages)
    poor_agents: frozenset[str] = frozenset()
    thinks_first: frozenset[str] = frozenset()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    architectures: Mapping[str, str] = field(default_factory=dict)
    tied: frozenset[str] = frozenset()

    def line_of(self, entry: CatalogEntry) -> tuple[str, int]:
        """The model's line and generation; a model that is in no line is one of its own."""
        return self.generation.get(entry.base_name, (entry.base_name, 0))
