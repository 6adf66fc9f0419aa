"""What the running program knows, as one frozen value that both faces draw from."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING

from .power import MachineSample
from .pulls import PullState
from .servers import (  # noqa: F401 - every room knows them from here
    HostContact,
    InstalledModel,
    RunningModel,
    ServerState,
    ServerStatus,
    full_name,
    same_model,
)
from .values import LOCAL_HOST, HostId, MachineProfile

if TYPE_CHECKING:
    from .cost import CostReport
    from .energy import ProgramsNow
    from .slowness import Slowness


@dataclass(frozen=True, slots=True)
class ServerWays:
    """How to come by a server where none runs.

    ``program`` is an installed one; with ``commands`` it belongs to a service of the system, which is never
    touched. ``managed`` is the version of our own copy. ``version`` could be installed, with what it takes
    (``kept_bytes`` of ``disk_bytes`` stay); ``why_not`` says why nothing can. ``without_amd``: the extra
    files that this computer's AMD card needs are not among them. ``by_installer``: ``version`` is not
    installed as our copy, but by the vendor's installer, which is fetched, checked and opened.
    ``newer``: ``version`` is newer than ``managed``. ``previous`` is the version of our copy that is kept to
    go back to. ``restart_due``: ``managed`` runs as soon as no model is loaded; until then another one does.
    """

    program: str | None = None
    commands: tuple[str, ...] = ()
    managed: str | None = None
    version: str | None = None
    download_bytes: int = 0
    disk_bytes: int = 0
    kept_bytes: int = 0
    download_is_exact: bool = True
    disk_is_exact: bool = True
    with_amd: bool = False
    without_amd: bool = False
    why_not: str = ""
    by_installer: bool = False
    newer: bool = False
    previous: str | None = None
    restart_due: bool = False

    @property
    def fetch_bytes(self) -> int:
        """What getting ``version`` downloads: nothing where it is the kept one."""
        return 0 if self.version is not None and self.version == self.previous else self.download_bytes

    @property
    def startable(self) -> bool:
        """True when a click can start a server."""
        return self.managed is not None or (self.program is not None and not self.commands)


class InstallStage(StrEnum):
    """Where an installation of a server is."""

    CHECKING = "checking"
    FETCHING = "fetching"
    UNPACKING = "unpacking"
    TRYING = "trying"
    VERIFYING = "verifying"
    OPENED = "opened"
    """The vendor's installer was checked and is open."""
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class InstallState:
    """An installation of the managed server, or of the vendor's installer; bytes are those of the stage."""

    version: str
    stage: InstallStage = InstallStage.CHECKING
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerState:
    """The answer to a prompt that was tried. ``joules`` None: ``joules_reason`` says why, once it is over."""

    model: str
    prompt: str
    text: str = ""
    thinking: bool = False
    running: bool = True
    error: str | None = None
    cut: bool = False
    """It ended at the most tokens that are tried."""
    seconds: float | None = None
    output_tokens: int | None = None
    tokens_per_s: float | None = None
    joules: float | None = None
    joules_error: float | None = None
    joules_reason: str | None = None


@dataclass(frozen=True, slots=True)
class SetupFacts:
    """Everything the services know for the first run; replaced whole.

    Attributes:
        ways: None before it was looked.
        setup: an installation of the server, while it runs and after it failed.
        starting: a server of ours is being started.
        server_error: why it does not run; ``server_log`` are its last lines.
        server_is_ours: Wattlight started the server that answers.
        line_bytes_per_s: the speed of the line as the first 20 MB of a download showed it.
        pull_problem: the code of the problem the last download ended with.
        proxy: the proxy this computer names for itself, "" without one.
        contacts: hosts that were contacted, the latest first; None before they were read.
    """

    ways: ServerWays | None = None
    setup: InstallState | None = None
    starting: bool = False
    server_error: str = ""
    server_log: tuple[str, ...] = ()
    server_is_ours: bool = False
    country: str = ""
    line_bytes_per_s: float | None = None
    pull_problem: str | None = None
    proxy: str = ""
    answer: AnswerState | None = None
    contacts: tuple[HostContact, ...] | None = None


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One moment of the power chart: watts per device id; a missing id or None is a gap in that line.

    ``gap_reason`` names why nothing was read ("asleep", "no reading") when the whole point is a gap.
    """

    at: datetime
    power_w: tuple[tuple[str, float | None], ...]
    gap_reason: str | None = None


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
    host: HostId = LOCAL_HOST

    @property
    def what(self) -> tuple[str, str, HostId]:
        """Two of these at once are one."""
        return self.kind, self.model, self.host


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
class EnergyAccess:
    """Whether this account may read the processor's energy counter, and what opens and closes it.

    Attributes:
        closed: the counter is there, but this account may not read it.
        user: the account's name.
        opened_for: the account a rule of ours opens it for, "" without one.
        by_click: the system can ask for a password (polkit is there); ``asking``: it does so now.
        problem: why the last try changed nothing.
        commands, undo: what does the same in a terminal.
    """

    closed: bool = False
    user: str = ""
    opened_for: str = ""
    by_click: bool = False
    asking: bool = False
    problem: str = ""
    commands: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenSpeed:
    """How fast a model answered: output tokens per second by the server's own counters."""

    model: str
    tokens_per_s: float
    at: datetime


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
class Trial:
    """What came of a try (the wall plug, a price feed) or of keeping a password, in a sentence; "" before."""

    said: str = ""
    bad: bool = False
    no_keyring: bool = False
    """A password could not be kept: the person may agree to a file."""


