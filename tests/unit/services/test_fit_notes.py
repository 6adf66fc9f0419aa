"""Notes of fits with what was measured here: speed, draw, money per token, memory as past loads took it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from wattlight.domain.fit import Confidence, DeviceUse, FitResult, HostUse, Verdict
from wattlight.domain.speed import SpeedRange
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.services.advising import Ladder, Opinion
from wattlight.services.fit_notes import Experience, note_of, with_ladder
from wattlight.services.learning import LoadLearner
from wattlight.services.passthrough import ModelEnergy

GIB = 1 << 30
MIB = 1 << 20
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FIT = FitResult(
    verdict=Verdict.FULL_GPU, layers_total=33, layers_on_gpu=33, expert_blocks_in_ram=0,
    devices=(DeviceUse("gpu-0", "RTX", 4 * GIB, GIB, 0, 23 * GIB),), host=HostUse(0, 0, 0), batch=1024,
    context=8192, context_asked=8192, kv_type="f16", parallel=1, flash_attention=True,
    reported_size_bytes=5 * GIB, reported_vram_bytes=5 * GIB, spare_bytes=10 * GIB, missing_bytes=0,
    projector_bytes=0, uncertainty_bytes=200 * MIB, confidence=Confidence.HIGH,
)  # fmt: skip
OPINION = Opinion("m:8b", FIT, confidence=Confidence.HIGH, architecture="llama")
RUN = MeasuredSpeed(
    "m:8b", "d1", "RTX", 8192, NOW, 1000, 100.0, 2000.0, "0.33.0", 2.0, 0.1, None, power_w=210.0
)
PRICE = Decimal("0.36")


def test_a_run_on_this_device_takes_the_estimates_place() -> None:
    note = note_of(OPINION, "d1", Experience((RUN,), (), PRICE))
    assert note.measured_tokens_per_s == 100.0
    assert note.active_w == 210.0
    # 2 J a token, a million of them: 2 MJ, 0.5556 kWh at 0.36
    assert note.cost_per_million_micro == 200_000
    assert note.cost_error_fraction == 0.1


def test_a_run_with_a_filled_context_stands_beside_the_other() -> None:
    filled = replace(RUN, output_tokens_per_s=70.0, cache_tokens=6000, joules_per_token=9.0, power_w=300.0)
    note = note_of(OPINION, "d1", Experience((filled, RUN), (), PRICE))
    assert (note.measured_tokens_per_s, note.active_w, note.cost_per_million_micro) == (100.0, 210.0, 200_000)
    assert (note.filled_tokens_per_s, note.filled_tokens) == (70.0, 6000)
    other = replace(filled, context=32768)
    assert note_of(OPINION, "d1", Experience((other, RUN))).filled_tokens_per_s is None


@pytest.mark.parametrize("run", [replace(RUN, digest="d2"), replace(RUN, device="cpu")])
def test_another_version_or_device_says_nothing(run: MeasuredSpeed) -> None:
    note = note_of(OPINION, "d1", Experience((run,), (), PRICE))
    assert note.measured_tokens_per_s is None
    assert note.cost_per_million_micro is None


def test_without_a_price_or_a_usable_figure_there_is_no_money() -> None:
    assert note_of(OPINION, "d1", Experience((RUN,))).cost_per_million_micro is None
    unsure = replace(RUN, energy_error_fraction=0.9)
    note = note_of(OPINION, "d1", Experience((unsure,), (), PRICE))
    assert note.cost_per_million_micro is None
    assert note.active_w is None
    assert note.measured_tokens_per_s == 100.0


def test_real_requests_count_before_the_benchmark() -> None:
    energy = ModelEnergy("m:8b", 5, 1000, 20.0, 4000.0, 0.2)
    note = note_of(OPINION, "d1", Experience((RUN,), (energy,), PRICE))
    assert note.cost_per_million_micro == 400_000
    assert note.cost_error_fraction == 0.2
    with_rest = replace(energy, above_rest=False)
    assert note_of(OPINION, "d1", Experience((RUN,), (with_rest,), PRICE)).cost_per_million_micro == 200_000


def test_what_past_loads_took_moves_the_memory_and_what_is_left() -> None:
    class Learner(LoadLearner):
        def __init__(self) -> None:
            pass

        def corrected(self, fit: FitResult, architecture: str) -> tuple[int, int]:
            assert architecture == "llama"
            return fit.gpu_bytes + 300 * MIB, 32 * MIB

    experience = Experience(learner=Learner())
    note = with_ladder(note_of(OPINION, "d1", experience), Ladder((FIT,)), "llama", experience)
    assert note.gpu_bytes == 5 * GIB + 300 * MIB
    assert note.weights_bytes == 4 * GIB
    assert note.spare_bytes == 10 * GIB - 300 * MIB
    assert note.uncertainty_bytes == 32 * MIB
    assert (note.steps[0].weights_bytes, note.steps[0].work_bytes) == (4 * GIB, GIB + 300 * MIB)


def test_a_projector_is_part_of_what_is_used_and_takes_no_spare_memory_twice() -> None:
    note = note_of(replace(OPINION, fit=FIT._replace(projector_bytes=GIB)))
    assert note.gpu_bytes == 6 * GIB
    assert note.spare_bytes == 10 * GIB


def test_a_draft_has_a_speed_of_its_own() -> None:
    plain = SpeedRange(30.0, 35.0, 40.0, "x")
    drafted = SpeedRange(39.0, 54.0, 72.0, "y")
    note = note_of(replace(OPINION, speed=plain, draft_speed=drafted))
    assert (note.tokens_low, note.draft_low, note.draft_high) == (30.0, 39.0, 72.0)
    assert note_of(replace(OPINION, speed=plain)).draft_low is None


def test_what_it_needs_is_one_figure_for_windows_and_command_line() -> None:
    """On devices, in RAM and the projector, as ``fit`` prints it; what past loads took does not change it."""
    both = FIT._replace(host=HostUse(2 * GIB, 0, MIB), projector_bytes=GIB)
    note = note_of(replace(OPINION, fit=both))
    assert note.needed_bytes == both.needed_bytes == 8 * GIB + MIB
    assert note_of(Opinion("m:8b", None)).needed_bytes is None
