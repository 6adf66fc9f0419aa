"""The kinds of plugs that answer over HTTP, as their makers document them, and the form for any other."""

from decimal import Decimal
from typing import Any

from wattlight.domain.plug import PlugAnswer, PlugProblem
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.settings import PlugSettings

from .asking import PlugHost, document, field, number, output_of, strange
from .fritz import WH_MJ, FritzBox

KINDS = ("shelly", "tasmota", "fritz", "homeassistant", "json", "command")
_WATTS = {"mw": Decimal("0.001"), "w": Decimal(1), "kw": Decimal(1000)}
_MJ = {"j": 1000, "ws": 1000, "wmin": 60_000, "wh": WH_MJ, "kwh": 1000 * WH_MJ, "mwh": 1_000_000 * WH_MJ}
"""Units of energy in mJ. A "MWh" is a million watt-hours: no plug counts thousandths of one."""


_MOST_MJ = 10**18
"""More than a socket gives in centuries, and less than the ledger can hold."""


class Shelly:
    """A Shelly plug of any generation. Its own page ``/shelly`` says which it is.

    The first generation counts watt-minutes in ``meters`` (watt-hours in ``emeters``), later ones watt-hours
    in ``aenergy.total`` of a switch or of a meter without one (PM1).
    """

    def __init__(self, asked: PlugHost, outlet: str) -> None:
        self._asked = asked
        self._number = outlet.strip() or "0"
        if not self._number.isascii() or not self._number.isdigit() or len(self._number) > 2:
            raise PlugProblem(
                tr("The output of a Shelly is a number, like 0."), tr("Correct it in Settings.")
            )
        self._path = ""

    @property
    def source(self) -> str:
        return tr("Shelly at {host}", host=self._asked.host)

    def read(self) -> PlugAnswer:
        """What the plug draws and has counted. Raises PlugProblem."""
        if not self._path:
            self._path = self._found()
        if self._path == "/status":
            return self._first_generation()
        said = self._asked.json(self._path)
        if not isinstance(said, dict) or "apower" not in said:
            raise self._no_meter()
        return _answer(said["apower"], "W", field(said, "aenergy.total"), "Wh")

    def _found(self) -> str:
        about = self._asked.json("/shelly")
        if not isinstance(about, dict):
            raise strange(self._asked.host)
        if "gen" not in about:
            return "/status"
        paths = [f"/rpc/{part}.GetStatus?id={self._number}" for part in ("Switch", "PM1")]
        try:
            self._asked.json(paths[0])
        except PlugProblem as problem:
            if problem.code != "not_there":
                raise
            return paths[1]
        return paths[0]

    def _first_generation(self) -> PlugAnswer:
        said = self._asked.json(self._path, *(() if self._asked.secret is None else (self._asked.basic(),)))
        for name, unit in (("meters", "Wmin"), ("emeters", "Wh")):
            meter = field(said, f"{name}.{self._number}")
            if isinstance(meter, dict) and meter.get("is_valid", True):
                return _answer(meter.get("power"), "W", meter.get("total"), unit)
        raise self._no_meter()

    def _no_meter(self) -> PlugProblem:
        return PlugProblem(
            tr("The Shelly at {host} measures nothing at output {n}.", host=self._asked.host, n=self._number),
            tr("Choose another output, or a plug that measures."),
        )


class Tasmota:
    """A plug with Tasmota: command ``Status 8`` (``Status 10`` answers the same), watts and kWh."""

    def __init__(self, asked: PlugHost) -> None:
        self._asked = asked

    @property
    def source(self) -> str:
        return tr("Tasmota at {host}", host=self._asked.host)

    def read(self) -> PlugAnswer:
        """What the plug draws and has counted. Raises PlugProblem."""
        said = self._asked.json("/cm?cmnd=Status%208", *self._credentials())
        if field(said, "WARNING") is not None or field(said, "Command") is not None:
            raise self._asked.refusal(401)
        for group in ("StatusSNS.ENERGY", "StatusPWR"):
            energy = field(said, group)
            if isinstance(energy, dict):
                return _answer(_one(energy.get("Power")), "W", _one(energy.get("Total")), "kWh")
        raise PlugProblem(
            tr("The Tasmota at {host} measures no energy.", host=self._asked.host),
            tr("Choose a plug that measures."),
        )

    def _credentials(self) -> tuple[str, ...]:
        return () if self._asked.secret is None else (self._asked.basic(),)


class HomeAssistant:
    """Entities of Home Assistant, each with the unit that it states."""

    def __init__(self, asked: PlugHost, watts: str, energy: str) -> None:
        """
        Raises:
            PlugProblem: no entity is named.
        """
        self._asked, self._watts, self._energy = asked, watts.strip(), energy.strip()
        for entity in filter(None, (self._watts, self._energy)):
            if not all(part.replace("_", "").isalnum() for part in (*entity.split("."), "")[:-1]):
                raise _no_entity(entity)
        if not self._watts and not self._energy:
            raise _no_entity("")

    @property
    def source(self) -> str:
        return tr("Home Assistant at {host}", host=self._asked.host)

    def read(self) -> PlugAnswer:
        """What the entities say. Raises PlugProblem."""
        watts, watts_unit = self._state(self._watts, "W")
        energy, energy_unit = self._state(self._energy, "kWh")
        return _answer(watts, watts_unit, energy, energy_unit)

    def _state(self, entity: str, usual: str) -> tuple[object, str]:
        if not entity:
            return None, usual
        said = self._asked.json(f"/api/states/{entity}", self._asked.bearer())
        if not isinstance(said, dict) or "state" not in said:
            raise strange(self._asked.host)
        if str(said["state"]) in {"unavailable", "unknown"}:
            raise PlugProblem(
                tr("Home Assistant says that {entity} is not available.", entity=entity),
                tr("Check the plug in Home Assistant."),
            )
        return said["state"], str(field(said, "attributes.unit_of_measurement") or "")


