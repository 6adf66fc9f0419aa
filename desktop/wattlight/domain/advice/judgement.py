"""One tag on one machine: does it fit, how fast is it, how many points is that worth."""

from dataclasses import dataclass
from datetime import date
from math import log2

from wattlight.domain.fit import (
    Confidence,
    FitOptions,
    FitResult,
    PreparedModel,
    Verdict,
    fit,
    fit_at_best,
    usable_devices,
)
from wattlight.i18n import tr

from ..entry import CatalogEntry, CatalogTag, Flavour, Layout
from ..speed import SpeedRange, block_weight, law_of, tokens_per_second
from ..values import Device, MachineProfile
from .uses import (
    READING_TOKENS_PER_S,
    WANTED_CONTEXT,
    WANTED_TOKENS_PER_S,
    Editorial,
    Use,
    always_thinks,
    match_points,
)

CEILING = 72.0
SIZE_LOSS = 26.0
SIZE_POWER = 0.45
DOUBLING_GAIN = 1.0
EXPERT_TOTAL_POWER = 0.6
"""Weight of the total in the geometric mean of total and active parameters of a mixture of experts."""
EMBEDDING_SHARE = 0.35
"""Size matters less for embeddings, and so does age (the same share of both losses)."""
EMBEDDING_BYTES = 0.6e9
EMBEDDING_BYTES_LOSS = 4.0
"""Points lost by each doubling of an embedding model's bytes: it shares the memory with a chat model."""
MONTH_LOSS = 0.45
MAX_MONTHS = 36
UNKNOWN_MONTHS = 18
BYTES_PER_PARAMETER = 0.6
"""Of a 4-bit file, where the parameters are not known."""

QUANT_LOSS = {
    "BF16": 0.0, "FP16": 0.0, "F16": 0.0, "Q8_0": 0.0, "MXFP4": 0.0, "Q6_K": 0.1, "Q5_K_M": 0.4, "QAT": 0.5,
    "Q4_K_M": 1.0, "Q4_0": 1.6, "Q3_K_M": 3.5,
}  # fmt: skip
"""Points lost against the unquantized model; quantizations that are not here are never chosen."""
SMALL_MODEL = 4e9
"""Below so many parameters quantization costs half as much again."""


def effective_billions(entry: CatalogEntry) -> float:
    """Billions of parameters of a dense model about as able.

    A mixture of experts counts as a weighted geometric mean of its total and its active parameters; a
    per-layer token table, which is only looked up, does not count.
    """
    total = entry.params_total or entry.unverified.params_total
    if total is None:
        size = entry.model_bytes or entry.listed_bytes
        total = round(size / (2.0 if entry.quant in {"BF16", "FP16", "F16"} else BYTES_PER_PARAMETER))
    layout = entry.layout
    total -= _per_layer_table(layout)
    active = entry.params_active or entry.unverified.params_active
    experts = layout.number("expert_count") if layout else 0
    if active is None and layout and experts:
        active = round(total * (0.1 + 0.9 * layout.number("expert_used_count") / experts))
    billions, running = total / 1e9, (active or total) / 1e9
    return float(billions**EXPERT_TOTAL_POWER * running ** (1.0 - EXPERT_TOTAL_POWER))


def _per_layer_table(layout: Layout | None) -> int:
    """Parameters of the table of token values for every layer; 0 for models without one."""
    if layout is None:
        return 0
    width = layout.number("embedding_length_per_layer_input")
    return width * layout.number("block_count") * layout.vocabulary if width else 0


