"""Fetches one artefact: resumable, capped, hashed; what is not exactly the listed file is thrown away."""

import contextlib
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from wattlight.i18n import gb, tr
from wattlight.paths import make_folder, open_own
from wattlight.web import Answer, FaultKind, Limits, Web, WireFault

from ..problems import RuntimeProblem
from .releases import Downloadable

LIMITS = Limits(connect_s=10.0, idle_s=30.0, total_s=None)
WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
RATE_WINDOW_S = 0.5
_PIECE = 1 << 20
_BROKEN = frozenset({FaultKind.CUT, FaultKind.SILENT, FaultKind.UNREACHABLE, FaultKind.REFUSED})


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far a download is. ``bytes_per_s`` counts what came in this run, None until it is known.

    ``total_bytes`` is what the list says, or, where it does not know, what the page says that serves it.
    """

    done_bytes: int
    total_bytes: int
    bytes_per_s: float | None = None


OnProgress = Callable[[FetchProgress], None]


class Fetcher:
    """Fetches artefacts into ``folder``. ``environ`` names the proxy; the certificates are the system's.

    ``on_host`` hears once of each host that is asked, also those the release page sends to.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
        limits: Limits = LIMITS,
        on_host: Callable[[str], None] = lambda _: None,
        wait: Callable[[Event, float], bool] = lambda cancel, seconds: cancel.wait(seconds),
    ) -> None:
        self._folder = folder
        self._web = Web(environ, on_host=on_host, clock=clock)
        self._clock = clock
        self._limits = limits
        self._wait = wait

    def fetch(self, artefact: Downloadable, cancel: Event, on_progress: OnProgress = lambda _: None) -> Path:
        """The file, whole and verified. An unfinished one is kept as ``.part`` and gone on with next time.

        Raises:
            RuntimeProblem: ``cancelled``, ``no_room``, ``wrong_hash``, ``artefact_moved``, ``login_page``,
                ``release_unreachable`` and others; the file is not there then.
        """
        target = self._folder / artefact.file_name
        part = target.with_suffix(".part")
        try:
            make_folder(self._folder)
            if _is(target, artefact.sha256):
                return target
            if part.is_symlink():
                part.unlink()
            waits = iter(WAITS_S)
            ended = False
            while not self._complete(part, artefact, ended):
                before = _size(part)
                fault, ended = self._try(artefact, part, cancel, on_progress)
                if fault is None:
                    continue
                if _size(part) > before:
                    waits = iter(WAITS_S)
                delay = next(waits, None) if fault.kind in _BROKEN else None
                if delay is None:
                    raise _broken(artefact, fault)
                if self._wait(cancel, delay):
                    raise cancelled()
            _sync(part)
            part.replace(target)
        except OSError as error:
            raise disk_problem(error, self._folder, artefact.expected_bytes) from error
        return target

    def _complete(self, part: Path, artefact: Downloadable, ended: bool) -> bool:
        """True for the whole file. ``ended``: the page has nothing more to give.

        Raises:
            RuntimeProblem: it can never become the listed file any more; it is gone then.
        """
        size = _size(part)
        exact = artefact.size_bytes
        if size < exact if exact is not None else not ended and size <= artefact.most_bytes:
            return False
        plausible = size == exact if exact is not None else size <= artefact.most_bytes
        if plausible and size and artefact.sha256 in {None, _hash_of(part).hexdigest()}:
            return True
        part.unlink(missing_ok=True)
        raise RuntimeProblem(
            tr(
                "What arrived from {url} is not the expected file, so it was discarded.",
                url=_host(artefact.url),
            ),
            tr("Try again on another network, or install Ollama as its own web page says."),
            "wrong_hash",
        )

    def _try(
        self, artefact: Downloadable, part: Path, cancel: Event, on_progress: OnProgress
    ) -> tuple[WireFault | None, bool]:
        """What went wrong, and whether the page has given all it has."""
        try:
            with self._open(artefact, _size(part), cancel) as answer:
                return None, self._receive(answer, artefact, part, on_progress)
        except WireFault as fault:
            if fault.kind is FaultKind.CANCELLED:
                raise cancelled() from fault
            return fault, False

    def _open(self, artefact: Downloadable, have: int, cancel: Event) -> Answer:
        """The answer with the bytes from ``have`` on, after following redirects that stay encrypted."""
        headers = (f"Range: bytes={have}-",) if have else ()
        return self._web.get(artefact.url, self._limits, cancel, headers)

    def _receive(self, answer: Answer, artefact: Downloadable, part: Path, on_progress: OnProgress) -> bool:
        """Write what comes; True when that was all there is."""
        have = _size(part)
        if answer.status == 206 and _range_start(answer) == have:
            mode = "ab"
        elif answer.status == 200:
            have, mode = 0, "wb"
        elif answer.status == 416 and artefact.size_bytes is None and _is_whole(part, artefact):
            return True
        elif answer.status in {206, 416}:
            part.unlink(missing_ok=True)
            return False
        else:
            raise _refused(artefact, answer.status)
        if answer.content_type == "text/html":
            raise _login_page(artefact)
        total = _total(answer, artefact, have)
        begun, since = self._clock(), have
        with open_own(part, append=mode == "ab") as stream:
            for piece in answer.pieces():
                have += len(piece)
                stream.write(piece)
                if have > artefact.most_bytes:
                    return True
                elapsed = self._clock() - begun
                rate = (have - since) / elapsed if elapsed >= RATE_WINDOW_S else None
                on_progress(FetchProgress(have, max(have, total), rate))
        if artefact.size_bytes is not None and have < artefact.size_bytes:
            raise WireFault(FaultKind.CUT, "short")
        return True


