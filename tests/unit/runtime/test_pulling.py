"""Progress of a pull: never back, a rate that is a rate, a watchdog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.recordings import recorded
from wattlight.domain.pulls import LayerState
from wattlight.runtime import RuntimeProblem
from wattlight.runtime.pulling import STALL_S, PullProgress
from wattlight.runtime.reading import PullLine, read_pull_line


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def layer(completed: int, total: int = 1000, digest: str = "a") -> PullLine:
    return PullLine(f"pulling {digest}", digest, total, completed)


def test_the_recorded_pull() -> None:
    progress = PullProgress("tinyb", Clock())
    states = [progress.take(read_pull_line(line)) for line in recorded("pull_after_mismatch").lines]
    assert states[-1].done
    assert states[-1].completed_bytes == states[-1].total_bytes == 126581120 + 13 + 18 + 279
    assert states[-3].completed_bytes < states[-1].completed_bytes, "the server's last line stops short"
    assert not states[-2].done


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2000)), max_size=30))
def test_it_never_goes_back(steps: list[tuple[str, int]]) -> None:
    progress = PullProgress("m", Clock())
    last = 0
    for digest, completed in steps:
        state = progress.take(layer(completed, 1000, digest))
        assert state.completed_bytes >= last
        assert state.total_bytes is not None
        assert state.completed_bytes <= state.total_bytes
        last = state.completed_bytes


def test_the_file_that_arrives_now_is_told() -> None:
    progress = PullProgress("m", Clock())
    first, second = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
    assert progress.take(PullLine("pulling manifest")).layer is None
    assert progress.take(layer(400, 1000, first)).layer == LayerState("a1" * 6, 400, 1000)
    both = progress.take(layer(5, 50, second))
    assert both.layers == (LayerState("a1" * 6, 400, 1000), LayerState("b2" * 6, 5, 50))
    assert progress.take(layer(1000, 1000, first)).layer == LayerState("b2" * 6, 5, 50)
    progress.take(layer(50, 50, second))
    assert progress.take(PullLine("verifying sha256 digest")).layer is None


def test_each_file_has_a_speed_of_its_own() -> None:
    clock = Clock()
    progress = PullProgress("m", clock)
    first, second = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
    for second_number in range(1, 5):
        clock.now += 1.0
        progress.take(layer(300 * second_number, 10_000, first))
        state = progress.take(layer(100 * second_number, 10_000, second))
    assert [file.bytes_per_s for file in state.layers] == [300, 100]
    assert state.bytes_per_s == pytest.approx(400, rel=0.4)


def test_the_rate_counts_only_what_arrives_now() -> None:
    clock = Clock()
    progress = PullProgress("m", clock)
    assert progress.take(layer(500_000, 10_000_000)).bytes_per_s is None
    for _ in range(20):
        clock.now += 0.1
        state = progress.take(layer(progress.state.completed_bytes + 10_000, 10_000_000))
    assert state.bytes_per_s == pytest.approx(100_000)
    assert progress.take(PullLine("verifying sha256 digest")).bytes_per_s is None


def test_a_pull_that_stands_still_is_given_up() -> None:
    clock = Clock()
    progress = PullProgress("m", clock)
    progress.take(layer(10))
    clock.now += STALL_S - 1
    progress.take(layer(11))
    progress.check_stall()
    clock.now += STALL_S
    progress.take(layer(11))
    with pytest.raises(RuntimeProblem) as caught:
        progress.check_stall()
    assert caught.value.code == "stalled"


@pytest.mark.parametrize("words", ["pulling manifest {n}", "pulling {even}", "pulling"])
def test_ever_new_words_are_no_progress(words: str) -> None:
    """Each line comes before the two minutes are over, and none of them brings a byte."""
    clock = Clock()
    progress = PullProgress("m", clock)
    with pytest.raises(RuntimeProblem) as caught:
        for n in range(200):
            clock.now += STALL_S / 2
            progress.take(PullLine(words.format(n=n, even=n % 2)))
            progress.check_stall()
    assert caught.value.code == "stalled"
    assert clock.now < 20 * STALL_S


def test_hashing_in_silence_is_no_stall() -> None:
    clock = Clock()
    progress = PullProgress("m", clock)
    progress.take(layer(1000))
    progress.take(PullLine("verifying sha256 digest"))
    clock.now += STALL_S * 3
    progress.take(PullLine("verifying sha256 digest"))
    progress.check_stall()
