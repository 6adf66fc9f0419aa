"""Turns the lines of a pull into progress that never goes back, with a rate and a watchdog."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from wattlight.domain.pulls import LayerState, PullState
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.web import Answer, Arrivals, FaultKind, WireFault

from .meanings import Asked, problem_from_server
from .problems import RuntimeProblem
from .reading import PullLine, Refusal, read_object, read_pull_line

STALL_S = 120.0
_MOST_STEPS = 8
"""Lines without a layer that count as progress: a server tells of six steps, and new words are no bytes."""
"""No new byte for so long while fetching: given up. Ollama itself retries a stalled part after 30 s."""


class PullProgress:
    """Adds up the layers of one pull.

    ``completed_bytes`` never goes back: a layer that is fetched again shows nothing new until it has passed
    the old mark. The rate counts what arrived since the first line, so a resumed part is no speed.
    """

    def __init__(self, model: str, clock: Callable[[], float]) -> None:
        self.state = PullState(clean_text(model), status="")
        self._clock = clock
        self._layers: dict[str, LayerState] = {}
        self._layer_arrivals: dict[str, Arrivals] = {}
        self._arrivals = Arrivals()
        self._advanced_at = clock()
        self._steps: set[str] = set()
        self.succeeded = False

    def take(self, line: PullLine) -> PullState:
        now = self._clock()
        if line.digest is not None and line.total_bytes is not None:
            done = min(line.completed_bytes or 0, line.total_bytes)
            arrivals = self._layer_arrivals.setdefault(line.digest, Arrivals())
            self._layers[line.digest] = LayerState(
                line.digest.partition(":")[2][:12], done, line.total_bytes, arrivals.rate(now, done)
            )
        elif line.status not in self._steps and len(self._steps) < _MOST_STEPS:
            self._steps.add(line.status)
            self._advanced_at = now
        layers = tuple(self._layers.values())
        completed = max(sum(layer.completed_bytes for layer in layers), self.state.completed_bytes)
        total = sum(layer.total_bytes for layer in layers) or None
        if total is not None:
            completed = min(completed, max(total, self.state.completed_bytes))
        self.succeeded = self.succeeded or line.status == "success"
        if self.succeeded and total is not None:
            completed = max(completed, total)
        if completed > self.state.completed_bytes:
            self._advanced_at = now
        rate = self._arrivals.rate(now, completed)
        self.state = replace(
            self.state,
            status=line.status,
            completed_bytes=completed,
            total_bytes=max(total, completed) if total is not None else None,
            bytes_per_s=rate if line.digest is not None else None,
            done=self.succeeded,
            layers=layers,
        )
        return self.state

    def check_stall(self) -> None:
        """Raise when nothing has moved for :data:`STALL_S` while a layer is fetched.

        Raises:
            RuntimeProblem: code ``stalled``.
        """
        if self._clock() - self._advanced_at < STALL_S or not self.state.status.startswith("pulling"):
            return
        raise stalled(self.state.model)


def pull_lines(answer: Answer, model: str) -> Iterator[PullLine]:
    if answer.status != 200:
        raise Refusal(answer.status, answer.body())
    for raw in answer.lines():
        try:
            line = read_pull_line(read_object(raw))
        except WireFault as fault:
            if answer.content_type != "application/x-ndjson":
                raise
            raise WireFault(FaultKind.CUT, f"line: {fault.detail}") from fault
        if line.error is not None:
            raise problem_from_server(line.error or "unknown error", model, Asked.PULL)
        yield line


def stalled(model: str) -> RuntimeProblem:
    return RuntimeProblem(
        tr("Nothing has arrived for {model} for two minutes.", model=clean_text(model, 120)),
        tr("Try again: what has arrived is kept and the download goes on from there."),
        "stalled",
    )
