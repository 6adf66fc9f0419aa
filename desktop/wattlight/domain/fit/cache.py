"""Bytes of the KV cache and of recurrent state, block by block."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from wattlight.i18n import tr

from ..shape import TYPE_BY_NAME
from ..values import Problem, clean_text
from .architecture import Architecture

KV_TYPES = {
    "f32": "F32",
    "f16": "F16",
    "bf16": "BF16",
    "q8_0": "Q8_0",
    "q4_0": "Q4_0",
    "q4_1": "Q4_1",
    "iq4_nl": "IQ4_NL",
    "q5_0": "Q5_0",
    "q5_1": "Q5_1",
}
"""Cache types the engine accepts, and the tensor type of each."""


def is_quantised(kv_type: str) -> bool:
    """True for a cache type stored in blocks."""
    return TYPE_BY_NAME[KV_TYPES[kv_type]].block > 1


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """Running sums over blocks: entry i is the sum of the blocks before i.

    Attributes:
        full: bytes per cell (one token of one slot) of full-attention blocks.
        swa: bytes per cell of windowed blocks.
        state: bytes per slot of recurrent state.
        pad: constant bytes a CUDA device adds for short quantised rows; ``pad_swa`` for windowed blocks.
    """

    full: tuple[int, ...]
    swa: tuple[int, ...]
    state: tuple[int, ...]
    pad: tuple[int, ...]
    pad_swa: tuple[int, ...]


@lru_cache(maxsize=1024)
def row_bytes(width: int, kv_type: str) -> int:
    """Bytes of ``width`` values in a cache of a type; a rest that fills no block is dropped."""
    kind = TYPE_BY_NAME[KV_TYPES[kv_type]]
    return width // kind.block * kind.block_bytes


def lay_out(arch: Architecture, kv_type: str, flash: bool, row_pad: int, v_type: str = "") -> CacheLayout:
    """The cache of ``arch`` for one cache type; ``v_type``: of the values, where it is another.

    Without flash attention V is stored transposed, and where its width varies every block takes the widest.
    """
    full_v, swa_v = arch.full_v, arch.swa_v
    if not flash and not arch.mla:
        widths = {v for v in (*full_v, *swa_v) if v}
        if len(widths) > 1:
            widest = max(widths)
            full_v = tuple(widest if v else 0 for v in full_v)
            swa_v = tuple(widest if v else 0 for v in swa_v)
    v_type = v_type or kv_type

    def cell(k: int, v: int) -> int:
        return row_bytes(k, kv_type) + row_bytes(v, v_type)

    def pad(width: int, cache_type: str) -> int:
        kind, rest = TYPE_BY_NAME[KV_TYPES[cache_type]], width % row_pad
        if kind.block == 1 or not rest:
            return 0
        return -(-(row_pad - rest) // kind.block * kind.block_bytes // 128) * 128

    def pads(keys: tuple[int, ...], values: tuple[int, ...]) -> tuple[int, ...]:
        if not (is_quantised(kv_type) or is_quantised(v_type)):
            return (0,) * (len(keys) + 1)
        each = (pad(k, kv_type) + pad(v, v_type) for k, v in zip(keys, values, strict=True))
        return tuple(accumulate(each, initial=0))

    full = [cell(k, v) for k, v in zip(arch.full_k, full_v, strict=True)]
    swa = [cell(k, v) for k, v in zip(arch.swa_k, swa_v, strict=True)]
    return CacheLayout(
        full=tuple(accumulate(full, initial=0)),
        swa=tuple(accumulate(swa, initial=0)),
        state=tuple(
            accumulate((4 * (r + s) for r, s in zip(arch.state_r, arch.state_s, strict=True)), initial=0)
        ),
        pad=pads(arch.full_k, full_v),
        pad_swa=pads(arch.swa_k, swa_v),
    )


class UnknownCacheType(Problem):
    """The engine does not know this type of KV cache."""

    code = "bad_kv_type"

    def __init__(self, kv_type: str) -> None:
        super().__init__(
            tr("The engine knows no KV cache of type {kind}.", kind=clean_text(kv_type, 40)),
            tr("Use one of {kinds}.", kinds=", ".join(KV_TYPES)),
        )
