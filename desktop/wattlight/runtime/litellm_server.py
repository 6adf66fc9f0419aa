"""LiteLLM: it lists configured names and passes requests on to other servers, whose addresses it tells."""

from threading import Event

from wattlight.domain.servers import InstalledModel, ServerKind, name_digest
from wattlight.domain.values import clean_text
from wattlight.web import WireFault, split_url

from .meanings import Asked
from .openai_server import OpenAiServer
from .reading import Record, Refusal, record, records, text

_HERE = frozenset({"ollama", "ollama_chat"})
"""Providers whose usual address is this computer, where none is configured."""


class LiteLlmServer(OpenAiServer):
    """What its list names is configured, not loaded. ``/health`` asks every model for an answer: it is never
    asked."""

    kind = ServerKind.LITELLM

    def installed(self, cancel: Event | None = None) -> tuple[InstalledModel, ...]:
        behind = self._behind(cancel)
        return tuple(
            InstalledModel(
                name, name_digest(name), 0, remote_host=behind.get(self._raw_names.get(name, name))
            )
            for name, _ in self.listed(cancel)
        )

    def _behind(self, cancel: Event | None) -> dict[str, str]:
        """The other computer that answers for a name; names that are answered here are left out.

        A name with several servers is of another computer if one of them is.
        """
        with self._said(asked=Asked.LIST):
            try:
                document = self.ask("GET", "/v1/model/info", None, cancel)
            except Refusal as refusal:
                if refusal.status in {401, 403}:
                    raise
                return {}
        found: dict[str, str] = {}
        for item in map(record, records(document.get("data"))):
            name, host = text(item.get("model_name")), self._host_of(record(item.get("litellm_params")))
            if name is not None and host:
                found.setdefault(name, host)
        return found

    def _host_of(self, params: Record) -> str:
        """ "" where the answer is given on the computer that LiteLLM itself runs on."""
        address = text(params.get("api_base"))
        if address is None:
            provider = (text(params.get("model")) or "").partition("/")[0]
            return "" if provider in _HERE else clean_text(provider or "?", 80)
        try:
            endpoint, _ = split_url(address.split("?")[0])
        except WireFault:
            return ""
        return "" if endpoint.is_loopback else clean_text(endpoint.host, 80)
