"""The disk as the window shows it: looked at in the background, cleared up after a yes."""

import shutil
from pathlib import Path

from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.store import MeterLock

from .factory import ServiceFactory
from .hub import StateHub
from .models import DiskNote, clean_up, disk_note


class DiskCare:
    """:meth:`look` from one thread; :meth:`wish` from any."""

    def __init__(self, factory: ServiceFactory, hub: StateHub) -> None:
        self._factory, self._hub = factory, hub
        self._seen: DiskNote | None = None
        self._wish: int | None = None

    def wish(self, mark: int | None) -> None:
        """Let the next look remove what was listed, if the list is still the one with ``mark``."""
        self._wish = mark

    def look(self) -> DiskNote | None:
        """How the disk stands, after what was wished; None without a folder of models here.

        Raises:
            DiskProblem: a folder cannot be looked into.
        """
        mark, self._wish = self._wish, None
        if mark is not None and self._seen is not None:
            self._hub.notify("disk", self._cleaned(self._seen, mark), self._factory.now(), "info")
        folders = self._factory.model_folders(self._hub.state.local.server.url)
        self._seen = disk_note(folders, self._factory.now())
        return self._seen

    def _cleaned(self, seen: DiskNote, mark: int) -> str:
        """What came of it, in a sentence."""
        if seen.mark != mark:
            return tr("What belongs to no model has changed meanwhile. Look at the new list.")
        lock = MeterLock(self._factory.places.models_lock)
        try:
            return clean_up(seen, lock, self._factory.now, self._pulls)
        except Problem as problem:
            return str(problem)

    def _pulls(self) -> bool:
        return any(pull.under_way for pull in self._hub.state.pulls)


def free_bytes(folder: Path) -> int | None:
    """Room on the disk where ``folder`` is or would be; None where no part of its path can be asked."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
