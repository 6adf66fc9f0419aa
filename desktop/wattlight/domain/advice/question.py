"""What is asked and what is answered."""

from dataclasses import dataclass
from datetime import date

from wattlight.domain.entry import CatalogEntry, CatalogTag
from wattlight.domain.fit import Confidence, FitResult, Verdict
from wattlight.domain.speed import SpeedRange

from .uses import Use

DEFAULT_CONTEXT = 8192
DEFAULT_LIMIT = 8

StatementValue = int | float | str


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence not yet in words: a code, and what it speaks of (bytes, tokens and names, unformatted)."""

    code: str
    values: tuple[tuple[str, StatementValue], ...] = ()


def statement(code: str, **values: StatementValue) -> Statement:
    """A statement from keyword arguments."""
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