def cancelled() -> RuntimeProblem:
    return RuntimeProblem(tr("Stopped."), tr("What has arrived is kept."), "cancelled")


def check_room(folder: Path, need_bytes: int) -> None:
    """See that so much is free.

    Raises:
        RuntimeProblem: ``no_room``, naming what is needed and what is free.
    """
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        raise RuntimeProblem(
            tr(
                "There is not enough room in {folder}: {need} are needed, {free} are free.",
                folder=folder,
                need=gb(need_bytes),
                free=gb(free),
            ),
            tr("Free some space and try again."),
            "no_room",
        )


def disk_problem(error: OSError, folder: Path, need_bytes: int) -> RuntimeProblem:
    """What an error of the disk means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return RuntimeProblem(
            tr(
                "There is not enough room in {folder}: {need} are needed.",
                folder=folder,
                need=gb(need_bytes),
            ),
            tr("Free some space and try again."),
            "no_room",
        )
    return RuntimeProblem(
        tr("The folder {folder} cannot be used ({reason}).", folder=folder, reason=error.strerror),
        tr("Make it writable and try again."),
        "no_folder",
    )


def _range_start(answer: Answer) -> int | None:
    first = answer.header("Content-Range").removeprefix("bytes ").split("-")[0]
    return int(first) if first.isdecimal() and len(first) < 16 else None


def _total(answer: Answer, artefact: Downloadable, have: int) -> int:
    """How much it will be in the end: as listed, else as the page says, else about."""
    if artefact.size_bytes is not None:
        return artefact.size_bytes
    length = answer.header("Content-Length")
    said = have + int(length) if length.isdecimal() and len(length) < 16 else 0
    return said if 0 < said <= artefact.most_bytes else artefact.about_bytes


def _is(path: Path, sha256: str | None) -> bool:
    return path.is_file() and sha256 in {None, _hash_of(path).hexdigest()}


def _is_whole(part: Path, artefact: Downloadable) -> bool:
    """True when its hash says so; without one that cannot be told."""
    return artefact.sha256 is not None and _is(part, artefact.sha256)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _hash_of(path: Path) -> "hashlib._Hash":
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest


def _sync(path: Path) -> None:
    with path.open("rb") as stream, contextlib.suppress(OSError):
        os.fsync(stream.fileno())


def _host(url: str) -> str:
    return urlsplit(url).hostname or tr("the release page")


def _refused(artefact: Downloadable, status: int) -> RuntimeProblem:
    host = _host(artefact.url)
    if status in {404, 410}:
        return RuntimeProblem(
            tr("The file is not at {host} any more.", host=host),
            tr("Update Wattlight, which then names a newer one."),
            "artefact_moved",
        )
    if status in {401, 403, 407, 511}:
        return _login_page(artefact)
    return RuntimeProblem(
        tr("{host} answered with an error ({status}).", host=host, status=status),
        tr("Try again later."),
        "release_unreachable",
    )


def _login_page(artefact: Downloadable) -> RuntimeProblem:
    return RuntimeProblem(
        tr(
            "A web page came instead of the file from {url}, as on networks that require a sign-in.",
            url=_host(artefact.url),
        ),
        tr("Open a web page in the browser, sign in to the network, and try again."),
        "login_page",
    )


def _broken(artefact: Downloadable, fault: WireFault) -> RuntimeProblem:
    host = _host(artefact.url)
    if fault.kind is FaultKind.TLS:
        return RuntimeProblem(
            tr("The identity of {host} could not be verified ({detail}).", host=host, detail=fault.detail),
            tr("Check the date of this computer and the network; nothing was fetched."),
            "tls",
        )
    if fault.kind is FaultKind.REDIRECT:
        return RuntimeProblem(
            tr("{host} redirects the download to an unsafe address, so it was not fetched.", host=host),
            tr("Update Wattlight and try again."),
            "bad_redirect",
        )
    if fault.kind is FaultKind.PROXY:
        return RuntimeProblem(
            tr("The proxy of this computer does not let the download from {host} through.", host=host),
            tr("Check the proxy settings."),
            "proxy",
        )
    return RuntimeProblem(
        tr("The download from {host} broke off and could not be resumed.", host=host),
        tr("Check the network and try again: what has arrived is kept."),
        "release_unreachable",
    )
