"""The settings and their defaults."""

from dataclasses import dataclass, field, replace
from typing import Any

from wattlight.domain.servers import full_name
from wattlight.domain.values import LOCAL_HOST, HostId

CURRENT = 1
"""Version of the settings file."""
HOUR_S = 3600.0
MOST_WATTS = 1e5
MOST_MICRO = 10**15


def _within(default: Any, low: float, high: float) -> Any:
    """A number (or a text of one) that a file may set from ``low`` to ``high``; else its default holds."""
    return field(default=default, metadata={"bounds": (low, high)})


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A model server. ``url`` None: OLLAMA_HOST, else the default port on this computer.

    ``kind`` is what answered when it was added. ``key``: one is kept for it in the keyring, never here.
    ``plain_http``: the person accepts http without encryption to an address outside of the home network.
    ``meter`` is the address of a meter there ("" where none is), ``meter_kind`` what it is: ``wattlight``,
    ``prometheus`` or ``homeassistant``, whose entity ``meter_energy`` names; ``meter_key`` as ``key``.
    """

    host: HostId = LOCAL_HOST
    name: str = "This computer"
    url: str | None = None
    kind: str = "ollama"
    key: bool = False
    plain_http: bool = False
    meter: str = ""
    meter_kind: str = "wattlight"
    meter_watts: str = ""
    meter_energy: str = ""
    meter_key: bool = False

    @property
    def secret(self) -> str:
        """Name of the key in the keyring."""
        return f"host {self.host}"

    @property
    def meter_secret(self) -> str:
        """Name of the token of its meter."""
        return f"meter {self.host}"


@dataclass(frozen=True, slots=True)
class Price:
    """A flat price, or a tariff file. Everything None: no price is set, money is not shown.

    ``per_kwh`` is a decimal number as text ("0.3869"), VAT included; ``tariff_file`` wins over it.
    """

    per_kwh: str | None = None
    currency: str | None = None
    timezone: str | None = None
    country: str | None = None
    tariff_file: str | None = None
    dollar_rate: str | None = _within(None, 0, 1e9)
    """Units of ``currency`` for one US dollar, the person's own figure; API prices are in dollars."""
    dollar_rate_date: str | None = None
    declined: bool = False
    """The person said "I don't know": do not ask again."""


@dataclass(frozen=True, slots=True)
class PriceFeed:
    """Where dynamic prices are fetched from; ``feed`` "": nowhere.

    ``factor`` and ``add`` are decimal numbers as text: a price is factor x slot + add, VAT included.
    """

    feed: str = ""
    area: str = ""
    factor: str = _within("1", 0, 1000)
    add: str = _within("0", -1000, 1000)
    daily: bool = False


@dataclass(frozen=True, slots=True)
class MeterSettings:
    """How the meter behaves."""

    shown_interval_s: float = _within(1.0, 0, HOUR_S)
    hidden_interval_s: float = _within(10.0, 0, HOUR_S)
    """While nobody looks and no model is loaded; with a loaded model never slower than five seconds."""
    paused: bool = False
    assumed_rest_w: float | None = _within(None, 0, MOST_WATTS)
    """Assumed draw of unmeasured parts, the user's own figure; never mixed into measured sums."""
    wall_base_w: float | None = _within(None, -MOST_WATTS, MOST_WATTS)
    wall_factor: float | None = _within(None, 0, 100)
    wall_parts: str = ""
    """Found against a wall meter: at the plug = base + factor x measured, for just these parts (ids)."""
    wall_error_w: float | None = _within(None, 0, MOST_WATTS)
    wall_date: str | None = None
    supply: str | None = None
    supply_rated_w: float | None = _within(None, 0, MOST_WATTS)
    """The power supply as the person names it: an 80 PLUS label ("gold") and its rated watts."""
    estimates: bool = True
    """A range from rated power and load where nothing is measured; in no sum."""
    cooling_factor: float = _within(0.0, 0, 10)
    daily_budget_micro: int | None = _within(None, 0, MOST_MICRO)
    monthly_budget_micro: int | None = _within(None, 0, MOST_MICRO)
    keep_programs: bool = False
    """Today's energy by program may be written down; else it is kept in memory alone."""
    keep_months: int | None = _within(None, 0, 9999)
    """Older rows of the ledger are deleted; None keeps everything."""


