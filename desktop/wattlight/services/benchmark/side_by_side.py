"""Two models, or two versions of one, on the same prompts: what each takes, and what each answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from threading import Event

from wattlight.domain.state import RunningModel, same_model
from wattlight.i18n import tr
from wattlight.runtime import ModelServer

from .run import REST_S, Benchmark, Subject
from .timing import (
    BenchmarkProblem,
    TimedAnswer,
    energy_per_token,
    no_figures,
    refuse_waited,
    speed_of_answers,
    tokens_of,
)

ANSWER_TOKENS = 512
"""An answer ends there at the latest."""
_FRESH = "Say hello."
"""Asked first: it loads the model, and puts what the server remembers of prompts out of the way."""


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """One of the two.

    Attributes:
        tokens_per_s: of all answers together.
        first_token_s: the middle one of the answers.
        prompt_tokens_per_s, joules_per_token: None where they are not known (``energy_reason``).
        size_bytes, gpu_bytes: what the server holds of it; None where it does not tell.
        answers: in the order of the prompts.
    """

    subject: Subject
    tokens: int
    tokens_per_s: float
    first_token_s: float
    joules_per_token: float | None
    energy_error_fraction: float | None
    energy_reason: str | None
    size_bytes: int | None
    gpu_bytes: int | None
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Both sides; texts are of the person and are kept nowhere."""

    prompts: tuple[str, ...]
    first: ComparedModel
    second: ComparedModel

    @property
    def same_answers(self) -> int:
        """How many answers are the same to the letter."""
        return sum(a == b for a, b in zip(self.first.answers, self.second.answers, strict=True))


def compare(
    benchmark: Benchmark,
    server: ModelServer,
    subjects: tuple[Subject, Subject],
    prompts: Sequence[str],
    progress: Callable[[float], None] | None = None,
    cancel: Event | None = None,
) -> SideBySide:
    """Ask both models every prompt, one model after the other, both with the shorter of the two contexts.

    Raises:
        Problem: the server's own, or :class:`BenchmarkProblem`; code ``disturbed``: something came between.
    """
    context = min(subject.context for subject in subjects)
    if subjects[0].digest == subjects[1].digest:
        raise BenchmarkProblem(
            tr("{one} and {other} are the same model.", one=subjects[0].model, other=subjects[1].model),
            tr("Name another version or quantization."),
            "same_model",
        )
    tell = progress or (lambda _share: None)
    steps = 2 * (len(prompts) + 1)
    began = benchmark.begin()
    rest_w = benchmark.rest_w(began)
    sides = []
    for index, subject in enumerate(replace(s, context=context) for s in subjects):
        benchmark.ask(subject, _FRESH, 1, cancel)
        answers: list[TimedAnswer] = []
        for prompt in prompts:
            tell((index * steps / 2 + len(answers) + 1) / steps)
            answers.append(benchmark.ask(subject, prompt, ANSWER_TOKENS, cancel))
        if not any(answer.tells_speed for answer in answers):
            raise no_figures(subject.model)
        refuse_waited(answers)
        loaded = next((m for m in server.running(cancel) if same_model(m.name, subject.model)), None)
        sides.append(_side(benchmark, subject, answers, rest_w, loaded))
    benchmark.refuse_disturbed(began - REST_S)
    tell(1.0)
    return SideBySide(tuple(prompts), *sides)


def _side(
    benchmark: Benchmark,
    subject: Subject,
    answers: list[TimedAnswer],
    rest_w: float | None,
    loaded: RunningModel | None,
) -> ComparedModel:
    seconds = sum(answer.end_s - answer.start_s for answer in answers)
    joules, error, reason = energy_per_token(
        benchmark.window(answers, subject.host), rest_w, tokens_of(answers), seconds
    )
    return ComparedModel(
        subject,
        tokens_of(answers),
        speed_of_answers(answers),
        median(answer.first_token_s for answer in answers),
        joules,
        error,
        reason,
        (loaded.size_bytes or None) if loaded else None,
        loaded.size_vram_bytes if loaded and loaded.gpu_share is not None else None,
        tuple(answer.text.strip() for answer in answers),
    )
