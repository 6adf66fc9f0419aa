"""What a model takes under vLLM, which fills the cards it is given when it starts.

vLLM takes a fixed share of each card: weights first, then what it measures in a run of its own, and all that
is left becomes the cache. Weights and cache follow from the model's own files; what the run takes does not,
so it is a range: :data:`REST_BYTES`. Rules: vLLM's ``v1/worker/gpu_worker.py``, ``v1/kv_cache_interface.py``,
``v1/core/kv_cache_utils.py`` and ``engine/arg_utils.py`` (0.11 to 0.26).
"""

from dataclasses import dataclass
from enum import StrEnum

from .servers import VLLM_UTILIZATION
from .values import Device

BLOCK_TOKENS = 16
_GIB = 1 << 30
_LARGE_CARD_BYTES = 70 * _GIB
REST_BYTES = {False: (2 * _GIB // 5, 3 * _GIB), True: (4 * _GIB // 5, 6 * _GIB)}
"""Least and most on a card beside weights and cache: 2,048 tokens at a time, and 8,192 on large cards. From
the starts in ``tests/data/engines/vllm_starts.csv``."""


class Outlook(StrEnum):
    """Whether the server starts: it refuses where not one request of the whole context has room."""

    STARTS = "starts"
    PERHAPS = "perhaps"
    NO = "no"


@dataclass(frozen=True, slots=True)
class CacheLayer:
    """What a layer keeps of one token: ``values`` of each of ``heads``, keys and values together.

    ``window``: tokens that it looks back, None for all. ``latent``: each card keeps all of it.
    """

    heads: int
    values: int
    window: int | None = None
    latent: bool = False

    def heads_on_one_of(self, gpus: int) -> int:
        """Heads are divided among cards; where there are fewer heads, cards hold the same one."""
        return self.heads if self.latent else max(1, self.heads // gpus)


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model as vLLM's loader sees it.

    Attributes:
        weights_bytes: on all cards together, after F32 has become 16 bits.
        heads: of queries; a number of cards must divide them.
        sees: images too, for which vLLM keeps room that is not known before.
    """

    architecture: str
    weights_bytes: int
    context_trained: int
    heads: int
    layers: tuple[CacheLayer, ...]
    sees: bool = False

    def divides(self, gpus: int) -> bool:
        """Whether vLLM can divide the model among so many cards."""
        fine = (x.latent or x.heads % gpus == 0 or gpus % x.heads == 0 for x in self.layers)
        return self.heads % gpus == 0 and all(fine)

    def request_bytes(self, context: int, gpus: int, value_bytes: int, at_a_time: int) -> int:
        """The cache of one request of ``context`` tokens on each card, in whole blocks."""
        total = 0
        for layer in self.layers:
            blocks = -(-context // BLOCK_TOKENS)
            if layer.window is not None:
                kept = min(context, layer.window - 1 + at_a_time)
                blocks = min(blocks, -(-kept // BLOCK_TOKENS) + 1)
            total += blocks * BLOCK_TOKENS * layer.heads_on_one_of(gpus) * layer.values * value_bytes
        return total


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """Bytes are per card; pairs are (at least, at most)."""

    outlook: Outlook
    gpus: int
    card: Device
    given_bytes: int
    weights_bytes: int
    rest_bytes: tuple[int, int]
    cache_bytes: tuple[int, int]
    context: int
    request_bytes: int
    requests: tuple[float, float]
    largest_context: tuple[int, int]
    busy_bytes: int
    """So much must first become free: vLLM refuses to start where less than its share is."""


def tokens_at_a_time(card: Device) -> int:
    """vLLM's usual ``max_num_batched_tokens`` of a server."""
    large = (card.memory_total_bytes or 0) >= _LARGE_CARD_BYTES and "a100" not in card.name.lower()
    return 8192 if large else 2048


def plan(
    model: EngineModel,
    card: Device,
    gpus: int = 1,
    context: int | None = None,
    utilization: float = VLLM_UTILIZATION,
    value_bytes: int = 2,
) -> EnginePlan:
    """``model`` on ``gpus`` cards like ``card``, whose memory is known; ``context``: ``--max-model-len``."""
    memory, at_a_time = card.memory_total_bytes or 0, tokens_at_a_time(card)
    given, weights = int(memory * utilization), -(-model.weights_bytes // gpus)
    rest = REST_BYTES[at_a_time > 2048]
    cache = (max(0, given - weights - rest[1]), max(0, given - weights - rest[0]))
    context = context or model.context_trained

    def request(tokens: int) -> int:
        return model.request_bytes(tokens, gpus, value_bytes, at_a_time)

    def largest(room: int) -> int:
        low, high = 0, model.context_trained // BLOCK_TOKENS
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if request(middle * BLOCK_TOKENS) <= room else (low, middle - 1)
        return low * BLOCK_TOKENS if low < model.context_trained // BLOCK_TOKENS else model.context_trained

    need = request(context)
    outlook = Outlook.STARTS if need <= cache[0] else Outlook.PERHAPS if need <= cache[1] else Outlook.NO
    free = card.memory_free_bytes
    return EnginePlan(
        outlook,
        gpus,
        card,
        given,
        weights,
        rest,
        cache,
        context,
        need,
        (cache[0] / need, cache[1] / need),
        (largest(cache[0]), largest(cache[1])),
        max(0, given - free) if free is not None else 0,
    )
