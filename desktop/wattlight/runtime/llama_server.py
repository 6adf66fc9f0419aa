"""llama.cpp's own server: with one model, or as a router with several, each loaded in a process of its own.

``/metrics`` and ``/slots`` load or wake a model in some versions (b10488, and every router), and keep it from
sleeping; they are never asked. ``/v1/models``, ``/models`` and ``/props`` of the server itself leave it be.
"""

from dataclasses import replace
from threading import Event

from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, name_digest
from wattlight.domain.values import clean_text
from wattlight.i18n import number, tr
from wattlight.web import FaultKind, WireFault

from .meanings import Asked
from .openai_server import ACTING, OpenAiServer
from .problems import RuntimeProblem
from .reading import Record, Refusal, count, record, text

_FIRST_LOOK_S = 0.05
_LOOK_S = 1.0
"""A small model is loaded after some milliseconds: the looks grow apart."""
_BEGIN_S = 10.0
"""A load that was accepted begins within this time."""
_STOP_S = 15.0
"""An unloaded model's process is given 10 s to end its answers; then they are cut."""
_LONGEST_LOAD_S = 1800.0


class LlamaServer(OpenAiServer):
    """It holds the one model it was started with, and may let it sleep while nobody uses it."""

    kind = ServerKind.LLAMA_CPP
    keeps_connection = False

    def version(self, cancel: Event | None = None) -> str:
        with self._said(asked=Asked.LIST):
            return clean_text(text(self._props(cancel).get("build_info")) or "", 60)

    def _props(self, cancel: Event | None) -> Record:
        """What it says of itself; nothing while it loads, or where the version has no such page."""
        try:
            return self.ask("GET", "/props", None, cancel)
        except Refusal as refusal:
            if refusal.status in {404, 501, 503}:
                return {}
            raise

    def listed(self, cancel: Event | None = None) -> list[tuple[str, Record]]:
        found = super().listed(cancel)
        router = any("status" in item for _, item in found)
        if router != (self.kind is ServerKind.LLAMA_ROUTER) and found:
            with self._said(asked=Asked.LIST):
                raise WireFault(FaultKind.NOT_HTTP, "another kind of server")
        return found

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        return tuple(_installed(name, item) for name, item in self.listed(cancel))

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        loaded = [(name, item) for name, item in self.listed(cancel) if record(item.get("meta"))]
        with self._said(asked=Asked.LIST):
            if not loaded or self._props(cancel).get("is_sleeping") is True:
                return ()
        return tuple(_running(name, item) for name, item in loaded)

    def trained_context(self, model: str, cancel: Event | None = None) -> int | None:
        """Known while the model is loaded or sleeps."""
        for name, item in self.listed(cancel):
            if name == model:
                return count(record(item.get("meta")).get("n_ctx_train")) or None
        return None


class LlamaRouter(LlamaServer):
    """It lists many models and loads each when it is asked for, or told to."""

    kind = ServerKind.LLAMA_ROUTER
    keeps_connection = False
    list_path = "/models"

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        return tuple(_running(name, item) for name, item in self.listed(cancel) if _status(item) == "loaded")

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        before = self.listed(cancel)
        raw = self.known(model, (name for name, _ in before))
        with self._said(model):
            if _status(self._one(raw, cancel)) == "sleeping":
                self.ask("POST", "/tokenize", {"model": raw, "content": "a"}, cancel, ACTING)
            else:
                try:
                    self.ask("POST", "/models/load", {"model": raw}, cancel, ACTING)
                except Refusal as refusal:
                    if "already running" not in refusal.said:
                        raise
        self._await_load(model, raw, cancel)
        return next((m for m in self.running(cancel) if self._raw_names.get(m.name) == raw), None)

    def _one(self, raw: str, cancel: Event | None) -> Record:
        return next((item for _, item in self.listed(cancel) if item.get("id") == raw), {})

    def _await_load(self, model: str, raw: str, cancel: Event | None) -> None:
        """Success means that a load has begun; it is over when the list says so."""
        began, begun, step = self._clock(), False, _FIRST_LOOK_S
        waiter = cancel or Event()
        while (waited := self._clock() - began) < _LONGEST_LOAD_S:
            item = self._one(raw, cancel)
            state = record(item.get("status"))
            value = text(state.get("value"))
            if value in {"loaded", "sleeping"}:
                return
            begun = begun or value == "loading"
            if value != "loading" and (state.get("failed") is True and (begun or waited > _LOOK_S)):
                raise _not_loaded(model, count(state.get("exit_code")))
            if value != "loading" and waited > _BEGIN_S:
                break
            waiter.wait(step)
            step = min(_LOOK_S, step * 2)
        raise _not_loaded(model, None)

    def unload(self, model: str, cancel: Event | None = None, digest: str = "") -> None:
        raw = self.known(model, (name for name, _ in self.listed(cancel)))
        with self._said(model):
            try:
                self.ask("POST", "/models/unload", {"model": raw}, cancel, ACTING)
            except Refusal as refusal:
                if "not running" not in refusal.said:
                    raise
                return
        end, step, waiter = self._clock() + _STOP_S, _FIRST_LOOK_S, cancel or Event()
        while self._clock() < end and _status(self._one(raw, cancel)) in {"loaded", "sleeping"}:
            waiter.wait(step)
            step = min(_LOOK_S, step * 2)


def _status(item: Record) -> str:
    return text(record(item.get("status")).get("value")) or ""


def _installed(name: str, item: Record) -> InstalledModel:
    meta = record(item.get("meta"))
    parameters = count(meta.get("n_params"))
    return InstalledModel(
        name,
        name_digest(name),
        count(meta.get("size")) or 0,
        parameter_size="" if not parameters else _parameters(parameters),
        quantization=clean_text(text(meta.get("ftype")) or "", 60),
    )


def _running(name: str, item: Record) -> RunningModel:
    """Its memory is not told, and how much of it is on a GPU neither."""
    meta = record(item.get("meta"))
    model = RunningModel(name, name_digest(name), 0, 0, context_length=count(meta.get("n_ctx")) or None)
    quantization = clean_text(text(meta.get("ftype")) or "", 60)
    return replace(model, quantization=quantization, weights_bytes=count(meta.get("size")) or 0)


def _parameters(parameters: int) -> str:
    return f"{number(parameters / 1e9, 1)}B" if parameters >= 10**9 else f"{number(parameters / 1e6, 1)}M"


def _not_loaded(model: str, exit_code: int | None) -> RuntimeProblem:
    shown = clean_text(model, 120)
    message = (
        tr("{model} was not loaded.", model=shown)
        if exit_code is None
        else tr("{model} was not loaded: its process ended with code {code}.", model=shown, code=exit_code)
    )
    return RuntimeProblem(message, tr("The log of llama.cpp's router has the reason."), "not_loaded")
