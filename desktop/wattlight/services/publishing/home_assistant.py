"""Figures for Home Assistant, through the MQTT broker that both know; they appear there by themselves.

Topics and payloads: Home Assistant's documentation of MQTT discovery. The broker keeps the last of each, so
that a restart of Home Assistant finds the figures again.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wattlight import StartThread, __version__
from wattlight.domain.state import AppState, ServerStatus
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.system import not_installed
from wattlight.web import Endpoint

from .figures import published

if TYPE_CHECKING:
    from paho.mqtt.client import Client

EVERY_S = 10.0
"""Figures are sent no more often."""
AT_LEAST_S = 60.0
"""Figures that do not change are sent so often."""
CONNECT_S = 10.0
LONGEST_PAUSE_S = 300.0
_ROOT = "homeassistant/sensor"
_MEGAJOULE_KWH = 3.6e6
_MOST_MODELS = 20


@dataclass(frozen=True, slots=True)
class Broker:
    """Where an MQTT broker is; ``tls``: encrypted."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        return self.endpoint.authority

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("https" if self.tls else "http", self.host, self.port)


def read_broker(text: str) -> Broker:
    """``host``, ``host:port``, ``mqtt://host`` or ``mqtts://host`` (encrypted).

    Raises:
        Problem: it is none of these (code ``bad_address``).
    """
    typed = text.strip()
    shown = typed.rpartition("@")[2]  # a password in it is not repeated
    wrong = Problem(
        tr('"{address}" is no address of an MQTT broker.', address=clean_text(shown, 80)),
        tr("Type it like homeassistant.local, 192.168.1.10:1883 or mqtts://broker.example."),
        "bad_address",
    )
    try:
        parts = urlsplit(typed if "://" in typed else f"mqtt://{typed}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    usual = {"mqtt": 1883, "mqtts": 8883}.get(parts.scheme)
    odd = parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc or port == 0
    if usual is None or not host or odd or re.fullmatch(r"[A-Za-z0-9._:%-]{1,253}", host) is None:
        raise wrong
    return Broker(host, port or usual, parts.scheme == "mqtts")


class MqttFigures:
    """Keeps a broker told, on one thread that sleeps between; ``tell`` hears in a sentence how it stands.

    Args:
        state: read whenever figures are sent.
        computer: its name, as Home Assistant shows it.
        secret: the password; asked for at each new connection, kept nowhere.
        tell: (sentence, whether it is a fault).
    """

    def __init__(
        self,
        broker: Broker,
        user: str,
        secret: Callable[[], str | None],
        state: Callable[[], AppState],
        computer: str,
        tell: Callable[[str, bool], None],
        start: StartThread,
    ) -> None:
        self._broker, self._user, self._secret = broker, user, secret
        self._state, self._computer, self._tell, self._start = state, clean_text(computer, 60), tell, start
        self._node = node_of(computer)
        self._client: Client | None = None
        self._thread: threading.Thread | None = None
        self._leaving = threading.Event()
        self._forget = False
        self._announced: frozenset[str] = frozenset()
        self._refused = ""

    def start(self) -> None:
        """Begin, in the background.

        Raises:
            Problem: the library is missing.
        """
        try:
            import paho.mqtt.client  # noqa: F401
        except ImportError as error:
            raise not_installed("paho-mqtt>=2") from error
        self._thread = self._start("wattlight-home-assistant", self._run)

    def stop(self, forget: bool = False) -> None:
        """Say that nothing more comes, and end; ``forget``: Home Assistant is to show the figures no more."""
        self._forget = forget
        self._leaving.set()
        client = self._client
        if client is not None:
            client.publish(self._topic("availability"), "offline", qos=1, retain=True)  # wakes the thread
        if self._thread is not None:
            self._thread.join(3.0)

    def _run(self) -> None:
        pause_s = 1.0
        while not self._leaving.is_set():
            begun = time.monotonic()
            try:
                self._refused = ""
                self._connected()
                why = self._refused or tr("it ended the connection")
            except OSError as error:
                why = clean_text(error.strerror or type(error).__name__, 120)
            except Problem as problem:
                self._tell(str(problem), True)
                return
            if self._leaving.is_set():
                return
            sentence = tr(
                "The broker {host} cannot be used: {why}. It is tried again.",
                host=self._broker.authority,
                why=why,
            )
            self._tell(sentence, True)
            pause_s = 1.0 if time.monotonic() - begun > LONGEST_PAUSE_S else min(LONGEST_PAUSE_S, pause_s * 2)
            self._leaving.wait(pause_s)

    def _connected(self) -> None:
        """One connection, from its beginning to its end.

        Raises:
            OSError: the broker cannot be reached.
            Problem: the password may not be sent there.
        """
        client = self._make_client()
        client.connect(self._broker.host, self._broker.port, keepalive=60)
        self._client, self._announced = client, frozenset()
        looked_at, sent_at, sent = float("-inf"), float("-inf"), ""
        try:
            while not self._leaving.is_set():
                now = time.monotonic()
                if client.is_connected() and now - looked_at >= EVERY_S:
                    looked_at = now
                    figures = figures_of(self._state())
                    payload = json.dumps({key: figure.value for key, figure in figures.items()})
                    if payload != sent or now - sent_at >= AT_LEAST_S:
                        self._announce(client, figures)
                        client.publish(self._topic("state"), payload, retain=True)
                        sent_at, sent = now, payload
                if client.loop(EVERY_S) != 0:
                    return
            self._farewell(client)
        finally:
            self._client = None
            client.disconnect()
            client.loop(0.1)

    def _make_client(self) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, client_id=f"{self._node}-{int(time.time()) % 10**6}")
        client.connect_timeout = CONNECT_S
        if self._broker.tls:
            client.tls_set()
        secret = self._secret() if self._user else None
        if self._user:
            here = self._broker.endpoint
            if secret and not (here.is_private or here.is_at_home):
                raise Problem(
                    tr(
                        "{host} is not in your home network, and the way there is not encrypted.",
                        host=here.host,
                    ),
                    tr("Give an address that begins with mqtts."),
                    "not_encrypted",
                )
            client.username_pw_set(self._user, secret)
        client.will_set(self._topic("availability"), "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        return client

    def _on_connect(self, client: "Client", _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._refused = clean_text(str(code), 80)
            return
        client.publish(self._topic("availability"), "online", qos=1, retain=True)
        told = tr("Home Assistant gets the figures through {host}.", host=self._broker.authority)
        self._tell(told, False)

    def _announce(self, client: "Client", figures: "Mapping[str, Sensor]") -> None:
        """Tell Home Assistant of figures it has not heard of on this connection."""
        for key, figure in figures.items():
            if key not in self._announced:
                client.publish(f"{_ROOT}/{self._node}/{key}/config", self._config(key, figure), 1, True)
        self._announced |= figures.keys()

    def _config(self, key: str, figure: "Sensor") -> str:
        said: dict[str, object] = {
            "name": figure.name,
            "unique_id": f"{self._node}_{key}",
            "object_id": f"{self._node}_{key}",
            "state_topic": self._topic("state"),
            "value_template": f"{{{{ value_json.{key} }}}}",
            "availability_topic": self._topic("availability"),
            "expire_after": int(AT_LEAST_S * 5),
            "device": {
                "identifiers": [self._node],
                "name": f"Wattlight {self._computer}",
                "manufacturer": "Wattlight",
                "sw_version": __version__,
            },
            **{name: value for name, value in figure.kind.items() if value},
        }
        return json.dumps(said)

    def _farewell(self, client: "Client") -> None:
        end = time.monotonic() + 2.0
        wanted = [(self._topic("availability"), "" if self._forget else "offline")]
        if self._forget:
            wanted += [(f"{_ROOT}/{self._node}/{key}/config", "") for key in SENSORS]
            wanted.append((self._topic("state"), ""))
        sent = [client.publish(topic, text, qos=1, retain=True) for topic, text in wanted]
        while time.monotonic() < end and not all(info.is_published() for info in sent):
            if client.loop(0.2) != 0:
                return

    def _topic(self, last: str) -> str:
        return f"wattlight/{self._node}/{last}"


@dataclass(frozen=True, slots=True)
class Sensor:
    """A figure as Home Assistant knows it."""

    name: str
    value: float | str | None
    kind: Mapping[str, str]


_POWER = {"device_class": "power", "unit_of_measurement": "W", "state_class": "measurement"}
_ENERGY = {"device_class": "energy", "unit_of_measurement": "kWh", "state_class": "total_increasing"}
_MONEY = {"device_class": "monetary", "state_class": "total"}
SENSORS = {
    "power": "Power",
    "energy_today": "Energy today",
    "models_energy_today": "Models energy today",
    "cost_today": "Cost today",
    "models_cost_today": "Models cost today",
    "models_cost_month": "Models cost this month",
    "loaded_models": "Loaded models",
    "server": "Model server",
}


def figures_of(state: AppState) -> dict[str, Sensor]:
    """What Home Assistant is told, by key of :data:`SENSORS`. None is unknown there too; money waits for a
    currency."""
    known = {(f.name, dict(f.labels).get("of", "")): f for f in published(state)}

    def of(name: str, whose: str = "", per: float = 1.0) -> float | None:
        found = known.get((name, whose))
        return None if found is None else round(found.value / per, 4)

    server = state.local.server
    ready = server.status is ServerStatus.READY
    names = ", ".join(clean_text(model.name, 80) for model in server.running[:_MOST_MODELS])
    figures: dict[str, tuple[float | str | None, Mapping[str, str]]] = {
        "power": (of("power"), _POWER),
        "energy_today": (of("today_energy", "all", _MEGAJOULE_KWH), _ENERGY),
        "models_energy_today": (of("today_energy", "models", _MEGAJOULE_KWH), _ENERGY),
        "loaded_models": ((names[:250] or "none") if ready else None, {"icon": "mdi:fire"}),
        "server": (str(server.status), {"icon": "mdi:server"}),
    }
    for key, name, whose in (
        ("cost_today", "today_cost", "all"),
        ("models_cost_today", "today_cost", "models"),
        ("models_cost_month", "month_cost", "models"),
    ):
        found = known.get((name, whose))
        if found is not None:
            figures[key] = (round(found.value, 4), {**_MONEY, "unit_of_measurement": found.unit})
    return {key: Sensor(SENSORS[key], *figures[key]) for key in SENSORS if key in figures}


def node_of(computer: str) -> str:
    """The name of a computer as topics and ids may have it."""
    return "wattlight_" + (re.sub(r"[^a-z0-9]+", "_", computer.lower()).strip("_")[:40] or "computer")
