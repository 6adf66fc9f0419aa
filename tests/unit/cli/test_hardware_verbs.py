"""``hardware``, ``power`` and ``doctor``: documents as their schemas say, words a person knows."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fakes import trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from wattlight.cli import run, verb_doctor, verb_hardware, verb_power
from wattlight.domain.machine_file import parse_machine
from wattlight.domain.state import RunningModel, ServerState, ServerStatus
from wattlight.paths import Places
from wattlight.probes import Prober, open_prober
from wattlight.services.advising import Advisor
from wattlight.services.factory import ServiceFactory
from wattlight.settings import Settings, load_settings
from wattlight.system import EnergyPermission, EnergyPermissionProblem

SCHEMAS = Path(__file__).resolve().parents[3] / "desktop" / "schemas"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="paths of the trees hold ':'")


class Bench:
    """A workshop on a recorded machine whose counters move on at every look."""

    def __init__(self, root: Path, places: Path) -> None:
        self.root = root
        self.then: Path | None = None
        self.places = Places(places, places, places, places, places)
        self.environ: dict[str, str] = {}
        self.at = 1000.0
        self.nvml = FakeNvmlApi(FakeGpu())
        self.state = ServerState("http://127.0.0.1:11434", ServerStatus.READY, version="0.33.0")
        self.paused: list[float] = []

    def prober(
        self,
        root: Path | None = None,
        trace: Callable[[str], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> Prober:
        prober = open_prober(
            root or self.root, trace=trace, clock=clock or self._clock, nvml=lambda: self.nvml
        )
        self.opened = prober
        return prober

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.at += 1.0
        if self.then is not None:
            self.opened.move(self.then)

    def _clock(self) -> float:
        return self.at

    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()

    def advisor(self) -> Advisor:
        return ServiceFactory({"WATTLIGHT_HOME": str(self.places.config)}).advisor()

    def own_runs(self) -> tuple[()]:
        return ()

    def server(self, host: str | None = None) -> Any:
        return type("Server", (), {"state": lambda _, **__: self.state})()


@pytest.fixture
def bench_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    def make(name: str) -> Bench:
        known = trees.T[name]
        for sub, files in known["samples"].items():
            trees.write_tree(tmp_path / name / sub, files, known.get("unreadable", ()))
        samples = sorted(known["samples"])
        bench = Bench(tmp_path / name / samples[0], tmp_path / "home")
        bench.then = tmp_path / name / samples[1] if len(samples) > 1 else None
        for module in (verb_hardware, verb_power, verb_doctor):
            monkeypatch.setattr(module.time, "sleep", bench.pause)
        return bench

    return make


def text(bench: Bench, *words: str) -> str:
    out = io.StringIO()
    assert run(list(words), bench, out) == 0, out.getvalue()
    return out.getvalue()


def document(bench: Bench, verb: str, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(bench, verb, *words, "--json"))
    schema = json.loads((SCHEMAS / f"{verb}.json").read_text())
    Draft202012Validator(schema).validate(found)
    return found


@pytest.mark.parametrize("name", sorted(trees.T))
@pytest.mark.parametrize("verb", ["hardware", "power", "doctor"])
def test_every_machine_answers_as_the_schema_says(
    verb: str, name: str, bench_on: Callable[[str], Bench]
) -> None:
    bench = bench_on(name)
    assert document(bench, verb)["schema"] == 1
    assert text(bench, verb).strip()


@pytest.mark.parametrize("verb", ["hardware", "power", "doctor"])
def test_the_schema_refuses_what_is_not_true(verb: str, bench_on: Callable[[str], Bench]) -> None:
    found = document(bench_on("amdgpu_dgpu_7900xtx"), verb)
    schema = Draft202012Validator(json.loads((SCHEMAS / f"{verb}.json").read_text()))
    schema.check_schema(schema.schema)
    assert list(schema.iter_errors({**found, "more": 1}))
    if verb == "power":
        found["parts"][0]["power_w"] = 0
        assert list(schema.iter_errors(found)), "0 W is never a reading"


def test_the_words_of_a_card(bench_on: Callable[[str], Bench]) -> None:
    said = text(bench_on("amdgpu_dgpu_7900xtx"), "hardware")
    assert "AMD Radeon RX 7900 XTX" in said
    assert "24.0 GiB, 6.0 GiB free for a model" in said
    assert "319 W of at most 339 W (whole card, ±10%)" in said
    assert "97%, 63 °C, hottest spot 84 °C, memory 90 °C, fan 1,877 rpm" in said
    assert "None" not in said


def test_the_words_of_a_sleeping_laptop(bench_on: Callable[[str], Bench]) -> None:
    said = text(bench_on("optimus_dgpu_suspended"), "hardware")
    assert "asleep (and left alone)" in said and "not measured: asleep: close to 0 W" in said


def test_counters_get_their_second_look(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("intel_arc_b580_xe")
    row = document(bench, "hardware")["accelerators"][0]
    assert bench.paused == [0.3] and row["power_w"] is not None
    bench = bench_on("amdgpu_dgpu_7900xtx")
    document(bench, "hardware")
    assert bench.paused == [], "nothing to wait for"


def test_the_profile_is_a_machine_file(bench_on: Callable[[str], Bench]) -> None:
    found = document(bench_on("amdgpu_dgpu_7900xtx"), "hardware", "--profile")
    profile = parse_machine(found)
    (device,) = profile.devices
    assert device.memory_total_bytes == 25753026560 and device.bandwidth_gbs == 960.0
    assert device.memory_free_bytes == 25753026560 - 19327352832
    assert json.loads(text(bench_on("amdgpu_dgpu_7900xtx"), "hardware", "--profile"))["schema"] == 1


def test_power_counts_a_part_once_and_names_the_rest(bench_on: Callable[[str], Bench]) -> None:
    found = document(bench_on("rapl_intel_package_psys_wrap"), "power")
    assert found["total"]["measured_w"] == pytest.approx(78.5)
    assert found["total"]["counted"] == ["rapl:psys"]
    assert {p["id"]: p["counted"] for p in found["parts"]} == {
        "rapl:package-0": False, "rapl:dram-0": False, "rapl:psys": True,
    }  # fmt: skip
    said = text(bench_on("rapl_intel_package_psys_wrap"), "power")
    assert "included in another part" in said and "Whole computer" in said
    said = text(bench_on("amdgpu_dgpu_7900xtx"), "power")
    assert "Measured parts: 319 W ± 32 W" in said and "Not in it: Processor; rest of the computer" in said


def test_watching_prints_a_line_at_each_beat(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("amdgpu_dgpu_7900xtx")
    out = io.StringIO()
    assert run(["power", "--watch", "--count", "3", "--interval", "2", "--json"], bench, out) == 0
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    schema = Draft202012Validator(json.loads((SCHEMAS / "power.json").read_text()))
    assert len(lines) == 3 and all(schema.is_valid(line) for line in lines)
    assert len(bench.paused) == 3 and 1.5 < bench.paused[0] <= 2
    said = text(bench, "power", "--watch", "--count", "1")
    assert "319 W" in said.splitlines()[-1]


@pytest.mark.parametrize(
    "words", [["--interval", "0"], ["--interval", "x"], ["--count", "-1"], ["--count", "0"]]
)
def test_wrong_use_of_power(words: list[str], bench_on: Callable[[str], Bench]) -> None:
    assert run(["power", "--watch", *words], bench_on("container_vm_no_gpu"), io.StringIO()) == 2


def test_doctor_shows_the_rule_and_its_undo_and_runs_nothing(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("rapl_intel_unreadable")
    found = document(bench, "doctor")
    (finding,) = (f for f in found["findings"] if f["code"] == "cpu_power_permission")
    assert "sudo tee /etc/" in finding["command"][0] and "CVE-2020-8694" in finding["effect"]
    assert finding["undo"][0] == "sudo chown root /sys/class/powercap/intel-rapl:*/energy_uj"
    said = text(bench, "doctor")
    assert "To change that, run:" in said and "To take it back:" in said and "--allow-energy" in said


def test_doctor_says_that_a_rule_is_in_force_and_how_it_goes(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("rapl_intel_package_psys_wrap")
    assert "cpu_power_opened" not in {f["code"] for f in document(bench, "doctor")["findings"]}
    bench.environ["WATTLIGHT_SYSROOT"] = str(bench.root)
    rule = bench.root / "etc/tmpfiles.d/wattlight-energy.conf"
    rule.parent.mkdir(parents=True)
    rule.write_text("# ours\nz /sys/class/powercap/intel-rapl:*/energy_uj - 0 - - -\n")
    (finding,) = (f for f in document(bench, "doctor")["findings"] if f["code"] == "cpu_power_opened")
    assert "account root" in finding["text"] and finding["undo"]
    said = text(bench, "doctor")
    assert "To take it back:" in said and "To change that" not in said.split("account root")[1]


@pytest.mark.parametrize("wish", ["--allow-energy", "--forbid-energy"])
def test_doctor_asks_for_the_permission_and_says_why_it_failed(
    wish: str, bench_on: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(EnergyPermission, "allow", lambda _: asked.append("--allow-energy"))
    monkeypatch.setattr(EnergyPermission, "forbid", lambda _: asked.append("--forbid-energy"))
    bench = bench_on("rapl_intel_unreadable")
    assert document(bench, "doctor", wish)["findings"] and asked == [wish]

    def refuse(_: EnergyPermission) -> None:
        raise EnergyPermissionProblem("The question was closed.", "Nothing was changed.")

    monkeypatch.setattr(EnergyPermission, "allow", refuse)
    monkeypatch.setattr(EnergyPermission, "forbid", refuse)
    out = io.StringIO()
    assert run(["doctor", wish, "--json"], bench, out) == 1
    error = json.loads(out.getvalue())["error"]
    assert error["code"] == "energy_permission" and error["next"] == "Nothing was changed."


def test_doctor_tells_a_driver_that_failed_from_one_that_works(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("optimus_dgpu_active")
    assert document(bench, "doctor")["ok"]
    bench.nvml.init_fault = 18
    found = document(bench, "doctor")
    assert not found["ok"]
    assert any("reboot to finish the update" in f["text"] for f in found["findings"])
    assert "PROBLEM" in text(bench, "doctor")


@pytest.mark.parametrize(
    ("status", "level"),
    [(ServerStatus.READY, "fine"), (ServerStatus.ABSENT, "note"), (ServerStatus.SILENT, "problem")],
)
def test_doctor_asks_the_server(status: ServerStatus, level: str, bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("container_vm_no_gpu")
    bench.state = ServerState("http://127.0.0.1:11434", status, message="Said by the server's door.")
    (finding,) = (f for f in document(bench, "doctor")["findings"] if f["code"] == "server")
    assert finding["level"] == level


def test_doctor_says_that_a_server_converts_models(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("container_vm_no_gpu")
    for version, said in (("0.39.9", False), ("0.40.1", True)):
        bench.state = ServerState("http://127.0.0.1:11434", ServerStatus.READY, version)
        found = [f for f in document(bench, "doctor")["findings"] if f["code"] == "converts"]
        assert bool(found) is said
        assert all("about twice the disk" in f["text"] for f in found)


def test_doctor_reads_settings_and_ledger(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("container_vm_no_gpu")
    bench.places.make(bench.places.config)
    bench.places.settings_file.write_text('{"theme": 7}')
    bench.places.ledger_file.write_bytes(b"this is no database" * 100)
    found = {f["code"]: f for f in document(bench, "doctor")["findings"]}
    assert found["settings"]["level"] == "problem" and found["ledger"]["level"] == "problem"
    assert bench.places.ledger_file.read_bytes().startswith(b"this is no"), "left alone"


class Terminal(io.StringIO):
    """A keyboard."""

    def isatty(self) -> bool:
        return True


def test_a_calibration_asks_twice_and_is_used(
    bench_on: Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_on("optimus_dgpu_active")
    gpu = bench.nvml.gpus[0]
    gpu.utilization = 5

    def pause(seconds: float) -> None:
        bench.pause(seconds)
        bench.at += seconds - 1
        gpu.power_mw = 20_000 if bench.at < 1090 else 200_000

    monkeypatch.setattr("wattlight.cli.calibration.time.sleep", pause)
    monkeypatch.setattr("sys.stdin", Terminal("55,0\nno number\n250 W\n"))
    said = text(bench, "power", "--calibrate")
    assert "Measured inside: 20 W." in said and "Measured inside: 200 W." in said
    saved = load_settings(bench.places.settings_file).settings
    assert saved.meter.wall_factor == pytest.approx(195 / 180, abs=1e-3)
    assert saved.meter.wall_parts == "pci:0000:01:00.0"
    monkeypatch.setattr(bench, "settings", lambda: saved)
    assert document(bench, "power")["total"]["wall_w"] == pytest.approx(250, abs=0.5)
    assert "Whole computer at the wall, estimated: 250 W ± 5.0 W (your calibration of Nov 24, 2026)" in text(
        bench, "power"
    )


def test_a_calibration_without_terminal_or_sensor_is_refused(bench_on: Callable[[str], Bench]) -> None:
    out = io.StringIO()
    assert run(["power", "--calibrate", "--json"], bench_on("optimus_dgpu_active"), out) == 1
    assert json.loads(out.getvalue())["error"]["code"] == "no_calibration"


def test_doctor_says_that_the_server_is_another_computer(bench_on: Callable[[str], Bench]) -> None:
    bench = bench_on("container_vm_no_gpu")
    assert "remote_server" not in {f["code"] for f in document(bench, "doctor")["findings"]}
    bench.state = ServerState("http://192.168.1.5:11434", ServerStatus.READY, version="0.33.0")
    assert "remote_server" in {f["code"] for f in document(bench, "doctor")["findings"]}


def test_doctor_names_a_model_that_runs_on_the_processor_beside_a_card(
    bench_on: Callable[[str], Bench],
) -> None:
    bench = bench_on("optimus_dgpu_suspended")
    loaded = RunningModel("llama3.2:3b", "d", 3 << 30, 0, 4096)
    bench.state = ServerState(
        "http://127.0.0.1:11434", ServerStatus.READY, version="0.40.2", running=(loaded,)
    )
    found = [f for f in document(bench, "doctor")["findings"] if f["code"] == "slow_model"]
    # the server says so, and a GPU that sleeps holds nothing
    assert [f["level"] for f in found] == ["problem"]
    assert found[0]["text"].startswith("llama3.2:3b runs on the processor, and ")
    bench.state = replace(bench.state, url="http://192.168.1.5:11434")
    assert "slow_model" not in str(document(bench, "doctor"))
