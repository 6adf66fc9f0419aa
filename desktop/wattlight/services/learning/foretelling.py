"""Predictions of loads, from models whose shape is known exactly."""

from collections.abc import Callable

from wattlight.domain.fit import FitOptions, PreparedModel, fit
from wattlight.domain.learning import Prediction, predicted
from wattlight.domain.shape import ShapeSource
from wattlight.domain.state import RunningModel
from wattlight.domain.values import MachineProfile, Problem

PreparedOf = Callable[[str], PreparedModel | None]


class Foreteller:
    """Foretells what a load will take. An estimated shape foretells nothing: its error is not the engine's.

    Args:
        prepared_of: the model of a name, None if it is not known.
        profile: the machine with the memory that is free now, None if it is not known.
    """

    def __init__(self, prepared_of: PreparedOf, profile: Callable[[], MachineProfile | None]) -> None:
        self._prepared_of = prepared_of
        self._profile = profile

    def before(self, model: str, context: int | None) -> Prediction | None:
        """For a load that is about to begin."""
        return self._foretell(model, FitOptions(context=context))

    def after(self, model: RunningModel) -> Prediction | None:
        """For a load that somebody else has made: as if what it holds were free again.

        Only with one accelerator or none: how it lies on several is not known.
        """
        profile = self._profile()
        if profile is None or len(profile.devices) > 1:
            return None
        freed = tuple((device.id, model.size_vram_bytes) for device in profile.devices)
        return self._foretell(model.name, FitOptions(context=model.context_length, unloaded=freed))

    def _foretell(self, model: str, options: FitOptions) -> Prediction | None:
        profile, prepared = self._profile(), self._prepared_of(model)
        if profile is None or prepared is None or prepared.shape.source is not ShapeSource.HEADER:
            return None
        try:
            return predicted(fit(prepared, profile, options), prepared.shape.architecture)
        except Problem:
            return None
