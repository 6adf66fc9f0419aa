"""Getting a server where there is none: install a managed copy, step by step."""

from .keeper import KeeperNews, ServerKeeper, Ways
from .known_holes import KnownHoles
from .setup import ServerSetup, SetupStage, SetupState

__all__ = ["KeeperNews", "KnownHoles", "ServerKeeper", "ServerSetup", "SetupStage", "SetupState", "Ways"]
