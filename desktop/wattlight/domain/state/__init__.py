"""What the running program knows, as one frozen value that both faces draw from."""

from .app import AppState, CostToday, HistoryPoint, HostState, Notice, TaskState
from .server import InstalledModel, PullState, RunningModel, ServerState, ServerStatus

__all__ = [
    "AppState",
    "CostToday",
    "HistoryPoint",
    "HostState",
    "InstalledModel",
    "Notice",
    "PullState",
    "RunningModel",
    "ServerState",
    "ServerStatus",
    "TaskState",
]
