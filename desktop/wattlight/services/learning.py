"""Learns from each load: compares what was predicted with what the server and the driver then say."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from wattlight.domain.fit import FitOptions, FitResult, PreparedModel, fit
from wattlight.domain.learning import (
    Comparison,
    LoadKey,
    MemoryLook,
    Prediction,
    at_rest,
    corrected,
    device_label,
    disturbance,
    look_at,
    matching,
    predicted,
    used_between,
)
from wattlight.domain.power import MachineSample
from wattlight.domain.shape import ShapeSource
from wattlight.domain.state import RunningModel, same_model
from wattlight.domain.values import LOCAL_HOST, HostId, Problem
from wattlight.i18n import tr
from wattlight.store.jobs import LearningStore

from .factory import ServiceFactory
from .hub import StateHub
from .meter_service import MeterService


class LoadPredictor:
    """Foretells what a load will take. An estimated shape foretells nothing: its error is not the engine's.

    It knows the installed models, and the machine with the memory that is free at that moment.
    """

    def __init__(self, factory: ServiceFactory, hub: StateHub, meter: MeterService) -> None:
        self._factory = factory
        self._hub = hub
        self._meter = meter

    def before(self, model: str, context: int | None) -> Prediction | None:
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
            result = fit(prepared, profile, options)
        except Problem:
            return None
        # the server lists a draft's figures in place of the model's: nothing can be learned from them
        return None if result.draft else predicted(result, prepared.shape.architecture)

    def _prepared(self, model: str) -> PreparedModel | None:
        installed = self._hub.state.local.server.installed
        digest = next((m.digest for m in installed if same_model(m.name, model)), "")
        return self._factory.advisor().prepared(model, digest)


LOOKS = 3
EXPECTED_FOR = timedelta(minutes=15)
"""A load that was announced and did not come within this is forgotten."""
PATIENCE = timedelta(seconds=60)
"""So long a load may take to come to rest after the server listed it."""
LOOK_IS_FRESH = timedelta(seconds=15)

Predict = Callable[[RunningModel], Prediction | None]
"""Foretells a load that somebody else made, as if it were not there yet; None where it cannot be done."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """A load announced from here."""

    prediction: Prediction
    before: tuple[MemoryLook, ...]
    at: datetime


@dataclass(slots=True)
class _Watched:
    """A load the server lists that has not come to rest."""

    prediction: Prediction
    before: tuple[MemoryLook, ...]
    listed_at: datetime
    ours: bool
    after: list[MemoryLook] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)


class LoadLearner:
    """:meth:`expect` before a load made from here; :meth:`tick` with every sample. Has no thread of its own.

    A load made by another program is compared too: what it took is then known only where the driver tells
    each process's memory, because nobody looked before it began.
    """

    def __init__(
        self,
        book: LearningStore,
        predict: Predict,
        version: Callable[[], str | None],
        told: Callable[[Comparison], None] | None = None,
        host: HostId = LOCAL_HOST,
    ) -> None:
        self._book = book
        self._predict = predict
        self._version = version
        self._told = told or (lambda _comparison: None)
        self._host = host
        self._looks: deque[MemoryLook] = deque(maxlen=LOOKS)
        self._expected: dict[str, _Expected] = {}
        self._watched: dict[str, _Watched] = {}
        self._floor: dict[str, int] = {}
        self._floor_of: frozenset[str] | None = None
        self._known: tuple[Comparison, ...] | None = None
        self._lock = threading.Lock()

    def expect(self, model: str, prediction: Prediction, at: datetime) -> None:
        with self._lock:
            self._expected[model] = _Expected(prediction, tuple(self._looks), at)

    def tick(self, sample: MachineSample, running: tuple[RunningModel, ...] | None) -> tuple[Comparison, ...]:
        """One sample with the models listed then (None: the server did not say); what is compared with it."""
        if running is None:
            return ()
        running = tuple(model for model in running if model.size_bytes)  # else its server tells no memory
        with self._lock:
            look = look_at(sample, running)
            if running and self._looks:
                self._notice(look, running)
            self._looks.append(look)
            self._sink(look)
            for name in [n for n, e in self._expected.items() if look.at - e.at > EXPECTED_FOR]:
                del self._expected[name]
            ready = self._ready(look, running) if self._watched else ()
        for comparison in ready:
            self._keep(comparison)
        return ready

    def comparisons(self) -> tuple[Comparison, ...]:
        """All loads compared so far, newest first; empty while the file cannot be read."""
        if self._known is None:
            try:
                self._known = self._book.comparisons(self._host)
            except Problem as problem:
                logging.getLogger("wattlight").warning("comparisons are not read: %s", problem)
                return ()
        return self._known

    def corrected(self, result: FitResult, architecture: str) -> tuple[int, int]:
        """(bytes it will use on the accelerators, uncertainty), with what was learned here."""
        version = self._version()
        if version is None:
            return corrected(result, ())
        key = LoadKey(version, device_label(d.name for d in result.devices), architecture)
        return corrected(result, matching(self.comparisons(), key, result.verdict))

    def _notice(self, look: MemoryLook, running: tuple[RunningModel, ...]) -> None:
        """Begin to watch models that were not listed the time before."""
        before = self._looks[-1]
        for model in running:
            if model.digest in before.loaded or model.digest in self._watched:
                continue
            expected = self._take_expected(model)
            if expected is not None:
                fresh = bool(expected.before) and expected.at - expected.before[-1].at <= LOOK_IS_FRESH
                looks = expected.before if fresh else ()
                self._watched[model.digest] = _Watched(expected.prediction, looks, look.at, ours=True)
                continue
            prediction = self._predict(model)
            if prediction is not None:
                self._watched[model.digest] = _Watched(prediction, self._before_it(), look.at, ours=False)

    def _sink(self, look: MemoryLook) -> None:
        """Remember the least that the runners of the present models took.

        A load by another program takes memory before the server lists it; the least is from before that.
        """
        if self._watched:
            self._floor_of = None
            return
        least = {d.id: d.runner_bytes for d in look.devices if d.runner_bytes is not None}
        if self._floor_of == look.loaded:
            least = {key: min(value, self._floor.get(key, value)) for key, value in least.items()}
        self._floor, self._floor_of = least, look.loaded

    def _before_it(self) -> tuple[MemoryLook, ...]:
        """The last look, with the runners as they were before anything of the new model was loaded."""
        last = self._looks[-1]
        if self._floor_of != last.loaded:
            return ()
        devices = tuple(replace(d, runner_bytes=self._floor.get(d.id)) for d in last.devices)
        return (replace(last, devices=devices),)

    def _take_expected(self, model: RunningModel) -> _Expected | None:
        for name, expected in self._expected.items():
            if same_model(name, model.name):
                del self._expected[name]
                return expected
        return None

    def _ready(self, look: MemoryLook, running: tuple[RunningModel, ...]) -> tuple[Comparison, ...]:
        models = {model.digest: model for model in running}
        ready = []
        for digest, watched in list(self._watched.items()):
            model = models.get(digest)
            if model is None:
                # unloaded again before anything could be said of it
                del self._watched[digest]
                continue
            watched.after.append(look)
            watched.sizes.append((model.size_bytes, model.size_vram_bytes))
            if _rests(watched) or look.at - watched.listed_at > PATIENCE:
                del self._watched[digest]
                ready.append(self._compare(model, watched))
        return tuple(ready)

    def _compare(self, model: RunningModel, watched: _Watched) -> Comparison:
        forecast, after = watched.prediction, watched.after[-2:]
        before = watched.before
        disturbed = disturbance(forecast, model, before, after) if before else "old_look"
        used = used_between(before[-1], after[-1]) if before else None
        by_process = used is not None and used.source == "driver, by process"
        if used is None or not (watched.ours or by_process):
            unknown = tr("The memory before the load is not known.")
            used_bytes, source, reason = None, "", (used.reason if used else None) or unknown
        else:
            used_bytes, source, reason = used.used_bytes, used.source, used.reason or ""
        return Comparison(
            at=after[-1].at,
            model=model.name,
            digest=model.digest,
            key=LoadKey(self._version() or "", forecast.device, forecast.architecture),
            context=model.context_length or forecast.context,
            kv_type=forecast.kv_type,
            verdict=forecast.verdict,
            predicted_used_bytes=forecast.used_bytes,
            predicted_size_bytes=forecast.reported_size_bytes,
            predicted_vram_bytes=forecast.reported_vram_bytes,
            used_bytes=used_bytes,
            used_source=source,
            used_reason=None if used_bytes is not None else reason,
            reported_size_bytes=model.size_bytes,
            reported_vram_bytes=model.size_vram_bytes,
            disturbed=disturbed,
            host=self._host,
        )

    def _keep(self, comparison: Comparison) -> None:
        try:
            self._book.add_comparison(comparison)
        except Problem as problem:
            logging.getLogger("wattlight").warning("a comparison is not kept: %s", problem)
        self._known = None
        self._told(comparison)


def _rests(watched: _Watched) -> bool:
    """Two looks in a row say the same of the server's figures and of the memory."""
    if len(watched.sizes) < 2 or watched.sizes[-1] != watched.sizes[-2] or watched.sizes[-1][0] <= 0:
        return False
    return at_rest(watched.after)
