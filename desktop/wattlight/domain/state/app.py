"""The whole state: hosts, pulls, notices."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ..values import LOCAL_HOST, HostId, MachineProfile, MachineSample, Quality
from .server import PullState, ServerState
from .setup import SetupFacts


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One moment of the power chart: watts per device id; a missing id or None is a gap in that line.

    ``gap_reason`` names why nothing was read ("asleep", "no reading") when the whole point is a gap.
    """

    at: datetime
    power_w: tuple[tuple[str, float | None], ...]
    gap_reason: str | None = None


@dataclass(frozen=True, slots=True)
class CostToday:
    """Energy and money of a span, for the models and for the measured parts of the computer.

    Energy in mJ, money in micro-units of ``currency`` (None where no price is set).
    """

    models_mj: int
    machine_mj: int
    models_micro: int | None
    machine_micro: int | None
    currency: str | None
    observed_s: int
    span_s: int
    quality: Quality | None
    by_model: tuple[tuple[str, int, int | None], ...] = ()
    """(model name, energy mJ, money micro)."""
    parked_mj: int = 0
    parked_micro: int | None = None
    covers: tuple[str, ...] = ()
    """Names of the parts that were measured."""
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class TaskState:
    """A job the user started that has not ended: load, unload, switch, remove, measure.

    ``fraction`` (0 to 1) says how far it is where that can be told.
    """

    kind: str
    model: str
    started_at: datetime
    message: str = ""
    error: str | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class CountingState:
    """The relay that counts the tokens of every client, as it stands.

    ``url`` is where clients reach it. ``requests`` and ``output_tokens`` count since it was turned on;
    ``uncounted`` of the requests came without counters.
    """

    on: bool = False
    url: str = ""
    port: int = 0
    requests: int = 0
    uncounted: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the person, shown in the window until dismissed; ``kind`` coalesces repeats."""

    kind: str
    text: str
    at: datetime
    level: str = "info"
    """``info``, ``warning`` or ``error``."""
    urgent: bool = False
    """The desktop tells it too while no window is open."""


@dataclass(frozen=True, slots=True)
class HostState:
    """One computer: its server, what it has, what it draws, what it cost."""

    id: HostId
    name: str
    server: ServerState
    profile: MachineProfile | None = None
    sample: MachineSample | None = None
    history: tuple[HistoryPoint, ...] = ()
    today: CostToday | None = None
    month: CostToday | None = None


@dataclass(frozen=True, slots=True)
class AppState:
    """Everything the faces draw; replaced whole, never changed."""

    hosts: tuple[HostState, ...]
    pulls: tuple[PullState, ...] = ()
    tasks: tuple[TaskState, ...] = ()
    notices: tuple[Notice, ...] = ()
    paused: bool = False
    recording: bool = True
    """False when another Wattlight process holds the meter's lock and records."""
    price_known: bool = False
    counting: CountingState = field(default_factory=CountingState)
    setup: SetupFacts = field(default_factory=SetupFacts)
    number: int = field(default=0, compare=False)
    """Grows with every state; a face that has shown a higher one ignores it."""

    @property
    def local(self) -> HostState:
        """This computer, else the first host."""
        return next((host for host in self.hosts if host.id == LOCAL_HOST), self.hosts[0])

    def with_tasks(self, tasks: tuple[TaskState, ...], pulls: tuple[PullState, ...]) -> "AppState":
        """What is being done now; a failure stays until the same is done again."""
        doing = {(task.kind, task.model) for task in tasks}
        failed = tuple(t for t in self.tasks if t.error and (t.kind, t.model) not in doing)
        return replace(self, tasks=(*tasks, *failed), pulls=pulls)

    def with_failure(self, failed: TaskState) -> "AppState":
        """``failed`` in the place of what was known of that task."""
        others = (t for t in self.tasks if (t.kind, t.model) != (failed.kind, failed.model))
        return replace(self, tasks=(*others, failed))

    def without_failure(self, model: str) -> "AppState":
        """The errors of ``model`` taken off the screen."""
        return replace(self, tasks=tuple(t for t in self.tasks if not (t.error and t.model == model)))
