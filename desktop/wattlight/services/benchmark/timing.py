"""Answers that are timed: what they say of a model's speed and energy, and whether that can be true."""

from dataclasses import dataclass
from datetime import datetime

from wattlight.domain.tokens import DEEP_TOKENS, Counters, TokenSource, TokenUse, joules_per_token
from wattlight.domain.values import Problem
from wattlight.i18n import number, tr

from .energy import EnergyWindow

PROMPT = (
    "Write a long story about a lighthouse keeper who repairs an old radio in winter. Describe the island, "
    "the sea and the weather of each day, what the keeper hears on each frequency, whom he speaks to, what "
    "he cooks, what he reads in the evening, how the lamp is cleaned and wound, and what he writes in the "
    "book of the station. Let a ship appear in the fog, and let the radio work for the first time on that "
    "night. Go on without stopping, do not summarise, do not ask questions, and begin with the first day."
)
"""Always the same, so that runs compare; long enough that reading it can be timed."""
SURE_WINDOW_S = 10.0
SHORTEST_S = 2.0
MIN_PROMPT_TOKENS = 64
FILL, FILLED_CONTEXT = 0.75, 8192
"""The filled context: this share of the one in force, of so many tokens at most."""
LONGEST_FILL_S = 60.0
"""Reading a long prompt takes a processor minutes: a shorter one is taken where it would take longer."""
UNEVEN, UNEVEN_TOKENS = 1.25, 128
"""Two long answers of one run differ in speed by less, unless something came between."""
WAITED_S, WAITED_SHARE = 1.0, 0.2
"""What of an answer's time neither prompt nor tokens took: with more the server was busy with others."""


class BenchmarkProblem(Problem):
    """The benchmark has no result."""

    code = "benchmark"


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """One answer; moments are monotonic seconds: asked, first piece, end."""

    counters: Counters
    asked_s: float
    start_s: float
    end_s: float
    text: str = ""

    @property
    def first_token_s(self) -> float:
        return self.start_s - self.asked_s

    @property
    def tells_speed(self) -> bool:
        """The server counted tokens and their time; of a single token it tells none."""
        return bool(self.counters.output_tokens and self.counters.output_ns)

    @property
    def tokens(self) -> int:
        return self.counters.output_tokens or 0


def filled_prompt(fresh: str, context: int, counted: Counters) -> str:
    """A prompt that fills the context, by what one that is read took; "" where that is not worth its time.

    ``fresh``: a beginning that was never seen before.
    """
    speed, each = prompt_speed(counted), counted.prompt_tokens
    if speed is None or not each:
        return ""
    tokens = min(FILL * min(context, FILLED_CONTEXT), speed * LONGEST_FILL_S)
    copies = int(tokens / each)
    if tokens < DEEP_TOKENS or copies < 2:
        return ""
    return "\n".join(f"{n} {fresh}. {PROMPT}" for n in range(1, copies + 1))


def no_figures(model: str) -> BenchmarkProblem:
    return BenchmarkProblem(
        tr("{model} gave no answer that can be measured.", model=model),
        tr("Try it once in a chat; a model for embeddings has no such speed."),
    )


def disturbed(why: str) -> BenchmarkProblem:
    """Figures that something came between are not told."""
    return BenchmarkProblem(
        tr("This is no moment to measure: {why} Nothing was kept.", why=why),
        tr("Measure when the computer is on mains and nothing else runs."),
        "disturbed",
    )


def refuse_waited(rounds: list[TimedAnswer]) -> None:
    """An answer that waited tells of another user of the server.

    Raises:
        BenchmarkProblem: one did.
    """
    for answer in (one for one in rounds if one.tells_speed):
        taken = answer.end_s - answer.asked_s
        worked = ((answer.counters.prompt_ns or 0) + (answer.counters.output_ns or 0)) / 1e9
        if taken - worked > WAITED_S + WAITED_SHARE * taken:
            raise disturbed(tr("The server was busy with something else."))


def refuse_uneven(rounds: list[TimedAnswer]) -> None:
    """So does one that was far slower than the next.

    Raises:
        BenchmarkProblem: one waited, or was.
    """
    refuse_waited(rounds)
    speeds = [speed_of_answers([answer]) for answer in rounds if answer.tokens >= UNEVEN_TOKENS]
    if speeds and max(speeds) > UNEVEN * min(speeds):
        raise disturbed(tr("The speed changed while it was measured."))


def own_use(
    model: str,
    counters: Counters,
    source: TokenSource,
    started_at: datetime,
    ended_at: datetime,
    seconds: float,
    complete: bool = True,
) -> TokenUse:
    """A request of Wattlight's own, as the relay would have counted it."""
    return TokenUse(
        model=model,
        client="wattlight",
        path="/api/generate",
        started_at=started_at,
        ended_at=ended_at,
        duration_ms=round(seconds * 1000),
        status=200,
        complete=complete,
        counters=counters,
        source=source,
    )


def tokens_of(rounds: list[TimedAnswer]) -> int:
    return sum(r.tokens for r in rounds)


def speed_of_answers(rounds: list[TimedAnswer]) -> float:
    """By the server's own counters; at least one of them tells a speed."""
    told = [answer for answer in rounds if answer.tells_speed]
    return tokens_of(told) * 1e9 / sum(answer.counters.output_ns or 0 for answer in told)


def prompt_speed(counters: Counters) -> float | None:
    """Of the first answer only: later ones find the prompt in the server's cache."""
    worked = (counters.prompt_tokens or 0) - (counters.cached_prompt_tokens or 0)
    if worked < MIN_PROMPT_TOKENS or not counters.prompt_ns:
        return None
    return worked * 1e9 / counters.prompt_ns


def energy_per_token(
    window: EnergyWindow, rest_w: float | None, tokens: int, seconds: float
) -> tuple[float | None, float | None, str | None]:
    """(joules per token above rest, relative error, reason).

    Under ten seconds the error grows as the window shrinks, because sensors average over up to a second and
    the ends weigh more; under two seconds there is no figure.
    """
    taken = window.above(rest_w, seconds)
    if taken is None:
        return None, None, window.reason
    if seconds < SHORTEST_S:
        too_short = tr("The run took only {s} s, too short to measure its energy.", s=number(seconds, 1))
        return None, None, too_short
    joules, error = taken
    if joules <= 0:
        return None, None, tr("The computer drew no more than at rest.")
    reasons = []
    if seconds < SURE_WINDOW_S:
        error *= SURE_WINDOW_S / seconds
        reasons.append(tr("The run took only {s} s.", s=number(seconds, 1)))
    if rest_w is None:
        reasons.append(tr("What the computer draws at rest is included."))
    return joules_per_token(joules, tokens), min(error, 1.0), " ".join(reasons) or None
