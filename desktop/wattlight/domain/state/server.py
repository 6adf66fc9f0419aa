"""A model server as last seen."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ServerStatus(StrEnum):
    """What was found at a server's address."""

    UNKNOWN = "unknown"
    """Not asked yet."""
    READY = "ready"
    ABSENT = "absent"
    """Nothing listens there: a normal state."""
    FOREIGN = "foreign"
    """Something answers that is not an Ollama server."""
    SILENT = "silent"
    """It accepts connections but does not answer in time."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on the server's disk. Bytes are of its files; texts are cleaned and capped."""

    name: str
    digest: str
    size_bytes: int
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    modified_at: datetime | None = None
    remote_host: str | None = None
    """Set for cloud stubs: the text of a chat leaves this computer."""


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A loaded model as ``/api/ps`` reports it (which is not always what it uses)."""

    name: str
    digest: str
    size_bytes: int
    size_vram_bytes: int
    context_length: int | None = None
    expires_at: datetime | None = None
    """None means kept until it is unloaded."""
    family: str = ""
    quantization: str = ""


@dataclass(frozen=True, slots=True)
class ServerState:
    """The server of one host; ``message`` is the one sentence that says what is wrong and what to do."""

    url: str
    status: ServerStatus = ServerStatus.UNKNOWN
    version: str | None = None
    installed: tuple[InstalledModel, ...] = ()
    running: tuple[RunningModel, ...] = ()
    message: str | None = None
    seen_at: datetime | None = None
    capabilities: frozenset[str] = field(default_factory=frozenset)
    """Verbs this server understands: ``pull``, ``load``, ``unload``, ``remove``, ``ps``."""


@dataclass(frozen=True, slots=True)
class PullState:
    """One download; ``completed_bytes`` never goes back, ``error`` is the server's own text, cleaned."""

    model: str
    status: str = ""
    completed_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    done: bool = False
    cancelled: bool = False
    error: str | None = None
    damaged: bool = False
    """It was fetched, but files of it are not what they should be; they can be removed and fetched again."""
