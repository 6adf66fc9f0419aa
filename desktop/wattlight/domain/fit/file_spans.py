"""Where in the file a model's tensors lie, which a memory-mapped buffer covers."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from ..shape import ModelShape, Table, Tensor, of_each
from .sizing import Share
from .weights import HIDDEN_PREFIXES, is_expert, outside_kind

Span = tuple[int, int]
_NONE: Span = (1 << 62, 0)


class FileSpans:
    """Where in the file the tensors of each part lie; offsets in bytes.

    A memory-mapped buffer covers the stretch from its first tensor to its last.
    """

    __slots__ = ("_before", "_blocks", "_experts", "_input", "_layers", "_output")

    def __init__(self, shape: ModelShape, layers: int, loaded: int | None = None) -> None:
        """``loaded``: so many of the ``layers`` blocks, the first ones, are read; None: all."""
        loaded = layers if loaded is None else loaded
        blocks, experts = [_NONE] * layers, [_NONE] * layers
        outside = {"input": _NONE, "output": _NONE, "rope": _NONE}
        keep_norm_out = shape.architecture in {"lfm2", "lfm2moe"}
        tensors = shape.tensors
        if isinstance(tensors, Table):
            end = sum(map(_padded, tensors.before))
            for i, (length, whole, apart) in enumerate(of_each(tensors.blocks, _one_after_another)):
                if i < loaded:
                    blocks[i], experts[i] = _moved(whole, end), _moved(apart, end)
                end += length
            loose = [*_with_offsets(tensors.before, 0), *_with_offsets(tensors.behind, end)]
        else:
            loose = _with_offsets(tensors, 0)
        for tensor, offset in loose:
            if tensor.name.startswith(HIDDEN_PREFIXES):
                continue
            span = (offset, offset + tensor.size_bytes)
            number, _, part = tensor.name.removeprefix("blk.").partition(".")
            if not tensor.name.startswith("blk.") or not number.isdecimal():
                kind = outside_kind(tensor.name, keep_norm_out)
                outside[kind] = _join(outside[kind], span)
            elif int(number) < loaded:
                block = int(number)
                blocks[block] = _join(blocks[block], span)
                if is_expert(part):
                    experts[block] = _join(experts[block], span)
        if layers:
            blocks[0] = _join(blocks[0], outside["rope"])
        self._layers = layers
        self._blocks, self._experts = blocks, experts
        self._output = outside["output"]
        self._before = list(accumulate(blocks, _join, initial=outside["input"]))
        self._input = outside["input"]

    def in_ram(self, shares: list[Share]) -> int:
        """Bytes of the mapping for what ``shares`` leaves in RAM."""
        units = sum(share.layers for share in shares)
        first = self._layers + 1 - units
        span = self._before[min(first, self._layers)]
        if not units:
            span = _join(span, self._output)
        for share in shares:
            end = first + share.layers
            if not share.partial:
                first = end
                continue
            span = _join(span, _joined(self._experts[end - share.partial : min(end, self._layers)]))
            first = end
        return max(0, span[1] - span[0])

    def on_device(self, first: int, stop: int, has_output: bool, tied: bool) -> int:
        """Bytes of the mapping for blocks first..stop-1 on a device that maps the file (Metal)."""
        span = _joined(self._blocks[first:stop])
        if has_output:
            span = _join(span, self._output)
            if tied:
                span = _join(span, self._input)
        return max(0, span[1] - span[0])


def _with_offsets(items: Sequence[Tensor], start: int) -> list[tuple[Tensor, int]]:
    """Tensors with their offsets; where the shape has none, as if they followed each other from ``start``."""
    if any(tensor.offset for tensor in items):
        return [(tensor, tensor.offset) for tensor in items]
    return list(zip(items, accumulate(map(_padded, items), initial=start), strict=False))


def _one_after_another(block: tuple[Tensor, ...]) -> tuple[int, Span, Span]:
    """Length of a block; where its tensors and those of its experts lie in it."""
    whole = experts = _NONE
    for tensor, offset in _with_offsets(block, 0):
        span = (offset, offset + tensor.size_bytes)
        whole = _join(whole, span)
        if is_expert(tensor.name[1:]):
            experts = _join(experts, span)
    return sum(map(_padded, block)), whole, experts


def _padded(tensor: Tensor) -> int:
    return -(-tensor.size_bytes // 32) * 32


def _moved(span: Span, by: int) -> Span:
    return span if span is _NONE else (span[0] + by, span[1] + by)


def _join(one: Span, other: Span) -> Span:
    return min(one[0], other[0]), max(one[1], other[1])


def _joined(spans: Iterable[Span]) -> Span:
    joined = _NONE
    for span in spans:
        joined = _join(joined, span)
    return joined
