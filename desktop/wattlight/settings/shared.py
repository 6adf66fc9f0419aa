"""One settings file, several processes: nobody's change is lost."""

import threading
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from .model import Settings
from .storage import LoadedSettings, load_settings, save_settings


class SettingsFile:
    """The file as this process last saw it. Safe from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._base = Settings()
        self._stamp: tuple[int, int] | None = None

    def load(self) -> LoadedSettings:
        """Read it; what is read is what later changes are compared with."""
        with self._lock:
            loaded = load_settings(self._file)
            self._base, self._stamp = loaded.settings, self._seen()
            return loaded

    def save(self, settings: Settings) -> Settings:
        """Write what was changed here since the last look, on top of what others wrote meanwhile.

        Returns what the file holds now.

        Raises:
            SettingsError: it cannot be written.
        """
        with self._lock:
            theirs = self._base if self._seen() == self._stamp else load_settings(self._file).settings
            together = merged(self._base, settings, theirs)
            save_settings(self._file, together)
            self._base, self._stamp = together, self._seen()
            return together

    def changed_outside(self, settings: Settings) -> Settings | None:
        """``settings`` with what others wrote since the last look; None where nobody wrote."""
        with self._lock:
            if self._seen() == self._stamp:
                return None
            theirs = load_settings(self._file).settings
            together = merged(self._base, settings, theirs)
            self._base, self._stamp = theirs, self._seen()
            return None if together == settings else together

    def _seen(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def merged(base: Settings, mine: Settings, theirs: Settings) -> Settings:
    """``theirs`` with every field that ``mine`` has changed since ``base``; both changed: mine."""
    return _merged(base, mine, theirs)  # type: ignore[no-any-return]  # the same kind goes in and comes out


def _merged(base: Any, mine: Any, theirs: Any) -> Any:
    if mine == base:
        return theirs
    if not is_dataclass(mine) or theirs == base:
        return mine
    return replace(
        theirs,
        **{
            item.name: _merged(getattr(base, item.name), getattr(mine, item.name), getattr(theirs, item.name))
            for item in fields(mine)
        },
    )
