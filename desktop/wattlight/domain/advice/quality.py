"""How good a model is likely to be, without anybody's scores: size, age, purpose, quantization.

Points on a scale of our own. The form is the usual one of scaling laws (the error falls with a power of the
number of parameters), with a little more for each doubling; the constants are rounded judgement: from 9 to 27
billion parameters is worth about 5 points, a year of progress about 5, four bits instead of eight about 1.
"""

from datetime import date
from math import log2

from wattlight.domain.entry import CatalogEntry, CatalogTag, Flavour

from .editorial import Editorial
from .shape_estimate import PER_LAYER_FAMILIES, PER_LAYER_WIDTH
from .uses import Use, match_points

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
    arch = entry.architecture
    if entry.name in PER_LAYER_FAMILIES:
        layers, vocab = (arch.layers, arch.vocab) if arch else (30, 262144)
        total -= PER_LAYER_WIDTH * layers * vocab
    active = entry.params_active or entry.unverified.params_active
    if active is None and entry.moe and arch and arch.experts:
        active = round(total * (0.1 + 0.9 * arch.experts_used / arch.experts))
    billions, running = total / 1e9, (active or total) / 1e9
    return float(billions**EXPERT_TOTAL_POWER * running ** (1.0 - EXPERT_TOTAL_POWER))


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
