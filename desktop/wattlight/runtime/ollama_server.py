"""The door to one Ollama server: what it is, has and runs, and what it is asked to do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, same_model
from wattlight.domain.values import MOST_VALUES
from wattlight.i18n import tr
from wattlight.web import POLL, FaultKind, Limits, WireFault

from .answers import AnswerPiece, AnswerRequest, answer_body, answer_pieces
from .meanings import Asked
from .names import context_name, is_cloud_name, read_keep_alive, read_name
from .ollama_connection import OllamaConnection
from .problems import RuntimeProblem, with_proxy_advice
from .reading import (
    LastList,
    Record,
    Refusal,
    read_installed,
    read_object,
    read_running,
    read_version,
    trained_context,
    weights_file,
)
from .server import elsewhere

if TYPE_CHECKING:
    import ollama

    from wattlight.domain.pulls import PullState

_ACT = Limits(idle_s=30.0, total_s=60.0)
_LOAD = Limits(idle_s=1800.0, total_s=None)
"""Ollama gives up a load that makes no progress for 5 minutes; a large model from a slow disk may take longer
in all, and the cancel event ends the wait at any time. An answer waits until its model is loaded."""
_SHOW = Limits(idle_s=10.0, total_s=30.0, body_bytes=64 << 20)
_SHOWN_NODES = 4_000_000
"""A vocabulary of 260,000 tokens comes with types, scores and merges."""
_PULL = Limits(idle_s=120.0, total_s=None)
"""The server writes a line every 60 ms while it fetches."""
_VERIFY_IDLE_S = 1800.0
"""While it hashes the whole model it is silent: 100 GB at 60 MB/s."""
_HASHING = ("verifying", "writing", "removing")
_SETTLE_S = 10.0
_SETTLE_FIRST_S = 0.005
_SETTLE_STEP_S = 0.1
"""A small model is gone after some milliseconds, a large one after a second: the looks grow apart."""


class OllamaServer(OllamaConnection):
    """One Ollama server."""

    kind = ServerKind.OLLAMA

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._installed: LastList[InstalledModel] = LastList()
        self._running: LastList[RunningModel] = LastList()

    def version(self, cancel: Event | None = None) -> str:
        """The server's version ("0.33.0"; "0.0.0" is a development build)."""
        with self._said(asked=Asked.LIST):
            return read_version(read_object(self._get("/api/version", cancel)[0]))

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        """The models on the server's disk, newest first as the server lists them."""
        with self._said(asked=Asked.LIST):
            raw, _ = self._get("/api/tags", cancel)
            listed = self._installed.read(raw, timedelta(), read_installed)
        self._raw_names = {**self._raw_names, **listed.raw_names}
        return listed.models

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        with self._said(asked=Asked.LIST):
            raw, ahead = self._get("/api/ps", cancel)
            listed = self._running.read(raw, ahead, lambda said: read_running(said, self._now(), ahead))
        self._raw_names = {**self._raw_names, **listed.raw_names}
        return listed.models

    def check_installed(self, model: str, cancel: Event | None = None) -> None:
        self._show(model, cancel)

    def trained_context(self, model: str, cancel: Event | None = None) -> int | None:
        try:
            return trained_context(self._show(model, cancel))
        except RuntimeProblem as problem:
            if problem.code == "cancelled":
                raise
            return None

    def _show(self, model: str, cancel: Event | None, long_lists: bool = False) -> Record:
        question = {"model": self._raw(model), **({"verbose": True} if long_lists else {})}
        limits, body = _SHOW if long_lists else POLL, json.dumps(question).encode()
        with self._said(model), self._wire.ask("POST", "/api/show", body, limits, cancel) as answer:
            if answer.status != 200:
                raise Refusal(answer.status, answer.body())
            return read_object(answer.body(), _SHOWN_NODES if long_lists else MOST_VALUES)

    def check_local(self, model: str, cancel: Event | None = None) -> str | None:
        digest = super().check_local(model, cancel)
        if is_cloud_name(model):
            raise elsewhere(model, tr("Ollama's cloud"))
        return digest

    def describe(self, model: str, long_lists: bool = False, cancel: Event | None = None) -> Record:
        """What the server says of an installed model: ``model_info``, ``tensors``, ``details``.

        Without ``long_lists`` (a large vocabulary comes with them) lists of more than five are empty.
        """
        return self._show(model, cancel, long_lists)

    def answer(self, question: AnswerRequest, cancel: Event | None = None) -> Iterator[AnswerPiece]:
        body = answer_body(question)
        with (
            self._said(question.model),
            self._wire.ask("POST", "/api/generate", body, _LOAD, cancel) as answer,
        ):
            yield from answer_pieces(answer, question.model)

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        """Load ``model`` and return it as it is loaded now: the server clips a context longer than trained.

        ``keep_alive`` as :func:`~.names.read_keep_alive` reads it; None leaves it to the server.
        Models that share their weights are one to the server: where another name of them is loaded already,
        that one is returned. None is returned when the server lists neither (it may already have expired).
        A model that runs in the cloud is refused, and nothing is sent.
        """
        raw = self._raw(model)
        digest = self.check_local(model, cancel)
        options = None if context_length is None else {"num_ctx": context_length}
        keep = None if keep_alive is None else read_keep_alive(keep_alive)
        with self._said(model), self._client(_LOAD, cancel) as client:
            _wake(client, raw, options=options, keep_alive=keep)
        return self._loaded(raw, cancel, digest) or self._sharing(model, digest, cancel)

    def _sharing(self, model: str, digest: str | None, cancel: Event | None) -> RunningModel | None:
        """The loaded model whose weights ``model`` has too."""
        weights = weights_file(self._show(model, cancel))
        for other in self.running(cancel):
            if digest and other.digest == digest:
                return other
            if weights is not None and weights_file(self._show(other.name, cancel)) == weights:
                return other
        return None

    def unload(self, model: str, cancel: Event | None = None, digest: str = "") -> None:
        """Free the memory of ``model``; returns when the server no longer lists it (at most 10 s later).

        ``digest``: which of two loaded models of that name; "" is the one that is installed.

        Raises:
            RuntimeProblem: ``deleted_still_loaded`` when the model was removed while loaded and nothing
                installed has its weights: the server then knows no way to unload it by name.
        """
        raw, known = self._raw(model), self._digest(model, cancel)
        digest = digest or known or ""
        try:
            if known is None or known == digest:
                self._end(model, raw, cancel)
            elif (entry := self._loaded(raw, cancel, digest)) is not None:
                self._end_by_weights(entry, cancel)
        except RuntimeProblem as problem:
            entry = self._loaded(raw, cancel, digest)
            if problem.code != "unknown_model" or entry is None:
                raise
            self._end_by_weights(entry, cancel)
        end = self._clock() + _SETTLE_S
        waiter = cancel or Event()
        step = _SETTLE_FIRST_S
        while self._clock() < end and self._loaded(raw, cancel, digest) is not None:
            waiter.wait(step)
            step = min(_SETTLE_STEP_S, step * 2)

    def _end(self, model: str, raw: str, cancel: Event | None) -> None:
        with self._said(model), self._client(_ACT, cancel) as client:
            _wake(client, raw, keep_alive=0)

    def _end_by_weights(self, entry: RunningModel, cancel: Event | None) -> None:
        """End a model whose name is gone, or means other files by now, by another name of its weights.

        The server keeps loaded models by their file of weights. Those of other loaded models are not tried.
        """
        installed = {m.name: m for m in self.installed(cancel)}
        others = [m for m in self.running(cancel) if m != entry and m.name in installed]
        named = [m.name for m in others if installed[m.name].digest == m.digest]
        tried = {weights_file(self._show(name, cancel)) for name in named} | {None}
        for item in installed.values():
            if item.remote_host or (item.family, item.quantization) != (entry.family, entry.quantization):
                continue
            weights = weights_file(self._show(item.name, cancel))
            if weights in tried:
                continue
            tried.add(weights)
            self._end(item.name, self._raw(item.name), cancel)
            left = self._loaded(self._raw(entry.name), cancel, entry.digest)
            if left is None or left.expires_at != entry.expires_at:
                return
        raise RuntimeProblem(
            tr(
                "{model} was removed while it was loaded, and Ollama cannot unload it by name now.",
                model=entry.name,
            ),
            tr("It is freed when its time runs out or when Ollama is started again."),
            "deleted_still_loaded",
        )

    def remove(self, model: str, cancel: Event | None = None) -> None:
        raw = self._raw(model)
        with self._said(model, Asked.REMOVE), self._client(_ACT, cancel) as client:
            client.delete(raw)

    def copy(self, model: str, name: str, cancel: Event | None = None) -> None:
        raw, other = self._raw(model), read_name(name).text
        with self._said(model), self._client(_ACT, cancel) as client:
            client.copy(raw, other)

    def with_context(self, model: str, context_length: int, cancel: Event | None = None) -> str:
        """Make a model from ``model`` that has ``context_length`` for every client; files are shared.

        Returns its name, which tells the length. A model that has the name already is left as it is.

        Raises:
            RuntimeProblem: ``name_taken``, or the server refused.
        """
        name = read_name(context_name(self._raw(model), context_length)).text
        if self._digest(name, cancel) is not None:
            raise RuntimeProblem(
                tr("There is a model {name} already.", name=name),
                tr("Use it, or remove it and try again."),
                "name_taken",
            )
        self.make(model, name, context_length, cancel)
        return name

    def make(self, model: str, name: str, context_length: int, cancel: Event | None = None) -> None:
        wanted = {
            "model": read_name(name).text,
            "from": self._raw(model),
            "parameters": {"num_ctx": context_length},
            "stream": False,
        }
        with (
            self._said(model),
            self._wire.ask("POST", "/api/create", json.dumps(wanted).encode(), _ACT, cancel) as answer,
        ):
            said = read_object(answer.body()) if answer.status == 200 else {}
            if answer.status != 200 or "error" in said:
                raise Refusal(answer.status, answer.body() if not said else json.dumps(said).encode())

    def pull(self, model: str, cancel: Event | None = None) -> "Iterator[PullState]":
        """Download ``model``: a state per line the server sends, the last one ``done`` or ``cancelled``.

        Closing the iterator, or setting ``cancel``, closes the connection; the server keeps what has
        arrived and goes on from there next time.

        Raises:
            RuntimeProblem: from the first ``next`` on; the server's own text is in it.
        """
        from .pulling import PullProgress, pull_lines, stalled

        name = read_name(self._raw_names.get(model, model))
        request = {"model": name.text, "insecure": name.registry_is_loopback, "stream": True}
        progress = PullProgress(model, self._clock)
        try:
            with (
                self._said(model, Asked.PULL),
                self._wire.ask("POST", "/api/pull", json.dumps(request).encode(), _PULL, cancel) as answer,
            ):
                for line in pull_lines(answer, model):
                    answer.allow_idle(_VERIFY_IDLE_S if line.status.startswith(_HASHING) else _PULL.idle_s)
                    yield progress.take(line)
                    progress.check_stall()
                if not progress.succeeded:
                    raise WireFault(FaultKind.CUT, "no success")
        except RuntimeProblem as problem:
            if problem.code == "cancelled":
                yield replace(progress.state, cancelled=True, bytes_per_s=None)
                return
            if problem.code == "silent_server" and progress.state.status:
                raise stalled(model) from problem
            if self._behind_proxy:
                raise with_proxy_advice(problem) from problem
            raise

    def _loaded(self, raw: str, cancel: Event | None, digest: str | None = None) -> RunningModel | None:
        """The loaded model of that name, the one with ``digest`` where two have it."""
        for model in self.running(cancel):
            named = same_model(self._raw_names.get(model.name, model.name), raw)
            if named and (not digest or not model.digest or model.digest == digest):
                return model
        return None

    def _digest(self, model: str, cancel: Event | None) -> str | None:
        """Of the installed model of that name; None where there is none."""
        return next((m.digest for m in self.installed(cancel) if same_model(m.name, model)), None)


def _wake(client: "ollama.Client", raw: str, **wanted: Any) -> None:
    """Load or unload: older servers refuse ``generate`` for a model that only embeds."""
    try:
        client.generate(raw, **wanted)
    except Exception as error:
        if "does not support generate" not in str(error):
            raise
        client.embed(raw, "", **wanted)
