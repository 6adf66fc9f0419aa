"""The queue of downloads as a file: what was asked for outlives a restart, and every process reads it."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from wattlight.domain.pulls import QueuedPull
from wattlight.domain.values import UNREADABLE, Problem
from wattlight.i18n import tr
from wattlight.paths import free_name, make_folder, open_own, read_small, try_lock, unlock, write_whole
from wattlight.settings import file_stamp

_LARGEST = 1_000_000
MOST = 200
"""More downloads than these are not kept."""
_PATIENCE_S = 2.0

Queue = tuple[QueuedPull, ...]


class PullBook:
    """The downloads that were asked for and have not ended, in their order. Safe from any thread and process.

    What cannot be written is kept in memory, and :attr:`problem` says why.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._queue: Queue = ()
        self._unsaved = False
        self.problem: Problem | None = None

    def read(self) -> Queue:
        """As they stand now; the file is read only where another process has written it."""
        with self._lock:
            return self._read()

    def changed(self) -> bool:
        """Whether another process has written since this one looked last."""
        with self._lock:
            return not self._unsaved and file_stamp(self._file) != self._stamp

    def change(self, what: Callable[[Queue], Queue]) -> Queue:
        """Put ``what`` makes of the queue in its place; other processes wait meanwhile."""
        with self._lock, self._alone():
            before = self._read()
            after = what(before)[:MOST]
            if after != before or self._unsaved:
                self._queue = after
                self._save()
            return after

    def _read(self) -> Queue:
        seen = file_stamp(self._file)
        if self._unsaved or seen == self._stamp:
            return self._queue
        self._queue, self._stamp = self._parsed(), seen
        return self._queue

    def _parsed(self) -> Queue:
        try:
            raw = read_small(self._file, _LARGEST)
        except OSError:
            return ()
        try:
            found = json.loads(raw)["pulls"]
            queue = [_entry(item) for item in found][:MOST]
        except UNREADABLE:
            with suppress(OSError):
                self._file.replace(free_name(self._file.with_name(self._file.name + ".bad")))
            logging.getLogger("wattlight").warning("the queue of downloads was damaged and is kept aside")
            return ()
        names: dict[tuple[str, str], QueuedPull] = {}
        for entry in queue:
            names.setdefault((entry.host, entry.model), entry)
        return tuple(names.values())

    def _save(self) -> None:
        data = json.dumps({"pulls": [asdict(entry) for entry in self._queue]}, indent=1).encode()
        try:
            write_whole(self._file, data)
        except OSError as error:
            self._unsaved = True
            self.problem = Problem(
                tr(
                    "The queue of downloads could not be saved to {file} ({reason}).",
                    file=self._file,
                    reason=error.strerror,
                ),
                tr("Make its folder writable or free some disk space."),
                "queue",
            )
            return
        self._unsaved, self.problem, self._stamp = False, None, file_stamp(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes meanwhile; one that holds the lock far too long is not waited for."""
        try:
            make_folder(self._file.parent)
            stream = open_own(self._file.with_name("pulls.lock"), append=True)
        except OSError:
            yield
            return
        with stream:
            end = time.monotonic() + _PATIENCE_S
            while not (held := try_lock(stream)) and time.monotonic() < end:
                time.sleep(0.01)
            try:
                yield
            finally:
                if held:
                    unlock(stream)


_DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(QueuedPull) if item.name != "model"}


def _entry(item: dict[str, Any]) -> QueuedPull:
    """A line of the file; a value of another kind than it can have is left out."""
    model = item["model"]
    if not isinstance(model, str) or not model:
        raise ValueError(model)
    kept: dict[str, Any] = {}
    for name, default in _DEFAULTS.items():
        value = item.get(name, default)
        kind = int if default is None or type(default) is int else type(default)
        if type(value) is kind and not (kind is int and not 0 <= value < 1 << 53):
            kept[name] = value
    return replace(QueuedPull(model[:1000]), **kept)