def age_months(entry: CatalogEntry, today: date) -> float:
    """Months from release to ``today``, as far as a date is known or recalled."""
    text = entry.released or entry.unverified.released
    if not text:
        return UNKNOWN_MONTHS
    parts = [int(part) for part in text.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 7
    return max(0.0, (today.year - year) * 12 + today.month - month)


def quality_points(
    entry: CatalogEntry, use: Use, flavour: Flavour, editorial: Editorial, today: date
) -> float:
    """Points of the unquantized model for ``use``."""
    size = max(effective_billions(entry), 0.02)
    size_loss = SIZE_LOSS * float(size**-SIZE_POWER) - DOUBLING_GAIN * log2(size)
    age_share = 1.0
    if use is Use.EMBEDDING:
        weight = max(entry.listed_bytes / EMBEDDING_BYTES, 1.0)
        size_loss = size_loss * EMBEDDING_SHARE + EMBEDDING_BYTES_LOSS * log2(weight)
        age_share = EMBEDDING_SHARE
    age_loss = age_share * MONTH_LOSS * min(age_months(entry, today), MAX_MONTHS)
    standing = editorial.standing.get(entry.base_name, 0.0)
    return CEILING - size_loss - age_loss + standing + match_points(entry, use, flavour, editorial)


def quant_points(entry: CatalogEntry, tag: CatalogTag) -> float:
    """Points (negative) for the quantization of ``tag``."""
    loss = QUANT_LOSS.get(tag.quant, 1.0)
    small = (entry.params_total or SMALL_MODEL) < SMALL_MODEL
    return -loss * (1.5 if small else 1.0)


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


@dataclass(frozen=True, slots=True)
class Judged:
    """A tag with its fit; ``fits`` False with the reason's code in ``refusal``; ``speed`` without words."""

    entry: CatalogEntry
    tag: CatalogTag
    model: PreparedModel
    fit: FitResult
    speed: SpeedRange
    confidence: Confidence
    points: float
    refusal: str | None

    @property
    def fits(self) -> bool:
        """It runs, within the memory that is free now, at a speed one can live with."""
        return self.refusal is None

    @property
    def name(self) -> str:
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
    at_best: bool = False,
) -> Judged:
    """Fit ``tag`` and count its points from ``quality`` (of the unquantized model).

    ``at_best``: a bound that costs little, without compute buffers; what is refused so is refused.
    """
    options = FitOptions(context=context)
    result = fit_at_best(model, machine, options) if at_best else fit(model, machine, options)
    embeds = use is Use.EMBEDDING
    no_speed = SpeedRange(None, None, None, tr("Embedding models read text and write none."))
    speed = no_speed if embeds else tokens_per_second(model, result, machine, in_words=False)
    wanted = wanted_speed(entry, tag, use, editorial)
    points = quality + quant_points(entry, tag) - DOWNLOAD_LOSS_PER_GB * tag.bytes_listed / 1e9
    points += _place_points(result) + _context_points(reach_tokens(model, result, machine), use)
    if not embeds:
        points += speed_points(speed.mid, wanted)
    points -= COMFORT_LOSS * max(0.0, 1 - _left_for_others(result, machine) / COMFORT_BYTES)
    if tag.slack_bytes and 0 <= result.spare_bytes < TIGHT_SHARE * tag.bytes_listed and not at_best:
        points -= TIGHT_LOSS
    confidence = result.confidence.at_most(best_confidence)
    refusal = refusal_of(result, machine)
    if refusal is None and not embeds and speed.mid is not None and speed.mid < READING_TOKENS_PER_S:
        refusal = "too_slow"
    return Judged(entry, tag, model, result, speed, confidence, points, refusal)


def _left_for_others(result: FitResult, machine: MachineProfile) -> int:
    """Bytes of shared memory that stay free; plenty where the model lies on a card of its own."""
    shared = {device.id for device in machine.devices if device.unified or device.integrated}
    if result.verdict is Verdict.CPU or any(use.id in shared for use in result.devices):
        return machine.ram_available_bytes - _in_ram(result, machine)
    return COMFORT_BYTES


def _in_ram(result: FitResult, machine: MachineProfile) -> int:
    """Bytes a model takes of the RAM where its devices share it."""
    return max(0, result.gpu_bytes - machine.own_bytes) + result.host_bytes


def refusal_of(result: FitResult, machine: MachineProfile) -> str | None:
    """Why the model does not fit in the memory that is free now; None if it does."""
    if result.verdict is Verdict.NO:
        return "no_room"
    if result.verdict is Verdict.CPU:
        room = machine.ram_available_bytes - (HOST_RESERVE_BYTES if result.devices else 0)
        return "no_room" if result.host_bytes > room else None
    unified = {device.id for device in machine.devices if device.unified or device.integrated}
    if any(used.id in unified for used in result.devices):
        full = _in_ram(result, machine) > machine.ram_available_bytes
        return "no_room" if full or result.spare_bytes < 0 else None
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


