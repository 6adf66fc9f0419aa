"""Answers that take longer than a redraw, as the faces show them; made by :mod:`.slow_answers`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wattlight.domain.carbon import CarbonFactor
    from wattlight.domain.cost import History, WeekHour
    from wattlight.domain.learning import Comparison
    from wattlight.services.models import DiskNote, ModelUpdate

    from .benchmark import SideBySide
    from .costs import BreakEvenBasis, MonthCosts
    from .pricing import CountryPrice
    from .server_variables import VariablesNow

CONTEXTS = (4096, 8192, 16384, 32768, 65536, 131072)
"""Lengths the pages offer to choose from."""
HOURS = "hours"
"""Asked for instead of a span of history: the hours of the week."""
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
class BesideNote:
    """How a model stands beside ``others`` that are loaded: ``fits``, ``partly``, ``crowded`` or ``none``.

    All of them together take ``used_bytes`` of ``total_bytes`` of the accelerators, else of the RAM.
    """

    others: tuple[str, ...]
    room: str
    used_bytes: int
    total_bytes: int


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
    needed_bytes: int | None = None
    """In all: on devices, in RAM, and the projector."""
    spare_bytes: int | None = None
    context_length: int | None = None
    kv_type: str | None = None
    eight_bit_frees_bytes: int | None = None
    """What a q8_0 cache would take less at this context; None where the cache is smaller than f16 already."""
    trained_context: int | None = None
    largest_gpu_context: int | None = None
    largest_gpu_context_q8: int | None = None
    tokens_low: float | None = None
    tokens_high: float | None = None
    tokens_confidence: str | None = None
    draft_low: float | None = None
    draft_high: float | None = None
    """Tokens per second with its speculative draft, where a gain is to be expected."""
    measured_tokens_per_s: float | None = None
    filled_tokens_per_s: float | None = None
    filled_tokens: int | None = None
    """The same with so many tokens in its context."""
    cost_per_million_micro: int | None = None
    cost_error_fraction: float | None = None
    active_w: float | None = None
    """Draw above rest while it answers, measured here."""
    uncertainty_bytes: int | None = None
    confidence: str | None = None
    reasons: tuple[str, ...] = ()
    steps: tuple[ContextStep, ...] = ()
    beside: BesideNote | None = None

    @property
    def gpu_bytes(self) -> int | None:
        """Device memory the model is predicted to take."""
        if self.weights_bytes is None or self.work_bytes is None:
            return None
        return self.weights_bytes + self.work_bytes


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that could be installed. ``download_bytes`` are bytes over the wire, exact or only about."""

    model: str
    fit: FitNote
    download_bytes: int | None = None
    quantization: str = ""
    publisher: str = ""
    released: str = ""
    licence: str = ""
    uses: tuple[str, ...] = ()
    why: str = ""
    download_exact: bool = True
    parameters: int | None = None
    """In all, where a source states them."""


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What is known of a model that is named and neither installed nor recommended.

    ``asked``: its registry was asked for its header; ``problem`` is the sentence why there is no answer.
    """

    offer: Offer
    asked: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FoundUpdates:
    """What the registries said of the installed models; ``problem``: why not all of them did."""

    updates: "tuple[ModelUpdate, ...]" = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that was not recommended, and why, in a sentence. ``slow``: it fits, but would be too slow."""

    model: str
    why: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Extras:
    """Answers of slower questions; None means not asked or not answered yet."""

    fits: tuple[FitNote, ...] = ()
    offers: tuple[Offer, ...] | None = None
    starters: tuple[Offer, ...] = ()
    """Everything that fits, best first, older and alike ones too: where a small first model is found."""
    costs: "MonthCosts | None" = None
    countries: "tuple[CountryPrice, ...]" = ()
    carbon: "tuple[CarbonFactor, ...]" = ()
    left_out: tuple[LeftOut, ...] = ()
    """The most promising models that are not among the offers."""
    named: NamedModel | None = None
    """The answer about the model that was named last."""
    updates: FoundUpdates | None = None
    compared: "SideBySide | None" = None
    """Two models on the person's own prompts, as they were measured last."""
    prompts: str = ""
    """The prompts that the person keeps on this computer."""
    disk_free_bytes: int | None = None
    disk: "DiskNote | None" = None
    """What models take of it, and what belongs to none."""
    variables: "VariablesNow | None" = None
    """Those of the server, and a change of them that waits."""
    break_even: "BreakEvenBasis | None" = None
    loads: "tuple[Comparison, ...]" = ()
    """Predictions of loads and what came of them, newest first."""
    history: "History | None" = None
    """The longer span that was asked for last."""
    week_hours: "tuple[WeekHour, ...] | None" = None
    server_startable: bool = False
    """An installed server was found that is not running."""
    autostart_supported: bool = False
    version: str = ""
    catalog_date: str = ""
    """Of when the shipped list of models is, as a person reads it."""
