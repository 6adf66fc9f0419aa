"""What a click asks for, as a value, so that views stay pure and tests can read them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verb(StrEnum):
    """Everything a view can ask for."""

    SWITCH = "switch"
    LOAD = "load"
    UNLOAD = "unload"
    KEEP = "keep"
    RELEASE = "release"
    REMOVE = "remove"
    PULL = "pull"
    JUDGE = "judge"
    LOOK_UP = "look_up"
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
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do; with a ``question`` the person is asked first and ``confirm`` is the button's word."""

    verb: Verb
    model: str = ""
    question: str = ""
    confirm: str = ""
    asked: bool = field(default=False, compare=False)
    """The person has answered a question about it: it is not asked again."""


@dataclass(frozen=True, slots=True)
class Action:
    """A button: its label and what it asks for. ``why_not`` is the reason shown when it is greyed."""

    text: str
    command: Command
    primary: bool = False
    enabled: bool = True
    why_not: str = ""
    hint: str = ""