@dataclass(frozen=True, slots=True)
class CarbonSettings:
    """Which CO2 stands beside energy: of a country (ISO 3166 alpha-3), or the person's own grams per kWh,
    which win. Both None: none is told."""

    country: str | None = None
    own_g_per_kwh: float | None = _within(None, 0, 3000)


@dataclass(frozen=True, slots=True)
class PlugSettings:
    """The smart plug that this computer hangs on. ``kind`` "": none is asked.

    A password or token is never here but in the keyring (:mod:`wattlight.system`).

    Attributes:
        kind: ``shelly``, ``tasmota``, ``fritz``, ``homeassistant``, ``json`` or ``command``.
        address: host or URL; the command line of a ``command``.
        hangs: what hangs on it: ``computer``, ``screen`` (with it) or ``more``.
        outlet: number of the output, or the AIN of a FRITZ!DECT plug.
        user: name for the login, where the device wants one.
        watts, energy: entities of Home Assistant, or paths in a JSON answer ("" where it tells none).
        watts_unit, energy_unit: units of a JSON answer.
    """

    kind: str = ""
    address: str = ""
    hangs: str = "computer"
    outlet: str = ""
    user: str = ""
    watts: str = ""
    watts_unit: str = "W"
    energy: str = ""
    energy_unit: str = "kWh"


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """Figures for other programs. ``prometheus_port`` 0 and ``broker`` "": nothing is offered or sent.

    ``broker`` is the address of an MQTT broker that Home Assistant uses; the password is in the keyring.
    """

    prometheus_port: int = _within(0, 0, 65535)
    broker: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class BreakEvenEntry:
    """What the person typed into the comparison with an API, as text; "" where nothing was typed.

    ``api`` is the id of a row of the price list, ``model`` the name of the local model compared with it.
    Prices are in the tariff's currency.
    """

    calls: str = ""
    tokens_in: str = ""
    tokens_out: str = ""
    api: str = ""
    model: str = ""
    speed: str = ""
    watts: str = ""
    hardware_price: str = ""
    life_months: str = ""


@dataclass(frozen=True, slots=True)
class FirstRun:
    """How far the first run is, so that it goes on where it was after a crash.

    ``step`` is the name of its page, "" before it began. ``model`` is the one chosen to begin with,
    ``better`` a larger one offered once that answers.
    """

    step: str = ""
    model: str | None = None
    better: str | None = None


@dataclass(frozen=True, slots=True)
class ModelWish:
    """How one model is loaded, where that differs from what holds for all (None: as that says)."""

    model: str = ""
    context_length: int | None = _within(None, 1, 1 << 24)
    keep_alive: str | None = None
    kv_type: str | None = None
    """The type of its cache that is wished; the server has one for all models."""


@dataclass(frozen=True, slots=True)
class ModelRuleSettings:
    """When models are unloaded without being asked; ``load_again``: afterwards they come back."""

    on_battery: bool = False
    on_sleep: bool = False
    other_program: bool = False
    load_again: bool = False


