"""Figures for other programs: read by their own parsers, and through a real broker where there is one."""

import builtins
import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes import made_up_day
from fakes.program import Services
from wattlight import start_thread
from wattlight.domain.command import Command, Verb
from wattlight.domain.cost import Amount
from wattlight.domain.state import AppState, HostState, RunningModel, ServerState
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.services.publishing import (
    BROKER_SECRET,
    Publishing,
    figures_of,
    home_assistant,
    published,
    read_broker,
)
from wattlight.services.publishing.prometheus import PrometheusPage
from wattlight.settings import PublishSettings, Settings

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
DAY = made_up_day.evening().state
NOTHING = AppState((HostState(LOCAL_HOST, "here", ServerState("http://127.0.0.1:9")),))


def wait(done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def with_host(state: AppState, **changed: Any) -> AppState:
    return replace(state, hosts=(replace(state.local, **changed),))


def test_figures_are_those_of_the_state_and_what_is_not_known_is_left_out() -> None:
    found = {(f.name, f.labels): f for f in published(DAY)}
    sample, today = DAY.local.sample, DAY.local.today
    assert sample is not None and today is not None
    assert found["power", ()].value == sample.total.measured_w
    parts = [f.value for f in found.values() if f.name == "part_power"]
    assert sum(parts) == pytest.approx(found["power", ()].value)
    models = sum(f.value for f in found.values() if f.name == "model_today_energy")
    assert (
        found["today_energy", (("of", "models"),)].value
        == pytest.approx(models)
        == today.models.energy_mj / 1000
    )
    assert found["today_cost", (("of", "all"), ("currency", "EUR"))].value == (today.cost_micro or 0) / 1e6
    assert {f.name for f in published(NOTHING)} == {"recording"}
    unknown = replace(today, models=Amount(), undecided=Amount(5000), cost_micro=None)
    names = {(f.name, dict(f.labels).get("of")) for f in published(with_host(DAY, today=unknown, month=None))}
    assert ("today_energy", "all") in names and ("today_energy", "models") not in names
    assert not any(name.endswith("_cost") or name.startswith(("month", "model_today")) for name, _ in names)
    paused = {f.name for f in published(replace(DAY, paused=True))}
    assert "power" not in paused and "today_energy" in paused


def test_a_report_before_the_first_reading_is_no_zero() -> None:
    today = DAY.local.today
    assert today is not None
    empty = replace(today, quality=None, energy_mj=0)
    assert not any("today" in f.name for f in published(with_host(DAY, today=empty)))


@pytest.fixture
def page() -> Iterator[PrometheusPage]:
    made = PrometheusPage(lambda: DAY, 0, start_thread)
    made.start()
    yield made
    made.stop()


def fetched(page: PrometheusPage, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    port = int(page.url.rsplit(":", 1)[1].split("/")[0])
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = link.getresponse()
    text = answer.read().decode()
    link.close()
    return answer.status, text


def test_prometheus_reads_the_page(page: PrometheusPage) -> None:
    status, text = fetched(page)
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    (power,) = families["wattlight_power_watts"].samples
    assert DAY.local.sample is not None and power.value == DAY.local.sample.total.measured_w
    assert {s.labels["of"]: s.value for s in families["wattlight_today_energy_joules"].samples} == {
        "all": 4_680_000.0,
        "models": 1_836_000.0,
    }
    assert {s.labels["currency"] for s in families["wattlight_month_cost"].samples} == {"EUR"}
    assert {s.labels["where"] for s in families["wattlight_model_memory_bytes"].samples} == {"gpu", "all"}
    assert all(family.documentation for family in families.values())


def test_a_name_with_every_character_stays_one_label() -> None:
    odd = RunningModel('a"b\\c\nd{}=€', "d", 10, 5)
    server = replace(DAY.local.server, running=(odd,))
    page = PrometheusPage(lambda: with_host(DAY, server=server), 0, start_thread)
    page.start()
    families = {f.name: f for f in text_string_to_metric_families(fetched(page)[1])}
    page.stop()
    names = {s.labels["model"] for s in families["wattlight_model_memory_bytes"].samples}
    assert len(names) == 1 and "€" in names.pop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:9188"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:9188"}, 200),
        ({"Host": "[::1]:9188"}, 200),
    ],
)
def test_no_web_page_reads_it(page: PrometheusPage, headers: dict[str, str], status: int) -> None:
    assert fetched(page, **headers)[0] == status


def test_other_paths_and_askers_that_say_nothing_leave_it_up(page: PrometheusPage) -> None:
    assert fetched(page, "/settings")[0] == 404
    port = int(page.url.rsplit(":", 1)[1].split("/")[0])
    for sent in (b"", b"\x00\xff" * 50, b"GET /metrics HTTP/9.9\r\n\r\n", b"A" * 70_000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), 5) as link:
            link.sendall(sent)
    assert fetched(page)[0] == 200