class AnyDocument:
    """A JSON document, of an address or of a program, with the paths to what it tells."""

    def __init__(self, where: PlugHost | str, settings: PlugSettings) -> None:
        """
        Raises:
            PlugProblem: a unit is not known.
        """
        self._where, self._settings = where, settings
        _unit(settings.watts_unit, _WATTS)
        _unit(settings.energy_unit, _MJ)

    @property
    def source(self) -> str:
        if isinstance(self._where, PlugHost):
            return tr("JSON at {host}", host=self._where.host)
        return tr("a command of yours")

    def read(self) -> PlugAnswer:
        """What the document says; one that is a number alone says watts. Raises PlugProblem."""
        wanted = self._settings
        if isinstance(self._where, PlugHost):
            headers = () if self._where.secret is None else (self._where.bearer(),)
            said = self._where.json(self._where.path, *headers)
        else:
            said = document(output_of(self._where), tr("the command"))
        alone = number(said) is not None and not wanted.watts and not wanted.energy
        watts = said if alone else self._found(said, wanted.watts)
        return _answer(watts, wanted.watts_unit, self._found(said, wanted.energy), wanted.energy_unit)

    def _found(self, said: Any, path: str) -> object:
        if not path:
            return None
        value = field(said, path)
        if number(value) is None:
            raise PlugProblem(
                tr("There is no number at '{path}' in the answer.", path=clean_text(path, 60)),
                tr("Correct the path, like meter.power or 0.total."),
                "path",
            )
        return value


Plug = Shelly | Tasmota | FritzBox | HomeAssistant | AnyDocument


def open_plug(settings: PlugSettings, secret: str | None = None) -> Plug:
    """The plug of the settings; nothing is asked yet.

    Raises:
        PlugProblem: the settings are not complete.
    """
    if settings.kind == "command":
        return AnyDocument(settings.address, settings)
    if settings.kind not in KINDS:
        raise PlugProblem(
            tr("The kind of plug '{kind}' is not known.", kind=clean_text(settings.kind, 40)),
            tr("Use one of: {kinds}.", kinds=", ".join(KINDS)),
            "use",
        )
    asked = PlugHost(_address(settings), settings.user, secret)
    match settings.kind:
        case "shelly":
            return Shelly(asked, settings.outlet)
        case "tasmota":
            return Tasmota(asked)
        case "fritz":
            return FritzBox(asked, settings.outlet)
        case "homeassistant":
            return HomeAssistant(asked, settings.watts, settings.energy)
        case _:
            return AnyDocument(asked, settings)


def host_of(settings: PlugSettings) -> str:
    """The host that is asked; "" where none is."""
    if settings.kind == "command":
        return ""
    try:
        return PlugHost(_address(settings)).host
    except PlugProblem:
        return ""


def _address(settings: PlugSettings) -> str:
    address = settings.address.strip() or ("fritz.box" if settings.kind == "fritz" else "")
    if not address:
        raise PlugProblem(tr("The address of the plug is missing."), tr("Write it like 192.168.1.40."), "use")
    if settings.kind == "homeassistant" and "://" not in address and ":" not in address:
        address += ":8123"
    return address


def _answer(watts: object, watts_unit: str, energy: object, energy_unit: str) -> PlugAnswer:
    """Numbers with their units as a plug's answer; the step of a counter is its last digit."""
    power, count = number(watts), number(energy)
    if count is not None and not 0 <= count * _unit(energy_unit, _MJ) < _MOST_MJ:
        raise PlugProblem(
            tr("The plug's counter shows what no plug has counted."),
            tr("Choose the unit of the counter anew."),
        )
    scale = _unit(energy_unit, _MJ) if count is not None else 1
    digits = 0 if count is None else min(0, int(count.as_tuple().exponent))
    return PlugAnswer(
        None if power is None else float(power * _unit(watts_unit, _WATTS)),
        None if count is None else int(count * scale),
        0 if count is None else max(1, int(Decimal(scale).scaleb(digits))),
    )


def _unit(unit: str, known: Any) -> Any:
    found = known.get(unit.strip().lower())
    if found is None:
        raise PlugProblem(
            tr("The unit '{unit}' is none of a plug's.", unit=clean_text(unit, 20)),
            tr("Use W, kW or mW for the power and Wh, kWh or J for the counter."),
            "unit",
        )
    return found


def _one(value: object) -> object:
    """The only value of a list (Tasmota tells several phases as one)."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _no_entity(entity: str) -> PlugProblem:
    return PlugProblem(
        tr("'{entity}' is no entity of Home Assistant.", entity=clean_text(entity, 60)),
        tr("Write it like sensor.desk_power."),
        "use",
    )
