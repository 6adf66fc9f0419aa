"""The beat: adaptive, unshakable, and gone when it is stopped."""

import threading

from fakes.metering import Machine
from wattlight.domain.power import MachineSample
from wattlight.services.metering import Sampler


class HandBeat:
    """Records each wait and ends it when the test says so."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.waiting = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.waiting.release()
        self._go.acquire(timeout=10)

    def wake(self) -> None:
        self._go.release()

    def step(self) -> None:
        """Let one wait pass and wait for the next."""
        self._go.release()
        assert self.waiting.acquire(timeout=10)


def test_it_looks_a_last_time_when_it_ends() -> None:
    beat = HandBeat()
    taken: list[MachineSample] = []
    sampler = Sampler(Machine().look, taken.append, 60.0, 60.0, beat=beat)
    sampler.start()
    assert beat.waiting.acquire(timeout=10)
    assert len(taken) == 1
    assert sampler.stop()
    assert len(taken) == 2


def test_the_beat_follows_who_looks() -> None:
    machine, beat = Machine(), HandBeat()
    taken: list[MachineSample] = []
    told: list[float] = []
    sampler = Sampler(machine.look, taken.append, 1.0, 5.0, told.append, beat=beat)
    sampler.start()
    assert beat.waiting.acquire(timeout=10)
    sampler.set_watching(True)
    assert beat.waiting.acquire(timeout=10)
    beat.step()
    sampler.set_watching(False)
    beat.step()
    assert beat.waits == [5.0, 1.0, 1.0, 5.0]
    assert told == [5.0, 1.0, 5.0]
    assert len(taken) == 4
    assert sampler.stop()
    assert not [t for t in threading.enumerate() if t.name == "sampler"]


def test_it_never_wakes_more_than_once_a_second() -> None:
    sampler = Sampler(Machine().look, lambda _s: None, shown_s=0.1, hidden_s=0.0)
    assert sampler.interval_s == 1.0
    sampler.set_intervals(0.2, 0.3)
    assert sampler.interval_s == 1.0
    sampler.set_watching(True)
    assert sampler.interval_s == 1.0


def test_a_failing_probe_never_ends_the_meter_and_is_told_once() -> None:
    said: list[str] = []
    broken = True

    def look() -> MachineSample:
        if broken:
            raise RuntimeError("the driver is gone")
        return Machine().look()

    taken: list[MachineSample] = []
    sampler = Sampler(look, taken.append, failed=said.append)
    for _ in range(10):
        assert not sampler.tick()
    assert len(said) == 1
    broken = False
    assert sampler.tick()
    assert len(taken) == 1


def test_failures_slow_the_beat_down() -> None:
    beat = HandBeat()

    def look() -> MachineSample:
        raise OSError("no")

    sampler = Sampler(look, lambda _s: None, beat=beat)
    sampler.start()
    assert beat.waiting.acquire(timeout=10)
    for _ in range(6):
        beat.step()
    sampler.stop()
    assert beat.waits == [5.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_stop_before_start_and_twice_is_harmless() -> None:
    sampler = Sampler(Machine().look, lambda _s: None)
    assert sampler.stop()
    assert sampler.stop()
