"""What the pages of the first run are drawn from, beside the state of the program."""

from dataclasses import dataclass
from datetime import datetime


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


@dataclass(frozen=True, slots=True)
class InstallState:
    """An installation of the managed server. ``stage``: checking, fetching, unpacking, trying, failed.

    With the vendor's installer: checking, fetching, verifying, opened, failed.
    """

    version: str
    stage: str = "checking"
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class HostContact:
    """A host that was asked something. ``reason`` is a code: model, shape, server."""

    host: str
    reason: str
    last_at: datetime
    times: int = 1


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
