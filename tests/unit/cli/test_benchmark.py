"""``benchmark --power-caps``: the table, the document, and what is said where it cannot be."""

import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fakes.fake_nvml_api import FakeGpu, FakeNvmlApi
from fakes.metering import GEMMA, QWEN, Machine
from wattlight.cli import run, verb_benchmark
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.i18n import activate
from wattlight.paths import Places
from wattlight.probes import CardLimit, card_limits
from wattlight.services.benchmark import Subject
from wattlight.services.threads import Threads
from wattlight.settings import Settings

SCHEMA = Path(__file__).resolve().parents[3] / "desktop" / "schemas" / "benchmark.json"
FIGURES = {450: (100.0, 3.0), 405: (99.5, 2.8), 360: (98.0, 2.4), 315: (93.0, 2.2), 270: (70.0, None)}


class Prober:
    def __init__(self) -> None:
        self.machine = Machine()

    def sample(self) -> MachineSample:
        self.machine.run(1)
        return self.machine.look()

    def close(self) -> None:
        """Nothing is open."""


class Server:
    def __init__(self, *models: RunningModel) -> None:
        self.models = models

    def running(self) -> tuple[RunningModel, ...]:
        return self.models


class Shop:
    def __init__(self, root: Path, gpu: FakeGpu | None, *models: RunningModel) -> None:
        self.places = Places(root, root, root, root, root)
        self.environ = {"WATTLIGHT_HOME": str(root)}
        self.gpus = [] if gpu is None else [gpu]
        self.models = models
        self.threads = Threads()

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def settings(self) -> Settings:
        return Settings()

    def server(self, host: str | None = None) -> Server:
        return Server(*self.models)

    def prober(self) -> Prober:
        return Prober()

    def card_limits(self) -> AbstractContextManager[list[CardLimit]]:
        return card_limits(FakeNvmlApi(*self.gpus))  # type: ignore[arg-type]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    activate("en")
    made = FakeGpu(limit_mw=400_000)

    class Quick:
        def __init__(self, *_: Any) -> None:
            """Nothing is needed."""

        def run(self, subject: Subject) -> MeasuredSpeed:
            per_s, joules = FIGURES[made.limit_mw // 1000]
            return MeasuredSpeed(
                subject.model, "", subject.device, subject.context, datetime(2026, 3, 1, tzinfo=UTC), 500,
                per_s, None, None, joules_per_token=joules,
            )  # fmt: skip

    monkeypatch.setattr(verb_benchmark, "Benchmark", Quick)
    return made


def call(shop: Shop, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    code = run(["benchmark", *words], shop, out)  # type: ignore[arg-type]
    return code, out.getvalue()


def test_the_table_and_the_limit_worth_setting(gpu: FakeGpu, tmp_path: Path) -> None:
    code, text = call(Shop(tmp_path, gpu, QWEN), "--power-caps")
    assert code == 0
    assert "360 W saves 20% of the energy of a token and costs 2% of the speed with qwen3:8b" in text
    assert text.rstrip().endswith("sudo nvidia-smi -pl 360")
    assert gpu.limit_mw == 400_000


def test_the_document(gpu: FakeGpu, tmp_path: Path) -> None:
    code, text = call(Shop(tmp_path, gpu, QWEN, GEMMA), "gemma3:27b", "--power-caps", "--json")
    assert code == 0
    document = json.loads(text)
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert (document["model"], document["advised_w"]) == ("gemma3:27b", 360.0)
    assert [run["limit_w"] for run in document["runs"]] == [450.0, 405.0, 360.0, 315.0, 270.0]
    assert document["runs"][-1]["saved"] is None


SUBJECT = Subject("qwen3:8b", "d1", "RTX", 8192, "0.33.0", driver="575.1", loaded=False)
RUNS = (
    MeasuredSpeed(
        "qwen3:8b", "d1", "RTX", 8192, datetime(2026, 3, 1, tzinfo=UTC), 1200, 101.4, 2000.0, "0.33.0", 2.08,
        0.11, cache_tokens=310, first_token_s=0.42, load_s=6.5, driver="575.1",
    ),
    MeasuredSpeed(
        "qwen3:8b", "d1", "RTX", 8192, datetime(2026, 3, 1, tzinfo=UTC), 600, 71.2, 1800.0, "0.33.0", None,
        None, "The power was not read during the whole run.", cache_tokens=6144, first_token_s=3.3,
    ),
)  # fmt: skip


def test_both_fills_as_a_table_and_as_a_document() -> None:
    activate("en")
    lines = verb_benchmark.fills_lines(RUNS)
    assert lines[1].split() == ["310", "tokens", "0.42", "s", "2,000", "101.4", "2.08", "±11%"]
    assert lines[2].split() == ["6,144", "tokens", "3.30", "s", "1,800", "71.2", "–"]
    assert lines[3] == "RTX · 575.1 · context 8,192 · loaded in 6.50 s"
    assert lines[4] == "The power was not read during the whole run."
    assert "was not measured" in verb_benchmark.fills_lines(RUNS[:1])[3]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    document = {"schema": 1, **verb_benchmark.fills_document(SUBJECT, RUNS)}
    jsonschema.validate(document, schema)
    assert (document["load_s"], document["driver"], len(document["fills"])) == (6.5, "575.1", 2)
    assert document["fills"][1]["joules_per_token"] is None


def refuse(gpu: FakeGpu) -> None:
    gpu.faults["set_limit"] = 4


@pytest.mark.parametrize(
    ("change", "gpus", "models", "words", "code", "said"),
    [
        (refuse, 1, (QWEN,), (), 1, "needs an administrator"),
        (refuse, 1, (QWEN,), (), 1, "Published sweeps"),
        (None, 0, (QWEN,), (), 1, "No card here lets its power limit be read"),
        (None, 1, (), (), 2, "0 are loaded"),
        (None, 1, (QWEN, GEMMA), (), 2, "2 are loaded"),
        (None, 1, (QWEN,), ("--card", "2"), 2, "no such card"),
    ],
)
def test_where_it_cannot_be_one_sentence_says_why(
    gpu: FakeGpu,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[FakeGpu], None] | None,
    gpus: int,
    models: tuple[RunningModel, ...],
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    if change is not None:
        change(gpu)
    found, text = call(Shop(tmp_path, gpu if gpus else None, *models), "--power-caps", *words)
    assert found == code
    assert said in " ".join((text + capsys.readouterr().err).split())
    assert gpu.limit_mw == 400_000