class Package(StrEnum):
    """How this program was installed, which decides how a newer one is."""

    DEB = "deb"
    TAR = "tar"
    APPIMAGE = "appimage"
    FLATPAK = "flatpak"
    DMG = "dmg"
    SETUP = "setup"
    PIPX = "pipx"
    UV = "uv"
    PIP = "pip"
    CHECKOUT = "checkout"


@dataclass(frozen=True, slots=True)
class OwnUpdate:
    """What is known of newer versions of this program. ``address`` is the one that is asked, "" for none.

    ``version`` is newer than the one that runs, "" where none is; ``package`` how this one was installed.
    ``said``: why the last look brought nothing.
    """

    address: str = ""
    version: str = ""
    day: date | None = None
    changes: tuple[str, ...] = ()
    page: str = ""
    looked_at: datetime | None = None
    said: str = ""
    package: Package = Package.PIP


@dataclass(frozen=True, slots=True)
class FarMeter:
    """What a meter on another computer says; ``said`` is how it stands, in a sentence, where it is not well.

    ``power_w`` is of the measured parts there, None where it does not tell; ``basis``: of what and how sure.
    """

    power_w: float | None = None
    basis: str = ""
    at: datetime | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class HostState:
    """One computer: its server, what it has, what it draws, what it cost."""

    id: HostId
    name: str
    server: ServerState
    profile: MachineProfile | None = None
    sample: MachineSample | None = None
    history: tuple[HistoryPoint, ...] = ()
    today: "CostReport | None" = None
    """By model, like the month."""
    month: "CostReport | None" = None
    slow: "tuple[Slowness, ...]" = ()
    programs: "ProgramsNow | None" = None
    """Which programs draw it; None before it is known."""
    meter: FarMeter | None = None
    """Of another computer: None where no meter of it is set."""
    warnings: tuple[str, ...] = ()
    """Of another computer: what a person should know of its server, a sentence each."""


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
    down: tuple[str, ...] = ()
    """Parts of the program that failed and do not run now."""
    price_known: bool = False
    zone: tzinfo | None = None
    """Of days and months: the tariff's; None before the first sample: the computer's own."""
    metered: bool | None = None
    """Whether the way to the internet is a metered one; None: not known."""
    counting: CountingState = field(default_factory=CountingState)
    speeds: tuple[SeenSpeed, ...] = ()
    """Of answers seen lately, one for each model."""
    setup: SetupFacts = field(default_factory=SetupFacts)
    energy_access: EnergyAccess = field(default_factory=EnergyAccess)
    plug: Trial = Trial()
    prices: Trial = Trial()
    prometheus: Trial = Trial()
    home_assistant: Trial = Trial()
    """How the figures for other programs stand."""
    adding: Trial = Trial()
    """What came of adding or changing a host."""
    trying_meter: Trial = Trial()
    """What the meter of another computer said when it was tried."""
    update: OwnUpdate = OwnUpdate()
    number: int = field(default=0, compare=False)
    """Grows with every state; a face that has shown a higher one ignores it."""

    @property
    def local(self) -> HostState:
        return next((host for host in self.hosts if host.id == LOCAL_HOST), self.hosts[0])

    def with_tasks(self, tasks: tuple[TaskState, ...]) -> "AppState":
        """What is being done now; a failure stays until the same is done again."""
        doing = {task.what for task in tasks}
        failed = tuple(t for t in self.tasks if t.error and t.what not in doing)
        return replace(self, tasks=(*tasks, *failed))

    def with_failure(self, failed: TaskState) -> "AppState":
        """``failed`` in the place of what was known of that task."""
        others = (t for t in self.tasks if t.what != failed.what)
        return replace(self, tasks=(*others, failed))

    def without_failure(self, model: str, host: HostId = LOCAL_HOST) -> "AppState":
        """The errors of ``model`` on ``host`` taken off the screen."""
        others = (t for t in self.tasks if not (t.error and (t.model, t.host) == (model, host)))
        return replace(self, tasks=tuple(others))
