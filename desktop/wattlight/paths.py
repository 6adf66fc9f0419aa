"""Where Wattlight's files live."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from wattlight.domain.values import Problem
from wattlight.i18n import tr

_APP = "wattlight"


class PlacesError(Problem):
    """A folder cannot be named or made; the message says what the user can do."""

    code = "no_folder"


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute folders; nothing is created until :meth:`make` is called."""

    config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def settings_file(self) -> Path:
        """The user's settings."""
        return self.config / "settings.json"

    @property
    def ledger_file(self) -> Path:
        """The energy ledger."""
        return self.data / "ledger.sqlite3"

    @property
    def jobs_file(self) -> Path:
        """Small database shared by all processes: shapes, comparisons, jobs."""
        return self.data / "jobs.sqlite3"

    @property
    def meter_lock(self) -> Path:
        """Whoever holds it records; everyone else reads."""
        return self.data / "meter.lock"

    @property
    def instance_lock(self) -> Path:
        """Held by the one tray of this user."""
        return self.data / "tray.lock"

    @property
    def log_file(self) -> Path:
        """The rotating log."""
        return self.state / "wattlight.log"

    def make(self, folder: Path) -> Path:
        """Create ``folder`` (mode 0700) if needed and return it.

        Raises:
            PlacesError: it cannot be created.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PlacesError(
                tr("The folder {folder} cannot be created ({reason}).", folder=folder, reason=error.strerror),
                tr("Make it writable or set WATTLIGHT_HOME to a folder that is."),
            ) from error
        return folder


def places_for_user(environ: dict[str, str] | None = None) -> Places:
    """The folders of this user; ``WATTLIGHT_HOME`` puts all of them below one folder.

    An empty variable counts as unset (an empty HOME would give ``/.local/share``).

    Raises:
        PlacesError: the home folder is not known.
    """
    env = os.environ if environ is None else environ
    override = env.get("WATTLIGHT_HOME", "").strip()
    if override:
        root = Path(override).expanduser().absolute()
        return Places(root / "config", root / "data", root / "state", root / "cache", root / "run")
    dirs = platformdirs.PlatformDirs(_APP, appauthor=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        folders = [
            Path(p)
            for p in (
                dirs.user_config_dir,
                dirs.user_data_dir,
                dirs.user_state_dir,
                dirs.user_cache_dir,
                dirs.user_runtime_dir,
            )
        ]
    if not all(folder.is_absolute() for folder in folders) or env.get("HOME", "x") == "":
        raise PlacesError(
            tr("Your home folder is not known."), tr("Set HOME or WATTLIGHT_HOME and start again.")
        )
    return Places(*folders)
