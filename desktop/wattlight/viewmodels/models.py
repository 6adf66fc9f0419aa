"""The page Models: what is installed, what could be, and the details of one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from wattlight.domain.answers import TokenCost
from wattlight.domain.command import Command, Verb
from wattlight.domain.servers import Can
from wattlight.domain.state import InstalledModel, full_name
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import gb, money, tr, trn
from wattlight.services.answers import DOES_NOT_FIT, FitNote, LeftOut, Offer
from wattlight.services.fit_words import marks_meaning, speed_mark

from .activity import NoticeView, notice_views
from .figures import tokens_meaning
from .host_models import HostModel, facts_of, far_view, host_model, host_models, loaded_as, pill_of
from .model_choices import Filters, in_order
from .model_detail import ModelDetailView, detail_view, newer_version
from .pulls import BusyView, pull_views
from .scene import Scene
from .small_window import EmptyView, empty_view
from .words import DASH, Action, PillView, Tone, download_text, elsewhere_text, list_pill, rate, speed_range


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of the list; ``section`` rows are headings and have only a name."""

    name: str
    key: str = ""
    quantization: str = ""
    size: str = ""
    pill: PillView | None = None
    speed: str = ""
    cost: str = ""
    section: bool = False
    running: bool = False
    hint: str = ""


