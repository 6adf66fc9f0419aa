"""How many quiet minutes are missing until the idle power is known: for each part that is measured now."""

from fakes.metering import QWEN, Clock, Machine, part
from wattlight.domain.energy import LevelRow
from wattlight.domain.state import RunningModel
from wattlight.domain.values import LOCAL_HOST
from wattlight.services.metering import Meter


class Quiet:
    """A card whose counter is looked at every ten seconds."""

    def __init__(self) -> None:
        self.machine, self.meter = Machine(Clock()), Meter(LOCAL_HOST)
        self.meter.expect(10)

    def run(self, seconds: int, *running: RunningModel) -> int | None:
        for _ in range(seconds // 10):
            self.machine.run(10)
            self.meter.process(self.machine.look(), running, frozenset())
        return self.meter.idle_left_s()


def test_it_counts_down_in_quiet_time_alone() -> None:
    quiet = Quiet()
    assert quiet.meter.idle_left_s() is None
    assert quiet.run(10) == 300
    assert quiet.run(100) == 200
    assert quiet.run(600, QWEN) == 190  # the step in which it was loaded was quiet
    assert quiet.run(180) == 20
    assert quiet.run(40) == 0
    assert quiet.run(600, QWEN) == 0


def test_the_slowest_part_decides_and_one_that_is_silent_does_not() -> None:
    quiet = Quiet()
    quiet.run(400)
    assert quiet.meter.idle_left_s() == 0
    quiet.machine.extra = (part("cpu", 9.0, "cpu"),)
    left = quiet.run(20)
    assert left is not None and 280 <= left <= 300
    quiet.machine.extra = (part("cpu", None, "cpu", reason="closed"),)
    assert quiet.run(10) == 0


def test_a_level_from_the_ledger_is_known_at_once() -> None:
    quiet = Quiet()
    quiet.meter.resume((), [LevelRow(LOCAL_HOST, "GPU-1", (), 12_000_000, 5, 300)])
    assert quiet.run(10) == 0
    quiet.meter.forget_levels()
    assert quiet.run(10) == 290
