"""vLLM: one model in memory from start to end, under one or more names."""

from threading import Event

from wattlight.domain.servers import InstalledModel, RunningModel, ServerKind, name_digest
from wattlight.domain.values import clean_text
from wattlight.web import WireFault

from .meanings import Asked
from .openai_server import OpenAiServer
from .reading import Record, Refusal, count, text


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
