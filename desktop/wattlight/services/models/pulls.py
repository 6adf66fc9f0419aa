"""One pull from beginning to end, with another try when the connection breaks."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Generic, TypeVar

from wattlight.catalog.installed import blob_file, manifest_file
from wattlight.catalog.registry import Layer, RegistryProblem, parse_manifest, read_address
from wattlight.domain.pulls import PullState
from wattlight.domain.state import same_model
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import open_regular, read_small
from wattlight.runtime import ModelServer, RuntimeProblem

Value = TypeVar("Value")


class Throttle(Generic[Value]):
    """Passes values on, no more often than every ``interval_s``; :meth:`flush` passes on what is held back.

    For one thread. ``clock`` is monotonic seconds.
    """

    def __init__(
        self, publish: Callable[[Value], None], clock: Callable[[], float], interval_s: float = 0.1
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._interval_s = interval_s
        self._last_at: float | None = None
        self._held: Value | None = None

    def offer(self, value: Value, now: bool = False) -> None:
        """Pass ``value`` on, or hold it back until the time has come; ``now`` for one of another kind.

        (After "verifying" a server may be silent for minutes: that must not be held back.)
        """
        at = self._clock()
        if now or self._last_at is None or at - self._last_at >= self._interval_s:
            self._last_at = at
            self._held = None
            self._publish(value)
        else:
            self._held = value

    def flush(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._last_at = self._clock()
            self._publish(held)


BROKEN = frozenset({"cut_stream", "no_server", "silent_server", "stalled"})
"""After these a pull is tried again: a server that is restarted or updated comes back."""
WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)


def run_pull(
    begin: Callable[[], Iterator[PullState]],
    last: PullState,
    publish: Callable[[PullState], None],
    cancel: Event,
    *,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], bool] | None = None,
) -> Problem | None:
    """Pull as ``begin`` does it; every state goes to ``publish``, at most ten a second, the last one always.

    The last state is ``done``, ``cancelled`` or has an ``error``; with an error the problem is returned too.
    ``last`` is how far it is already: no state is behind it.
    ``wait`` waits so many seconds and returns True when cancelled.
    """
    waits = iter(WAITS_S)
    pause = wait or cancel.wait
    merged = Throttle(publish, clock)
    while True:
        begun_with = last.completed_bytes
        try:
            for state in _onward(begin(), last):
                merged.offer(state, now=state.status != last.status)
                last = state
            merged.flush()
            return None
        except Problem as problem:
            failure = problem
        if last.completed_bytes > begun_with:
            waits = iter(WAITS_S)
        delay = next(waits, None) if failure.code in BROKEN and last.completed_bytes else None
        if delay is None:
            publish(replace(last, error=str(failure), bytes_per_s=None))
            return failure
        publish(replace(last, status="waiting for the server", bytes_per_s=None))
        if pause(delay):
            publish(replace(last, cancelled=True, bytes_per_s=None))
            return None


def _onward(states: Iterator[PullState], last: PullState) -> Iterator[PullState]:
    """States of a new try, never behind those of the one before."""
    total, completed = last.total_bytes, last.completed_bytes
    for state in states:
        completed = max(completed, state.completed_bytes)
        total = total if state.total_bytes is None else max(state.total_bytes, completed, total or 0)
        yield replace(state, completed_bytes=completed, total_bytes=total)


SMALL_BYTES = 16 << 20
_MAX_MANIFEST = 4 << 20
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class DamagedLayer:
    """A file of a model that is not what it should be; ``kind`` is ``model``, ``template``, ``config``."""

    kind: str
    file: Path


def damaged_layers(
    model: str,
    folders: tuple[Path, ...],
    cancel: Event,
    *,
    largest_bytes: int | None = None,
) -> tuple[DamagedLayer, ...]:
    """The damaged files of ``model``; none where it is not in ``folders`` or cannot be read there.

    ``largest_bytes`` leaves out larger files.

    Raises:
        RuntimeProblem: ``cancelled``.
    """
    for folder in folders:
        layers = _layers(model, folder)
        if layers:
            break
    else:
        return ()
    damaged: list[DamagedLayer] = []
    for layer in layers:
        if largest_bytes is not None and layer.size_bytes > largest_bytes:
            continue
        file = blob_file(folder, layer.digest)
        digest = _digest(file, cancel)
        if digest is not None and digest != layer.digest:
            damaged.append(DamagedLayer(layer.kind, file))
    return tuple(damaged)


def files_are_seen(model: str, folders: tuple[Path, ...]) -> bool:
    """Whether the files of ``model`` can be read from here."""
    return any(_layers(model, folder) for folder in folders)


def unlisted(server: ModelServer, model: str, seen: bool, cancel: Event) -> RuntimeProblem | None:
    """The problem of a model that was pulled and that the server does not list; None where it does.

    ``seen`` says that its files can be read from here.

    Raises:
        RuntimeProblem: the server does not answer.
    """
    for again in (True, True, False):
        if any(_is_one(installed.name, model) for installed in server.installed(cancel)):
            return None
        if again and cancel.wait(_LIST_S):
            return None
    next_step = (
        tr("'wattlight pull NAME --repair' removes damaged files and pulls it again.")
        if seen
        else tr(
            "Its files cannot be seen from here: delete those that the server's log names in its folder of "
            "models (OLLAMA_MODELS), then pull it again."
        )
    )
    return RuntimeProblem(
        tr(
            "{model} was pulled, but the server does not list it: most likely a small file of it is damaged.",
            model=clean_text(model, 120),
        ),
        next_step.replace("NAME", clean_text(model, 120)),
        "not_listed",
    )


_LIST_S = 0.5
"""The server may list a model so much later than it says that it has it."""


def _is_one(listed: str, asked: str) -> bool:
    """Whether both are one model, however much of registry and library is written out."""
    if same_model(listed, asked):
        return True
    try:
        one, other = read_address(listed), read_address(asked)
    except RegistryProblem:
        return False
    return str(one).lower() == str(other).lower()


def damage_problem(model: str, damaged: tuple[DamagedLayer, ...]) -> RuntimeProblem:
    kinds = ", ".join(dict.fromkeys(layer.kind for layer in damaged))
    return RuntimeProblem(
        tr(
            "{model} was pulled, but damaged files of it were kept ({kinds}).",
            model=clean_text(model, 120),
            kinds=clean_text(kinds),
        ),
        tr("Let Wattlight remove these files and pull it again ('wattlight pull NAME --repair')."),
        "damaged_layers",
    )


def remove_damaged(damaged: tuple[DamagedLayer, ...]) -> None:
    """Delete them, so that the next pull fetches them again. Only ever after a yes.

    Raises:
        RuntimeProblem: a file belongs to another user (code ``not_yours``).
    """
    for layer in damaged:
        try:
            layer.file.unlink(missing_ok=True)
        except OSError as error:
            raise RuntimeProblem(
                tr(
                    "The damaged file {file} cannot be removed ({reason}).",
                    file=layer.file,
                    reason=error.strerror,
                ),
                tr("Whoever runs the server can remove it; then pull the model again."),
                "not_yours",
            ) from error


def _layers(model: str, folder: Path) -> tuple[Layer, ...]:
    try:
        manifest = parse_manifest(read_small(manifest_file(folder, read_address(model)), _MAX_MANIFEST))
    except (OSError, RegistryProblem):
        return ()
    config = manifest.config
    return manifest.layers if config is None else (*manifest.layers, replace(config, kind="config"))


def _digest(file: Path, cancel: Event) -> str | None:
    digest = hashlib.sha256()
    try:
        with open_regular(file) as stream:
            while piece := stream.read(_PIECE):
                if cancel.is_set():
                    raise RuntimeProblem(tr("Stopped."), "", "cancelled")
                digest.update(piece)
    except OSError:
        return None
    return f"sha256:{digest.hexdigest()}"
