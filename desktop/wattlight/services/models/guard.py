"""One pull with all that belongs to it: looked at before, kept awake and slowed meanwhile, checked after."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from wattlight.catalog.download import Puller, is_writable, read_place
from wattlight.catalog.installed import blob_file, lying_in
from wattlight.catalog.registry import Manifest, Registry, RegistryProblem, read_address
from wattlight.domain.pulls import PullState, QueuedPull
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import gb, tr
from wattlight.runtime import ModelServer, RuntimeProblem, is_cloud_name
from wattlight.system import kept_awake
from wattlight.web import RateLimit, split_url

from .pulls import (
    SMALL_BYTES,
    damage_problem,
    damaged_layers,
    files_are_seen,
    run_pull,
    unlisted,
)

COLON_REFUSED = os.name == "nt"
"""Windows has no folder HOST:PORT, below which Ollama keeps what a registry with a port offers."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What a pull takes of the disk: ``need_bytes`` are still to come, of ``whole_bytes`` in all."""

    whole_bytes: int
    need_bytes: int
    free_bytes: int | None
    """On the drive of the folder of models; None where its place is not known."""


class PullGuard:
    """Knows how a model comes to a server: by ourselves where its folder is ours to write, else by it.

    Args:
        folders: where the files of the server at an address can be looked at.
        puller: fetches models by itself; None leaves all to the servers.
        registry: tells the sizes of what is to come; None looks at nothing before.
        is_ours: whether we started the server at an address, in the first of its folders.
    """

    def __init__(
        self,
        folders: Callable[[str], tuple[Path, ...]],
        puller: Puller | None = None,
        registry: Registry | None = None,
        *,
        is_ours: Callable[[str], bool] = lambda _: False,
        awake: Callable[[str], AbstractContextManager[None]] = kept_awake,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = folders
        self._puller = puller
        self._registry = registry
        self._is_ours = is_ours
        self._awake = awake
        self._clock = clock
        self.hash_all = False
        """Hash every file of what is pulled: once a pull has had wrong bytes, since files are shared."""

    def own_folder(self, server: ModelServer, model: str, cancel: Event | None = None) -> Path | None:
        """The folder that Wattlight itself can put ``model`` into, so that ``server`` has it.

        None: not ours to write, or it is not sure that the server looks there. It is where all that the
        server lists lies in it and nothing else does.

        Raises:
            RuntimeProblem: the server does not answer.
        """
        if self._puller is None or is_cloud_name(model):
            return None
        listed: dict[str, str] | None = None
        for number, folder in enumerate(self._folders(server.url)):
            if not is_writable(folder):
                continue
            if listed is None:
                listed = {
                    str(read_address(item.name)).lower(): item.digest.removeprefix("sha256:")
                    for item in server.installed(cancel)
                }
            lying = {name.lower(): digest for name, digest in lying_in(folder).items()}
            if listed == lying and (listed or (number == 0 and self._is_ours(server.url))):
                return folder
        return None

    def needed(self, server: ModelServer, model: str) -> Needed | None:
        """What ``model`` takes, by its registry's manifest; None where nobody could be asked."""
        folders = self._folders(server.url)
        if self._registry is None or is_cloud_name(model):
            return None
        try:
            manifest = self._registry.manifest(model)
        except RegistryProblem:
            return None  # the server may reach it another way, and says what is wrong itself
        there = [folder for folder in folders if folder.is_dir()]
        needs = [(_to_come(manifest, folder), _free_bytes(folder)) for folder in there]
        whole = manifest.download_bytes
        if not needs:
            return Needed(whole, whole, None)
        # which of them the server uses is not always known: the one that makes the least trouble
        need, free = min(needs, key=lambda item: item[0] - (item[1] or 0))
        return Needed(whole, need, free)

    def run(
        self,
        server: ModelServer,
        pull: QueuedPull,
        publish: Callable[[PullState], None],
        cancel: Event,
        limit: RateLimit | None = None,
    ) -> Problem | None:
        """Pull it; every state goes to ``publish``. The last one is ``done`` or has the ``error`` that is
        returned; none of both once ``cancel`` is set. A limit and a source hold where we pull ourselves.
        """
        last = PullState(clean_text(pull.model), "waiting", pull.completed_bytes, pull.total_bytes)

        def tell(state: PullState) -> None:
            nonlocal last
            last = state
            publish(state)

        with self._awake(tr("downloading {model}", model=clean_text(pull.model, 80))):
            try:
                problem = self._fetch(server, pull, last, tell, cancel, limit)
                if problem is None and not cancel.is_set():
                    problem = self._check(server, pull.model, last, tell, cancel)
            except Problem as caught:
                problem = None if caught.code == "cancelled" else caught
                if problem is not None:
                    tell(replace(last, error=str(problem), bytes_per_s=None))
        return problem

    def _fetch(
        self,
        server: ModelServer,
        pull: QueuedPull,
        last: PullState,
        publish: Callable[[PullState], None],
        cancel: Event,
        limit: RateLimit | None,
    ) -> Problem | None:
        if COLON_REFUSED and split_url(server.url)[0].is_loopback and _has_port(pull.model):
            raise _no_such_folder(pull.model)
        folder = self.own_folder(server, pull.model, cancel)
        if folder is not None:
            last = replace(last, total_bytes=None)  # it may be another version by now
        else:
            needed = self.needed(server, pull.model)
            if needed is not None:
                if needed.free_bytes is not None and needed.need_bytes > needed.free_bytes:
                    raise no_room(pull.model, needed)
                last = replace(last, total_bytes=max(needed.whole_bytes, pull.completed_bytes))

        def begin() -> Iterator[PullState]:
            if folder is None or self._puller is None:
                return server.pull(pull.model, cancel)
            source = read_place(pull.source) if pull.source else None
            return self._puller.pull(pull.model, folder, cancel, limit, source)

        def tell(state: PullState) -> None:
            """It is not done before it was checked."""
            publish(replace(state, by_us=folder is not None, done=False))

        problem = run_pull(begin, last, tell, cancel, clock=self._clock)
        self.hash_all = self.hash_all or (problem is not None and problem.code == "digest_mismatch")
        return problem

    def _check(
        self,
        server: ModelServer,
        model: str,
        last: PullState,
        publish: Callable[[PullState], None],
        cancel: Event,
    ) -> Problem | None:
        """Hash what was pulled (once any pull has had wrong bytes everything: files are shared), then look
        for it in the list."""
        folders = self._folders(server.url)
        last = replace(last, bytes_per_s=None)
        if self.hash_all:
            publish(replace(last, status=tr("checking every file")))
        damaged = damaged_layers(model, folders, cancel, largest_bytes=None if self.hash_all else SMALL_BYTES)
        if damaged:
            problem: Problem | None = damage_problem(model, damaged)
        else:
            problem = unlisted(server, model, files_are_seen(model, folders), cancel)
        if problem is not None:
            text = problem.message if damaged else str(problem)
            publish(replace(last, error=text, damaged=bool(damaged)))
        elif not cancel.is_set():
            publish(replace(last, status="success", done=True))
        return problem


def no_room(model: str, needed: Needed) -> RuntimeProblem:
    return RuntimeProblem(
        tr(
            "{model} needs {need} more on the disk, but only {free} are free.",
            model=clean_text(model, 120),
            need=gb(needed.need_bytes),
            free=gb(needed.free_bytes or 0),
        ),
        tr("Free some space or remove a model, then try again; nothing was downloaded."),
        "no_room",
    )


def _has_port(model: str) -> bool:
    try:
        return ":" in read_address(model).host
    except RegistryProblem:
        return False  # what is wrong with the name is said by whoever pulls it


def _no_such_folder(model: str) -> RuntimeProblem:
    return RuntimeProblem(
        tr(
            "{model} comes from a registry at a port of its own: Ollama on Windows cannot keep such a model.",
            model=clean_text(model, 120),
        ),
        tr("Offer the registry at the usual port (443), or put a proxy before it; nothing was downloaded."),
        "port_in_name",
    )


def _to_come(manifest: Manifest, folder: Path) -> int:
    """Bytes that are not in ``folder`` yet; what the server keeps of files that came in part is there."""
    files = {layer.digest: layer.size_bytes for layer in (manifest.config, *manifest.layers) if layer}
    to_come = 0
    for digest, size in files.items():
        file = blob_file(folder, digest)
        if _on_disk(file) < size:
            to_come += max(0, size - _on_disk(file.with_name(f"{file.name}-partial")))
    return to_come


def _on_disk(file: Path) -> int:
    """Bytes that are really written: a file that is being pulled has its full size from the beginning."""
    try:
        found = file.stat()
    except OSError:
        return 0
    return min(found.st_size, getattr(found, "st_blocks", found.st_size) * 512)


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