class Rows(Sequence[ModelRow]):
    """Lines of the list, each made when it is looked at: thousands of models cost little."""

    def __init__(self, scene: Scene, lines: "tuple[Line, ...]") -> None:
        self._scene, self._lines = scene, lines
        self._made: dict[int, ModelRow] = {}
        self.keys = tuple(line if isinstance(line, str) else _key(line) for line in lines)
        """Of each line the model, of a heading its words."""

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> ModelRow: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> "ModelRow | Rows":
        if isinstance(index, slice):
            return Rows(self._scene, self._lines[index])
        index = range(len(self._lines))[index]
        if index not in self._made:
            self._made[index] = _made(self._scene, self._lines[index])
        return self._made[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.keys == other.keys and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def alike(self, before: "Rows") -> bool:
        """Whether what was looked at in ``before``, a list of the same models, would be the same now."""
        return all(self[i] == row for i, row in before._made.items())

    def headings(self) -> tuple[int, ...]:
        """Where the headings stand."""
        return tuple(i for i, line in enumerate(self._lines) if isinstance(line, str))

    def models(self) -> "tuple[ModelLine, ...]":
        """The lines that are no headings."""
        return tuple(line for line in self._lines if not isinstance(line, str))


@dataclass(frozen=True, slots=True)
class TypedModel:
    """A name that is in no list."""

    model: str


ModelLine = InstalledModel | Offer | LeftOut | TypedModel | HostModel
Line = ModelLine | str
"""What a line shows; a text is a heading."""


def _key(line: ModelLine) -> str:
    return line.name if isinstance(line, InstalledModel) else line.model


def _made(scene: Scene, line: Line) -> ModelRow:
    if isinstance(line, str):
        return ModelRow(line, section=True)
    if isinstance(line, InstalledModel):
        return _installed_row(scene, line)
    if isinstance(line, Offer):
        return _offer_row(scene, line)
    if isinstance(line, HostModel):
        return _far_row(line)
    row = _named_row(scene, line.model)
    return _with_reason(row, line) if isinstance(line, LeftOut) else row


@dataclass(frozen=True, slots=True)
class ModelsView:
    rows: Rows
    cost_known: bool
    """Whether any line has a cost."""
    footnote: str
    detail: ModelDetailView | None
    selected: str
    typed: str
    """The name that was typed, where it is in no list."""
    judge: Command | None
    """To be asked in the background, since nothing is known yet of the model that is selected."""
    cloud_count: int
    left_out_count: int
    empty: EmptyView | None
    notices: tuple[NoticeView, ...]
    downloads: tuple[BusyView, ...] = ()
    """All but the one in the details."""
    find_updates: Action | None = None
    disk: str = ""
    clean_up: Action | None = None


def models_view(scene: Scene, filters: Filters, selected: str = "") -> ModelsView:
    """The page for a state, with the person's filters and selection."""
    installed, offers = _installed(scene, filters), _offers(scene, filters)
    all_of_them = len(installed) + len(offers)
    if filters.narrow:
        installed = [m for m in installed if filters.take(scene.fit_of(m.name), m.size_bytes)]
        offers = [o for o in offers if filters.take(o.fit, o.download_bytes, o.licence)]
    hidden = all_of_them - len(installed) - len(offers)
    lines: list[Line] = []
    if installed:
        lines += [tr("On this computer"), *in_order(installed, filters.order, scene.fit_of)]
    if offers:
        lines += [tr("Fits this computer"), *in_order(offers, filters.order, scene.fit_of)]
    for heading, models in host_models(scene, filters.search):
        lines += [heading, *models]
    left_out = _left_out(scene, filters)
    if left_out and (filters.show_left_out or filters.fit == DOES_NOT_FIT):
        lines += [tr("Too large or too slow here"), *left_out]
    names = {full_name(_key(line)): _key(line) for line in reversed(lines) if not isinstance(line, str)}
    typed = _typed_name(scene, filters, names)
    if typed:
        lines += [tr("From Ollama's library"), TypedModel(typed)]
        names[full_name(typed)] = typed
    rows = Rows(scene, tuple(lines))
    shown = rows.models()
    figures = _shown_figures(scene, shown)
    loaded = (names.get(full_name(m.name)) for m in scene.host.server.running)
    first = next((key for key in loaded if key), _key(shown[0]) if shown else "")
    chosen = names.get(full_name(selected), first) if selected else first
    cloud = sum(1 for m in scene.host.server.installed if m.remote_host is not None)
    far = host_model(scene, chosen)
    known = scene.installed(chosen) or scene.offer_of(chosen) or far
    return ModelsView(
        rows,
        bool(figures & {"whole", "answering"}),
        _footnote(scene, figures, filters, hidden),
        far_view(scene, far) if far else detail_view(scene, chosen, filters.looked_up) if chosen else None,
        chosen,
        typed,
        None if known or not chosen else Command(Verb.JUDGE, chosen),
        cloud,
        len(left_out),
        None if shown else _empty(scene, filters, hidden),
        notice_views(scene),
        tuple(view for view in pull_views(scene) if view.key != f"pull {chosen}"),
        _find_updates(scene),
        *_disk(scene),
    )


def _find_updates(scene: Scene) -> Action | None:
    """To ask for newer versions; None where nothing is installed or no server answers."""
    if not scene.local_models or scene.why_not(Can.PULL):
        return None
    again = scene.extras.updates is not None
    text = tr("Check again for newer versions") if again else tr("Check for newer versions")
    hint = tr("Asks the registry of each installed model; nothing is downloaded.")
    return Action(text, Command(Verb.FIND_UPDATES), hint=hint)


def _disk(scene: Scene) -> tuple[str, Action | None]:
    """What models take of the disk, and to remove what belongs to none of them after a look at the list."""
    note = scene.extras.disk
    if note is None:
        return "", None
    text = tr("Disk: {models}.", models=note.line)
    if not note.question:
        return f"{text} {note.refusal}".rstrip(), None
    command = Command(Verb.CLEAN_UP, question=note.question, confirm=tr("Remove"), number=note.mark)
    return text, Action(tr("Clean up…"), command, hint=tr("Lists them first."))


def _installed(scene: Scene, filters: Filters) -> list[InstalledModel]:
    models = scene.host.server.installed if filters.show_cloud else scene.local_models
    wanted = filters.search.strip().lower()
    return [m for m in models if wanted in m.name.lower()]


def _installed_row(scene: Scene, model: InstalledModel) -> ModelRow:
    fit = scene.fit_of(model.name)
    if model.remote_host is not None:
        hint = elsewhere_text(scene, model.remote_host)
        pill = PillView(tr("in the cloud"), Tone.PLAIN, hint)
        return ModelRow(clean_text(model.name, 80), model.name, "", DASH, pill, DASH, DASH, hint=hint)
    row = _row(scene, model.name, model.quantization, gb(model.size_bytes or None), fit)
    return replace(row, running=scene.running(model.name) is not None)


def _far_row(line: HostModel) -> ModelRow:
    """Neither its speed nor its cost there is known here."""
    name, kind = clean_text(line.item.name, 80), clean_text(line.item.quantization, 20)
    size, loaded, hint = gb(line.item.size_bytes or None), loaded_as(line) is not None, facts_of(line)
    return ModelRow(name, line.model, kind, size, pill_of(line), DASH, DASH, running=loaded, hint=hint)


def _offers(scene: Scene, filters: Filters) -> list[Offer]:
    wanted = filters.search.strip().lower()
    return [
        o
        for o in scene.extras.offers or ()
        if wanted in o.model.lower()
        and (not filters.use or not o.uses or filters.use in o.uses)
        and scene.installed(o.model) is None
    ]


def _offer_row(scene: Scene, offer: Offer) -> ModelRow:
    row = _row(scene, offer.model, offer.quantization, download_text(offer), offer.fit)
    pull = scene.pull(offer.model)
    return replace(row, hint="" if pull is None else tr("in the queue") if pull.waiting else tr("installing"))


def _row(scene: Scene, model: str, quantization: str, size: str, fit: FitNote | None) -> ModelRow:
    speed = DASH
    if fit is None or fit.verdict == DOES_NOT_FIT:
        pass
    elif fit.measured_tokens_per_s is not None:
        speed = f"{rate(fit.measured_tokens_per_s)} {speed_mark('high')}"
    elif fit.tokens_low is not None and fit.tokens_high is not None:
        speed = f"{speed_range(fit.tokens_low, fit.tokens_high)} {speed_mark(fit.tokens_confidence)}".rstrip()
    name, kind, cost = clean_text(model, 80), clean_text(quantization, 20), _cost(scene, model, fit)
    return ModelRow(name, model, kind, size, list_pill(fit), speed, cost)


def _cost(scene: Scene, model: str, fit: FitNote | None) -> str:
    """Electricity of a million output tokens as the page Cost has it; before it is known there, at least what
    answering alone was measured to take."""
    currency, counted = _currency(scene), scene.token_cost(model)
    micro = _whole_micro(counted)
    if counted is not None and counted.whole is not None and micro is not None:
        text = money(micro, currency, counted.whole.error_fraction)
        return f"≤ {text}" if counted.upper_bound else text
    if fit is None or fit.cost_per_million_micro is None or currency is None:
        return DASH
    return f"≥ {money(fit.cost_per_million_micro, currency, fit.cost_error_fraction)}"


def _whole_micro(counted: TokenCost | None) -> int | None:
    """Of a million tokens, all the time the model was loaded."""
    return counted.whole.cost_micro if counted is not None and counted.whole is not None else None


def _currency(scene: Scene) -> str | None:
    today = scene.host.today
    return (today.currency if today else None) or scene.settings.price.currency


def _left_out(scene: Scene, filters: Filters) -> list[LeftOut]:
    """What was not recommended; a use that was chosen is in the reasons."""
    wanted = filters.search.strip().lower()
    return [
        item
        for item in scene.extras.left_out
        if wanted in item.model.lower() and scene.installed(item.model) is None
    ]


def _with_reason(row: ModelRow, item: LeftOut) -> ModelRow:
    text, tone = (tr("too slow"), Tone.PARTLY) if item.slow else (tr("does not fit"), Tone.BAD)
    return replace(row, pill=PillView(text, tone, clean_sentence(item.why, 300)))


def _typed_name(scene: Scene, filters: Filters, names: Mapping[str, str]) -> str:
    """A name that is in no list can still be installed: it is offered as it was typed."""
    name = filters.search.strip()
    if len(name) < 2 or " " in name or full_name(name) in names:
        return ""
    return name if scene.ready else ""


def _named_row(scene: Scene, model: str) -> ModelRow:
    """A line for a model that is neither installed nor recommended."""
    offer = scene.offer_of(model)
    if offer is None:
        return _row(scene, model, "", DASH, None)
    return _row(scene, model, offer.quantization, download_text(offer), offer.fit)


def _shown_figures(scene: Scene, lines: Sequence[ModelLine]) -> frozenset[str]:
    """Which kinds of figures the lines hold: speeds by how sure they are (``estimated``: not told); costs
    ``whole``, of all the time a model was loaded, and ``answering``. Asked of the facts: no line is made."""
    months = scene.extras.costs.models if scene.extras.costs else ()
    whole = {full_name(m.model) for m in months if _whole_micro(m.tokens) is not None}
    found = set()
    for line in lines:
        fit = _fit(scene, line)
        if whole and full_name(_key(line)) in whole:
            found.add("whole")
        elif fit is not None and fit.cost_per_million_micro is not None and _currency(scene) is not None:
            found.add("answering")
        if fit is not None and fit.verdict != DOES_NOT_FIT:
            if fit.measured_tokens_per_s is not None:
                found.add("high")
            elif fit.tokens_low is not None and fit.tokens_high is not None:
                found.add(fit.tokens_confidence or "estimated")
    return frozenset(found)


def _fit(scene: Scene, line: ModelLine) -> FitNote | None:
    """The fit that a line shows."""
    if isinstance(line, InstalledModel):
        return None if line.remote_host is not None else scene.fit_of(line.name)
    offer = line if isinstance(line, Offer) else scene.offer_of(line.model)
    return None if offer is None else offer.fit


def _hidden_text(hidden: int) -> str:
    return trn("The filters hide {count} model.", "The filters hide {count} models.", hidden)


def _footnote(scene: Scene, figures: frozenset[str], filters: Filters, hidden: int) -> str:
    parts = [_hidden_text(hidden)] if hidden else []
    if marks := marks_meaning(figures):
        parts.append(marks)
    elif "estimated" in figures:
        parts.append(tr("Speeds are estimates in tokens a second."))
    if "answering" in figures:
        parts.append(tr("≥ answering alone, as measured; the time a model is loaded and idle comes on top."))
    if "whole" in figures:
        parts.append(tokens_meaning())
    if (found := scene.extras.updates) is not None:
        count = sum(1 for item in found.updates if newer_version(scene, item.model) is not None)
        if count:
            parts.append(
                trn("{count} model has a newer version.", "{count} models have newer versions.", count)
            )
        elif not found.problem:
            parts.append(tr("All installed models are the newest."))
        parts.append(clean_sentence(found.problem, 200))
    if scene.extras.offers is None and scene.ready and not filters.search:
        parts.append(tr("Looking for models that fit…"))
    return " ".join(part for part in parts if part)


def _empty(scene: Scene, filters: Filters, hidden: int) -> EmptyView:
    if hidden:
        return EmptyView(_hidden_text(hidden), tr("Choose any fit, any size and any licence to see them."))
    if filters.search or filters.use:
        return EmptyView(tr("Nothing matches"), tr("Try another word, or type the full name of a model."))
    looking = EmptyView(tr("Looking for models that fit…"), tr("This takes a moment."))
    return empty_view(scene) or looking
