"""What the whole computer draws beyond its measured parts: by the way to the plug, or learned on battery."""

import math
from dataclasses import dataclass

from wattlight.domain.energy import LEARNED, LEARNED_REST, WALL, DeviceInfo
from wattlight.domain.power import MachineSample, MachineTotal, measured
from wattlight.domain.values import Device, DeviceSample, HostId, Quality
from wattlight.domain.wall import Wall, WallBasis, WallFigure
from wattlight.i18n import tr

from .device_meter import MeterRules

WAY_RULES = {
    WALL: MeterRules(quality=Quality.ESTIMATED, levels=False),
    LEARNED: MeterRules(quality=Quality.LEARNED),
    LEARNED_REST: MeterRules(quality=Quality.LEARNED, levels=False),
}
"""How each is metered; models are billed on the learned whole alone."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of them in a look, as a part of the computer."""

    part: DeviceSample
    info: DeviceInfo

    @property
    def watts(self) -> float:
        return self.part.power_w or 0.0


class Ways:
    """Tells which of them there is in a look; at most one."""

    def __init__(self, host: HostId) -> None:
        self._host = host
        self.set_wall(None)

    def set_wall(self, wall: Wall | None) -> None:
        """What is known of the way to the plug from now on."""
        self._wall = wall or Wall()
        self._largest = 0.0
        self._missed: dict[str, tuple[float, float]] = {}

    def look(self, sample: MachineSample) -> Way | None:
        total = sample.total
        whole = self._wall.figure(total, sample.learned)
        if whole is None:
            return None
        key, watts = _key(whole, total), max(0.0, whole.power_w - (total.measured_w or 0.0))
        quality = WAY_RULES[key].quality or Quality.ESTIMATED
        part = DeviceSample(Device(key, "", kind=key), measured(watts, "", None, quality))
        names = {
            WALL: tr("from the plug to the measured parts, estimated"),
            LEARNED: tr("whole computer, learned on battery"),
            LEARNED_REST: tr("rest of the computer, learned on battery"),
        }
        kind, error = WALL if key == WALL else LEARNED, self._error(key, whole, watts)
        return Way(part, DeviceInfo(self._host, key, names[key], kind, "", "", whole.basis.value, error))

    def _error(self, key: str, whole: WallFigure, watts: float) -> float:
        """That of the whole, on what it gives: of a line at its largest; what was learned is surer at one
        load than at another, so there it is the mean, in steps of 5 %."""
        if key == WALL:
            error = math.ceil(100 * whole.error_w / watts) / 100 if watts > 0 else 0.0
            self._largest = max(self._largest, error)
            return self._largest
        miss, given = self._missed.get(key, (0.0, 0.0))
        miss, given = self._missed[key] = miss + whole.error_w, given + watts
        return math.ceil(20 * miss / given) / 20 if given > 0 else 0.0


def _key(whole: WallFigure, total: MachineTotal) -> str:
    if whole.basis is not WallBasis.LEARNED:
        return WALL
    return LEARNED if total.measured_w is None else LEARNED_REST
