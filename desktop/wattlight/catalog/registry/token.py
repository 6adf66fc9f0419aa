"""Passes that a registry hands to anybody who asks for one; some give nothing without."""

import json
import re
from threading import Event, Lock
from urllib.parse import urlencode, urljoin

from wattlight.domain.values import UNREADABLE
from wattlight.web import Answer, Limits, Web, WireFault, split_url

_LIMITS = Limits(connect_s=5.0, idle_s=15.0, total_s=30.0, body_bytes=1 << 20)
_FIELD = re.compile(r'([a-z]+)="([^"]*)"', re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class RegistryPass:
    """The token of one registry, fetched when the registry asks for one and again when it has run out.

    Nothing of the user's is sent for it, and it goes to that registry alone. For any number of threads.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._lock = Lock()
        self._token: str | None = None

    @property
    def authorization(self) -> str | None:
        """Value of the header, None where no token was asked for yet."""
        return None if self._token is None else f"Bearer {self._token}"

    def renewed(self, url: str, refusal: Answer, sent: str | None, cancel: Event | None) -> str | None:
        """The header's value after ``url`` refused ``sent`` with 401; None where no token is to be had."""
        with self._lock:
            if self.authorization != sent:  # another thread has been here
                return self.authorization
            words = refusal.header("WWW-Authenticate")[:8192]
            if not words.lower().startswith("bearer "):
                return None
            fields = {key.lower(): value for key, value in _FIELD.findall(words)}
            try:
                self._token = self._ask(url, fields, cancel)
            except (*UNREADABLE, WireFault):
                return None
            return self.authorization

    def _ask(self, url: str, fields: dict[str, str], cancel: Event | None) -> str:
        place = urljoin(url, fields["realm"]) if "realm" in fields else url
        endpoint, _ = split_url(place)
        began_here = split_url(url)[0].is_loopback
        if not (began_here if endpoint.is_loopback else endpoint.scheme == "https"):
            raise ValueError(place)
        query = urlencode([(key, fields[key]) for key in ("service", "scope") if key in fields])
        joined = f"{place}{'&' if '?' in place else '?'}{query}"
        with self._web.get(joined, _LIMITS, cancel) as answer:
            document = json.loads(answer.body()) if answer.status == 200 else {}
        token = (
            (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
        )
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise ValueError("no token")
        return token
