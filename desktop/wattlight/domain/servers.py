"""Model servers: their kinds, what each kind can, and what one has and runs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from wattlight.i18n import tr


class ServerKind(StrEnum):
    """Programs that serve models, told apart by their answers."""

    OLLAMA = "ollama"
    LLAMA_CPP = "llama.cpp"
    """llama.cpp's own server with one model."""
    LLAMA_ROUTER = "llama.cpp-router"
    """The same program with several, each loaded in a process of its own."""
    VLLM = "vllm"
    LM_STUDIO = "lm-studio"
    LITELLM = "litellm"
    """It holds no model: it passes requests on to other servers."""
    OPENAI = "openai"
    """Any other that speaks OpenAI's dialect: it lists names and answers, nothing more is sure."""


class ServerPart(StrEnum):
    """What one look asks a server for."""

    ALL = "all"
    LOADED = "loaded"
    INSTALLED = "installed"
    VERSION = "version"


class Can(StrEnum):
    """What a kind of server can be asked for, beside listing its models and answering."""

    TELL_LOADED = "tell_loaded"
    LOAD = "load"
    UNLOAD = "unload"
    PULL = "pull"
    REMOVE = "remove"
    COPY = "copy"
    """Give a model another name, or a context of its own."""
    DESCRIBE = "describe"
    """Tell the shapes of a model."""
    KEEP = "keep"
    """Take a time to keep a model loaded."""
    CONTEXT = "context"
    """Load a model with a context length that is asked for."""
    USAGE = "usage"
    """Count its tokens in a place that can be looked at without loading or waking anything."""
    SLEEP = "sleep"
    """Free a model's memory while nobody uses it, and say so."""


VLLM_UTILIZATION = 0.92
"""The share of a card that vLLM takes by itself (0.9 before 0.20)."""

ABILITIES: dict[ServerKind, frozenset[Can]] = {
    ServerKind.OLLAMA: frozenset(Can) - {Can.USAGE, Can.SLEEP},
    ServerKind.LLAMA_CPP: frozenset({Can.TELL_LOADED, Can.SLEEP}),
    ServerKind.LLAMA_ROUTER: frozenset({Can.TELL_LOADED, Can.LOAD, Can.UNLOAD, Can.SLEEP}),
    ServerKind.VLLM: frozenset({Can.TELL_LOADED, Can.USAGE}),
    ServerKind.LM_STUDIO: frozenset({Can.TELL_LOADED, Can.LOAD, Can.UNLOAD, Can.CONTEXT}),
    ServerKind.LITELLM: frozenset(),
    ServerKind.OPENAI: frozenset(),
}


def kind_name(kind: ServerKind) -> str:
    """The program, as a person knows it."""
    return {
        ServerKind.OLLAMA: "Ollama",
        ServerKind.LLAMA_CPP: "llama.cpp",
        ServerKind.LLAMA_ROUTER: tr("llama.cpp (router)"),
        ServerKind.VLLM: "vLLM",
        ServerKind.LM_STUDIO: "LM Studio",
        ServerKind.LITELLM: "LiteLLM",
        ServerKind.OPENAI: tr("OpenAI-compatible server"),
    }[kind]


_ONE_MODEL = frozenset({ServerKind.LLAMA_CPP, ServerKind.VLLM})


def cannot_text(kind: ServerKind, what: Can) -> str:
    """One sentence: why a server of ``kind`` is not asked for ``what``."""
    name = (
        kind_name(kind) if kind is not ServerKind.OPENAI else tr("A server known by OpenAI's dialect alone")
    )
    if kind in _ONE_MODEL and what is Can.LOAD:
        return tr("{server} serves the model it was started with and cannot load another.", server=name)
    if kind in _ONE_MODEL and what is Can.UNLOAD:
        return tr("{server} keeps its model until it is stopped.", server=name)
    if kind is ServerKind.LITELLM and what in {Can.LOAD, Can.UNLOAD, Can.TELL_LOADED}:
        return tr("LiteLLM holds no model itself: it passes requests on to other servers.")
    sentence = {
        Can.TELL_LOADED: tr("{server} does not tell which models are loaded."),
        Can.LOAD: tr("{server} cannot be told to load a model."),
        Can.UNLOAD: tr("{server} cannot be told to unload a model."),
        Can.PULL: tr("{server} cannot be told to download a model."),
        Can.REMOVE: tr("{server} cannot be told to delete a model."),
        Can.COPY: tr("{server} cannot give a model another name or context."),
        Can.DESCRIBE: tr("{server} does not tell how its models are built."),
        Can.KEEP: tr("{server} cannot be told how long to keep a model loaded."),
        Can.CONTEXT: tr("{server} loads a model with the context it was set up with."),
        Can.USAGE: tr("{server} does not count tokens in a place that can be looked at."),
        Can.SLEEP: tr("{server} does not free the memory of idle models."),
    }[what]
    return sentence.format(server=name)


