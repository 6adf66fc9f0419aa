"""LM Studio by its documented REST interface: version 1 (from 0.4), and the older list without commands."""

from threading import Event

from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, name_digest, same_model
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.web import FaultKind, WireFault

from .meanings import Asked
from .openai_server import ACTING, LOADING, OpenAiServer
from .problems import RuntimeProblem
from .reading import MAX_RECORDS, Record, Refusal, count, record, records, text

_UNKNOWN_PAGE = "Unexpected endpoint"
"""It answers so, with status 200, to what it does not know."""


class LmStudioServer(OpenAiServer):
    """It loads models when they are asked for, and when it is told to."""

    kind = ServerKind.LM_STUDIO

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        return tuple(
            InstalledModel(
                name,
                name_digest(name),
                count(item.get("size_bytes")) or 0,
                family=_clean(item.get("architecture") or item.get("arch")),
                parameter_size=_clean(item.get("params_string")),
                quantization=_quantization(item),
            )
            for name, item in self.listed(cancel)
        )

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        return tuple(
            RunningModel(
                name,
                name_digest(name),
                0,
                0,
                context_length=_longest(instances),
                family=_clean(item.get("architecture") or item.get("arch")),
                quantization=_quantization(item),
                weights_bytes=(count(item.get("size_bytes")) or 0) * len(instances),
            )
            for name, item in self.listed(cancel)
            if (instances := _instances(item))
        )

    def listed(self, cancel: Event | None = None) -> list[tuple[str, Record]]:
        with self._said(asked=Asked.LIST):
            try:
                models = self.ask("GET", "/api/v1/models", None, cancel).get("models")
                if isinstance(models, list):
                    return self._named([record(item) for item in models[:MAX_RECORDS]], "key")
            except Refusal as refusal:
                if _UNKNOWN_PAGE not in refusal.said and refusal.status != 404:
                    raise
            try:
                data = self.ask("GET", "/api/v0/models", None, cancel).get("data")
            except Refusal as refusal:
                if _UNKNOWN_PAGE not in refusal.said and refusal.status != 404:
                    raise
                data = None
            if not isinstance(data, list):
                raise WireFault(FaultKind.NOT_HTTP, "no list of models")
            return self._named([record(item) for item in data[:MAX_RECORDS]], "id")

    def trained_context(self, model: str, cancel: Event | None = None) -> int | None:
        found = (item for name, item in self.listed(cancel) if name == model)
        return count(next(found, {}).get("max_context_length")) or None

    def load(
        self,
        model: str,
        *,
        keep_alive: str | None = None,
        context_length: int | None = None,
        cancel: Event | None = None,
    ) -> RunningModel | None:
        raw = self.known(model, (name for name, _ in self.listed(cancel)))
        loaded = [m for m in self.running(cancel) if self._raw_names.get(m.name, m.name) == raw]
        if loaded and context_length in {None, loaded[0].context_length}:
            return loaded[0]  # it would load a second one
        for _ in loaded:
            self.unload(model, cancel)
        question: Record = {"model": raw}
        if context_length is not None:
            question["context_length"] = context_length
        with self._said(model):
            self._command("load", question, cancel)
        return next((m for m in self.running(cancel) if self._raw_names.get(m.name, m.name) == raw), None)

    def unload(self, model: str, cancel: Event | None = None, digest: str = "") -> None:
        """Unload every instance of ``model``."""
        found = self.listed(cancel)
        ids = [
            text(instance.get("id")) or name
            for name, item in found
            for instance in _instances(item)
            if same_model(model, name)
        ]
        if not ids:
            self.known(model, (name for name, _ in found))
        with self._said(model):
            for instance in ids:
                self._command("unload", {"instance_id": instance}, cancel)

    def _command(self, what: str, question: Record, cancel: Event | None) -> None:
        try:
            self.ask(
                "POST",
                f"/api/v1/models/{what}",
                question,
                cancel,
                LOADING if what == "load" else ACTING,
            )
        except Refusal as refusal:
            if _UNKNOWN_PAGE in refusal.said:
                raise RuntimeProblem(
                    tr("This LM Studio is too old to be told which models to load."),
                    tr("Update LM Studio to 0.4 or newer."),
                    "old_server",
                ) from refusal
            raise


def _instances(item: Record) -> list[Record]:
    """How a model is loaded, once or more often; the older list says only that it is."""
    if item.get("state") == "loaded":
        return [{"id": item.get("id"), "config": {"context_length": item.get("loaded_context_length")}}]
    return [record(instance) for instance in records(item.get("loaded_instances"))]


def _longest(instances: list[Record]) -> int | None:
    """The longest context that an instance has."""
    lengths = (count(record(instance.get("config")).get("context_length")) for instance in instances)
    return max((length for length in lengths if length), default=None)


def _quantization(item: Record) -> str:
    told = item.get("quantization")
    return _clean(told if isinstance(told, str) else record(told).get("name"))


def _clean(value: object) -> str:
    return clean_text(text(value) or "", 60)
