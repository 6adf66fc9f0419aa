"""``power --calibrate-json``, ``--assume``, ``--forget-wall``: what is said of the plug, never in a sum."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fakes import trees
from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.systems import needs_trees
from wattlight.cli import run
from wattlight.i18n import activate
from wattlight.probes import Prober, open_prober
from wattlight.services.factory import ServiceFactory

pytestmark = needs_trees
SCHEMA = json.loads(
    (Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "power.json").read_text(encoding="utf-8")
)
TREE = "optimus_dgpu_active"


class Shop(ServiceFactory):
    """A recorded laptop whose card draws what the test says; seconds pass only by waiting."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"WATTLIGHT_HOME": str(folder / "home")})
        known = trees.T[TREE]
        sub = min(known["samples"])
        trees.write_tree(folder / sub, known["samples"][sub], known.get("unreadable", ()))
        self.root = folder / sub
        self.nvml = FakeNvmlApi(FakeGpu())
        self.nvml.gpus[0].utilization = 5
        self.seconds = 1000.0
        self.loaded_after = 1e9

    def prober(self, *_: Any, **__: Any) -> Prober:
        return open_prober(self.root, clock=lambda: self.seconds, nvml=lambda: self.nvml)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.nvml.gpus[0].power_mw = 20_000 if self.seconds < self.loaded_after else 200_000


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    activate("en")
    made = Shop(tmp_path)
    made.wait(0)
    monkeypatch.setattr("time.sleep", made.wait)
    return made


def call(shop: Shop, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    return run(["power", *words], shop, out), out.getvalue()


def total(shop: Shop, *words: str) -> dict[str, Any]:
    code, text = call(shop, *words, "--json")
    assert code == 0, text
    document = json.loads(text)
    Draft202012Validator(SCHEMA).validate(document)
    found: dict[str, Any] = document["total"]
    return found


def test_nothing_is_said_of_the_plug_unless_somebody_said_something(shop: Shop) -> None:
    found = total(shop)
    assert found["wall_w"] is found["wall_error_w"] is found["wall_basis"] is None


def test_a_scripted_calibration(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "readings.json"
    file.write_text('{"wall_w": [55, 250]}', encoding="utf-8")
    shop.loaded_after = shop.seconds + 90
    found = total(shop, "--calibrate-json", str(file))
    assert found["wall_basis"] == "calibrated"
    assert found["wall_w"] == pytest.approx(250, abs=0.5) and found["wall_error_w"] == pytest.approx(5)
    assert found["measured_w"] == pytest.approx(200)
    shop.loaded_after = 1e9
    shop.wait(0)
    assert total(shop)["wall_w"] == pytest.approx(55, abs=0.5)


@pytest.mark.parametrize(
    "raw",
    ["", "{", "[]", "{}", '{"wall_w": []}', '{"wall_w": [55]}', '{"wall_w": [55, 250, 300]}',
     '{"wall_w": ["55", "250"]}', '{"wall_w": [55, NaN]}', '{"wall_w": [-1, 250]}', '{"wall_w": [true, 250]}',
     '{"wall_w": [55, 1e99]}', '{"wall_w": {"a": 1, "b": 2}}', '{"wall_w": 7}', "[" * 5000],
)  # fmt: skip
def test_a_file_of_nonsense_is_one_sentence(shop: Shop, tmp_path: Path, raw: str) -> None:
    file = tmp_path / "readings.json"
    file.write_text(raw, encoding="utf-8")
    started = shop.seconds
    code, text = call(shop, "--calibrate-json", str(file), "--json")
    assert code == 1 and json.loads(text)["error"]["code"] == "bad_readings"
    assert shop.seconds - started < 5, "refused before the three minutes"
    assert not shop.places.settings_file.exists()


def test_readings_that_carry_no_line_save_nothing(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "readings.json"
    file.write_text('{"wall_w": [55, 56]}', encoding="utf-8")
    code, text = call(shop, "--calibrate-json", str(file), "--json")
    assert code == 1 and json.loads(text)["error"]["code"] == "no_calibration"
    assert not shop.places.settings_file.exists()


def test_a_missing_file_is_said(shop: Shop, tmp_path: Path) -> None:
    code, text = call(shop, "--calibrate-json", str(tmp_path / "none.json"), "--json")
    assert code == 1 and json.loads(text)["error"]["code"] == "bad_readings"


def test_an_assumption_is_labelled_and_in_no_sum(shop: Shop) -> None:
    before = total(shop)
    code, text = call(shop, "--assume", "35", "--supply", "gold:110")
    assert code == 0
    line = text.splitlines()[-1]
    assert line.startswith(
        "Whole computer at the wall, estimated: 61 W ± 11 W (you assume 35 W for what is not"
    )
    assert line.endswith("and a power supply gold of 110 W)")
    after = total(shop)
    assert after["wall_basis"] == "assumed"
    assert {k: v for k, v in after.items() if "wall" not in k} == {
        k: v for k, v in before.items() if "wall" not in k
    }
    _, text = call(shop, "--assume", "35")
    assert "loss of the power supply left out" in text


def test_forgetting(shop: Shop) -> None:
    assert total(shop, "--assume", "35")["wall_w"] is not None
    assert total(shop, "--forget-wall")["wall_w"] is None


@pytest.mark.parametrize(
    "words",
    [
        ["--assume", "-3"],
        ["--assume", "nan"],
        ["--assume", "much"],
        ["--assume", "35", "--supply", "wood:650"],
        ["--assume", "35", "--supply", "gold"],
        ["--assume", "35", "--supply", "gold:7"],
        ["--assume", "35", "--forget-wall"],
        ["--calibrate", "--assume", "3"],
    ],
)
def test_wrong_use(shop: Shop, words: list[str]) -> None:
    assert call(shop, *words)[0] == 2


def test_a_supply_alone_is_refused(shop: Shop) -> None:
    code, text = call(shop, "--supply", "gold:650", "--json")
    assert code == 2 and json.loads(text)["error"]["code"] == "wrong_use"
