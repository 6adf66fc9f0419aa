"""What the running program knows, as one frozen value that both faces draw from."""

from .app import AppState, CostToday, CountingState, HistoryPoint, HostState, Notice, TaskState
from .server import InstalledModel, PullState, RunningModel, ServerState, ServerStatus
from .setup import AnswerState, HostContact, InstallState, ServerWays, SetupFacts

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
