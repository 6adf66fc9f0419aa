"""One tag on one machine: does it fit, how fast is it, how many points is that worth."""

from dataclasses import dataclass
from math import log2

from wattlight.domain.entry import CatalogEntry, CatalogTag, Flavour
from wattlight.domain.fit import Confidence, FitOptions, FitResult, PreparedModel, Verdict, fit
from wattlight.domain.speed import SpeedRange, tokens_per_second
from wattlight.domain.values import MachineProfile

from .editorial import Editorial
from .quality import quant_points
from .uses import READING_TOKENS_PER_S, WANTED_CONTEXT, WANTED_TOKENS_PER_S, Use, always_thinks

GIB = 1 << 30
HOST_RESERVE_BYTES = GIB
"""RAM left for everything else where part of a model is in RAM beside a GPU."""
BEST_SPEED_POINTS = 1.5
SPEED_LOSS = 3.5
"""Points for each halving of the wanted speed."""
SLOW_TOKENS_PER_S = 10.0
SLOW_LOSS = 4.0
"""More points for each halving below :data:`SLOW_TOKENS_PER_S`, where waiting begins to hurt."""
UNUSABLE_LOSS = 15.0
UNKNOWN_SPEED_LOSS = 1.5
PARTIAL_LOSS = 4.0
CPU_BESIDE_GPU_LOSS = 5.0
CONTEXT_LOSS = 1.2
"""Points for each halving of the wanted context."""
THINKING_FACTOR = 1.5
ALWAYS_THINKING_FACTOR = 2.0
"""A model that thinks (if asked, or always) must be so much faster for the same wait."""
COMFORT_BYTES = 2 * GIB
COMFORT_LOSS = 2.0
"""Lost, in proportion, where less than this stays free of memory that all programs share (RAM, unified)."""
DOWNLOAD_LOSS_PER_GB = 0.03
TIGHT_SHARE = 0.04
TIGHT_LOSS = 1.5
"""Lost where the size is only roughly known and less than this share of it is to spare."""
EMBEDDING_SPEED = SpeedRange(None, None, None, "Embedding models read text and write none.")
_CONFIDENCE_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


@dataclass(frozen=True, slots=True)
class Judged:
    """A tag with its fit; ``fits`` False with the reason's code in ``refusal``."""

    entry: CatalogEntry
    tag: CatalogTag
    model: PreparedModel
    fit: FitResult
    speed: SpeedRange
    confidence: Confidence
    points: float
    refusal: str | None
    needed_bytes: int

    @property
    def fits(self) -> bool:
        """It runs, within the memory that is free now, at a speed one can live with."""
        return self.refusal is None

    @property
    def name(self) -> str:
        """What to pull."""
        return f"{self.entry.base_name}:{self.tag.tag}"


def judge_tag(
    entry: CatalogEntry,
    tag: CatalogTag,
    model: PreparedModel,
    best_confidence: Confidence,
    machine: MachineProfile,
    use: Use,
    context: int,
    editorial: Editorial,
    quality: float,
) -> Judged:
    """Fit ``tag`` and count its points from ``quality`` (of the unquantized model)."""
    result = fit(model, machine, FitOptions(context=context))
    embeds = use is Use.EMBEDDING
    speed = EMBEDDING_SPEED if embeds else tokens_per_second(model, result, machine)
    wanted = wanted_speed(entry, tag, use, editorial)
    points = quality + quant_points(entry, tag) - DOWNLOAD_LOSS_PER_GB * tag.bytes_listed / 1e9
    points += _place_points(result) + _context_points(reach_tokens(model, result, machine), use)
    if not embeds:
        points += speed_points(speed.mid, wanted)
    points -= COMFORT_LOSS * max(0.0, 1 - _left_for_others(result, machine) / COMFORT_BYTES)
    if tag.slack_bytes and 0 <= result.spare_bytes < TIGHT_SHARE * tag.bytes_listed:
        points -= TIGHT_LOSS
    confidence = min(best_confidence, result.confidence, key=_CONFIDENCE_ORDER.index)
    refusal = refusal_of(result, machine)
    if refusal is None and not embeds and speed.mid is not None and speed.mid < READING_TOKENS_PER_S:
        refusal = "too_slow"
    needed = result.gpu_bytes + result.host_bytes
    return Judged(entry, tag, model, result, speed, confidence, points, refusal, needed)


