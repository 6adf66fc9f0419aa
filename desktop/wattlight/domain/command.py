"""What a person can ask for, as a value: views offer it, the window and the application carry it out."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verb(StrEnum):
    """Everything a person can ask for."""

    SWITCH = "switch"
    LOAD = "load"
    UNLOAD = "unload"
    KEEP = "keep"
    RELEASE = "release"
    USE_CONTEXT = "use_context"
    """Load the model with ``number`` tokens from now on; None: as all models."""
    TAG_CONTEXT = "tag_context"
    """Make a model of its own from it that has a context of ``number`` tokens for every client."""
    REMOVE = "remove"
    PULL = "pull"
    JUDGE = "judge"
    LOOK_UP = "look_up"
    """Judge a model by the header in its registry."""
    FIND_UPDATES = "find_updates"
    """Ask the registries whether installed models have newer versions."""
    REPAIR = "repair"
    CANCEL_PULL = "cancel_pull"
    CANCEL_TASK = "cancel_task"
    MEASURE = "measure"
    PAUSE = "pause"
    RESUME = "resume"
    REFRESH = "refresh"
    START_SERVER = "start_server"
    DISMISS = "dismiss"
    OPEN_WINDOW = "open_window"
    OPEN_NOW = "open_now"
    OPEN_MODELS = "open_models"
    OPEN_COST = "open_cost"
    OPEN_MACHINE = "open_machine"
    OPEN_SETTINGS = "open_settings"
    ASK_PRICE = "ask_price"
    DECLINE_PRICE = "decline_price"
    SET_UP = "set_up"
    INSTALL_SERVER = "install_server"
    CANCEL_INSTALL = "cancel_install"
    GO_BACK = "go_back"
    START_SMALL = "start_small"
    OPEN_PRIVACY = "open_privacy"
    DELETE_LEDGER = "delete_ledger"
    WATCH = "watch"
    """Somebody looks: a window or the menu is open."""
    LOOK_AWAY = "look_away"
    SHOW_HISTORY = "show_history"
    """Read a longer span out of the ledger: ``text`` names it."""
    ADVISE = "advise"
    """Recommend models; ``text`` is the use, ``number`` the context length."""
    LOOK_FOR_SERVER = "look_for_server"
    USE_PROXY = "use_proxy"
    TRY_PROMPT = "try_prompt"
    STOP_ANSWER = "stop_answer"
    ALLOW_ENERGY = "allow_energy"
    """Let this account read the processor's energy counter; the system asks for a password."""
    FORBID_ENERGY = "forbid_energy"
    READ_CONTACTS = "read_contacts"
    FETCH_PRICES = "fetch_prices"
    TRY_PLUG = "try_plug"
    KEEP_PLUG_SECRET = "keep_plug_secret"
    """``text`` is the password or token, ``number`` 1 that it may be kept in a file."""
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do; with a ``question`` the person is asked first and ``confirm`` is the button's word."""

    verb: Verb
    model: str = ""
    question: str = ""
    confirm: str = ""
    text: str = field(default="", repr=False)
    """What the person typed or chose: a prompt, a proxy, a use."""
    number: int | None = None
    asked: bool = field(default=False, compare=False)
    """The person has answered a question about it: it is not asked again."""
