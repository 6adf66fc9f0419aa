"""An Ollama that Wattlight itself installs and runs when the person asks for it. No root, no shell."""

from .advisories import Advisory, advisories_for, floor_version, read_advisories
from .fetching import Fetcher, FetchProgress
from .finding import InstalledProgram, find_installed
from .inherited import proxy_environment
from .installer import (
    Installer,
    InstallerTools,
    check_installer,
    choose_installer,
    make_room,
    open_installer,
)
from .pinned import Artefact, Release, choose_release, read_releases, this_system
from .process import ManagedProcess, Running
from .server_log import ServerLog
from .signature import Said
from .supervising import RestartPolicy, Supervisor
from .version_numbers import is_newer
from .versions import InUse, Versions

__all__ = [
    "Advisory",
    "Artefact",
    "FetchProgress",
    "Fetcher",
    "InUse",
    "InstalledProgram",
    "Installer",
    "InstallerTools",
    "ManagedProcess",
    "Release",
    "RestartPolicy",
    "Running",
    "Said",
    "ServerLog",
    "Supervisor",
    "Versions",
    "advisories_for",
    "check_installer",
    "choose_installer",
    "choose_release",
    "find_installed",
    "floor_version",
    "is_newer",
    "make_room",
    "open_installer",
    "proxy_environment",
    "read_advisories",
    "read_releases",
    "this_system",
]
