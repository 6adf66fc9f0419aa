"""Keeps what was learned on battery in a small file, and gives each look at the computer its figure."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

from wattlight.domain.learned import COUNT, MOST_SETS, BatteryLearner, Model
from wattlight.domain.power import MachineSample
from wattlight.domain.values import UNREADABLE, clean_text, unknown
from wattlight.i18n import tr
from wattlight.paths import read_small, write_whole

MOST_BYTES = 8192
SAVE_MINUTES = 10.0
"""Of learning between two writes; what is lost in a crash is learned again."""
_DIGITS = 9


class LearnedWatts:
    """:meth:`take` each sample of the sampler, on its thread; :meth:`look` only reads what was learned."""

    def __init__(self, file: Path) -> None:
        self._file = file
        models, self._stuck_w = _read(file)
        self._learner = BatteryLearner(models)
        self._saved = self._minutes(), self._stuck_w

    def take(self, sample: MachineSample, keep: bool = True) -> MachineSample:
        """Learn of the sample and give it its figure; ``keep``: this process may write the file."""
        if sample.usage is None:  # no battery
            self._learner.rest()
            return sample
        learned = self._learner.take(sample)
        told_w = next((d.power_w for d in sample.devices if d.kind == "battery"), None)
        if self._learner.stuck:
            self._stuck_w = told_w
        elif told_w is not None and told_w != self._stuck_w:
            self._stuck_w = None
        due = learned and abs(self._minutes() - self._saved[0]) >= SAVE_MINUTES
        if keep and (due or self._stuck_w != self._saved[1]):
            self.save()
        return self.look(sample)

    def look(self, sample: MachineSample) -> MachineSample:
        """The sample with its figure, and without that of a gauge that stands still: seen here, or by the
        program that learns, as long as it tells the very same."""
        if self._stuck_w is not None and any(
            d.kind == "battery" and d.power_w == self._stuck_w for d in sample.devices
        ):
            said = unknown(tr("The battery's gauge has stood still for minutes; its figure is not used."))
            devices = (replace(d, power=said) if d.kind == "battery" else d for d in sample.devices)
            sample = replace(sample, devices=tuple(devices))
        figure = self._learner.figure(sample)
        return sample if figure is None else replace(sample, learned=figure)

    def save(self) -> None:
        """Write the file if something was learned since; one that cannot be written is written later."""
        now = self._minutes(), self._stuck_w
        if now == self._saved:
            return
        with contextlib.suppress(OSError):
            write_whole(self._file, _document(self._learner.models, self._stuck_w))
            self._saved = now

    def forget(self) -> None:
        """Everything that was learned is gone, with its file; learning begins anew."""
        self._learner, self._stuck_w = BatteryLearner(), None
        self._saved = 0.0, None
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _minutes(self) -> float:
        return sum(model.minutes for model in self._learner.models)


_NUMBERS = ("minutes", "first_us", "last_us", "weight", "square", "miss_w")


def _document(models: list[Model], stuck_w: float | None) -> bytes:
    """The newest sets of parts that fit into the file."""
    kept = [
        {
            "parts": model.parts,
            "battery": model.battery,
            **{name: _short(getattr(model, name)) for name in _NUMBERS},
            "moment": [_short(value) for value in model.moment],
            "gram": [[_short(model.gram[i][j]) for j in range(i + 1)] for i in range(COUNT)],
        }
        for model in models
    ]
    while len(text := json.dumps({"schema": 1, "stuck_w": stuck_w, "learned": kept}).encode()) > MOST_BYTES:
        kept = kept[1:]
    return text


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _read(file: Path) -> tuple[list[Model], float | None]:
    """What the file says, and the figure of a gauge that stands still; a damaged set is as good as none."""
    try:
        document = json.loads(read_small(file, MOST_BYTES))
        items = document["learned"][-MOST_SETS:] if document["schema"] == 1 else []
        stuck_w = document.get("stuck_w")
    except UNREADABLE:
        return [], None
    models = [model for item in items if (model := _model(item)) is not None]
    return models, stuck_w if isinstance(stuck_w, float) else None


def _model(item: object) -> Model | None:
    try:
        if not isinstance(item, dict):
            return None
        model = Model(clean_text(item["parts"], 400), clean_text(item["battery"], 200))
        for name in _NUMBERS:
            kind = int if name.endswith("_us") else float
            setattr(model, name, kind(item[name]))
        half = item["gram"]
        model.gram = [[float(half[max(i, j)][min(i, j)]) for j in range(COUNT)] for i in range(COUNT)]
        model.moment = [float(value) for value in item["moment"]]
        sound = len(model.moment) == COUNT and model.sound
    except UNREADABLE:
        return None
    return model if sound else None