def test_one_that_waits_is_let_go(page: PrometheusPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wattlight.services.publishing.prometheus._Handler.timeout", 0.2)
    port = int(page.url.rsplit(":", 1)[1].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        link.sendall(b"GET /metr")
        begun = time.monotonic()
        assert fetched(page)[0] == 200
        assert time.monotonic() - begun < 5


def test_it_listens_on_this_computer_alone_and_ends(page: PrometheusPage) -> None:
    assert page._server is not None and page._server.server_address[0] == "127.0.0.1"
    page.stop()
    with pytest.raises(OSError, match=r"refused|reset"):
        fetched(page)
    assert "wattlight-prometheus" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("text", "authority", "tls"),
    [
        ("ha.local", "ha.local:1883", False),
        (" 192.168.1.10:1884 ", "192.168.1.10:1884", False),
        ("mqtt://broker/", "broker:1883", False),
        ("mqtts://broker.example", "broker.example:8883", True),
        ("[fe80::1]:1883", "[fe80::1]:1883", False),
    ],
)
def test_addresses_of_brokers(text: str, authority: str, tls: bool) -> None:
    broker = read_broker(text)
    assert (broker.authority, broker.tls) == (authority, tls)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://ha.local",
        "me:secret@ha.local",
        "mqtt://u:secret@h",
        "ha.local:0",
        "h:99999",
        "a b",
        "h/x",
        "[::1",
    ],
)
def test_what_is_no_address_is_said_without_a_password(text: str) -> None:
    with pytest.raises(Problem) as told:
        read_broker(text)
    assert told.value.code == "bad_address" and "secret" not in str(told.value)


def test_home_assistant_gets_the_kinds_its_energy_page_wants() -> None:
    figures = figures_of(DAY)
    assert figures["energy_today"].value == 1.3
    assert dict(figures["energy_today"].kind)["state_class"] == "total_increasing"
    assert dict(figures["cost_today"].kind)["unit_of_measurement"] == "EUR"
    assert figures["loaded_models"].value == "qwen3:8b"
    without = figures_of(NOTHING)
    assert without["power"].value is None and without["loaded_models"].value is None
    assert "cost_today" not in without  # its unit is not known yet


