"""Says so when a server has a hole that is publicly known, and since which version it is closed."""

from collections.abc import Callable
from datetime import datetime

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import LOCAL_HOST, HostId, clean_text
from wattlight.i18n import tr
from wattlight.runtime.managed import Advisory, advisories_for, floor_version
from wattlight.services.hub import StateHub


class SecurityAdvisories:
    """Looks at the version of each server that was seen; any thread."""

    def __init__(self, advisories: tuple[Advisory, ...], hub: StateHub, now: Callable[[], datetime]) -> None:
        self._advisories = advisories
        self._hub = hub
        self._now = now
        self._told: dict[HostId, str | None] = {}

    def look(self, host: HostId, server: ServerState) -> None:
        """Show or take back the notice about ``host``, once for each version it has."""
        if server.status is not ServerStatus.READY or self._told.get(host, "") == server.version:
            return
        self._told[host] = server.version
        kind = f"holes {host}"
        found = advisories_for(server.version, self._advisories)
        if not found:
            self._hub.withdraw(kind)
            return
        texts = {
            "version": clean_text(server.version or "", 30),
            "hole": found[0].text,
            "source": found[0].source,
            "fixed": floor_version(self._advisories) or found[0].fixed_in,
        }
        if host == LOCAL_HOST:
            text = tr(
                "Ollama {version} has a known hole: {hole} ({source}) Version {fixed} closes all that are "
                "known; update it.",
                **texts,
            )
        else:
            text = tr(
                "Ollama {version} at {url} has a known hole: {hole} ({source}) Version {fixed} closes all "
                "that are known; update it.",
                url=clean_text(server.url, 80),
                **texts,
            )
        self._hub.notify(kind, text, self._now())
