"""Getting a server where there is none: a managed copy, or the vendor's own installer, step by step."""

from .handover import InstallerHandover
from .keeper import InstallOptions, KeeperNews, ManagedServer
from .known_holes import SecurityAdvisories
from .setup import ServerSetup, SetupStage, SetupState

__all__ = [
    "InstallOptions",
    "InstallerHandover",
    "KeeperNews",
    "ManagedServer",
    "SecurityAdvisories",
    "ServerSetup",
    "SetupStage",
    "SetupState",
]
