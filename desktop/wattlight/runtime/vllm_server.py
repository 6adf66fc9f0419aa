"""vLLM: one model in memory from start to end, under one or more names."""

from threading import Event

from wattlight.domain.exposition import series_of
from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, name_digest
from wattlight.domain.tokens import Counters
from wattlight.domain.values import clean_text
from wattlight.web import POLL, WireFault

from .meanings import Asked
from .openai_server import OpenAiServer
from .reading import MAX_INTEGER, Record, Refusal, count, text

_TOKENS = {
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:prompt_tokens_cached_total": "cached_prompt_tokens",
    "vllm:generation_tokens_total": "output_tokens",
}
_MODELS = 64


class VllmServer(OpenAiServer):
    """Serving is loaded: there is nothing to load or unload.

    Its ``/sleep`` says "sleeping" also where no memory is freed, so a model that claims to sleep is still
    shown as loaded, with what it claims.
    """

    kind = ServerKind.VLLM
    _tells_sleep = True

    def version(self, cancel: Event | None = None) -> str:
        with self._said(asked=Asked.LIST):
            return clean_text(text(self.ask("GET", "/version", None, cancel).get("version")) or "", 60)

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        return tuple(InstalledModel(name, name_digest(name), 0) for name, _ in self._bases(cancel))

    def running(self, cancel: Event | None = None) -> tuple[RunningModel, ...]:
        found = self._bases(cancel)
        asleep = bool(found) and self._says_asleep(cancel)
        return tuple(
            RunningModel(
                name,
                name_digest(name),
                0,
                0,
                context_length=count(item.get("max_model_len")) or None,
                said_asleep=asleep,
            )
            for name, item in found
        )

    def tokens(self, cancel: Event | None = None) -> dict[str, Counters]:
        """Of each model since the server was started, as ``/metrics`` counts them while they come.

        Prompts are counted with what was cached of them, answers also where their client left.
        """
        with (
            self._said(asked=Asked.LIST),
            self._wire.ask("GET", "/metrics", None, POLL, cancel, ("Accept: text/plain",)) as answer,
        ):
            raw = answer.body()
            if answer.status != 200:
                raise Refusal(answer.status, raw)
        found: dict[str, dict[str, int]] = {}
        for series in series_of(raw.decode("utf-8", "replace"), _TOKENS):
            name, value = clean_text(series.labels.get("model_name", "")), series.value
            if (
                name
                and value is not None
                and value <= MAX_INTEGER
                and (name in found or len(found) < _MODELS)
            ):
                sums, field = found.setdefault(name, {}), _TOKENS[series.name]
                sums[field] = sums.get(field, 0) + int(value)  # one line for each engine behind the server
        return {name: Counters(**sums) for name, sums in found.items()}

    def _bases(self, cancel: Event | None) -> list[tuple[str, Record]]:
        """Models by the first of their names; adapters (those with a ``parent``) are part of theirs."""
        found: dict[str, tuple[str, Record]] = {}
        for name, item in self.listed(cancel):
            if item.get("parent") is None:
                found.setdefault(text(item.get("root")) or name, (name, item))
        return list(found.values())

    def _says_asleep(self, cancel: Event | None) -> bool:
        """Only servers in developer mode tell; another is asked once."""
        if not self._tells_sleep:
            return False
        try:
            return self.ask("GET", "/is_sleeping", None, cancel).get("is_sleeping") is True
        except Refusal:
            self._tells_sleep = False
        except WireFault:
            return False
        return False
