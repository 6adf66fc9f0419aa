"""What a computer is good for and what its sensors see: tables of the page Machine."""

from dataclasses import dataclass

from wattlight.domain.power import MachineSample
from wattlight.domain.values import DeviceSample, clean_text
from wattlight.i18n import gb, number, percent, tr, watts
from wattlight.services.answers import FULL_GPU, Offer

from .figures import parts_text
from .model_detail import about_tokens
from .scene import Scene
from .words import DASH, NO_TABLE, TableView, list_pill, scope_text, speed_range

BILLION = 10**9
CLASSES = (4, 10, 16, 40, 80)
"""Upper edges of the sizes in billions of parameters; above the last is a class too."""


@dataclass(frozen=True, slots=True)
class TableCardView:
    """A table with what is to be said under it."""

    table: TableView
    note: str = ""


def classes_view(scene: Scene) -> TableCardView:
    """For each size of model the best of the shipped list that fits here, and how it would run."""
    if scene.extras.offers is None:
        return TableCardView(NO_TABLE, tr("Looking for models that fit…") if scene.host.profile else "")
    known = [offer for offer in scene.extras.starters if offer.parameters]
    rows = tuple(_class_row(index, _best(known, index)) for index in range(len(CLASSES) + 1))
    quiet = frozenset(i for i in range(len(rows)) if _best(known, i) is None)
    headings = (tr("Size"), tr("For example"), tr("Fit"), tr("Context on the GPU"), tr("Tokens/s"))
    note = tr(
        "From the shipped list, as far as a source states the number of parameters, for the memory that is "
        "free without loaded models. A smaller quantization or context can make room for more."
    )
    return TableCardView(TableView(headings, rows, quiet, 2), note)


def _best(known: list[Offer], index: int) -> Offer | None:
    """The best one of a size; all on the GPU before partly."""
    low = CLASSES[index - 1] * BILLION if index else 0
    high = CLASSES[index] * BILLION if index < len(CLASSES) else float("inf")
    here = [offer for offer in known if low < (offer.parameters or 0) <= high]
    return next((offer for offer in here if offer.fit.verdict == FULL_GPU), next(iter(here), None))


def _class_row(index: int, offer: Offer | None) -> tuple[str, ...]:
    size = _class_name(index)
    if offer is None:
        return size, tr("none of the list fits"), DASH, DASH, DASH
    fit, name = offer.fit, clean_text(offer.model, 60)
    example = f"{name} {clean_text(offer.quantization, 20)}".strip()
    reach = about_tokens(fit.largest_gpu_context) if fit.largest_gpu_context else DASH
    speed = DASH
    if fit.tokens_low is not None and fit.tokens_high is not None:
        speed = speed_range(fit.tokens_low, fit.tokens_high)
    return size, example, list_pill(fit).text, reach, speed


def _class_name(index: int) -> str:
    if index == 0:
        return tr("up to {n}B", n=number(CLASSES[0]))
    if index == len(CLASSES):
        return tr("over {n}B", n=number(CLASSES[-1]))
    return tr("{low}B to {high}B", low=number(CLASSES[index - 1]), high=number(CLASSES[index]))


def sensors_view(sample: MachineSample | None) -> TableCardView:
    """Every part that draws power with its sensor, or why it has none; and what no sensor sees."""
    if sample is None:
        return TableCardView(NO_TABLE)
    rows = tuple(_sensor_row(part) for part in sample.devices)
    quiet = frozenset(i for i, part in enumerate(sample.devices) if part.power_w is None)
    notes = []
    if sample.total.measured_w is not None and sample.total.uncovered:
        notes.append(tr("Seen by no sensor: {parts}.", parts=parts_text(sample.total.uncovered)))
    if any(part.closed for part in sample.devices):
        notes.append(tr("A closed sensor can be opened above, or with 'wattlight doctor --allow-energy'."))
    headings = (tr("Part"), tr("Sensor"), tr("Covers"), tr("Now"), tr("Error"))
    return TableCardView(TableView(headings, rows, quiet, 3), " ".join(notes))


def _sensor_row(part: DeviceSample) -> tuple[str, ...]:
    name, error = clean_text(tr(part.name), 60), part.power.error_fraction
    if part.power_w is None and part.closed:
        return name, tr("closed to this account"), DASH, DASH, DASH
    if part.power_w is None and part.asleep:
        return name, tr("asleep"), DASH, DASH, DASH
    if part.power_w is None and part.counter_mj is None:
        return name, tr("none"), DASH, DASH, DASH
    source = clean_text(part.power.source, 40) or DASH
    covers = scope_text(part.power.scope) or DASH
    return name, source, covers, watts(part.power_w), DASH if error is None else f"±{percent(error)}"


def disks_view(scene: Scene) -> TableCardView:
    """The folders of models: what lies in them, and the room that is left beside the first."""
    note = scene.extras.disk
    if note is None or not note.uses:
        return TableCardView(NO_TABLE)
    headings = (tr("Folder"), tr("Models"), tr("Size"), tr("Belongs to none"))
    rows = tuple(
        (
            clean_text(str(use.folder), 200),
            number(len(use.models)),
            gb(use.used_bytes),
            gb(use.orphan_bytes) if use.orphans else DASH,
        )
        for use in note.uses
    )
    free = scene.extras.disk_free_bytes
    said = "" if free is None else tr("{free} free on the drive of the models.", free=gb(free))
    return TableCardView(TableView(headings, rows), said)
