"""Keeps what was learned on battery in a small file, and gives each look at the computer its figure."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

from wattlight.domain.learned import COUNT, MOST_SETS, BatteryLearner, Model
from wattlight.domain.power import MachineSample
from wattlight.domain.values import clean_text, unknown
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
        self._learner = BatteryLearner(_read(file))
        self._saved = self._minutes()

    def take(self, sample: MachineSample, keep: bool = True) -> MachineSample:
        """Learn of the sample and give it its figure; ``keep``: this process may write the file."""
        learned = self._learner.take(sample)
        if learned and keep and abs(self._minutes() - self._saved) >= SAVE_MINUTES:
            self.save()
        if self._learner.stuck:
            said = unknown(tr("The battery's gauge has stood still for minutes; its figure is not used."))
            devices = (replace(d, power=said) if d.kind == "battery" else d for d in sample.devices)
            sample = replace(sample, devices=tuple(devices))
        return self.look(sample)

    def look(self, sample: MachineSample) -> MachineSample:
        figure = self._learner.figure(sample)
        return sample if figure is None else replace(sample, learned=figure)

    def save(self) -> None:
        """Write the file if something was learned since; one that cannot be written is written later."""
        if self._minutes() == self._saved:
            return
        with contextlib.suppress(OSError):
            write_whole(self._file, _document(self._learner.models))
            self._saved = self._minutes()

    def forget(self) -> None:
        """Everything that was learned is gone, with its file; learning begins anew."""
        self._learner = BatteryLearner()
        self._saved = 0.0
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _minutes(self) -> float:
        return sum(model.minutes for model in self._learner.models)


_NUMBERS = ("minutes", "first_us", "last_us", "weight", "square", "miss_w")


def _document(models: list[Model]) -> bytes:
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
    while len(text := json.dumps({"schema": 1, "learned": kept}).encode()) > MOST_BYTES:
        kept = kept[1:]
    return text


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _read(file: Path) -> list[Model]:
    """What the file says; a damaged set is as good as none."""
    try:
        document = json.loads(read_small(file, MOST_BYTES))
        items = document["learned"][-MOST_SETS:] if document["schema"] == 1 else []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [model for item in items if (model := _model(item)) is not None]


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
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    return model if sound else None
