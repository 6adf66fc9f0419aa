"""The managed copies on the disk: ``versions/<version>/``, one of them in use, the one before kept."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from wattlight.domain.values import UNREADABLE, clean_lines
from wattlight.i18n import tr
from wattlight.paths import make_folder, read_small
from wattlight.system import NO_WINDOW

from ..problems import RuntimeProblem
from .fetching import check_room, disk_problem
from .releases import VERSION, Release
from .unpacking import sync_path, unpack

TRIAL_S = 20.0
_NOBODY = "127.0.0.1:1"
"""``--version`` also asks a running server; here nobody answers, and the program tells its own version."""


def try_program(binary: Path, version: str, environ: Mapping[str, str]) -> None:
    """Run ``binary --version`` and see that it is ``version``.

    Raises:
        RuntimeProblem: ``wrong_architecture``, ``not_allowed_to_run``, ``system_too_old``,
            ``wrong_version`` or ``does_not_run``, each with the program's own words.
    """
    env = {**environ, "OLLAMA_HOST": _NOBODY}
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TRIAL_S,
            env=env,
            cwd=binary.parent,
            check=False,
            creationflags=NO_WINDOW,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused("does_not_run", tr("it did not end by itself"), "") from error
    except OSError as error:
        raise _not_started(error, binary) from error
    said = (done.stdout + b"\n" + done.stderr)[:4000].decode("utf-8", "replace").strip()
    if done.returncode != 0:
        code = "system_too_old" if "GLIBC" in said or "not found (required by" in said else "does_not_run"
        old, failed = tr("this system is too old for it"), tr("it ended with an error")
        reason = old if code == "system_too_old" else failed
        raise _refused(code, reason, said)
    if version not in said:
        raise _refused(
            "wrong_version", tr("it does not say that it is version {version}", version=version), said
        )


def _not_started(error: OSError, binary: Path) -> RuntimeProblem:
    if error.errno == errno.ENOEXEC:
        return _refused("wrong_architecture", tr("it is made for another kind of processor"), "")
    if error.errno in {errno.EACCES, errno.EPERM}:
        reason = tr("programs may not be run from {folder}", folder=binary.parent)
        return _refused("not_allowed_to_run", reason, "")
    if error.errno == errno.ENOENT and binary.exists():
        return _refused("system_too_old", tr("this system lacks the loader it was made for"), "")
    return _refused("does_not_run", error.strerror or tr("it cannot be started"), "")


def _refused(code: str, reason: str, said: str) -> RuntimeProblem:
    words = clean_lines(said, 300).replace("\n", " ")
    quoted = " " + tr('It said: "{words}".', words=words) if words else ""
    return RuntimeProblem(
        tr("The new Ollama is not used, because {reason}.{quoted}", reason=reason, quoted=quoted),
        tr("What was there before is unchanged."),
        code,
        words or None,
    )


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
        return self.root / "downloads"

    def in_use(self) -> InUse:
        """What the pointer says, as far as it is really there."""
        try:
            document = json.loads(read_small(self._pointer, 10_000))
            named = [document.get(key) for key in ("current", "previous")]
        except UNREADABLE:
            return InUse()
        return InUse(*(v if isinstance(v, str) and self.has(v) else None for v in named))

    def has(self, version: str) -> bool:
        """True when ``version`` is unpacked here."""
        return VERSION.fullmatch(version) is not None and self.binary(version).is_file()

    def binary(self, version: str) -> Path:
        """The program of a version; it finds its libraries relative to itself.

        While a new copy of a version that was there already waits for its trial, this is the one before.
        """
        before = _program(self._before(version))
        return before if before.is_file() else _program(self._folder / version)

    def check_room(self, release: Release) -> None:
        """See that archives and what comes out of them have room.

        Raises:
            RuntimeProblem: ``no_room``, naming what is needed and what is free.
        """
        self._make(self.root)
        check_room(self.root, release.disk_bytes)

    def add(
        self,
        release: Release,
        archives: tuple[Path, ...],
        cancel: Event,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Unpack the archives of ``release`` as one folder; it appears whole or not at all.

        A copy of that version that is there already is kept beside it until the new one has run.

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
            self._switch(temporary, target)
        except OSError as error:
            raise disk_problem(error, self._folder, release.disk_bytes) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def activate(self, version: str, environ: Mapping[str, str]) -> InUse:
        """Try ``version`` and put it to use; the one before is kept, older ones go.

        Raises:
            RuntimeProblem: it does not run here; what was in use stays in use.
        """
        if not _program(self._folder / version).is_file():
            self._put_back(version)  # ended between the two
        try:
            try_program(_program(self._folder / version), version, environ)
        except RuntimeProblem:
            self._put_back(version)
            raise
        before = self.in_use()
        previous = before.previous if before.current == version else before.current
        now = InUse(version, previous)
        self._point(now)
        self._remove(self._before(version))
        self.tidy()
        return now

    def go_back(self, environ: Mapping[str, str]) -> InUse:
        """Use the version before again.

        Raises:
            RuntimeProblem: there is none (``no_previous``), or it does not run.
        """
        previous = self.in_use().previous
        if previous is None:
            raise RuntimeProblem(tr("There is no earlier version to go back to."), "", "no_previous")
        return self.activate(previous, environ)

    def tidy(self) -> None:
        """Remove versions not in use, unfinished ones and archives."""
        used = self.in_use()
        keep = {used.current, used.previous}
        with contextlib.suppress(OSError):
            for folder in self._folder.iterdir():
                if folder.name.removesuffix(_BEFORE) not in keep:
                    self._remove(folder)
                elif folder.name.endswith(_BEFORE):
                    self._put_back(folder.name.removesuffix(_BEFORE))
            for archive in self.downloads.iterdir():
                if archive.suffix != ".part":
                    archive.unlink()

    def _before(self, version: str) -> Path:
        """Where the copy that works waits while another of the same version is tried."""
        return self._folder / f"{version}{_BEFORE}"

    def _switch(self, temporary: Path, target: Path) -> None:
        if _program(self._before(target.name)).is_file():
            self._remove(target)  # it was never tried to the end
        elif target.exists():
            self._remove(self._before(target.name))
            target.rename(self._before(target.name))
        temporary.rename(target)
        sync_path(self._folder)

    def _put_back(self, version: str) -> None:
        if _program(self._before(version)).is_file():
            self._remove(self._folder / version)
            with contextlib.suppress(OSError):
                self._before(version).rename(self._folder / version)

    def _remove(self, folder: Path) -> None:
        """Rename it first: what is half removed has no name of a version."""
        gone = folder.with_name(f"{folder.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(OSError):  # Windows leaves whole what a program runs from
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        try:
            make_folder(folder)
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


_BEFORE = ".before"


def _program(folder: Path) -> Path:
    return folder / "bin" / ("ollama.exe" if sys.platform == "win32" else "ollama")


def _after(done: int, on_bytes: Callable[[int], None]) -> Callable[[int], None]:
    return lambda more: on_bytes(done + more)


def _merge(part: Path, into: Path) -> None:
    """Move what an extra archive holds beside what is there; a file that is there already stays."""
    for source in sorted(part.rglob("*")):
        target = into / source.relative_to(part)
        if source.is_dir() and not source.is_symlink():
            if target.is_symlink():
                raise RuntimeProblem(tr("An extra archive does not match the server."), "", "bad_archive")
            target.mkdir(exist_ok=True)
        elif not target.exists() and not target.is_symlink():
            source.rename(target)
    shutil.rmtree(part)