def _left_for_others(result: FitResult, machine: MachineProfile) -> int:
    """Bytes of shared memory that stay free; plenty where the model lies on a card of its own."""
    shared = {device.id for device in machine.devices if device.unified or device.integrated}
    if result.verdict is Verdict.CPU or any(use.id in shared for use in result.devices):
        return machine.ram_available_bytes - result.gpu_bytes - result.host_bytes
    return COMFORT_BYTES


def refusal_of(result: FitResult, machine: MachineProfile) -> str | None:
    """Why the model does not fit in the memory that is free now; None if it does."""
    if result.verdict is Verdict.NO:
        return "no_room"
    if result.verdict is Verdict.CPU:
        room = machine.ram_available_bytes - (HOST_RESERVE_BYTES if result.devices else 0)
        return "no_room" if result.host_bytes > room else None
    unified = {device.id for device in machine.devices if device.unified or device.integrated}
    if any(used.id in unified for used in result.devices):
        total = result.gpu_bytes + result.host_bytes
        return "no_room" if total > machine.ram_available_bytes or result.spare_bytes < 0 else None
    if result.verdict is Verdict.FULL_GPU:
        return "no_room" if result.spare_bytes < 0 else None
    return "no_room" if result.host_bytes + HOST_RESERVE_BYTES > machine.ram_available_bytes else None


def wanted_speed(entry: CatalogEntry, tag: CatalogTag, use: Use, editorial: Editorial) -> float:
    """Tokens a second at which this model feels fluent in ``use``."""
    wanted = WANTED_TOKENS_PER_S.get(use, READING_TOKENS_PER_S)
    if use not in {Use.CHAT, Use.VISION}:
        return wanted
    if always_thinks(entry, tag.flavour, editorial):
        return wanted * ALWAYS_THINKING_FACTOR
    thinks = "thinking" in entry.capabilities and tag.flavour is not Flavour.INSTRUCT
    return wanted * THINKING_FACTOR if thinks else wanted


def speed_points(tokens_per_s: float | None, wanted: float) -> float:
    """Points for speed: up to :data:`BEST_SPEED_POINTS` above the wanted one, ever more lost below."""
    if tokens_per_s is None or tokens_per_s <= 0:
        return -UNKNOWN_SPEED_LOSS
    ratio = tokens_per_s / wanted
    if ratio >= 1:
        return min(BEST_SPEED_POINTS, 0.5 * log2(ratio))
    lost = SPEED_LOSS * log2(1 / ratio)
    if tokens_per_s < SLOW_TOKENS_PER_S:
        lost += SLOW_LOSS * log2(SLOW_TOKENS_PER_S / tokens_per_s)
    return -lost - (UNUSABLE_LOSS if tokens_per_s < READING_TOKENS_PER_S else 0.0)


def reach_tokens(model: PreparedModel, result: FitResult, machine: MachineProfile) -> int:
    """About how many tokens of context the memory to spare would allow, at most the trained length."""
    arch = model.arch
    per_token = 2 * (sum(arch.full_k) + sum(arch.full_v))
    trained = arch.context_trained or 1 << 20
    if per_token == 0:
        return trained
    partly = result.verdict is Verdict.PARTIAL_GPU
    spare = machine.ram_available_bytes - result.host_bytes if partly else result.spare_bytes
    return min(trained, max(0, result.context + spare // per_token))


def _context_points(reach: int, use: Use) -> float:
    wanted = WANTED_CONTEXT[use]
    if reach >= wanted:
        return 0.0
    return -CONTEXT_LOSS * log2(wanted / max(reach, 256))


def _place_points(result: FitResult) -> float:
    if result.verdict is Verdict.PARTIAL_GPU:
        return -PARTIAL_LOSS
    if result.verdict is Verdict.CPU and result.devices:
        return -CPU_BESIDE_GPU_LOSS
    return 0.0
