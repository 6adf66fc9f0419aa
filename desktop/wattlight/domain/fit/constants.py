"""Numbers of the server and its engine that may change with a version, in one table."""

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class EngineConstants:
    """Rules of one server version (llama.cpp engine as shipped with it).

    Attributes:
        fit_margin_bytes: kept free on each device by the engine's automatic fit.
        projector_headroom_bytes: asked for beside a vision projector on a GPU.
        cache_pad: cells of a cache come in multiples of this.
        context_tiers: (from this sum of device memory in bytes, default context), largest first.
        context_default: below the lowest tier.
        context_minimum: smallest context the server accepts.
        context_minimum_vision: smallest context for a model that sees.
        batch_steps: (above this context, first batch to try), largest first.
        batch_default: the batch that is always accepted.
        batch_surcharge: batch -> bytes that must be free beside the crude estimate.
        batch_headroom_percent: batch -> crude estimate at most this share of free memory.
        batch_fit_percent: crude estimate at most this share, for batches and for choosing one device.
        batch_embedding: batch of models that only embed.
        row_pad: CUDA lengthens quantised rows to a multiple of so many values.
        single_slot_families: families the server runs with one slot whatever is asked.
    """

    fit_margin_bytes: int = 1024 * MIB
    projector_headroom_bytes: int = GIB
    cache_pad: int = 256
    context_tiers: tuple[tuple[int, int], ...] = ((47 * GIB, 262144), (23 * GIB, 32768))
    context_default: int = 4096
    context_minimum: int = 4
    context_minimum_vision: int = 2048
    batch_steps: tuple[tuple[int, int], ...] = ((32768, 2048), (4096, 1024))
    batch_default: int = 512
    batch_constrained: int = 256
    batch_constrained_context: int = 4096
    batch_constrained_free_bytes: int = 8 * GIB
    batch_surcharge_large: int = 2 * GIB
    batch_surcharge_medium: int = 768 * MIB
    batch_percent_large: int = 60
    batch_percent_medium: int = 75
    batch_fit_percent: int = 80
    batch_embedding: int = 2048
    row_pad: int = 512
    mmap_headroom_bytes: int = 8 * 10**9
    single_slot_families: frozenset[str] = frozenset(
        {
            "mllama",
            "qwen3vl",
            "qwen3vlmoe",
            "qwen35",
            "qwen35moe",
            "qwen3next",
            "lfm2",
            "lfm2moe",
            "nemotron_h",
            "nemotron_h_moe",
            "nemotron_h_omni",
        }
    )


_BY_VERSION: tuple[tuple[tuple[int, ...], EngineConstants], ...] = (
    ((0, 15, 5), EngineConstants()),
    ((0, 0), EngineConstants(context_tiers=())),
)
"""First version -> its constants, newest first; tiers since 0.15.5 (ollama#14116)."""

LLAMA_SERVER_FROM = (0, 30)
"""Before it an engine of Ollama's own ran the models (ollama#16031)."""
MEASURED_FROM = (0, 33)
"""Oldest version whose rules were measured (0.33.0-rc2); for an older one the confidence is lowered."""
KNOWN_UNTIL = (0, 36)
"""First version whose rules were not read; logs up to 0.35 agree with what was measured."""


MLX_FROM = (0, 40)
MLX_ARCHITECTURES = frozenset({"gemma4", "qwen35", "qwen35moe"})
"""On Apple silicon Ollama fetches and runs these for MLX by default from then on (its notes of 0.40.0)."""


def has_own_engine(version: str | None) -> bool:
    """Whether the server runs models itself: there OLLAMA_GPU_OVERHEAD keeps memory free (ollama#18679)."""
    number = version_number(version)
    return number is not None and number < LLAMA_SERVER_FROM


def version_number(version: str | None) -> tuple[int, ...] | None:
    """``"0.33.0-rc2"`` as (0, 33, 0); None for none, a development build (0.0.0) or what is no version."""
    if not version:
        return None
    numbers = []
    for part in version.strip().lstrip("v").split("-")[0].split("+")[0].split(".")[:3]:
        if not part.isdecimal() or len(part) > 6:
            return None
        numbers.append(int(part))
    return tuple(numbers) if any(numbers) else None


def constants_for(version: str | None) -> EngineConstants:
    """The constants of a server version; None or an unreadable one means the newest known."""
    number = version_number(version)
    if number is None:
        return _BY_VERSION[0][1]
    for first, constants in _BY_VERSION:
        if number >= first:
            return constants
    return _BY_VERSION[-1][1]
