"""Predictions held against what came of them: one line for a loaded model, a table of all loads."""

from typing import TYPE_CHECKING

from wattlight.domain.state import RunningModel
from wattlight.domain.values import clean_text
from wattlight.i18n import gib, number, short_date, tr

from .scene import Scene
from .table import TableView
from .words import DASH

if TYPE_CHECKING:
    from wattlight.domain.learning import Comparison

SHOWN = 50
_GIB = 1 << 30


def memory_line(scene: Scene, model: RunningModel) -> str:
    """ "predicted 5.7, uses 5.7, Ollama reports 5.5 GiB"; "" for a load nobody compared."""
    load = next((c for c in scene.extras.loads if _is_of(c, model)), None)
    if load is None:
        return ""
    predicted, used, reported = amounts(load)
    if used is None:
        return tr("predicted {a}, Ollama reports {b}", a=_short(predicted), b=gib(reported))
    return tr(
        "predicted {a}, uses {b}, Ollama reports {c}", a=_short(predicted), b=_short(used), c=gib(reported)
    )


def _short(size_bytes: int) -> str:
    return number(size_bytes / _GIB, 1)


def amounts(load: "Comparison") -> tuple[int, int | None, int]:
    """(predicted, used, reported) bytes that compare with each other.

    On the accelerators where one takes part; else in the computer's own memory, which nobody measures by
    model.
    """
    if load.predicted_used_bytes:
        return load.predicted_used_bytes, load.used_bytes, load.reported_vram_bytes
    return load.predicted_size_bytes, None, load.reported_size_bytes


def loads_table(scene: Scene) -> TableView:
    """All loads that were compared, newest first."""
    headings = (
        tr("Load"),
        tr("Context"),
        tr("Predicted"),
        tr("Used"),
        tr("Ollama reports"),
        tr("Off by"),
    )
    loads = scene.extras.loads[:SHOWN]
    if not loads:
        return TableView((), ())
    rows = tuple(_row(scene, load) for load in loads)
    quiet = frozenset(i for i, load in enumerate(loads) if load.disturbed is not None)
    return TableView(headings, rows, quiet)


def loads_note(scene: Scene) -> str:
    """What the table shows and how many of its rows teach something."""
    loads = scene.extras.loads
    if not loads:
        return tr("Each time a model is loaded, what was predicted is compared here with what it took.")
    good = sum(1 for load in loads if load.disturbed is None)
    return tr(
        "{good} of {all} loads were undisturbed and correct later predictions.",
        good=number(good),
        all=number(len(loads)),
    )


def _row(scene: Scene, load: "Comparison") -> tuple[str, ...]:
    predicted, used, reported = amounts(load)
    name = clean_text(load.model, 60)
    when = short_date(load.at.astimezone(scene.zone).date())
    found = used if used is not None else reported
    off = DASH if load.disturbed is not None else _signed(found - predicted)
    title = f"{name} · {when}"
    if load.disturbed is not None:
        title = tr("{load} (disturbed)", load=title)
    return (
        title,
        number(load.context),
        gib(predicted, 2),
        gib(used, 2),
        gib(reported, 2),
        off,
    )


def _signed(delta_bytes: int) -> str:
    text = number(abs(delta_bytes) / _GIB, 2)
    if text == number(0, 2):
        return tr("{size} GiB", size=text)
    return f"{'+' if delta_bytes > 0 else '−'}{text} GiB"


def _is_of(load: "Comparison", model: RunningModel) -> bool:
    """The very load that is there now: the server still reports the same."""
    return (
        load.digest == model.digest
        and load.reported_size_bytes == model.size_bytes
        and load.reported_vram_bytes == model.size_vram_bytes
    )
