"""A pull of our own, from the manifest to the model that the server lists."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

from wattlight import StartThread, start_thread
from wattlight.catalog.registry import (
    MAX_MANIFEST_BYTES,
    Layer,
    ModelPages,
    RegistryProblem,
    parse_manifest,
    read_address,
)
from wattlight.domain.pulls import LayerState, PullState
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.web import Arrivals, RateLimit, Web

from .fetching import PATIENCE_S, Fetching
from .kept import download_rests, note_download, whole_file
from .parts import PartFile
from .problems import disk_problem, mismatch, no_room
from .sources import FromRegistry, Mirror
from .store import ModelStore, all_layers

BEAT_S = 0.25
"""Between two states: each wakes two threads, and nobody reads figures that change faster."""
SAVE_S = 1.0
HASH_BYTES = 256 << 20
"""Hashed between two states at most."""
RESERVE_BYTES = 16 << 20
"""Stays free for the journal and what else is written meanwhile."""


class Puller:
    """Fetches models into a folder that is ours to write. Blocks; nothing is asked unless it is called."""

    def __init__(
        self,
        web: Web,
        start: StartThread = start_thread,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._web = web
        self._start = start
        self._clock = clock
        self._patience_s = patience_s

    def pull(
        self,
        name: str,
        folder: Path,
        stop: Event,
        limit: RateLimit | None = None,
        source: str | Path | None = None,
    ) -> Iterator[PullState]:
        """Download ``name`` into the models folder: some four states a second, the last one ``done`` or, once
        ``stop`` is set, ``cancelled``.

        What has arrived is kept whenever it ends, also when the iterator is closed or the computer loses
        power, and the next pull goes on from there. ``source`` is a copy that is nearer (``read_place``).

        Raises:
            Problem: from the first ``next`` on.
        """
        state = PullState(clean_text(name), status="pulling manifest")
        yield state
        address = read_address(name)
        pages = ModelPages(self._web, address)
        raw = pages.manifest(MAX_MANIFEST_BYTES)
        manifest = parse_manifest(raw)
        layers = all_layers(manifest)
        if not layers:
            raise RegistryProblem(
                tr("{shown} holds no model file.", shown=clean_text(str(address), 120)),
                tr("Choose another tag of this model."),
                "no_model_file",
            )
        store = ModelStore(folder)
        mirror = None if source is None else Mirror(source, self._web, address)
        state = replace(state, total_bytes=sum(layer.size_bytes for layer in layers))
        try:
            store.prepare()
            note_download(store.parts, str(address), layers)
            missing = store.missing(layers, stop)
            with ExitStack() as ending:
                ending.callback(download_rests, store.parts, str(address), layers)
                parts = []
                for layer in missing:
                    parts.append(PartFile(store.parts, layer))
                    ending.callback(parts[-1].close)
                fetching = Fetching(
                    parts,
                    FromRegistry(pages, address.host),
                    mirror,
                    limit or RateLimit(),
                    self._start,
                    self._clock,
                    self._patience_s,
                )
                state = yield from self._fetched(state, store, layers, parts, fetching, stop)
            if state.cancelled:
                yield state
                return
            yield replace(state, status="writing manifest", bytes_per_s=None)
            store.publish(address, manifest, raw)
        except OSError as error:
            raise disk_problem(error, folder) from error
        whole = state.total_bytes or 0
        yield replace(state, status="success", completed_bytes=whole, bytes_per_s=None, done=True)

    def _fetched(
        self,
        state: PullState,
        store: ModelStore,
        layers: tuple[Layer, ...],
        parts: list[PartFile],
        fetching: Fetching,
        stop: Event,
    ) -> Generator[PullState, None, PullState]:
        """States until every part is whole; a wrong one is fetched once more. Returns the last state."""
        need = sum(part.layer.size_bytes - part.have_bytes for part in parts)
        if parts and need + RESERVE_BYTES > (free := store.free_bytes()):
            raise no_room(store.folder, need, free)
        store.keep_room()
        arrivals = Arrivals()
        by_layer = {part.layer.digest: Arrivals() for part in parts}
        left, saved_at, most = list(parts), self._clock(), 0
        try:
            while left and not stop.is_set():
                fetching.drive()
                for part in [part for part in left if part.hash_on(HASH_BYTES)]:
                    if part.is_right:
                        part.finish(whole_file(store.parts, part.layer.digest))
                        left.remove(part)
                    else:
                        part.begin_anew()
                        if not fetching.may_try_again(part):
                            raise mismatch(state.model)
                now = self._clock()
                if now - saved_at >= SAVE_S:
                    saved_at = now
                    for part in left:
                        part.save()
                there = {
                    part.layer.digest: (
                        part.have_bytes,
                        by_layer[part.layer.digest].rate(now, part.have_bytes),
                    )
                    for part in left
                }
                files = tuple(
                    _file(layer, *there.get(layer.digest, (layer.size_bytes, None))) for layer in layers
                )
                most = max(most, sum(file.completed_bytes for file in files))
                rate = arrivals.rate(now, most)
                state = replace(
                    state,
                    layers=files,
                    completed_bytes=most,
                    bytes_per_s=None if fetching.waiting else rate,
                )
                state = replace(state, status=_status(state.layer, fetching))
                yield state
                if fetching.problem is not None:
                    raise fetching.problem
                if left:
                    fetching.wait(BEAT_S)
        finally:
            fetching.halt()
            store.give_room()
            for part in left:
                with suppress(OSError):
                    part.save()
        return replace(state, cancelled=True, bytes_per_s=None) if left else state


def _file(layer: Layer, have_bytes: int, rate: float | None) -> LayerState:
    """``rate`` is none where a file that came wrong has begun anew."""
    name = layer.digest.partition(":")[2][:12]
    return LayerState(name, have_bytes, layer.size_bytes, rate if rate is not None and rate > 0 else None)


def _status(layer: LayerState | None, fetching: Fetching) -> str:
    if fetching.waiting:
        return "waiting for the registry"
    if layer is None:
        return "verifying sha256 digest"
    return f"pulling {layer.name}"
