"""Loads seen through samples: what becomes a comparison, what is learned from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fakes import draft_models, fit_truth
from fakes.metering import part
from wattlight.domain.fit import Confidence, DeviceUse, FitResult, HostUse, Verdict, prepare
from wattlight.domain.learning import Comparison, Prediction, predicted
from wattlight.domain.power import MachineSample
from wattlight.domain.state import RunningModel
from wattlight.domain.values import LOCAL_HOST, DeviceMemory, GpuProcess, HostId, Problem
from wattlight.services.learning import LoadLearner, LoadPredictor

GIB = 1 << 30
MIB = 1 << 20
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MODEL = RunningModel("llama3.1:8b", "d1", 5 * GIB, 5 * GIB, 8192)
FIT = FitResult(
    verdict=Verdict.FULL_GPU, layers_total=33, layers_on_gpu=33, expert_blocks_in_ram=0,
    devices=(DeviceUse("gpu-0", "RTX", 4 * GIB, GIB, 0, 23 * GIB),), host=HostUse(0, 0, 0), batch=1024,
    context=8192, context_asked=8192, kv_type="f16", parallel=1, flash_attention=True,
    reported_size_bytes=5 * GIB, reported_vram_bytes=5 * GIB, spare_bytes=GIB, missing_bytes=0,
    projector_bytes=0, uncertainty_bytes=200 * MIB, confidence=Confidence.HIGH,
)  # fmt: skip
FORECAST = predicted(FIT, "llama")


class Book:
    """Comparisons in memory; may fail."""

    def __init__(self) -> None:
        self.rows: list[Comparison] = []
        self.broken = False

    def add_comparison(self, comparison: Comparison) -> None:
        if self.broken:
            raise Problem("The disk is full.")
        self.rows.insert(0, comparison)

    def comparisons(self, host: HostId = LOCAL_HOST, limit: int = 500) -> tuple[Comparison, ...]:
        if self.broken:
            raise Problem("It is locked.")
        return tuple(self.rows)


class Scene:
    """A machine whose samples are made by hand, a second apart."""

    def __init__(self, prediction: Prediction | None = FORECAST, lists_processes: bool = True) -> None:
        self.book = Book()
        self.told: list[Comparison] = []
        self.asked: list[str] = []
        self.second = 0.0
        self.lists = lists_processes
        self.prediction = prediction
        self.learner = LoadLearner(self.book, self.predict, lambda: "0.33.0", self.told.append)

    def predict(self, model: RunningModel) -> Prediction | None:
        self.asked.append(model.name)
        return self.prediction

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    def tick(
        self, runner: int = 0, others: int = GIB, *running: RunningModel, step: float = 1.0
    ) -> tuple[Comparison, ...]:
        self.second += step
        processes = [GpuProcess(1, others, "Xorg")]
        if runner:
            processes.append(GpuProcess(2, runner, "llama-server"))
        device = part(
            "gpu-0", memory=DeviceMemory(dedicated_used_bytes=runner + others),
            processes=tuple(processes if self.lists else ()),
        )  # fmt: skip
        return self.learner.tick(MachineSample(LOCAL_HOST, self.now, self.second, (device,)), running)

    def load(self, runner: int, others: int = GIB, model: RunningModel = MODEL) -> tuple[Comparison, ...]:
        """Two calm looks, an announced load, two looks at it."""
        self.tick()
        self.tick()
        self.learner.expect(model.name, FORECAST, self.now)
        self.tick(runner // 2)
        self.tick(runner, others, model)
        return self.tick(runner, others, model)


def test_a_load_from_here() -> None:
    scene = Scene()
    (comparison,) = scene.load(5 * GIB + 400 * MIB)
    assert comparison.disturbed is None
    assert comparison.used_bytes == 5 * GIB + 400 * MIB
    assert comparison.predicted_used_bytes == 5 * GIB
    assert comparison.reported_size_bytes == 5 * GIB
    assert comparison.used_source == "driver, by process"
    assert comparison.key.server_version == "0.33.0"
    assert comparison.key.device == "RTX"
    assert scene.told == [comparison] == scene.book.rows
    assert scene.asked == []
    assert scene.learner.corrected(FIT, "llama") == (5 * GIB + 400 * MIB, 200 * MIB)
    assert scene.learner.corrected(FIT, "qwen3") == (5 * GIB, 200 * MIB)


def test_the_same_load_twice_is_compared_once_until_it_was_unloaded() -> None:
    scene = Scene()
    scene.load(5 * GIB)
    for _ in range(5):
        assert scene.tick(5 * GIB, GIB, MODEL) == ()
    assert len(scene.load(5 * GIB)) == 1
    assert len(scene.book.rows) == 2


def test_nothing_is_learned_from_a_disturbed_load() -> None:
    scene = Scene()
    (comparison,) = scene.load(5 * GIB + 400 * MIB, others=3 * GIB)
    assert comparison.disturbed == "other_program"
    assert scene.learner.corrected(FIT, "llama") == (5 * GIB, 200 * MIB)
    scene = Scene()
    (comparison,) = scene.load(5 * GIB, model=replace(MODEL, context_length=4096))
    assert comparison.disturbed == "context"
    scene = Scene()
    (comparison,) = scene.load(5 * GIB, model=replace(MODEL, size_vram_bytes=GIB))
    assert comparison.disturbed == "placement"


def test_a_load_by_another_program_is_compared_by_process() -> None:
    scene = Scene()
    scene.tick()
    scene.tick(2 * GIB)
    scene.tick(5 * GIB, GIB, MODEL)
    (comparison,) = scene.tick(5 * GIB, GIB, MODEL)
    assert scene.asked == ["llama3.1:8b"]
    # the last look before had a part of the load in it; the one before that counts
    assert comparison.used_bytes == 5 * GIB
    assert comparison.disturbed is None
    second = replace(MODEL, name="qwen3:8b", digest="d2")
    scene.tick(5 * GIB, GIB, MODEL)
    scene.tick(6 * GIB, GIB, MODEL)
    scene.tick(9 * GIB, GIB, MODEL, second)
    (comparison,) = scene.tick(9 * GIB, GIB, MODEL, second)
    assert (comparison.model, comparison.used_bytes, comparison.disturbed) == ("qwen3:8b", 4 * GIB, None)


def test_two_at_once_by_other_programs_teach_nothing() -> None:
    scene = Scene()
    scene.tick()
    both = (MODEL, replace(MODEL, name="qwen3:8b", digest="d2"))
    scene.tick(9 * GIB, GIB, *both)
    found = scene.tick(9 * GIB, GIB, *both)
    assert [c.disturbed for c in found] == ["other_model", "other_model"]


def test_where_the_driver_lists_no_processes_only_our_own_loads_are_measured() -> None:
    scene = Scene(lists_processes=False)
    (ours,) = scene.load(5 * GIB)
    assert (ours.used_bytes, ours.used_source, ours.disturbed) == (5 * GIB, "driver, free memory", None)
    scene = Scene(lists_processes=False)
    scene.tick()
    scene.tick()
    scene.tick(5 * GIB, GIB, MODEL)
    (other,) = scene.tick(5 * GIB, GIB, MODEL)
    assert other.used_bytes is None
    assert other.used_reason == "The memory before the load is not known."
    assert other.reported_size_bytes == 5 * GIB


def test_a_load_that_comes_to_rest_late_is_waited_for() -> None:
    scene = Scene()
    scene.tick()
    scene.learner.expect("llama3.1:8b", FORECAST, scene.now)
    assert scene.tick(GIB, GIB, replace(MODEL, size_bytes=0)) == ()
    assert scene.tick(3 * GIB, GIB, MODEL) == ()
    assert scene.tick(5 * GIB, GIB, MODEL) == ()
    (comparison,) = scene.tick(5 * GIB, GIB, MODEL)
    assert comparison.disturbed is None
    assert comparison.used_bytes == 5 * GIB


def test_one_that_never_rests_is_given_up() -> None:
    scene = Scene(lists_processes=False)
    scene.tick()
    scene.tick()
    scene.learner.expect("llama3.1:8b", FORECAST, scene.now)
    found: tuple[Comparison, ...] = ()
    for number in range(100):
        found = scene.tick(5 * GIB + number * 100 * MIB, GIB, MODEL)
        if found:
            break
    assert found[0].disturbed in {"unsteady", "old_look"}
    assert scene.second < 70


def test_models_there_at_the_start_and_gone_at_once_are_no_loads() -> None:
    scene = Scene()
    assert scene.tick(5 * GIB, GIB, MODEL) == ()
    assert scene.tick(5 * GIB, GIB, MODEL) == ()
    scene.tick()
    scene.tick(5 * GIB, GIB, MODEL)
    scene.tick()
    assert scene.tick() == ()
    assert scene.book.rows == []


def test_an_announcement_is_forgotten_and_an_old_look_is_none() -> None:
    scene = Scene()
    scene.tick()
    scene.learner.expect("llama3.1:8b", FORECAST, scene.now)
    scene.tick(step=1000)
    scene.tick(5 * GIB, GIB, MODEL)
    assert scene.asked == ["llama3.1:8b"]
    scene = Scene()
    scene.tick()
    scene.learner.expect("llama3.1:8b", FORECAST, scene.now + timedelta(seconds=60))
    scene.tick(5 * GIB, GIB, MODEL, step=70)
    (comparison,) = scene.tick(5 * GIB, GIB, MODEL)
    assert comparison.disturbed == "old_look"
    assert comparison.used_bytes is None


def test_an_unknown_model_is_not_compared() -> None:
    scene = Scene(prediction=None)
    scene.tick()
    scene.tick(5 * GIB, GIB, MODEL)
    assert scene.tick(5 * GIB, GIB, MODEL) == ()


def test_a_broken_book_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    scene.book.broken = True
    assert len(scene.load(5 * GIB)) == 1
    assert scene.learner.comparisons() == ()
    assert scene.learner.corrected(FIT, "llama") == (5 * GIB, 200 * MIB)
    assert "not kept" in caplog.text


def test_without_a_version_nothing_is_corrected() -> None:
    learner = LoadLearner(Book(), lambda _model: None, lambda: None)
    assert learner.corrected(FIT, "llama") == (5 * GIB, 200 * MIB)


@pytest.mark.parametrize(("length", "learns"), [(None, True), (4, False)])
def test_nothing_is_foretold_of_a_model_with_a_draft(length: int | None, learns: bool) -> None:
    """The server then lists the draft's figures in the place of the model's."""
    shape = replace(draft_models.with_block(fit_truth.shape("qwen35-9b")), draft_length=length)
    machine = fit_truth.machine_of({"id": "x", "devices": "CUDA0:24000:24576"})
    advisor = SimpleNamespace(prepared=lambda _name, _digest: prepare(shape))
    hub = SimpleNamespace(state=SimpleNamespace(local=SimpleNamespace(server=SimpleNamespace(installed=()))))
    predictor = LoadPredictor(
        SimpleNamespace(advisor=lambda: advisor),  # type: ignore[arg-type]
        hub,  # type: ignore[arg-type]
        SimpleNamespace(fresh_profile=lambda: machine),  # type: ignore[arg-type]
    )
    assert (predictor.before("m", 8192) is not None) is learns
