"""Which meters of other computers are asked, as the settings say."""

from dataclasses import replace
from typing import TYPE_CHECKING

from wattlight.domain.values import HostId
from wattlight.i18n import local_zone
from wattlight.settings import ServerAddress

from .lane import Lane, LaneParts
from .merging import LedgerLane
from .sources import SourceLane

if TYPE_CHECKING:
    from wattlight.services.current import CurrentSettings, Servers
    from wattlight.services.factory import ServiceFactory
    from wattlight.services.hub import StateHub
    from wattlight.services.meter_service import MeterService


class HostMeters:
    """Asks the meter of each other computer that has one, on a thread of its own each."""

    def __init__(
        self,
        factory: "ServiceFactory",
        settings: "CurrentSettings",
        hub: "StateHub",
        meter: "MeterService",
        servers: "Servers",
    ) -> None:
        zone = local_zone(settings.environ)
        self._parts = LaneParts(factory, settings, hub, meter, zone, servers)
        self._lanes: dict[HostId, Lane] = {}
        self._shown = False
        settings.subscribe(lambda s: s.servers, self.follow)

    def follow(self) -> None:
        """A lane for each host with a meter; one whose address changed begins anew."""
        wanted = {a.host: a for a in self._parts.settings.value.servers if a.meter}
        for host, lane in tuple(self._lanes.items()):
            if wanted.get(host) != lane.address:
                self._lanes.pop(host).leave()
                self._parts.hub.update_host(host, lambda item: replace(item, meter=None))
        for host, address in wanted.items():
            if host not in self._lanes:
                lane = self._lanes[host] = self._lane(address)
                lane.set_shown(self._shown)
                lane.start()

    def _lane(self, address: ServerAddress) -> Lane:
        kind = LedgerLane if address.meter_kind == "wattlight" else SourceLane
        return kind(address, self._parts)

    def set_shown(self, shown: bool) -> None:
        self._shown = shown
        for lane in tuple(self._lanes.values()):
            lane.set_shown(shown)

    def stop(self) -> bool:
        lanes = tuple(self._lanes.values())
        for lane in lanes:
            lane.leave()
        in_time = True
        for lane in lanes:
            in_time = lane.stop() and in_time
        return in_time
