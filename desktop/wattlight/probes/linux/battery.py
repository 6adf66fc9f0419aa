"""Batteries on Linux: both unit systems, both signs, several batteries, mice and headsets left out."""

from dataclasses import dataclass

from wattlight.domain.values import clean_text
from wattlight.i18n import tr

from ..numbers import again_whole, whole
from ..reader import Reader
from ..report import Battery

FOLDER = "/sys/class/power_supply"
_MAX_MICRO_W = 500 * 10**6
_LEAST_MICRO_W = 50_000
"""No computer that is awake draws less than 50 mW."""
_MAX_MICRO_A = 100 * 10**6
_MAX_MICRO_V = 120 * 10**6
_MAX_MICRO_WH = 2000 * 10**6
_STATES = ("discharging", "charging", "not charging", "full")


@dataclass(frozen=True, slots=True)
class _Cell:
    state: str | None
    percent: int | None
    power_w: float | None
    source: str | None
    now_wh: float | None
    full_wh: float | None


class LinuxBattery:
    """All batteries of the computer and its supplies; look at it rarely, the firmware may be slow."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.names = tuple(reader.listdir(FOLDER))
        self._batteries = [n for n in self.names if self._is_ours(n)]
        self._name = " + ".join(filter(None, map(self._described, self._batteries)))
        self._supplies = [n for n in self.names if self._text(n, "type") in {"Mains", "USB"}]

    @property
    def there(self) -> bool:
        return bool(self._batteries)

    def look(self) -> Battery:
        """The battery now; a battery that was pulled out is left out. Never raises."""
        cells = [cell for name in self._batteries if (cell := self._cell(name))]
        if not cells:
            return Battery()
        state = _state(cells)
        powers = [cell.power_w for cell in cells if cell.state == state]
        power = sum(p for p in powers if p is not None) if powers and None not in powers else None
        now = _sum([cell.now_wh for cell in cells])
        full = _sum([cell.full_wh for cell in cells])
        discharge = power if state == "discharging" else None
        sources = {cell.source for cell in cells if cell.source}
        return Battery(
            present=True,
            percent=_percent(cells, now, full),
            state=state,
            on_ac=self._on_ac(state),
            discharge_w=discharge,
            charge_w=power if state == "charging" else None,
            source=min(sources) if sources else None,
            energy_now_wh=None if now is None else round(now, 3),
            energy_full_wh=None if full is None else round(full, 3),
            seconds_left=round(now / discharge * 3600) if now is not None and discharge else None,
            reason=_reason(state, power),
            name=self._name,
        )

    def _described(self, name: str) -> str:
        """Maker, model and designed size; the serial number is left out."""
        sizes = (self._text(name, f"{kind}_full_design") for kind in ("energy", "charge"))
        words = (self._text(name, "manufacturer"), self._text(name, "model_name"), *sizes)
        return clean_text(" ".join(word for word in words if word), 80)

    def _is_ours(self, name: str) -> bool:
        return self._text(name, "type") == "Battery" and self._text(name, "scope") != "Device"

    def _cell(self, name: str) -> _Cell | None:
        try:
            word = self._reader.again(f"{FOLDER}/{name}/status", 32).decode("ascii", "replace").strip()
        except OSError:
            word = ""
            if not self._reader.exists(f"{FOLDER}/{name}/type"):
                return None
        if self._number(name, "present", 1) == 0:
            return None
        power, source = self._power(name)
        return _Cell(
            state=word.lower() if word.lower() in _STATES else None,
            percent=self._number(name, "capacity", 100),
            power_w=power,
            source=source,
            now_wh=self._energy(name, "now"),
            full_wh=self._energy(name, "full"),
        )

    def _power(self, name: str) -> tuple[float | None, str | None]:
        """Watts without a sign (kernels disagree on it) and where they are from; 0 is "no reading"."""
        micro_w = self._signed(name, "power_now", _MAX_MICRO_W)
        if micro_w and abs(micro_w) >= _LEAST_MICRO_W:
            return abs(micro_w) / 1e6, "power_supply power_now"
        current = self._signed(name, "current_now", _MAX_MICRO_A)
        voltage = self._number(name, "voltage_now", _MAX_MICRO_V)
        if current and voltage and abs(current) * voltage >= _LEAST_MICRO_W * 10**6:
            return abs(current) * voltage / 1e12, "power_supply current_now x voltage_now"
        return None, None

    def _energy(self, name: str, which: str) -> float | None:
        """Watt-hours from energy (uWh) or charge (uAh x voltage)."""
        micro_wh = self._number(name, f"energy_{which}", _MAX_MICRO_WH)
        if micro_wh:
            return micro_wh / 1e6
        charge = self._number(name, f"charge_{which}", _MAX_MICRO_A)
        voltage = self._number(name, "voltage_now", _MAX_MICRO_V)
        voltage = voltage or self._number(name, "voltage_min_design", _MAX_MICRO_V)
        return charge * voltage / 1e12 if charge and voltage else None

    def _on_ac(self, state: str | None) -> bool | None:
        """A supply that is plugged in; without any supply listed, the battery's own word."""
        online = [self._number(name, "online", 2) for name in self._supplies]
        if any(online):
            return True
        if online and None not in online:
            return False
        return None if state is None else state != "discharging"

    def _text(self, name: str, key: str) -> str | None:
        return self._reader.text(f"{FOLDER}/{name}/{key}")

    def _number(self, name: str, key: str, high: int) -> int | None:
        return self._signed(name, key, high, 0)

    def _signed(self, name: str, key: str, high: int, low: int | None = None) -> int | None:
        path = f"{FOLDER}/{name}/{key}"
        try:
            value = again_whole(self._reader, path, -(1 << 64))
        except OSError:
            return None
        if value is not None and value >= 1 << 63:
            value -= 1 << 64
        return whole(str(value), -high if low is None else low, high)


def _state(cells: list[_Cell]) -> str | None:
    states = [cell.state for cell in cells]
    return next((s for s in _STATES if s in states), None)


def _percent(cells: list[_Cell], now: float | None, full: float | None) -> int | None:
    if len(cells) == 1 and cells[0].percent is not None:
        return cells[0].percent
    if now is not None and full:
        return min(100, round(100 * now / full))
    known = [cell.percent for cell in cells if cell.percent is not None]
    return round(sum(known) / len(known)) if len(known) == len(cells) else None


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _reason(state: str | None, power: float | None) -> str | None:
    if state is None:
        return tr("the battery does not say whether it is charging")
    if state in {"discharging", "charging"} and power is None:
        return tr("the battery does not say how much power flows")
    return (
        None if state in {"discharging", "charging"} else tr("on mains: the battery says nothing about power")
    )
