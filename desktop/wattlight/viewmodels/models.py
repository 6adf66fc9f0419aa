"""The page Models: what is installed, what could be, and the details of one of them."""

from dataclasses import dataclass, replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import InstalledModel, same_model
from wattlight.domain.values import clean_text
from wattlight.i18n import gb, money, number, tr
from wattlight.services.answers import DOES_NOT_FIT, FitNote, Offer

from .activity import NoticeView, notice_views
from .figures import tokens_meaning
from .model_detail import ModelDetailView, detail_view
from .scene import Scene
from .small_window import EmptyView, empty_view
from .words import DASH, PillView, Tone, list_pill, rate, speed_range

USES = ("chat", "code", "vision", "reasoning", "agents", "embedding")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the person asked the list for."""

    use: str = ""
    context_length: int = 8192
    search: str = ""
    show_cloud: bool = False
    show_left_out: bool = False
    looked_up: str = ""
    """The model whose registry was asked last."""


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


@dataclass(frozen=True, slots=True)
class ModelsView:
    rows: tuple[ModelRow, ...]
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


def use_name(use: str) -> str:
    names = {
        "chat": tr("Chat"),
        "code": tr("Code"),
        "vision": tr("Images"),
        "reasoning": tr("Reasoning"),
        "agents": tr("Agents"),
        "embedding": tr("Embeddings"),
    }
    return names.get(use, clean_text(use, 30) if use else tr("Any use"))


def context_name(length: int) -> str:
    """ "Context 8k"."""
    return tr("Context {k}k", k=number(length // 1024))


def models_view(scene: Scene, filters: Filters, selected: str = "") -> ModelsView:
    """The page for a state, with the person's filters and selection."""
    installed = _installed(scene, filters)
    offers = _offers(scene, filters)
    rows: list[ModelRow] = []
    if installed:
        rows += [ModelRow(tr("On this computer"), section=True), *installed]
    if offers:
        rows += [ModelRow(tr("Fits this computer"), section=True), *(_offer_row(scene, o) for o in offers)]
    left_out = _left_out(scene, filters)
    if left_out and filters.show_left_out:
        rows += [ModelRow(tr("Too large or too slow here"), section=True), *left_out]
    typed = _typed_name(scene, filters, rows)
    if typed:
        rows += [ModelRow(tr("From Ollama's library"), section=True), _named_row(scene, typed)]
    keys = [row.key for row in rows if not row.section]
    first = next((row.key for row in rows if row.running), keys[0] if keys else "")
    chosen = next((k for k in keys if selected and same_model(k, selected)), first)
    cloud = sum(1 for m in scene.host.server.installed if m.remote_host is not None)
    known = scene.installed(chosen) or scene.offer_of(chosen)
    return ModelsView(
        tuple(rows),
        _footnote(scene, rows, filters),
        detail_view(scene, chosen, filters.looked_up) if chosen else None,
        chosen,
        typed,
        None if known or not chosen else Command(Verb.JUDGE, chosen),
        cloud,
        len(left_out),
        None if rows else _empty(scene, filters),
        notice_views(scene),
    )


def _installed(scene: Scene, filters: Filters) -> list[ModelRow]:
    models = scene.host.server.installed if filters.show_cloud else scene.local_models
    wanted = filters.search.strip().lower()
    return [_installed_row(scene, m) for m in models if wanted in m.name.lower()]


def _installed_row(scene: Scene, model: InstalledModel) -> ModelRow:
    fit = scene.fit_of(model.name)
    if model.remote_host is not None:
        hint = tr("Runs on Ollama's servers; your text leaves this computer.")
        pill = PillView(tr("in the cloud"), Tone.PLAIN, hint)
        return ModelRow(clean_text(model.name, 80), model.name, "", DASH, pill, DASH, DASH, hint=hint)
    row = _row(scene, model.name, model.quantization, gb(model.size_bytes), fit)
    return replace(row, running=scene.running(model.name) is not None)


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
    row = _row(scene, offer.model, offer.quantization, gb(offer.download_bytes), offer.fit)
    return replace(row, hint=tr("installing") if scene.pull(offer.model) else "")


