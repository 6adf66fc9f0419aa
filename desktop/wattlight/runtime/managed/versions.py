"""The managed copies on the disk: ``versions/<version>/``, one of them in use, the one before kept."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from ..problems import RuntimeProblem
from .fetching import disk_problem
from .pinned import VERSION, Release
from .trial import try_program
from .unpacking import sync_path, unpack


@dataclass(frozen=True, slots=True)
class InUse:
    """Which version is in use, and which was before."""

    current: str | None = None
    previous: str | None = None


class Versions:
    """Below ``root``. Nothing here runs while another process of the user does the same."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = root / "versions"
        self._pointer = root / "in-use.json"

    @property
    def downloads(self) -> Path:
        """Where archives are fetched to."""
        return self.root / "downloads"

    def in_use(self) -> InUse:
        """What the pointer says, as far as it is really there."""
        try:
            document = json.loads(self._pointer.read_text(encoding="utf-8"))
            named = [document.get(key) for key in ("current", "previous")]
        except (OSError, ValueError, AttributeError):
            return InUse()
        return InUse(*(v if isinstance(v, str) and self.has(v) else None for v in named))

    def has(self, version: str) -> bool:
        """True when ``version`` is unpacked here."""
        return VERSION.fullmatch(version) is not None and self.binary(version).is_file()

    def binary(self, version: str) -> Path:
        """The program of a version; it finds its libraries relative to itself."""
        name = "ollama.exe" if sys.platform == "win32" else "ollama"
        return self._folder / version / "bin" / name

    def check_room(self, release: Release) -> None:
        """See that archives and what comes out of them have room.

        Raises:
            RuntimeProblem: ``no_room``, naming what is needed and what is free.
        """
        self._make(self.root)
        free = shutil.disk_usage(self.root).free
        if free < release.disk_bytes:
            raise RuntimeProblem(
                f"There is not enough room in {self.root}: {release.disk_bytes / 1e9:.1f} GB are needed, "
                f"{free / 1e9:.1f} GB are free.",
                "Free some space and try again.",
                "no_room",
            )

    def add(
        self,
        release: Release,
        archives: tuple[Path, ...],
        cancel: Event,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Unpack the archives of ``release`` as one folder; it appears whole or not at all.

        Raises:
            RuntimeProblem: it could not; nothing is left of it.
        """
        target = self._folder / release.version
        self._make(self._folder)
        temporary = Path(tempfile.mkdtemp(prefix=f"{release.version}.tmp-", dir=self._folder))
        try:
            temporary.chmod(0o755)
            done = 0
            for number, (artefact, archive) in enumerate(zip(release.artefacts, archives, strict=True)):
                part = temporary if number == 0 else temporary / f".part-{number}"
                part.mkdir(exist_ok=True)
                done += unpack(archive, part, artefact.most_unpacked_bytes, cancel, _after(done, on_bytes))
                if number:
                    _merge(part, temporary)
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
            sync_path(self._folder)
        except OSError as error:
            raise disk_problem(error, self._folder, release.disk_bytes) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def activate(self, version: str, environ: Mapping[str, str]) -> InUse:
        """Try ``version`` and put it to use; the one before is kept, older ones go.

        Raises:
            RuntimeProblem: it does not run here; what was in use stays in use.
        """
        try_program(self.binary(version), version, environ)
        before = self.in_use()
        previous = before.previous if before.current == version else before.current
        now = InUse(version, previous)
        self._point(now)
        self.tidy()
        return now

    def go_back(self, environ: Mapping[str, str]) -> InUse:
        """Use the version before again.

        Raises:
            RuntimeProblem: there is none (``no_previous``), or it does not run.
        """
        previous = self.in_use().previous
        if previous is None:
            raise RuntimeProblem("There is no earlier version to go back to.", "", "no_previous")
        return self.activate(previous, environ)

    def tidy(self) -> None:
        """Remove versions not in use, unfinished ones and archives."""
        used = self.in_use()
        keep = {used.current, used.previous}
        with contextlib.suppress(OSError):
            for folder in self._folder.iterdir():
                if folder.name not in keep:
                    shutil.rmtree(folder, ignore_errors=True)
            for archive in self.downloads.iterdir():
                if archive.suffix != ".part":
                    archive.unlink()

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise disk_problem(error, folder, 0) from error

    def _point(self, now: InUse) -> None:
        temporary = self._pointer.with_suffix(f".{os.getpid()}")
        try:
            temporary.write_text(json.dumps({"current": now.current, "previous": now.previous}))
            sync_path(temporary)
            temporary.replace(self._pointer)
            sync_path(self.root)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise disk_problem(error, self.root, 0) from error


def _after(done: int, on_bytes: Callable[[int], None]) -> Callable[[int], None]:
    return lambda more: on_bytes(done + more)


def _merge(part: Path, into: Path) -> None:
    """Move what an extra archive holds beside what is there; a file that is there already stays."""
    for source in sorted(part.rglob("*")):
        target = into / source.relative_to(part)
        if source.is_dir() and not source.is_symlink():
            if target.is_symlink():
                raise RuntimeProblem("An extra archive does not fit to the server.", "", "bad_archive")
            target.mkdir(exist_ok=True)
        elif not target.exists() and not target.is_symlink():
            source.rename(target)
    shutil.rmtree(part)