_BY_NAME = "name:"


def name_digest(name: str) -> str:
    """What stands for the digest of a model whose server tells none: its name is all it is known by."""
    return _BY_NAME + name


def true_digest(digest: str) -> str:
    """``digest`` as its server told it, "" where it told none."""
    return "" if digest.startswith(_BY_NAME) else digest


def same_model(one: str, other: str) -> bool:
    """Whether two spellings mean one model: Ollama adds ``:latest`` and does not mind case."""
    return full_name(one) == full_name(other)


@dataclass(frozen=True, slots=True)
class HostContact:
    """A host that was asked something, and why; ``reason`` is a code: model, shape, server."""

    host: str
    reason: str
    last_at: datetime
    times: int = 1


@lru_cache(8192)
def full_name(name: str) -> str:
    """The one spelling of a name, for look-ups (a page of 5,000 models asks for each several times)."""
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return f"{name}:latest".lower()
    return f"{path}:{tag.split('@')[0]}".lower()


class ServerStatus(StrEnum):
    UNKNOWN = "unknown"
    """Not asked yet."""
    READY = "ready"
    ABSENT = "absent"
    """Nothing listens there: a normal state."""
    FOREIGN = "foreign"
    """Something answers that is not a model server of the kind that was looked for."""
    SILENT = "silent"
    """It accepts connections but does not answer in time."""
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model the server has. Bytes are of its files, 0 where it does not say; texts are cleaned, capped."""

    name: str
    digest: str
    size_bytes: int
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    modified_at: datetime | None = None
    remote_host: str | None = None
    """Set where another computer answers: the text of a chat leaves this one."""


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A loaded model as its server reports it (not always what it uses); ``loaded_as``: an alias of ours.

    Sizes are 0 where the server does not tell its memory; ``weights_bytes`` is then the size of its file, if
    that is told. ``said_asleep``: it claims to sleep, and nothing shows that its memory was freed.
    """

    name: str
    digest: str
    size_bytes: int
    size_vram_bytes: int
    context_length: int | None = None
    expires_at: datetime | None = None
    """None means kept until it is unloaded."""
    family: str = ""
    quantization: str = ""
    loaded_as: str = ""
    weights_bytes: int = 0
    said_asleep: bool = False

    @property
    def gpu_share(self) -> float | None:
        """How much of it is on accelerators, 0 to 1; None where the server's figures cannot be."""
        possible = 0 < self.size_bytes >= self.size_vram_bytes
        return self.size_vram_bytes / self.size_bytes if possible else None


@dataclass(frozen=True, slots=True)
class ServerState:
    """The server of one host; ``message`` is the one sentence that says what is wrong and what to do."""

    url: str
    status: ServerStatus = ServerStatus.UNKNOWN
    version: str | None = None
    installed: tuple[InstalledModel, ...] = ()
    running: tuple[RunningModel, ...] = ()
    message: str | None = None
    kind: ServerKind = ServerKind.OLLAMA

    def can(self, what: Can) -> bool:
        """Whether a server of this kind can be asked for it."""
        return what in ABILITIES[self.kind]

    @property
    def resident(self) -> tuple[RunningModel, ...] | None:
        """The models loaded now; none where no server runs, None where nobody knows."""
        if self.status is ServerStatus.READY and self.can(Can.TELL_LOADED):
            return self.running
        return () if self.status is ServerStatus.ABSENT else None
