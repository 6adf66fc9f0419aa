"""What goes on with every sample beside the meter: power for measurements, learning from loads."""

from collections.abc import Callable

from wattlight.domain.state import RunningModel
from wattlight.domain.values import MachineSample
from wattlight.services.benchmark import EnergyTap
from wattlight.services.learning import LoadLearner
from wattlight.services.passthrough import WindowEnergy


class Followers:
    """Called on the sampler's thread; has no thread and no beat of its own.

    ``afterwards`` is called last (what was counted since the sample before is told then).
    """

    def __init__(
        self, tap: EnergyTap, learner: LoadLearner, windows: WindowEnergy, afterwards: Callable[[], None]
    ) -> None:
        self._tap = tap
        self._learner = learner
        self._windows = windows
        self._afterwards = afterwards

    def take(self, sample: MachineSample, running: tuple[RunningModel, ...] | None) -> None:
        """One sample, with the models listed then (None: the server did not say)."""
        self._tap.take(sample)
        if running is not None:
            self._learner.tick(sample, running)
        self._windows.settle()
        self._afterwards()