READ_LESS, READ_LESS_PER_LAYER = 0.8, 0.4
"""Another quantization than the default tag's may read so much less of its file for a token (less still where
a per-layer token table, whose type varies, is part of it)."""
ROOMY = 1.1
"""A file so much larger than the free device memory cannot lie there (a token table may stay in RAM)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The fastest a machine could be: bytes free on its accelerators, 10^9 bytes per second there and in RAM.

    ``dense`` and ``mixture``: shares of that speed and seconds a block, of the device that does best.
    """

    device_bytes: int
    device_gbs: float | None
    ram_gbs: float | None
    separate: bool
    """All of them are cards of their own: what does not lie there wholly is partly in RAM."""
    dense: tuple[float, float]
    mixture: tuple[float, float]


def reach_of(machine: MachineProfile) -> Reach:
    """All bandwidths of its devices together."""
    devices = usable_devices(machine)
    free = sum(device.memory_free_bytes or device.memory_total_bytes or 0 for device in devices)
    speeds = [device.bandwidth_gbs for device in devices]
    fast = None if not speeds or None in speeds else sum(speed for speed in speeds if speed)
    separate = bool(devices) and not any(d.integrated or d.unified for d in devices)
    dense, mixture = (_best_law(machine, mixture) for mixture in (False, True))
    return Reach(free, fast, machine.cpu.bandwidth_gbs, separate, dense, mixture)


def _best_law(machine: MachineProfile, mixture: bool) -> tuple[float, float]:
    parts: list[Device | None] = [None, *machine.devices]
    laws = [law_of(part, mixture) for part in parts]
    paces = [device.pace for device in machine.devices] + [machine.cpu.pace]
    factor = max([1.0, *(pace.factor for pace in paces if pace)])
    return max(law.share for law in laws) * factor, min(law.layer_us for law in laws) * 1e-6 / factor


def bound_of(
    entry: CatalogEntry,
    tags: tuple[CatalogTag, ...],
    quality: float,
    reach: Reach,
    use: Use,
    editorial: Editorial,
) -> float:
    """No tag of ``tags`` gets more points than this on a machine of ``reach``."""
    if use is Use.EMBEDDING:
        return quality
    wanted = wanted_speed(entry, tags[0], use, editorial)

    def points(tag: CatalogTag) -> float:
        lies_wholly = _per_layer_table(entry.layout) > 0 or (_held(entry, tag) <= ROOMY * reach.device_bytes)
        speed = _fastest(entry, tag, reach)
        most = BEST_SPEED_POINTS if speed is None else speed_points(speed, wanted)
        if reach.separate and not lies_wholly:
            most -= PARTIAL_LOSS
        return quality + quant_points(entry, tag) + most - DOWNLOAD_LOSS_PER_GB * tag.bytes_listed / 1e9

    return max(map(points, tags))


def _held(entry: CatalogEntry, tag: CatalogTag) -> int:
    """Bytes of the text model at least: a vision tower and draft blocks inside the file lie elsewhere."""
    inside = entry.layout.vision_bytes + 2 * entry.layout.hidden_bytes if entry.layout else 0
    return max(1, tag.bytes_listed - tag.slack_bytes - entry.projector_bytes - inside)


def _fastest(entry: CatalogEntry, tag: CatalogTag, reach: Reach) -> float | None:
    """Tokens a second at best; None where a bandwidth is not known."""
    layout = entry.layout
    if layout is None:
        return None
    default = entry.default_tag
    read = float(layout.read_bytes)
    if tag is not default:
        less = READ_LESS_PER_LAYER if _per_layer_table(layout) else READ_LESS
        read *= less * tag.bytes_listed / default.bytes_listed
    on_device = min(1.0, reach.device_bytes * ROOMY / _held(entry, tag))
    if reach.device_bytes and _per_layer_table(layout):
        on_device = 1.0  # the table in RAM is hardly read
    in_ram = 1.0 - on_device
    if (on_device and not reach.device_gbs) or (in_ram and not reach.ram_gbs):
        return None
    experts = layout.number("expert_count")
    share, layer_s = reach.mixture if experts else reach.dense
    seconds = layout.number("block_count") * layer_s * block_weight(layout.architecture)
    used = layout.number("expert_used_count") / experts if experts else 1.0
    from_ram = min(read, in_ram * (_held(entry, tag) * used if experts and on_device else read))
    if reach.device_gbs and on_device:
        seconds += (read - from_ram) / (reach.device_gbs * 1e9 * share)
    if reach.ram_gbs and in_ram:
        seconds += from_ram / (reach.ram_gbs * 1e9 * share)
    return 1 / seconds if seconds else None