@dataclass(frozen=True, slots=True)
class PullSettings:
    """How models are downloaded; a download can have wishes of its own.

    Attributes:
        limit_bytes_per_s: of downloads that Wattlight does itself; None is no limit.
        hours: "" any time, "night" (the tariff's cheapest hours, else 23:00 to 06:00), or "22:00-05:30".
        source: a folder of models or an address that has copies of what the registries name.
        not_metered: wait while the connection is a metered one.
    """

    limit_bytes_per_s: int | None = _within(None, 10_000, 10**11)
    hours: str = ""
    source: str = ""
    not_metered: bool = False


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What the desktop tells while no window is open; the windows show all of it."""

    budget: bool = True
    slow: bool = True
    cut: bool = True
    trouble: bool = True
    """Whatever else needs a person: records that cannot be written, a part that stopped."""


@dataclass(frozen=True, slots=True)
class ServerValue:
    """A variable of the server that Wattlight starts."""

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name on the server of this computer that follows the model in use, so that clients follow too.

    ``model`` is what it was given to last, ``base`` that one's digest, ``context_length`` what it carries
    (None: the model's own); ``digest`` is its own: another model of that name is not ours.
    """

    on: bool = False
    name: str = "current"
    model: str = ""
    digest: str = ""
    base: str = ""
    context_length: int | None = _within(None, 1, 1 << 24)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; unknown keys of a newer version are kept in ``extra`` and written back."""

    servers: tuple[ServerAddress, ...] = (ServerAddress(),)
    price: Price = field(default_factory=Price)
    feed: PriceFeed = field(default_factory=PriceFeed)
    meter: MeterSettings = field(default_factory=MeterSettings)
    plug: PlugSettings = field(default_factory=PlugSettings)
    carbon: CarbonSettings = field(default_factory=CarbonSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    theme: str = "system"
    language: str | None = None
    icon_figure: str = ""
    """What the icon shows beside its shape: ``watts``, ``cost`` (of the models today), or nothing."""
    start_at_login: bool = False
    context_length: int = _within(0, 0, 1 << 24)
    """Tokens a model is loaded with; 0 leaves it to the server. Another figure than the one other programs
    ask for makes the server load the model again at their next request."""
    keep_alive: str = "5m"
    models: tuple[ModelWish, ...] = ()
    """What was chosen for single models."""
    ask_heavy: bool = True
    """Ask before a load that runs partly on the processor, does not fit, or pushes another model out."""
    alias: Alias = field(default_factory=Alias)
    rules: ModelRuleSettings = field(default_factory=ModelRuleSettings)
    pulls: PullSettings = field(default_factory=PullSettings)
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
    look_for_updates: bool = False
    """Ask once a day whether there is a newer Wattlight, where this package names an address for that."""
    told_tray_closing: bool = False
    first_run_done: bool = False
    first_run: FirstRun = field(default_factory=FirstRun)
    start_server: bool = False
    """Start the server that is ours (installed, or the managed copy) where none runs."""
    server_proxy: str | None = None
    """HTTPS_PROXY for a server that Wattlight starts; the person's own choice."""
    server_values: tuple[ServerValue, ...] = ()
    """Variables of that server, beside its own defaults."""
    passthrough_on: bool = False
    """Count the tokens of every client that goes through the relay on this computer."""
    passthrough_port: int = _within(11435, 0, 65535)
    break_even: BreakEvenEntry = field(default_factory=BreakEvenEntry)
    window_geometry: str | None = None
    small_geometry: str | None = None
    """Of the small window; it is placed there where no icon tells where it belongs."""
    extra: tuple[tuple[str, str], ...] = ()
    """(key, JSON text) of keys this version does not know."""

    def chosen_for(self, model: str) -> ModelWish:
        """What was chosen for ``model`` alone."""
        name = full_name(model)
        return next((wish for wish in self.models if full_name(wish.model) == name), ModelWish(model))

    def wish(self, model: str) -> ModelWish:
        """How ``model`` is to be loaded; ``context_length`` None leaves it to the server."""
        own = self.chosen_for(model)
        return ModelWish(
            model,
            own.context_length or self.context_length or None,
            own.keep_alive or self.keep_alive or "5m",
            own.kv_type,
        )

    def with_wish(self, wish: ModelWish) -> "Settings":
        """These settings with ``wish`` in the place of what was chosen for its model before."""
        name = full_name(wish.model)
        others = tuple(item for item in self.models if full_name(item.model) != name)
        empty = (wish.context_length, wish.keep_alive, wish.kv_type) == (None, None, None)
        return replace(self, models=others if empty else (*others, wish))
