"""What a view is made from: the state, the settings, the time, and the answers of slower questions."""

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING

from wattlight.domain.state import AppState, HostState, InstalledModel, SetupFacts
from wattlight.domain.values import LOCAL_HOST
from wattlight.settings import Settings

if TYPE_CHECKING:
    from wattlight.domain.answers import CapAdvice
    from wattlight.domain.breakeven import ApiPrice
    from wattlight.domain.learning import Comparison

FULL_GPU = "full_gpu"
PARTIAL_GPU = "partial_gpu"
CPU_ONLY = "cpu"
DOES_NOT_FIT = "no"


@dataclass(frozen=True, slots=True)
class ContextStep:
    """What a model would need at one context length; bytes of device memory."""

    context_length: int
    verdict: str
    weights_bytes: int
    work_bytes: int
    """Context and compute buffers together."""
    spare_bytes: int


@dataclass(frozen=True, slots=True)
class FitNote:
    """How a model fits this computer, as the views need it (any field None: not known).

    ``verdict`` is ``full_gpu``, ``partial_gpu``, ``cpu`` or ``no``; None while not computed. Speeds are
    output tokens per second; ``measured_tokens_per_s`` comes from this very computer.
    """

    model: str
    verdict: str | None = None
    layers_on_gpu: int | None = None
    layers_total: int | None = None
    weights_bytes: int | None = None
    work_bytes: int | None = None
    host_bytes: int | None = None
    spare_bytes: int | None = None
    context_length: int | None = None
    trained_context: int | None = None
    largest_gpu_context: int | None = None
    largest_gpu_context_q8: int | None = None
    tokens_low: float | None = None
    tokens_high: float | None = None
    measured_tokens_per_s: float | None = None
    cost_per_million_micro: int | None = None
    cost_error_fraction: float | None = None
    active_w: float | None = None
    """Draw above rest while it answers, measured here."""
    uncertainty_bytes: int | None = None
    confidence: str | None = None
    reasons: tuple[str, ...] = ()
    steps: tuple[ContextStep, ...] = ()

    @property
    def gpu_bytes(self) -> int | None:
        """Device memory the model is predicted to take."""
        if self.weights_bytes is None or self.work_bytes is None:
            return None
        return self.weights_bytes + self.work_bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that could be installed. ``download_bytes`` are bytes over the wire."""

    model: str
    fit: FitNote
    download_bytes: int | None = None
    quantization: str = ""
    publisher: str = ""
    released: str = ""
    licence: str = ""
    uses: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What is known of a model that is named and neither installed nor recommended.

    ``asked``: its registry was asked for its header; ``problem`` is the sentence why there is no answer.
    """

    offer: Offer
    asked: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that was not recommended, and why, in a sentence. ``slow``: it fits, but would be too slow."""

    model: str
    why: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class DayCost:
    """One day of the ledger: energy in mJ, money in micro-units (None without a price)."""

    day: date
    working_mj: int
    parked_mj: int
    computer_mj: int
    working_micro: int | None = None
    parked_micro: int | None = None
    computer_micro: int | None = None


@dataclass(frozen=True, slots=True)
class ModelMonth:
    """What is known of one model in the month beyond energy and cost."""

    model: str
    tokens_out: int | None = None
    per_million_micro: int | None = None
    per_million_error_micro: int | None = None
    hosted_per_million_micro: int | None = None
    hosted_date: str = ""


@dataclass(frozen=True, slots=True)
class CountryPrice:
    """An official household price to start from; ``per_kwh`` is decimal text, "" where none is shipped."""

    code: str
    name: str
    currency: str
    per_kwh: str = ""
    year: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class CapNote:
    """A power limit that would save something on a card named ``device``."""

    device: str
    advice: "CapAdvice"


@dataclass(frozen=True, slots=True)
class OwnSide:
    """What is known of one model here for the comparison with an API; None: not measured."""

    model: str
    tokens_per_s: float | None = None
    prompt_tokens_per_s: float | None = None
    active_w: float | None = None
    measured: bool = False
    """The speed was measured on this computer; else it is an estimate."""


@dataclass(frozen=True, slots=True)
class BreakEvenBasis:
    """What the comparison with an API starts from.

    ``price_per_kwh`` is the mean of the last week. Calls and tokens are what was counted in the last 30 days,
    scaled to a month; None while the relay counted too little.
    """

    prices: "tuple[ApiPrice, ...]" = ()
    own: tuple[OwnSide, ...] = ()
    price_per_kwh: Decimal | None = None
    currency: str | None = None
    calls: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Extras:
    """Answers of slower questions; None means not asked or not answered yet."""

    fits: tuple[FitNote, ...] = ()
    offers: tuple[Offer, ...] | None = None
    starters: tuple[Offer, ...] = ()
    """Everything that fits, best first, older and alike ones too: where a small first model is found."""
    days: tuple[DayCost, ...] | None = None
    months: tuple[ModelMonth, ...] = ()
    countries: tuple[CountryPrice, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """The most promising models that are not among the offers."""
    named: NamedModel | None = None
    """The answer about the model that was named last."""
    disk_free_bytes: int | None = None
    same_time_last_week_micro: int | None = None
    last_week_reason: str = ""
    """Why there is no comparison with last week."""
    caps: tuple[CapNote, ...] = ()
    break_even: BreakEvenBasis | None = None
    loads: "tuple[Comparison, ...]" = ()
    """Predictions of loads and what came of them, newest first."""
    month_low_micro: int | None = None
    month_high_micro: int | None = None
    parked_saving_micro: int | None = None
    server_startable: bool = False
    """An installed server was found that is not running."""
    autostart_supported: bool = False
    version: str = ""
    catalog_date: str = ""
    """Of when the shipped list of models is, as a person reads it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The one argument of every view function. ``zone`` None is the computer's own time zone."""

    state: AppState
    settings: Settings
    now: datetime
    extras: Extras = field(default_factory=Extras)
    zone: tzinfo | None = None
    setup: SetupFacts = field(default_factory=SetupFacts)

    @property
    def host(self) -> HostState:
        """The computer the windows show: the local one, else the first."""
        for host in self.state.hosts:
            if host.id == LOCAL_HOST:
                return host
        return self.state.hosts[0]

    @property
    def local_models(self) -> tuple[InstalledModel, ...]:
        """Installed models whose text stays on this computer."""
        return tuple(m for m in self.host.server.installed if m.remote_host is None)

    def fit_of(self, model: str) -> FitNote | None:
        """What is known of the fit of ``model``, from the fits or from the offers."""
        for note in self.extras.fits:
            if same_model(note.model, model):
                return note
        offer = self.offer_of(model)
        return None if offer is None else offer.fit

    def offer_of(self, model: str) -> Offer | None:
        """``model`` as it can be installed, where that is known."""
        named = self.named(model)
        offers = (*(self.extras.offers or ()), *((named.offer,) if named else ()))
        return next((offer for offer in offers if same_model(offer.model, model)), None)

    def named(self, model: str) -> NamedModel | None:
        """The answer about ``model``, if it was the last that was asked about."""
        named = self.extras.named
        return named if named is not None and same_model(named.offer.model, model) else None


def same_model(one: str, other: str) -> bool:
    """Whether two names mean the same model: ``x`` is ``x:latest``."""
    return _full(one) == _full(other)


def _full(name: str) -> str:
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
