"""Load one model and unload the others, in the order that memory allows, without losing what runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from wattlight.domain.servers import Can
from wattlight.domain.state import InstalledModel, RunningModel, same_model
from wattlight.domain.values import MachineProfile, Problem
from wattlight.i18n import joined, tr, trn
from wattlight.runtime import ModelServer, RuntimeProblem

FitsBeside = Callable[[str, tuple[RunningModel, ...]], bool | None]
"""Whether a model fits beside those that are loaded; None when that cannot be told."""
Announce = Callable[[str, int | None], None]
"""Hears of each load, with the context length asked for, before it begins."""
OwnNames = Callable[[ModelServer, tuple[RunningModel, ...]], tuple[RunningModel, ...]]
"""The loaded models under names of their own, where one was loaded by an alias."""
_SHORTEST_RELOAD_S = 60
_ENDS_ITSELF = timedelta(seconds=15)
"""A model whose time is over so soon was not taken away."""


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """How a switch went. ``loaded`` None: the server did not list it afterwards.

    ``kept`` are models that could not be unloaded, with the reason.
    """

    loaded: RunningModel | None
    unloaded: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    unloaded_first: bool = False


def as_listed(_: ModelServer, running: tuple[RunningModel, ...]) -> tuple[RunningModel, ...]:
    """Under the names that the server lists."""
    return running


def switch(
    server: ModelServer,
    model: str,
    fits_beside: FitsBeside,
    *,
    keep_alive: str | None = None,
    context_length: int | None = None,
    cancel: Event | None = None,
    say: Callable[[str], None] = lambda _: None,
    announce: Announce = lambda _model, _context: None,
    own_names: OwnNames = as_listed,
) -> SwitchResult:
    """Load ``model``, unload the others.

    A model of the cloud is refused before anything is unloaded. Where both fit, the new one is loaded before
    the others go. Where they do not, or that cannot be told, the others go first. If the new one fails to
    load, those that are gone are loaded again, and the error says so: a server that is short of memory takes
    others away before it refuses. ``say`` gets "loading" or "unloading NAME" as it goes.

    Raises:
        Problem: the model is unknown (nothing was unloaded), or it did not load.
    """
    server.require(Can.LOAD)
    running = own_names(server, server.running(cancel))
    digest = server.check_local(model, cancel) or "" if running else ""
    others = tuple(m for m in running if not _is(m, model, digest))

    def load() -> RunningModel | None:
        say(f"loading {model}")
        announce(model, context_length)
        return server.load(model, keep_alive=keep_alive, context_length=context_length, cancel=cancel)

    if not others:
        with _loaded_again(server, running, say, announce):
            return SwitchResult(load())
    server.check_installed(model, cancel)
    beside = fits_beside(model, others)
    with _loaded_again(server, running, say, announce):
        first = load() if beside else None
        gone, kept = _unload_each(server, others, cancel, say)
        # names of the same weights are one model to the server: what was loaded may have gone with another
        left = own_names(server, server.running(cancel))
        if first is None or not any(_is(m, model, digest) for m in left):
            first = load()
    return SwitchResult(first, gone, kept, unloaded_first=not beside)


def load_beside(
    server: ModelServer,
    model: str,
    *,
    keep_alive: str | None = None,
    context_length: int | None = None,
    cancel: Event | None = None,
    say: Callable[[str], None] = lambda _: None,
    announce: Announce = lambda _model, _context: None,
) -> RunningModel | None:
    """Load ``model`` beside what is loaded. If it fails, what the server took away for it is loaded again,
    ``model`` itself with its former context.

    Raises:
        Problem: it did not load.
    """
    server.require(Can.LOAD)
    with _loaded_again(server, server.running(cancel), say, announce):
        announce(model, context_length)
        return server.load(model, keep_alive=keep_alive, context_length=context_length, cancel=cancel)


def _is(loaded: RunningModel, model: str, digest: str) -> bool:
    """Whether it is ``model`` as it is installed, not one of that name before it was replaced."""
    same = same_model(loaded.name, model)
    return same and (loaded.digest == digest or not (digest and loaded.digest))


def unload(server: ModelServer, model: str, cancel: Event | None = None, digest: str = "") -> SwitchResult:
    """Unload ``model``, and say which other names of its weights went with it.

    Raises:
        RuntimeProblem: it runs in the cloud, is unknown, or the server refused.
    """
    server.require(Can.UNLOAD)
    before = server.running(cancel)
    if not any(same_model(m.name, model) for m in before):
        server.check_local(model, cancel)
    server.unload(model, cancel, digest)
    names = {m.name for m in server.running(cancel)}
    soon = datetime.now(UTC) + _ENDS_ITSELF
    gone = (m for m in before if m.name not in names and not same_model(m.name, model))
    return SwitchResult(None, (model, *(m.name for m in gone if m.expires_at is None or m.expires_at > soon)))


def unload_all(
    server: ModelServer, cancel: Event | None = None, say: Callable[[str], None] = lambda _: None
) -> SwitchResult:
    """Unload every loaded model.

    Raises:
        Problem: not one of them could be unloaded.
    """
    server.require(Can.UNLOAD)
    running = server.running(cancel)
    gone, kept = _unload_each(server, running, cancel, say)
    if kept and not gone:
        raise Problem(kept[0][1], code="not_unloaded")
    return SwitchResult(None, gone, kept)


def _unload_each(
    server: ModelServer, models: tuple[RunningModel, ...], cancel: Event | None, say: Callable[[str], None]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    gone: list[str] = []
    kept: list[tuple[str, str]] = []
    for model in models:
        say(f"unloading {model.name}")
        try:
            server.unload(model.name, cancel, "" if model.loaded_as else model.digest)
        except RuntimeProblem as problem:
            if problem.code == "cancelled":
                raise
            kept.append((model.name, str(problem)))
        else:
            gone.append(model.name)
    return tuple(gone), tuple(kept)


@contextmanager
def _loaded_again(
    server: ModelServer, before: tuple[RunningModel, ...], say: Callable[[str], None], announce: Announce
) -> Iterator[None]:
    """If the block fails, load again what was loaded ``before``; the error tells what is loaded then."""
    try:
        yield
    except RuntimeProblem as problem:
        if problem.code == "cancelled":
            raise
        try:
            there = {model.name for model in server.running()}
        except RuntimeProblem:
            raise problem from None  # the server is gone, and with it all that was loaded
        now = datetime.now(UTC)
        gone = [
            m
            for m in before
            if (m.loaded_as or m.name) not in there and (m.expires_at is None or m.expires_at > now)
        ]
        raise _after_failure(server, gone, problem, say, announce) from problem


def _after_failure(
    server: ModelServer,
    gone: list[RunningModel],
    problem: RuntimeProblem,
    say: Callable[[str], None],
    announce: Announce,
) -> RuntimeProblem:
    back: list[str] = []
    lost: list[str] = []
    for model in gone:
        say(f"loading {model.name}")
        try:
            announce(model.name, model.context_length)
            server.load(model.name, keep_alive=_remaining(model), context_length=model.context_length)
            back.append(model.name)
        except RuntimeProblem:
            lost.append(model.name)
    parts = [problem.message]
    if back:
        parts.append(
            trn(
                "{models} was unloaded for it and is loaded again.",
                "{models} were unloaded for it and are loaded again.",
                len(back),
                models=joined(back),
            )
        )
    if lost:
        parts.append(
            trn(
                "{models} was unloaded for it and could not be loaded again.",
                "{models} were unloaded for it and could not be loaded again.",
                len(lost),
                models=joined(lost),
            )
        )
    return RuntimeProblem(" ".join(parts), problem.next_step, problem.code, problem.server_text)


def _remaining(model: RunningModel) -> str:
    """How long it would still have been kept, at least a minute."""
    if model.expires_at is None:
        return "forever"
    left = (model.expires_at - datetime.now(UTC)).total_seconds()
    return f"{max(_SHORTEST_RELOAD_S, round(left))}s"


def shared_text(model: str, loaded: RunningModel) -> str:
    """``model`` is loaded under another name."""
    return tr("{model} is ready: its weights are loaded already, as {other}.", model=model, other=loaded.name)


def with_it_text(model: str, other: str) -> str:
    """``other`` was unloaded with ``model``."""
    return tr("{other} is unloaded too: it has the same weights as {model}.", other=other, model=model)


WEIGHTS_TO_NEED = 1.2
"""Weights are most of what a model takes; KV cache and buffers add about a fifth at usual contexts."""
ALLOWANCE_BYTES = 512 << 20
USABLE_SHARE = 0.8
"""Ollama loads a second model beside others only into 80 % of what is free."""


def room_by_size(
    profile: MachineProfile | None, model: InstalledModel | None, running: tuple[RunningModel, ...]
) -> bool | None:
    """True when ``model`` fits beside ``running``, False when not, None when it cannot be told.

    An estimate from file sizes: accelerators are judged by their total memory less what is loaded, a
    computer without one by the memory that is available now.
    """
    if profile is None or model is None or not model.size_bytes:
        return None
    need = int(model.size_bytes * WEIGHTS_TO_NEED) + ALLOWANCE_BYTES
    totals = [device.memory_total_bytes for device in profile.devices if not device.integrated]
    if totals:
        if any(total is None for total in totals) or any(m.gpu_share is None for m in running):
            return None
        free = sum(total or 0 for total in totals) - sum(m.size_vram_bytes for m in running)
        return need <= free * USABLE_SHARE
    return need <= profile.ram_available_bytes * USABLE_SHARE


def remove_model(server: ModelServer, model: str, cancel: Event | None = None) -> bool:
    """Delete ``model``; a loaded one is unloaded before, because afterwards it could not be any more.

    Returns whether it was loaded.

    Raises:
        RuntimeProblem: it is unknown, or the server refused.
    """
    server.require(Can.REMOVE)
    loaded = any(same_model(m.name, model) for m in server.running(cancel))
    if loaded:
        server.unload(model, cancel)
    server.remove(model, cancel)
    return loaded
