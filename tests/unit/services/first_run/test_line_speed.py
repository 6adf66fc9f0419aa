"""The speed of the line from the first 20 MB."""

from wattlight.domain.pulls import PullState
from wattlight.services.first_run import LineTimer

MB = 1_000_000


def pull(done: int, total: int = 5_000 * MB, model: str = "a") -> PullState:
    return PullState(model, "pulling", done, total)


def test_twenty_megabytes_are_timed_once() -> None:
    timer = LineTimer()
    assert timer.take(pull(0), 0.0) is None
    assert timer.take(pull(1 * MB), 1.0) is None
    assert timer.take(pull(11 * MB), 2.0) is None
    assert timer.take(pull(21 * MB), 3.0) == 10 * MB
    assert timer.take(pull(41 * MB), 4.0) is None


def test_what_was_there_from_an_earlier_try_is_not_counted() -> None:
    timer = LineTimer()
    timer.take(pull(3_000 * MB), 10.0)
    assert timer.take(pull(3_010 * MB), 12.0) is None
    assert timer.take(pull(3_020 * MB), 14.0) == 5 * MB


def test_a_slow_line_is_known_after_a_minute_and_a_small_model_at_its_end() -> None:
    slow = LineTimer()
    slow.take(pull(1), 0.0)
    assert slow.take(pull(6 * MB), 59.0) is None
    assert slow.take(pull(6 * MB + 1), 60.0) == 0.1 * MB
    small = LineTimer()
    small.take(pull(1 * MB, 8 * MB), 0.0)
    assert small.take(pull(8 * MB, 8 * MB), 7.0) == 1 * MB


def test_errors_other_models_and_standing_still_are_no_speed() -> None:
    timer = LineTimer()
    timer.take(pull(1 * MB), 0.0)
    assert timer.take(PullState("a", "", 30 * MB, 5_000 * MB, error="cut"), 1.0) is None
    assert timer.take(pull(900 * MB, model="b"), 2.0) is None
    assert timer.take(pull(900 * MB, model="b"), 2.0) is None
    assert timer.take(pull(920 * MB, model="b"), 4.0) == 10 * MB
    assert timer.take(PullState("c", "", 5, None), 5.0) is None