def _row(scene: Scene, model: str, quantization: str, size: str, fit: FitNote | None) -> ModelRow:
    speed = DASH
    if fit is None or fit.verdict == DOES_NOT_FIT:
        pass
    elif fit.measured_tokens_per_s is not None:
        speed = f"{rate(fit.measured_tokens_per_s)} ✓"
    elif fit.tokens_low is not None and fit.tokens_high is not None:
        speed = speed_range(fit.tokens_low, fit.tokens_high)
    name, kind, cost = clean_text(model, 80), clean_text(quantization, 20), _cost(scene, model, fit)
    return ModelRow(name, model, kind, size, list_pill(fit), speed, cost)


def _cost(scene: Scene, model: str, fit: FitNote | None) -> str:
    """Electricity of a million output tokens as the page Cost has it; before it is known there, at least what
    answering alone was measured to take."""
    today = scene.host.today
    currency = (today.currency if today else None) or scene.settings.price.currency
    counted = scene.token_cost(model)
    if counted is not None and counted.whole is not None and counted.whole.cost_micro is not None:
        text = money(counted.whole.cost_micro, currency, counted.whole.error_fraction)
        return f"≤ {text}" if counted.upper_bound else text
    if fit is None or fit.cost_per_million_micro is None or currency is None:
        return DASH
    return f"≥ {money(fit.cost_per_million_micro, currency, fit.cost_error_fraction)}"


def _left_out(scene: Scene, filters: Filters) -> list[ModelRow]:
    """What was not recommended, with the reason as a hint; a use that was chosen is in the reasons."""
    wanted = filters.search.strip().lower()
    rows = []
    for item in scene.extras.left_out:
        if wanted in item.model.lower() and scene.installed(item.model) is None:
            text, tone = (tr("too slow"), Tone.PARTLY) if item.slow else (tr("does not fit"), Tone.BAD)
            row = _named_row(scene, item.model)
            rows.append(replace(row, pill=PillView(text, tone, clean_text(item.why, 300))))
    return rows


def _typed_name(scene: Scene, filters: Filters, rows: list[ModelRow]) -> str:
    """A name that is in no list can still be installed: it is offered as it was typed."""
    name = filters.search.strip()
    if len(name) < 2 or " " in name or any(same_model(r.key, name) for r in rows if r.key):
        return ""
    return name if scene.ready else ""


def _named_row(scene: Scene, model: str) -> ModelRow:
    """A line for a model that is neither installed nor recommended."""
    offer = scene.offer_of(model)
    if offer is None:
        return _row(scene, model, "", DASH, None)
    return _row(scene, model, offer.quantization, gb(offer.download_bytes), offer.fit)


def _footnote(scene: Scene, rows: list[ModelRow], filters: Filters) -> str:
    parts = []
    if any("✓" in row.speed for row in rows):
        parts.append(tr("✓ measured on this computer; ranges are estimates."))
    elif any(row.speed not in {"", DASH} for row in rows):
        parts.append(tr("Speeds are estimates in tokens a second."))
    if any(row.cost.startswith("≥") for row in rows):
        parts.append(tr("≥ answering alone, as measured; the time a model is loaded and idle comes on top."))
    if any(row.cost not in {"", DASH} and row.cost[0] != "≥" for row in rows):
        parts.append(tokens_meaning())
    if scene.extras.offers is None and scene.ready and not filters.search:
        parts.append(tr("Looking for models that fit…"))
    return " ".join(parts)


def _empty(scene: Scene, filters: Filters) -> EmptyView:
    if filters.search or filters.use:
        return EmptyView(tr("Nothing matches"), tr("Try another word, or type the full name of a model."))
    looking = EmptyView(tr("Looking for models that fit…"), tr("This takes a moment."))
    return empty_view(scene) or looking