class Broker:
    """A real broker on loopback; ``user`` with a password, or anybody."""

    def __init__(self, folder: Path, secret: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        config = f"listener {self.port} 127.0.0.1\npersistence false\nuser root\n"
        if secret:
            passwords = folder / "passwords"
            tool = shutil.which("mosquitto_passwd")
            subprocess.run(
                [str(tool), "-c", "-b", str(passwords), "me", secret], check=True, capture_output=True
            )
            passwords.chmod(0o644)
            config += f"allow_anonymous false\npassword_file {passwords}\n"
        else:
            config += "allow_anonymous true\n"
        file = folder / f"mosquitto-{self.port}.conf"
        file.write_text(config)
        self.log = (folder / f"broker-{self.port}.log").open("wb")
        self.process = subprocess.Popen([str(MOSQUITTO), "-c", str(file)], stdout=self.log, stderr=self.log)
        wait(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as link:
            return link.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


class Listener:
    """Another client of the broker: what Home Assistant would hear."""

    def __init__(self, port: int, secret: str = "") -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: dict[str, str] = {}
        self.client = Client(CallbackAPIVersion.VERSION2)
        if secret:
            self.client.username_pw_set("me", secret)
        self.client.on_message = lambda _client, _data, message: self.heard.update(
            {message.topic: message.payload.decode()}
        )
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_assistant, "EVERY_S", 0.1)
    monkeypatch.setattr("platform.node", lambda: "My Box")
    monkeypatch.setitem(sys.modules, "keyring", None)  # type: ignore[arg-type]


def programs_of(folder: Path, publish: PublishSettings) -> tuple[Services, Publishing]:
    made = Services(folder, Settings(publish=publish))
    made.hub.update(lambda _: DAY)
    return made, Publishing(made.factory, made.settings, made.hub)


def last(topic: str) -> str:
    return f"wattlight/wattlight_my_box/{topic}"


@needs_broker
@pytest.mark.usefixtures("quick")
def test_a_broker_is_told_and_turning_it_off_takes_the_figures_away(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    listener = Listener(broker.port)
    made, publishing = programs_of(tmp_path, PublishSettings(broker=f"127.0.0.1:{broker.port}"))
    publishing.start()
    try:
        wait(lambda: last("state") in listener.heard)
        assert json.loads(listener.heard[last("state")])["energy_today"] == 1.3
        assert listener.heard[last("availability")] == "online"
        config = json.loads(listener.heard["homeassistant/sensor/wattlight_my_box/power/config"])
        assert config["state_topic"] == last("state") and config["device"]["name"] == "Wattlight My Box"
        assert config["unit_of_measurement"] == "W"
        assert "gets the figures" in made.hub.state.home_assistant.said
        made.hub.update(lambda state: with_host(state, sample=None))
        wait(lambda: json.loads(listener.heard[last("state")])["power"] is None)
        made.settings.replace(Settings())
        wait(lambda: listener.heard["homeassistant/sensor/wattlight_my_box/power/config"] == "")
        wait(lambda: made.hub.state.home_assistant.said == "")
    finally:
        assert publishing.stop()
        listener.end()
        broker.end()
    assert "wattlight-home-assistant" not in {thread.name for thread in threading.enumerate()}


@needs_broker
@pytest.mark.usefixtures("quick")
def test_figures_that_do_not_change_are_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_assistant, "AT_LEAST_S", 0.5)
    broker = Broker(tmp_path)
    listener = Listener(broker.port)
    _made, publishing = programs_of(tmp_path, PublishSettings(broker=f"127.0.0.1:{broker.port}"))
    publishing.start()
    try:
        for _ in range(3):
            wait(lambda: last("state") in listener.heard)
            listener.heard.pop(last("state"))
    finally:
        publishing.stop()
        listener.end()
        broker.end()


@needs_broker
@pytest.mark.usefixtures("quick")
def test_at_the_end_the_figures_stay_as_not_available_and_a_broker_that_comes_back_is_told_again(
    tmp_path: Path,
) -> None:
    port = free_port()
    made, publishing = programs_of(tmp_path, PublishSettings(broker=f"127.0.0.1:{port}"))
    publishing.start()
    wait(lambda: made.hub.state.home_assistant.bad)
    assert "tried again" in made.hub.state.home_assistant.said
    broker = Broker(tmp_path, port=port)
    listener = Listener(port)
    try:
        wait(lambda: listener.heard.get(last("availability")) == "online")
        assert not made.hub.state.home_assistant.bad
        assert publishing.stop()
        wait(lambda: listener.heard[last("availability")] == "offline")
        assert listener.heard["homeassistant/sensor/wattlight_my_box/power/config"] != ""
    finally:
        listener.end()
        broker.end()


@needs_broker
@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="needs mosquitto_passwd")
@pytest.mark.usefixtures("quick")
def test_a_wrong_password_is_said_and_a_right_one_goes_on(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "hunter2")
    made, publishing = programs_of(tmp_path, PublishSettings(broker=f"127.0.0.1:{broker.port}", user="me"))
    publishing.start()
    try:
        wait(lambda: made.hub.state.home_assistant.bad)
        assert "Not authorized" in made.hub.state.home_assistant.said
        publishing.keep(Command(Verb.KEEP_BROKER_SECRET, text="hunter2"))
        wait(lambda: made.hub.state.home_assistant.no_keyring)
        publishing.keep(Command(Verb.KEEP_BROKER_SECRET, text="hunter2", number=1))
        wait(lambda: "gets the figures" in made.hub.state.home_assistant.said)
        listener = Listener(broker.port, "hunter2")
        wait(lambda: last("state") in listener.heard)
        assert not any("hunter2" in text for text in listener.heard.values())
        listener.end()
        assert made.factory.keyring().get(BROKER_SECRET) == "hunter2"
    finally:
        publishing.stop()
        broker.end()


@pytest.mark.usefixtures("quick")
def test_a_password_goes_to_no_open_line_outside_of_the_home(tmp_path: Path) -> None:
    made, publishing = programs_of(tmp_path, PublishSettings(broker="broker.example.com", user="me"))
    made.factory.keyring().put(BROKER_SECRET, "hunter2", in_file=True)
    publishing.start()
    wait(lambda: made.hub.state.home_assistant.bad)
    assert "not encrypted" in made.hub.state.home_assistant.said
    assert "hunter2" not in made.hub.state.home_assistant.said
    assert publishing.stop()


def test_a_taken_port_and_a_missing_package_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made, publishing = programs_of(tmp_path, PublishSettings(prometheus_port=taken.getsockname()[1]))
        publishing.start()
        wait(lambda: made.hub.state.prometheus.bad)
        assert "cannot be used" in made.hub.state.prometheus.said
    real = builtins.__import__

    def none(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("paho", "prometheus_client")):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", none)
    made.settings.replace(Settings(publish=PublishSettings(free_port(), "127.0.0.1")))
    wait(lambda: "prometheus-client" in made.hub.state.prometheus.said)
    wait(lambda: "paho-mqtt" in made.hub.state.home_assistant.said)
    assert publishing.stop()


def test_the_page_follows_the_settings(tmp_path: Path) -> None:
    made, publishing = programs_of(tmp_path, PublishSettings())
    publishing.start()
    assert made.hub.state.prometheus.said == ""
    port = free_port()
    made.settings.replace(Settings(publish=PublishSettings(prometheus_port=port)))
    wait(lambda: str(port) in made.hub.state.prometheus.said)
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", "/metrics")
    assert link.getresponse().status == 200
    link.close()
    made.settings.replace(Settings())
    wait(lambda: made.hub.state.prometheus.said == "")
    with socket.socket() as free:
        assert free.connect_ex(("127.0.0.1", port)) != 0
    assert publishing.stop()
