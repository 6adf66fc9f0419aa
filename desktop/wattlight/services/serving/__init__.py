"""Getting a server where there is none: a managed copy, or the vendor's own installer, step by step."""

from .handover import InstallerHandover
from .keeper import KeeperNews, ServerKeeper, Ways
from .known_holes import KnownHoles
from .setup import ServerSetup, SetupStage, SetupState

__all__ = [
    "InstallerHandover",
    "KeeperNews",
    "KnownHoles",
    "ServerKeeper",
    "ServerSetup",
    "SetupStage",
    "SetupState",
    "Ways",
]
