"""One layer on its way to the disk: which bytes are there, who fetches which, and the running hash.

What the journal names is on the disk: the data is written through before the journal says so.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from wattlight.catalog.registry import Layer
from wattlight.domain.values import UNREADABLE
from wattlight.paths import open_own, read_small, try_lock

from .problems import AlreadyPulled

CHUNK_BYTES = 64 << 20
"""Claimed at a time: what lies behind the frontier of the hash is then still in memory."""
SPLIT_BYTES = 16 << 20
"""The end of a layer is shared among connections down to such pieces: what was on its way is then lost."""
PIECE_BYTES = 1 << 20
_MAX_JOURNAL = 1 << 20

Span = tuple[int, int]
"""First byte, and the one after the last."""


@dataclass(slots=True)
class Claim:
    """Bytes that one connection fetches; ``end`` may come nearer while it does."""

    start: int
    end: int
    at: int

    @property
    def left(self) -> int:
        return self.end - self.at


def merged(spans: list[Span]) -> list[Span]:
    """The same bytes, in order and without overlap."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found


class PartFile:
    """The file of a layer that is not whole yet, for any number of threads. Close it.

    Raises:
        AlreadyPulled: another process has it.
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path, layer: Layer) -> None:
        self.layer = layer
        self.in_order_only = False
        """The server ignores ranges: one connection, from the beginning."""
        self.folder = folder
        self._file = _part(folder, layer)
        self._journal = self._file.with_suffix(".json")
        self._lock = Lock()
        self._hashing = Lock()
        self._guard = open_own(self._file.with_suffix(".lock"), append=True)
        if not try_lock(self._guard):
            self._guard.close()
            raise AlreadyPulled
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._stream = os.fdopen(os.open(self._file, flags, 0o644), "r+b", buffering=0)
        self._reader = self._file.open("rb", buffering=0)
        self._done = _kept(self._journal, self._file, layer)
        self._saved = self.have_bytes
        self._claims: list[Claim] = []
        self._sha = hashlib.sha256()
        self._hashed = 0

    @property
    def have_bytes(self) -> int:
        """So many of its bytes are here."""
        return sum(end - start for start, end in self._done)

    @staticmethod
    def bytes_in(folder: Path, layer: Layer) -> int:
        """How much of a layer ``folder`` keeps, as the journal says."""
        file = _part(folder, layer)
        return sum(end - start for start, end in _kept(file.with_suffix(".json"), file, layer))

    def _frontier(self) -> int:
        """Up to here everything is here."""
        done = self._done
        return done[0][1] if done and done[0][0] == 0 else 0

    def claim(self) -> Claim | None:
        """The next bytes to fetch; None when nothing is left to begin."""
        with self._lock:
            if self.in_order_only and self._claims:
                return None
            position = 0
            for start, end in merged([*self._done, *((c.at, c.end) for c in self._claims), _end(self.layer)]):
                if start > position:
                    most = self.layer.size_bytes if self.in_order_only else CHUNK_BYTES
                    return self._claimed(position, min(start, position + most))
                position = end
            widest = max(self._claims, key=lambda c: c.left, default=None)
            if widest is None or widest.left < 2 * SPLIT_BYTES:
                return None
            middle, end = widest.at + widest.left // 2, widest.end
            widest.end = middle
            return self._claimed(middle, end)

    def _claimed(self, start: int, end: int) -> Claim:
        claim = Claim(start, end, start)
        self._claims.append(claim)
        return claim

    def takes_whole(self, claim: Claim) -> bool:
        """The server ignores ranges: whether ``claim`` is the one that goes on, now up to the end."""
        with self._lock:
            if self.in_order_only and any(
                c is not claim and c.end == self.layer.size_bytes for c in self._claims
            ):
                return False
            self.in_order_only = True
            claim.at = self._frontier()
            claim.start, claim.end = claim.at, self.layer.size_bytes
            return True

    def release(self, claim: Claim) -> None:
        """It is no longer fetched; what is missing of it can be claimed again."""
        with self._lock:
            if claim in self._claims:
                self._claims.remove(claim)

    def write(self, claim: Claim, piece: memoryview) -> bool:
        """Keep what came for ``claim``; whether more of it is wanted."""
        with self._lock:
            start = claim.at
            piece = piece[: claim.end - start]
            self._stream.seek(start)
            rest = piece
            while rest:
                rest = rest[self._stream.write(rest) :]
            claim.at += len(piece)
            self._done = merged([*self._done, (start, claim.at)])
            more = claim.at < claim.end
        if start == self._hashed and self._hashing.acquire(blocking=False):
            try:
                if start == self._hashed:
                    self._sha.update(piece)
                    self._hashed += len(piece)
            finally:
                self._hashing.release()
        return more

    def hash_on(self, most_bytes: int) -> bool:
        """Hash what has come in order, at most so much; whether the whole layer is hashed."""
        frontier = self._frontier()
        with self._hashing:
            goal = min(frontier, self._hashed + most_bytes)
            while self._hashed < goal:
                self._reader.seek(self._hashed)
                piece = self._reader.read(min(PIECE_BYTES, goal - self._hashed))
                if not piece:  # somebody cut the file
                    raise OSError(5, os.strerror(5))
                self._sha.update(piece)
                self._hashed += len(piece)
            return self._hashed == self.layer.size_bytes and not self._claims

    @property
    def is_right(self) -> bool:
        """Whether what was hashed is the layer."""
        return f"sha256:{self._sha.hexdigest()}" == self.layer.digest

    def save(self) -> None:
        """Write the data through, then the journal that names it."""
        with self._lock:
            done = list(self._done)
        have = sum(end - start for start, end in done)
        if have == self._saved:
            return
        os.fsync(self._stream.fileno())
        new = self._journal.with_suffix(".new")
        with open_own(new) as stream:
            stream.write(json.dumps({"size": self.layer.size_bytes, "done": done}).encode())
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self._journal)
        self._saved = have

    def begin_anew(self) -> None:
        """Forget all of it."""
        with self._lock, self._hashing:
            self._journal.unlink(missing_ok=True)
            self._stream.truncate(0)
            self._done, self._saved, self._hashed, self._sha = [], 0, 0, hashlib.sha256()

    def finish(self, whole: Path) -> None:
        """Give the hashed file its name ``whole``, in the same folder."""
        os.fsync(self._stream.fileno())
        self.close()
        self._file.replace(whole)
        self._journal.unlink(missing_ok=True)
        self._file.with_suffix(".lock").unlink(missing_ok=True)

    def remove(self) -> None:
        """Give up all of it."""
        self._done = []
        self.close()

    def close(self) -> None:
        """Leaves no file behind where nothing came."""
        self._reader.close()
        self._stream.close()
        self._guard.close()
        if not self._done:
            for end in (".part", ".json", ".lock"):
                self._file.with_suffix(end).unlink(missing_ok=True)


def _part(folder: Path, layer: Layer) -> Path:
    return folder / f"{layer.digest.replace(':', '-')}.part"


def _kept(journal: Path, file: Path, layer: Layer) -> list[Span]:
    """What a journal says and the file can hold; nothing where the journal makes no sense."""
    try:
        there = file.stat().st_size
        document = json.loads(read_small(journal, _MAX_JOURNAL))
        if document["size"] != layer.size_bytes:
            return []
        spans = [(int(start), int(end)) for start, end in document["done"]]
    except UNREADABLE:
        return []
    sound = all(0 <= start < end <= min(there, layer.size_bytes) for start, end in spans)
    return merged(spans) if sound else []


def _end(layer: Layer) -> Span:
    return layer.size_bytes, layer.size_bytes + 1
