"""What the running program knows, as one frozen value that both faces draw from."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import AppState, CostToday, CountingState, HistoryPoint, HostState, Notice, TaskState
    from .server import InstalledModel, PullState, RunningModel, ServerState, ServerStatus
    from .setup import AnswerState, HostContact, InstallState, ServerWays, SetupFacts

_PARTS = {
    "app": "AppState CostToday CountingState HistoryPoint HostState Notice TaskState",
    "server": "InstalledModel PullState RunningModel ServerState ServerStatus",
    "setup": "AnswerState HostContact InstallState ServerWays SetupFacts",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

__all__ = [
    "AnswerState",
    "AppState",
    "CostToday",
    "CountingState",
    "HistoryPoint",
    "HostContact",
    "HostState",
    "InstallState",
    "InstalledModel",
    "Notice",
    "PullState",
    "RunningModel",
    "ServerState",
    "ServerStatus",
    "ServerWays",
    "SetupFacts",
    "TaskState",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
