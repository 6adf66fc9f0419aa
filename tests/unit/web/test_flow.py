"""A limit of speed holds over connections and changes; the speed of arrivals is that of the last seconds."""

from threading import Event

import pytest

from wattlight.web import Arrivals, RateLimit


class Clock:
    """Time that passes while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def stop(self) -> Event:
        clock = self

        class Waiting(Event):
            def wait(self, timeout: float | None = None) -> bool:
                clock.now += timeout or 0.0
                return False

        return Waiting()


@pytest.mark.parametrize("rate", [100.0, 50_000.0, 12_500_000.0])
def test_so_many_bytes_a_second_come_and_in_few_pieces(rate: float) -> None:
    clock = Clock()
    limit, stop = RateLimit(rate, clock), clock.stop()
    came = pieces = 0
    while clock.now < 20.0:
        came += limit.take(1 << 20, stop)
        pieces += 1
    assert came == pytest.approx(20 * rate, rel=0.02)
    assert pieces <= 20 * 13


def test_what_was_not_used_is_not_lost() -> None:
    clock = Clock()
    limit, stop = RateLimit(1000.0, clock), clock.stop()
    came = 0
    while clock.now < 10.0:
        granted = limit.take(100, stop)
        limit.give_back(granted // 2)
        came += granted - granted // 2
    assert came == pytest.approx(10_000, rel=0.05)


def test_idle_time_is_not_made_up_for() -> None:
    clock = Clock()
    limit, stop = RateLimit(1000.0, clock), clock.stop()
    clock.now = 3600.0
    assert limit.take(1 << 20, stop) <= 100


def test_it_may_be_changed_and_lifted_while_somebody_waits() -> None:
    clock = Clock()
    limit, stop = RateLimit(1.0, clock), clock.stop()
    limit.take(10, stop)
    limit.bytes_per_s = 1e6
    begun = clock.now
    limit.take(10_000, stop)
    assert clock.now - begun < 0.2
    limit.bytes_per_s = None
    assert limit.take(5_000_000, stop) == 5_000_000


def test_a_stop_ends_the_wait() -> None:
    stop = Event()
    stop.set()
    assert RateLimit(1.0).take(10, stop) == 0


def test_it_tells_whether_it_was_reached() -> None:
    clock = Clock()
    limit, stop = RateLimit(1000.0, clock), clock.stop()
    clock.now = 1.0
    limit.take(50, stop)
    assert limit.waits == 0
    limit.take(100, stop)
    assert limit.waits > 0


def test_the_speed_is_that_of_the_window() -> None:
    arrivals = Arrivals(window_s=2.0)
    assert arrivals.rate(0.0, 0) is None
    assert arrivals.rate(0.4, 400) is None
    assert arrivals.rate(1.0, 1000) == 1000.0
    for second in range(2, 9):
        rate = arrivals.rate(second, 1000 + 100 * second)
    assert rate == pytest.approx(100.0)
