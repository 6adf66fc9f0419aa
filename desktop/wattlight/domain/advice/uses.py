"""What a model is wanted for, and whether a model is meant for that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from wattlight.domain.fit import Confidence, FitResult, Verdict

from ..entry import CatalogEntry, CatalogTag, Flavour
from ..speed import SpeedRange


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

    def line_of(self, entry: CatalogEntry) -> tuple[str, int]:
        """The model's line and generation; a model that is in no line is one of its own."""
        return self.generation.get(entry.base_name, (entry.base_name, 0))


class Use(StrEnum):
    CHAT = "chat"
    CODE = "code"
    VISION = "vision"
    EMBEDDING = "embedding"
    REASONING = "reasoning"
    AGENTS = "agents"


WANTED_CONTEXT = {
    Use.CHAT: 16384,
    Use.VISION: 16384,
    Use.CODE: 32768,
    Use.REASONING: 32768,
    Use.AGENTS: 65536,
    Use.EMBEDDING: 512,
}
"""Context in tokens below which a use is cramped (Ollama's own advice for agents is 64K)."""

WANTED_TOKENS_PER_S = {
    Use.CHAT: 20.0,
    Use.VISION: 20.0,
    Use.CODE: 30.0,
    Use.REASONING: 40.0,
    Use.AGENTS: 40.0,
}
"""Speed at which a use feels fluent: chat at twice fast reading, thinking and tool loops more."""

READING_TOKENS_PER_S = 5.0
"""Reading speed; slower than this is not usable."""

_NARROW = frozenset({"moderation", "completion", "embedding"})
"""Uses of models that are made for one thing and do not chat."""
_BY_NAME = frozenset({"moderation", "translation", "medicine", "functions", "derived"})
"""Uses of models found by name but never recommended: made for one field, or derived from another."""


def suits(entry: CatalogEntry, use: Use, editorial: Editorial) -> bool:
    """Whether the model can do the job at all and is meant for it."""
    can = entry.capabilities
    if use is Use.EMBEDDING:
        return "embedding" in can
    if "completion" not in can or _BY_NAME & set(entry.uses):
        return False
    if use is Use.VISION:
        return "vision" in can
    if use is Use.AGENTS:
        return "tools" in can and entry.base_name not in editorial.poor_agents
    if use is Use.CODE:
        return entry.code_specialised or bool({"code", "agents", "completion"} & set(entry.uses))
    if use is Use.REASONING:
        return "thinking" in can or "reasoning" in entry.uses
    return not entry.code_specialised and not _NARROW & set(entry.uses)


def always_thinks(entry: CatalogEntry, flavour: Flavour, editorial: Editorial) -> bool:
    """Whether it cannot answer without thinking first, which costs hundreds of tokens an answer."""
    if flavour is Flavour.INSTRUCT:
        return False
    return entry.base_name in editorial.thinks_first or any("think" in alias for alias in entry.aliases)


def match_points(entry: CatalogEntry, use: Use, flavour: Flavour, editorial: Editorial) -> float:
    """Points for how well the model's purpose matches ``use`` (our judgement)."""
    thinking = "thinking" in entry.capabilities and flavour is not Flavour.INSTRUCT
    meant = 1.5 if use.value in entry.uses else 0.0
    match use:
        case Use.EMBEDDING:
            return 0.0
        case Use.CODE:
            writes = "chat" in entry.uses or "agents" in entry.uses or "completion" not in entry.uses
            return meant + (3.0 if entry.code_specialised and writes else 0.0) + (1.0 if thinking else 0.0)
        case Use.REASONING:
            return meant + (3.0 if thinking else 0.0)
        case Use.AGENTS:
            return meant + (1.5 if thinking else 0.0) + (1.0 if entry.code_specialised else 0.0)
        case _:
            lost = 2.0 if always_thinks(entry, flavour, editorial) else 0.0
            lost += 2.0 if entry.code_specialised else 0.0
            return meant + (2.0 if thinking else 0.0) - lost


DEFAULT_CONTEXT = 8192
DEFAULT_LIMIT = 8

StatementValue = int | float | str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence not yet in words: a code, and what it speaks of (bytes, tokens and names, unformatted)."""

    code: str
    values: tuple[tuple[str, StatementValue], ...] = ()


def statement(code: str, **values: StatementValue) -> Statement:
    return Statement(code, tuple(values.items()))


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants: a use, a context in tokens, perhaps a language (ISO 639-1).

    ``everything`` asks for every model that fits, older generations and near equals too.
    """

    use: Use = Use.CHAT
    context: int = DEFAULT_CONTEXT
    limit: int = DEFAULT_LIMIT
    language: str | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A model that was not recommended, and why."""

    name: str
    reason: Statement


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A model that fits and can be pulled.

    Attributes:
        name: what to pull.
        spare_bytes: left on the devices used (in RAM without one) after the engine's margin.
        largest_full_gpu_context: most tokens with which it stays wholly on the GPU, None if not at all.
        speed: tokens a second; all None with the reason where that cannot be said.
        download_exact: False where only a rounded size is listed.
        points: what orders the list; comparable within one answer only.
        why: statements that make one sentence.
        instead_of: near relatives that were not taken.
    """

    name: str
    entry: CatalogEntry
    tag: CatalogTag
    use: Use
    verdict: Verdict
    context: int
    spare_bytes: int
    largest_full_gpu_context: int | None
    speed: SpeedRange
    download_bytes: int
    download_exact: bool
    confidence: Confidence
    capabilities: frozenset[str]
    fit: FitResult
    points: float
    why: tuple[Statement, ...]
    instead_of: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiAdvice:
    """Whether to use a provider's API for this instead (or for the harder part of it), and why."""

    advised: bool
    reason: Statement | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The whole answer, best first."""

    question: Question
    recommendations: tuple[Recommendation, ...]
    passed_over: tuple[PassedOver, ...]
    api: ApiAdvice
    catalogue_date: date
    eligible: int
    """Models of the catalogue that are meant for the use."""
