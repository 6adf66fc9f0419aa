"""What is asked, and what comes back."""

from dataclasses import dataclass

from wattlight.domain.tokens import Counters


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one model.

    Attributes:
        context_length: None leaves it to the server; another one than is loaded makes the server load anew.
        max_tokens: the answer ends there at the latest.
        steady: always the same answer to the same question (for measurements).
    """

    model: str
    prompt: str
    context_length: int | None = None
    max_tokens: int | None = None
    keep_alive: str | None = None
    steady: bool = False


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """The end of an answer. ``reason``: "stop" (it was finished) or "length" (cut at the limit)."""

    counters: Counters
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """Some text, cleaned; ``thinking`` while the model reasons first. The last piece has an ``end``."""

    text: str = ""
    thinking: bool = False
    end: AnswerEnd | None = None
