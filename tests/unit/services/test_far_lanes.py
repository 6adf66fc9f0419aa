"""Meters of other computers in the running program: watts and costs by host, away and back, other sources."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from tests.fakes.plug_devices import FakePlug, recorded, serving

from fakes.recorded_servers import RecordedServer
from fakes.scripted_server import Line, ScriptedServer
from unit.services.test_far_meter import HOUR, TOKEN, TOWER, Ledger, page_of
from unit.system.test_secrets import Ring, with_ring
from wattlight.cli import run
from wattlight.domain.command import METER_PARTS, Command, Verb
from wattlight.domain.energy import Batch
from wattlight.domain.servers import ServerKind, ServerState
from wattlight.domain.state import AppState, HostState, Trial
from wattlight.domain.values import LOCAL_HOST, Quality
from wattlight.i18n import local_zone
from wattlight.services.current import CurrentSettings, Servers
from wattlight.services.factory import ServiceFactory
from wattlight.services.far_meter import MeterPage, cards_of
from wattlight.services.far_meter.keeper import HostMeters
from wattlight.services.far_meter.lane import LaneParts
from wattlight.services.far_meter.merging import LedgerLane
from wattlight.services.far_meter.sources import SourceLane
from wattlight.services.hosts import HostSetup
from wattlight.services.hub import StateHub
from wattlight.settings import ServerAddress, Settings
from wattlight.store import LedgerWriter, Pending

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
DCGM = """# HELP DCGM_FI_DEV_POWER_USAGE Power draw (in W).
# TYPE DCGM_FI_DEV_POWER_USAGE gauge
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA H100",Hostname="box"} 402.5
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-2",modelName="A \\"fine\\" <b>card</b>"} 71.2
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-2",GPU_I_ID="7",modelName="A slice"} 30
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-1",modelName="NVIDIA H100"} COUNTER
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-1"} 60
DCGM_FI_DEV_POWER_USAGE{gpu="2",UUID="GPU-3",modelName="Broken"} NaN
not a line {{{
"""


class Recorder:
    """Writes into one ledger at once, in place of the program's recorder."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def write(self, errand: Callable[[LedgerWriter], object]) -> bool:
        return self.ledger.write(errand)

    def put(self, batch: Batch) -> bool:
        pending = Pending()
        pending.add(batch)
        self.ledger.writer.write(pending)
        return True


class Program:
    """What a lane needs, around a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.factory = ServiceFactory({"WATTLIGHT_HOME": str(root)})
        file = self.factory.places.ledger_file
        file.parent.mkdir(parents=True)
        self.ledger = Ledger(file)
        hosts = tuple(
            HostState(h, n, ServerState("http://x")) for h, n in ((LOCAL_HOST, "H"), (TOWER, "Tower"))
        )
        self.hub = StateHub(AppState(hosts))
        self.settings = CurrentSettings(Settings(), {})
        self.recorder = Recorder(self.ledger)
        self.servers = Servers((), {})
        self.parts = LaneParts(
            self.factory,
            self.settings,
            self.hub,
            cast("Any", self.recorder),
            local_zone({"TZ": "UTC"}),
            self.servers,
        )

    @property
    def tower(self) -> HostState:
        return next(host for host in self.hub.state.hosts if host.id == TOWER)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    ring = Ring()
    ring.kept[("wattlight", f"meter {TOWER}")] = TOKEN
    with_ring(monkeypatch, ring)
    made = Program(tmp_path / "here")
    yield made
    made.ledger.writer.close()
    made.factory.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "there.db")
    yield made
    made.writer.close()


@pytest.fixture
def page(there: Ledger) -> Iterator[MeterPage]:
    made = page_of(there)
    made.start()
    yield made
    made.stop()


def test_watts_costs_and_machine_of_a_host_and_what_it_recorded_while_it_was_away(
    program: Program, there: Ledger, page: MeterPage
) -> None:
    there.record(HOUR, 100)
    address = ServerAddress(TOWER, "Tower", meter=page.url, meter_key=True)
    lane = LedgerLane(address, program.parts)
    lane.set_shown(True)
    assert lane.step() == 5
    meter = program.tower.meter
    assert meter is not None
    assert (meter.power_w, meter.basis.split(",")[0], meter.said) == (212.5, "RTX 4090", "")
    assert program.tower.profile is not None
    assert program.tower.today is not None
    assert program.ledger.energy(TOWER) == 100
    page.stop()
    assert lane.step() > 5
    assert lane.step() > 10, "the pauses grow"
    away = program.tower.meter
    assert away is not None
    assert (away.power_w, away.basis) == (None, meter.basis)
    assert "does not answer" in away.said
    for minute in range(5):
        there.record(HOUR + 3, 50, minute=minute)
    again = page_of(there)
    again.start()
    try:
        back = LedgerLane(ServerAddress(TOWER, "Tower", meter=again.url, meter_key=True), program.parts)
        back.step()
        assert program.ledger.energy(TOWER) == there.energy() == 350
    finally:
        again.stop()


def test_a_wrong_token_is_a_sentence_and_no_row(program: Program, there: Ledger, page: MeterPage) -> None:
    there.record(HOUR, 100)
    lane = LedgerLane(ServerAddress(TOWER, "Tower", meter=page.url), program.parts)
    lane.step()
    assert program.tower.meter is not None
    assert "does not accept the token" in program.tower.meter.said
    assert program.ledger.energy(TOWER) == 0


def test_lanes_follow_the_settings(program: Program, there: Ledger, page: MeterPage) -> None:
    there.record(HOUR, 100)
    recorder = cast("Any", program.recorder)
    meters = HostMeters(program.factory, program.settings, program.hub, recorder, program.servers)
    address = ServerAddress(TOWER, "Tower", meter=page.url, meter_key=True)
    program.settings.replace(Settings(servers=(ServerAddress(), address)))
    end = time.monotonic() + 10
    while program.tower.today is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    program.settings.replace(Settings())
    assert program.tower.meter is None
    assert meters.stop()
    assert program.factory.threads.close(3) == ()


def test_cards_of_an_exporter() -> None:
    first, second = cards_of(DCGM.replace("COUNTER", "123456789"))
    assert (first.device.id, first.device.name, first.power.value) == ("GPU-1", "NVIDIA H100", 402.5)
    assert (first.counter_mj, first.power.quality) == (123456789, Quality.COUNTER)
    assert (second.power.value, second.counter_mj, second.power.quality) == (71.2, None, Quality.SAMPLED)
    assert cards_of("") == cards_of("x" * 100) == cards_of('DCGM_FI_DEV_POWER_USAGE{gpu="0"} 1e999') == ()


def test_an_exporter_is_metered_by_host_and_goes_on_after_a_restart(program: Program) -> None:
    counter = [1_000_000]

    def script(line: Line) -> None:
        head, _ = line.request()
        assert head.startswith(b"GET /metrics ")
        body = DCGM.replace("COUNTER", str(counter[0])).encode()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + body)

    with ScriptedServer(script) as server:
        address = ServerAddress(
            TOWER, "Tower", meter=f"http://127.0.0.1:{server.port}", meter_kind="prometheus"
        )
        lane = SourceLane(address, program.parts)
        lane.step()
        counter[0] += 4_025_000
        lane.step()
        meter = program.tower.meter
        assert meter is not None and meter.power_w == pytest.approx(473.7)
        assert "NVIDIA H100" in meter.basis
        lane.end()
        counter[0] += 1_000_000
        again = SourceLane(address, program.parts)
        again.step()
        counter[0] += 5_000
        again.step()
        again.end()
    energy = program.ledger.energy(TOWER)
    assert energy > 0
    assert program.ledger.energy() == 0
    assert program.tower.today is not None


def test_tokens_of_a_far_vllm_are_booked_to_its_models(program: Program) -> None:
    """Its counters as they were recorded: fresh, after 8 answers, and in the middle of a long one."""
    counter = [1_000_000]

    def script(line: Line) -> None:
        line.request()
        body = DCGM.replace("COUNTER", str(counter[0])).encode()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + body)

    pages = {
        "GET /v1/models": "vllm/v1_models",
        "GET /version": "vllm/version",
        "GET /metrics": "vllm/metrics_fresh",
    }
    with ScriptedServer(script) as exporter, RecordedServer(pages) as vllm:
        address = ServerAddress(
            TOWER, "Tower", vllm.url, meter=f"http://127.0.0.1:{exporter.port}", meter_kind="prometheus"
        )
        program.servers.set_addresses((address,))
        state = program.servers.state(TOWER)
        assert state.kind is ServerKind.VLLM
        program.hub.update_host(TOWER, lambda host: replace(host, server=state))
        lane = SourceLane(address, program.parts)
        for page in ("fresh", "after", "busy"):
            vllm.pages["GET /metrics"] = f"vllm/metrics_{page}"
            lane.step()
            counter[0] += 4_025_000
        vllm.pages["GET /metrics"] = (500, {"detail": "no"})
        lane.step()
        lane.end()
        assert program.tower.meter is not None and program.tower.meter.power_w, "its watts are told anyway"
    with closing(program.ledger.reader()) as reader:
        rows = [b for b in reader.buckets(0, 2**60, TOWER) if b.tokens_out]
        assert {b.model for b in rows} == {"tiny-hf"}
        assert sum(b.tokens_in for b in rows) == 79
        assert sum(b.tokens_out for b in rows) == 5172


def test_an_entity_of_home_assistant_stands_for_the_other_computer(program: Program) -> None:
    answers = {
        "/api/states/sensor.desk_power": (200, recorded("homeassistant_power.json")),
        "/api/states/sensor.desk_energy": (200, recorded("homeassistant_energy.json")),
    }
    with serving(FakePlug(answers, token=TOKEN)) as url:
        address = ServerAddress(
            TOWER,
            "Tower",
            meter=url,
            meter_kind="homeassistant",
            meter_watts="sensor.desk_power",
            meter_energy="sensor.desk_energy",
            meter_key=True,
        )
        lane = SourceLane(address, program.parts)
        lane.step()
        lane.end()
    meter = program.tower.meter
    assert meter is not None and meter.power_w == pytest.approx(94.8), meter
    dead = SourceLane(
        ServerAddress(TOWER, "Tower", meter="127.0.0.1:9", meter_kind="prometheus"), program.parts
    )
    dead.step()
    assert program.tower.meter is not None and "does not answer" in program.tower.meter.said


def test_the_window_tries_sets_and_drops_a_meter(program: Program, page: MeterPage) -> None:
    address = ServerAddress(TOWER, "Tower", "http://127.0.0.1:9")
    program.settings.replace(Settings(servers=(ServerAddress(), address)))
    setup = HostSetup(
        program.factory,
        program.settings,
        program.servers,
        program.hub,
        lambda _before, after: program.settings.replace(after),
    )

    def told(after: str) -> Trial:
        end = time.monotonic() + 10
        while (trial := program.hub.state.trying_meter).said == after or trial.said.startswith("Asking"):
            assert time.monotonic() < end
            time.sleep(0.01)
        return trial

    def ask(verb: Verb, token: str = "", kind: str = "wattlight", at: str = page.url) -> Command:
        return Command(verb, text=METER_PARTS.join((kind, at, "", "", token)), host=TOWER)

    setup.try_meter(ask(Verb.TRY_METER, "wrong"))
    refused = told("")
    assert refused.bad and "does not accept the token" in refused.said
    setup.try_meter(ask(Verb.TRY_METER, TOKEN))
    tried = told(refused.said)
    assert not tried.bad and "212" in tried.said
    assert program.settings.value.servers[1] == address, "a try changes nothing"
    setup.use_meter(ask(Verb.USE_METER, TOKEN))
    used = told(tried.said)
    now = program.settings.value.servers[1]
    assert (now.meter, now.meter_key) == (page.url, True) and "is used from now on" in used.said
    assert program.factory.keyring().get(now.meter_secret) == TOKEN
    setup.try_meter(ask(Verb.TRY_METER))
    assert "212" in told(used.said).said, "the token that is kept is used"
    setup.use_meter(ask(Verb.USE_METER, TOKEN, at="http://box.lan:9189"))
    assert told(tried.said).bad and program.settings.value.servers[1] == now, "never where it can be read"
    setup.drop_meter(Command(Verb.DROP_METER, host=TOWER))
    end = time.monotonic() + 10
    while program.settings.value.servers[1].meter:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert program.factory.keyring().get(now.meter_secret) is None
    assert setup.stop()


def test_the_verbs_set_a_meter_and_count_its_computer(
    program: Program, there: Ledger, page: MeterPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(*words: str) -> Any:
        out = io.StringIO()
        run([*words, "--json"], program.factory, out)
        document = json.loads(out.getvalue())
        name = "error" if isinstance(document.get("error"), dict) else words[0]
        jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
        return document

    line("hosts", "add", "127.0.0.1:9", "--name", "Tower")
    assert line("hosts", "meter", "Tower", "http://box.lan:9189", "--key")["error"]["code"] == "wrong_use"
    assert line("hosts", "meter", "Tower", "ssh://-oProxyCommand=x")["error"]["code"] == "wrong_use"
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    assert "token" in line("hosts", "meter", "Tower", page.url, "--key")["error"]["message"]
    assert program.factory.settings().servers[1].meter == ""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    line("hosts", "meter", "Tower", page.url, "--key")
    assert program.factory.settings().servers[1].meter == page.url
    assert TOKEN not in program.factory.places.settings_file.read_text()
    now_hour = int(program.factory.now().timestamp() // 3600)
    there.record(now_hour, 3_600_000)
    program.ledger.record(now_hour, 1_800_000)
    lane = LedgerLane(program.factory.settings().servers[1], program.parts)
    lane.step()
    assert line("cost", "--host", "tower")["energy_mj"] == 3_600_000
    assert line("cost")["energy_mj"] == 1_800_000
    together = line("cost", "--host", "all", "--month", "this")
    assert {b["key"]: b["energy_mj"] for b in together["breakdown"]} == {
        "This computer": 1_800_000,
        "Tower": 3_600_000,
    }
    assert line("cost", "--host", "nobody")["error"]["code"] == "bad_input"
    line("hosts", "meter", "Tower", "off")
    assert program.factory.settings().servers[1].meter == ""
