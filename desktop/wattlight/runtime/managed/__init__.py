"""An Ollama that Wattlight itself installs and runs when the person asks for it. No root, no shell."""

from .fetching import Fetcher, FetchProgress
from .installer import (
    Installer,
    InstallerTools,
    Said,
    check_installer,
    choose_installer,
    make_room,
    open_installer,
)
from .process import InstalledProgram, ManagedProcess, Running, ServerLog, find_installed, proxy_environment
from .releases import (
    Advisory,
    Artefact,
    Release,
    advisories_for,
    choose_release,
    converts_models,
    floor_version,
    is_newer,
    read_advisories,
    read_releases,
    this_system,
)
from .supervising import RestartPolicy, Supervisor
from .versions import InUse, Versions
