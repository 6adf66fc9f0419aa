"""Predictions of loads, from models whose shape is known exactly."""

from wattlight.domain.fit import FitOptions, PreparedModel, fit
from wattlight.domain.learning import Prediction, predicted
from wattlight.domain.shape import ShapeSource
from wattlight.domain.state import RunningModel
from wattlight.domain.values import Problem
from wattlight.runtime import same_model
from wattlight.services.factory import ServiceFactory
from wattlight.services.hub import StateHub
from wattlight.services.meter_service import MeterService


class LoadPredictor:
    """Foretells what a load will take. An estimated shape foretells nothing: its error is not the engine's.

    It knows the installed models, and the machine with the memory that is free at that moment.
    """

    def __init__(self, factory: ServiceFactory, hub: StateHub, meter: MeterService) -> None:
        self._factory = factory
        self._hub = hub
        self._meter = meter

    def before(self, model: str, context: int | None) -> Prediction | None:
        """For a load that is about to begin."""
        return self._foretell(model, FitOptions(context=context))

    def after(self, model: RunningModel) -> Prediction | None:
        """For a load that somebody else has made: as if what it holds were free again.

        Only with one accelerator or none: how it lies on several is not known.
        """
        profile = self._meter.fresh_profile()
        if profile is None or len(profile.devices) > 1:
            return None
        freed = tuple((device.id, model.size_vram_bytes) for device in profile.devices)
        return self._foretell(model.name, FitOptions(context=model.context_length, unloaded=freed))

    def _foretell(self, model: str, options: FitOptions) -> Prediction | None:
        profile, prepared = self._meter.fresh_profile(), self._prepared(model)
        if profile is None or prepared is None or prepared.shape.source is not ShapeSource.HEADER:
            return None
        try:
            return predicted(fit(prepared, profile, options), prepared.shape.architecture)
        except Problem:
            return None

    def _prepared(self, model: str) -> PreparedModel | None:
        installed = self._hub.state.local.server.installed
        digest = next((m.digest for m in installed if same_model(m.name, model)), "")
        return self._factory.advisor().prepared(model, digest)
