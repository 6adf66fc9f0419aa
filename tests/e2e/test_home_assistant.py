"""A real Home Assistant: the figures appear in it by themselves, and its entities are a meter.

    python3.13 -m venv FOLDER && FOLDER/bin/pip install homeassistant==2025.4.4
    WATTLIGHT_TEST_HASS=FOLDER/bin/hass python -m pytest -m slow tests/e2e/test_home_assistant.py

At its first start Home Assistant installs what its parts need into FOLDER (some minutes). The test takes five
minutes more: so often it sums up energy.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unit.services.test_publishing import DAY, MOSQUITTO, Broker, free_port, programs_of
from wattlight.domain.values import HostId
from wattlight.services.far_meter import try_meter
from wattlight.services.publishing import home_assistant
from wattlight.settings import PublishSettings, ServerAddress

HASS = os.environ.get("WATTLIGHT_TEST_HASS", "") or shutil.which("hass") or ""
FIRST_START_S = 900.0
SUMMED_S = 400.0
NODE = "sensor.wattlight_my_box"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not HASS, reason="needs Home Assistant (WATTLIGHT_TEST_HASS)"),
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto"),
]
CONFIG = """homeassistant: {{name: t, latitude: 0, longitude: 0, elevation: 0, time_zone: UTC}}
http: {{server_host: 127.0.0.1, server_port: {port}}}
api:
auth:
onboarding:
websocket_api:
recorder: {{commit_interval: 1}}
energy:
"""
MQTT = {"broker": "127.0.0.1", "discovery": True, "discovery_prefix": "homeassistant"}
ENTRY = {
    "entry_id": "abc123",
    "version": 1,
    "minor_version": 1,
    "domain": "mqtt",
    "title": "t",
    "options": {},
    "pref_disable_new_entities": False,
    "pref_disable_polling": False,
    "source": "user",
    "unique_id": None,
    "disabled_by": None,
}
ASK = """
import asyncio, json, sys, aiohttp
async def main(url, token, questions):
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as link:
        await link.receive_json()
        await link.send_json({"type": "auth", "access_token": token})
        await link.receive_json()
        for number, question in enumerate(questions, 1):
            await link.send_json({"id": number, **question})
            print(json.dumps(await link.receive_json()))
asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
"""


def wait(done: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.5)
    return found


class HomeAssistant:
    """The real program in a folder of its own."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder, self.port, self.token = folder, free_port(), ""
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / ".storage").mkdir(parents=True)
        (folder / "configuration.yaml").write_text(CONFIG.format(port=self.port))
        entry = {**ENTRY, "data": {**MQTT, "port": broker}}
        (folder / ".storage" / "core.config_entries").write_text(
            json.dumps(
                {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [entry]}}
            )
        )

    def start(self) -> None:
        environ = {**os.environ, "HOME": str(self.folder)}
        self.log = (self.folder / "hass.log").open("ab")
        command = [HASS, "-c", str(self.folder)]
        self.process = subprocess.Popen(command, env=environ, stdout=self.log, stderr=self.log)
        wait(self._running, FIRST_START_S)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()

    def _running(self) -> bool:
        assert self.process.poll() is None, (self.folder / "hass.log").read_text()[-3000:]
        try:
            if not self.token:
                return bool(self.ask("/api/onboarding"))
            return bool(self.ask("/api/config")["state"] == "RUNNING")
        except OSError:
            return False

    def ask(self, path: str, form: dict[str, Any] | None = None, as_json: bool = True) -> Any:
        body = None
        if form is not None:
            body = (json.dumps(form) if as_json else urllib.parse.urlencode(form)).encode()
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def join(self) -> None:
        """Be its first user."""
        client = f"{self.url}/"
        person = {
            "name": "a",
            "username": "a",
            "password": "a-password",
            "language": "en",
            "client_id": client,
        }
        code = self.ask("/api/onboarding/users", person)["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": client}
        self.token = self.ask("/auth/token", grant, as_json=False)["access_token"]

    def entity(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.ask(f"/api/states/{name}")
        except urllib.error.HTTPError:
            return {}
        return found if found["state"] not in {"unknown", "unavailable"} else {}

    def websocket(self, *questions: dict[str, Any]) -> list[Any]:
        url = self.url.replace("http", "ws") + "/api/websocket"
        python = Path(HASS).with_name("python")
        said = subprocess.run(
            [str(python), "-c", ASK, url, self.token, json.dumps(questions)],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return [json.loads(line) for line in said.stdout.splitlines()]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.end()


def test_the_figures_appear_count_as_energy_and_are_a_meter(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_assistant, "EVERY_S", 0.5)
    monkeypatch.setattr("platform.node", lambda: "My Box")
    home = HomeAssistant(tmp_path / "home", broker.port)
    home.start()
    made, publishing = programs_of(tmp_path, PublishSettings(broker=f"127.0.0.1:{broker.port}"))
    publishing.start()
    try:
        home.join()
        power = wait(lambda: home.entity(f"{NODE}_power"), 60)
        sample = DAY.local.sample
        assert sample is not None
        assert float(power["state"]) == pytest.approx(sample.total.measured_w, abs=0.001)
        facts = power["attributes"]
        assert (facts["unit_of_measurement"], facts["device_class"], facts["state_class"]) == (
            "W",
            "power",
            "measurement",
        )
        for name, value in (("energy_today", 1.3), ("models_energy_today", 0.51)):
            entity = home.entity(f"{NODE}_{name}")
            assert float(entity["state"]) == pytest.approx(value)
            assert entity["attributes"]["device_class"] == "energy"
            assert entity["attributes"]["unit_of_measurement"] == "kWh"
            assert entity["attributes"]["state_class"] == "total_increasing"
        cost = home.entity(f"{NODE}_cost_today")["attributes"]
        assert (cost["device_class"], cost["unit_of_measurement"]) == ("monetary", "EUR")
        assert home.entity(f"{NODE}_loaded_models")["state"] == "qwen3:8b"

        stat = f"{NODE}_energy_today"
        preferences = {
            "type": "energy/save_prefs",
            "energy_sources": [],
            "device_consumption": [{"stat_consumption": stat}],
        }
        (saved,) = home.websocket(preferences)
        assert saved["success"], saved

        def accepted() -> bool:
            validated, listed = home.websocket(
                {"type": "energy/validate"}, {"type": "recorder/list_statistic_ids"}
            )
            known = {item["statistic_id"]: item for item in listed["result"]}
            trouble = validated["result"]["device_consumption"]
            return stat in known and known[stat]["has_sum"] and trouble == [[]]

        wait(accepted, SUMMED_S)

        address = ServerAddress(
            HostId("box"),
            "Box",
            meter=home.url,
            meter_kind="homeassistant",
            meter_watts=f"{NODE}_power",
            meter_energy=stat,
            meter_key=True,
        )
        said = try_meter(made.factory, address, home.token)
        assert f"{sample.total.measured_w:.0f}" in said, said

        home.stop()
        home.start()
        again = wait(lambda: home.entity(f"{NODE}_power"), 60)
        assert again["entity_id"] == power["entity_id"] and again["state"] == power["state"]
        (listed,) = home.websocket({"type": "recorder/list_statistic_ids"})
        assert stat in {item["statistic_id"] for item in listed["result"]}, "what was summed up is kept"
        assert "Error while processing template" not in (home.folder / "hass.log").read_text()
    finally:
        assert publishing.stop()
        home.stop()
