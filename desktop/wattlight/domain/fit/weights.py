"""Where each tensor goes and how many bytes it takes there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from ..shape import ModelShape, Table, Tensor, TensorType, of_each

HIDDEN_PREFIXES = ("v.", "mm.", "a.", "mtp.", "s.")
"""Vision, audio and draft tensors inside a text file: the text loader does not see them."""
INLINE_VISION = ("v.", "mm.", "a.")
_OLD_DRAFT = "mtp."
_OLD_DRAFT_BLOCK = "mtp.layers."
_MAX_BLOCKS = 100_000
_MAX_DRAFTS = 64

_INPUT = (
    "token_embd.",
    "token_embd_norm.",
    "token_types.",
    "position_embd.",
    "per_layer_token_embd.",
    "tok_embeddings.",
)


class Row(NamedTuple):
    """A tensor the text loader sees.

    ``part`` is its name, in a block without ``blk.N.``. ``width`` is the length of its rows, ``out`` their
    number (of one expert), ``size`` its bytes without padding.
    """

    part: str
    size: int
    width: int
    kind: TensorType
    out: int


Body = tuple[Row, ...]


class TensorRows(NamedTuple):
    """All tensors the text loader sees, outside of blocks and block by block; equal blocks are one tuple."""

    outside: Body
    blocks: tuple[Body, ...]

    def trunk(self, count: int) -> "TensorRows":
        """With the first ``count`` blocks only."""
        return TensorRows(self.outside, self.blocks[:count])


def renamed_drafts(shape: ModelShape) -> int:
    """Drafting blocks whose tensors have their old names (``mtp.layers.0.…``), which no key counts."""
    if shape.architecture not in {"qwen35", "qwen35moe"}:
        return 0
    return max((_old_block(t.name) + 1 for t in shape.outside if t.name.startswith(_OLD_DRAFT)), default=0)


def _old_block(name: str) -> int:
    digits = name.removeprefix(_OLD_DRAFT_BLOCK).partition(".")[0]
    return int(digits) if digits.isdecimal() and int(digits) < _MAX_DRAFTS else 0


def tensor_rows(shape: ModelShape, old_drafts: bool = False) -> TensorRows:
    """Rows of all tensors of the text model.

    ``old_drafts``: draft tensors under their old names count, as blocks after the last one.
    """
    blocks = shape.metadata.get(f"{shape.architecture}.block_count")
    after = blocks if old_drafts and isinstance(blocks, int) and renamed_drafts(shape) else None
    outside: list[Row] = []
    found: dict[int, list[Row]] = {}
    known: dict[int, Body] = {}
    if isinstance(shape.tensors, Table):
        known = dict(enumerate(of_each(shape.tensors.blocks, _body)))
    for tensor in shape.outside:
        name = tensor.name
        if name.startswith("blk."):
            digits, _, rest = name[4:].partition(".")
            if digits.isdecimal() and int(digits) < _MAX_BLOCKS:
                found.setdefault(int(digits), []).append(_row(tensor, rest))
                continue
        elif name.startswith(_OLD_DRAFT) and after is not None:
            part = "ffn_down_exps.weight" if ".experts." in name else name
            found.setdefault(after + _old_block(name), []).append(_row(tensor, part))
            continue
        elif name.startswith(HIDDEN_PREFIXES):
            continue
        outside.append(_row(tensor, name))
    seen: dict[Body, Body] = {}
    for i, block in found.items():
        body = (*known.get(i, ()), *block)
        known[i] = seen.setdefault(body, body)
    return TensorRows(tuple(outside), tuple([known.get(i, ()) for i in range(max(known, default=-1) + 1)]))


def _body(block: Iterable[Tensor]) -> Body:
    return tuple([_row(tensor, tensor.name[1:]) for tensor in block])


def _row(tensor: Tensor, part: str) -> Row:
    dims = tensor.dims
    width, out = (dims[0] if dims else 0), (dims[1] if len(dims) > 1 else 1)
    return Row(part, tensor.size_bytes, width, tensor.kind, out)


def hidden_bytes(shape: ModelShape) -> int:
    """Bytes of the vision and audio tensors inside the model file."""
    return sum(t.size_bytes for t in shape.outside if t.name.startswith(INLINE_VISION))


@lru_cache(maxsize=1024)
def is_expert(part: str) -> bool:
    """An expert matrix, one of those the engine keeps in RAM first; ``part`` as in :class:`Row`."""
    return part.startswith("ffn_") and ("_exps" in part or "_chexps" in part) and "_shexp" not in part


def outside_kind(name: str, keep_norm_out: bool) -> str:
    """``input``, ``output`` or ``rope`` for a tensor outside of blocks."""
    if name.startswith("rope_f"):
        return "rope"
    if keep_norm_out and name.startswith("token_embd_norm."):
        return "output"
    return "input" if name.startswith(_INPUT) else "output"


ALIGNMENT = {"cuda": 128, "rocm": 128, "metal": 32, "vulkan": 64, "cpu": 32}

MOE_ONLY, WHOLE, KEEP_UP, KEEP_GATE = -1, 0, 1, 2
"""How a block overflows: its experts; at the boundary all of its feed-forward part, all but up, only down."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model's weights for one backend; tuples have one entry per block.

    Attributes:
        device: block on the device; ``device_sum[i]`` is the sum of the blocks before i.
        experts: of these, the expert matrices; ``boundary`` what moves under the three other patterns.
        largest_expert: largest expert matrix of the block, for the compute buffer.
        largest_gate: largest gate or up matrix of the block.
        output, output_host: the output unit; ``output_tied`` is True where it is a second copy of the input.
        rope_bytes: shared factors that every device with a block holds a copy of.
    """

    device: tuple[int, ...]
    host: tuple[int, ...]
    device_sum: tuple[int, ...]
    host_sum: tuple[int, ...]
    experts: tuple[int, ...]
    experts_host: tuple[int, ...]
    experts_sum: tuple[int, ...]
    experts_host_sum: tuple[int, ...]
    boundary: tuple[tuple[int, ...], ...]
    boundary_host: tuple[tuple[int, ...], ...]
    input_host: int
    output: int
    output_host: int
    output_tied: bool
    rope: int
    rope_host: int


class _Weight(NamedTuple):
    """Bytes of a block on the device of a backend and in RAM: all of it, its experts, and what moves under
    the three other patterns."""

    all: tuple[int, int]
    experts: tuple[int, int]
    moved: tuple[tuple[int, int], ...]


def weigh(
    rows: TensorRows,
    layers: int,
    backend: str,
    row_pad: int,
    keep_norm_out: bool,
    tied_twice: bool,
    no_output: bool,
) -> Weights:
    """Sum up ``rows`` for ``backend``; draft blocks beyond ``layers`` are left out.

    CUDA lengthens quantised rows (once per tensor) to a multiple of ``row_pad`` values. ``keep_norm_out``:
    the norm of the token table belongs to the output unit (LFM2). ``tied_twice``: a tied table is kept twice
    in RAM too. ``no_output``: without an output matrix the table is not one either.
    """
    lengthens, align = backend in {"cuda", "rocm"}, ALIGNMENT.get(backend, 64)
    cpu_align = ALIGNMENT["cpu"]

    def stored(row: Row) -> tuple[int, int]:
        there, kind = row.size, row.kind
        if lengthens and kind.block > 1 and row.width % row_pad:
            there += (row_pad - row.width % row_pad) * kind.block_bytes // kind.block
        return -(-there // align) * align, -(-row.size // cpu_align) * cpu_align

    def block(body: Body) -> _Weight:
        sums = [[0, 0] for _ in range(5)]
        for row in body:
            there, here = stored(row)
            places = [3]
            if row.part.startswith("ffn_"):
                places += overflow_patterns(row.part)
                if is_expert(row.part):
                    places.append(4)
            for place in places:
                sums[place][0] += there
                sums[place][1] += here
        total, experts = sums[3:]
        return _Weight((total[0], total[1]), (experts[0], experts[1]), tuple((a, b) for a, b in sums[:3]))

    totals = {"input": [0, 0], "output": [0, 0], "rope": [0, 0]}
    token, has_output = (0, 0), no_output
    for row in rows.outside:
        there, here = stored(row)
        where = totals[outside_kind(row.part, keep_norm_out)]
        where[0] += there
        where[1] += here
        if row.part == "token_embd.weight":
            token = there, here
        has_output = has_output or row.part == "output.weight"
    weights = of_each(rows.blocks[:layers], block)
    weights += [_Weight((0, 0), (0, 0), ((0, 0),) * 3)] * (layers - len(weights))
    device, host = [w.all[0] for w in weights], [w.all[1] for w in weights]
    experts, experts_host = [w.experts[0] for w in weights], [w.experts[1] for w in weights]
    tied = not has_output and token[0] > 0
    return Weights(
        device=tuple(device),
        host=tuple(host),
        device_sum=_sums(device),
        host_sum=_sums(host),
        experts=tuple(experts),
        experts_host=tuple(experts_host),
        experts_sum=_sums(experts),
        experts_host_sum=_sums(experts_host),
        boundary=tuple([tuple([w.moved[p][0] for w in weights]) for p in range(3)]),
        boundary_host=tuple([tuple([w.moved[p][1] for w in weights]) for p in range(3)]),
        input_host=totals["input"][1],
        output=totals["output"][0] + (token[0] if tied else 0),
        output_host=totals["output"][1] + (token[1] if tied and tied_twice else 0),
        output_tied=tied,
        rope=totals["rope"][0],
        rope_host=totals["rope"][1],
    )


def _sums(values: list[int]) -> tuple[int, ...]:
    return tuple(accumulate(values, initial=0))


@lru_cache(maxsize=1024)
def overflow_patterns(part: str) -> tuple[int, ...]:
    """Which overflow patterns match ``part`` (a name after ``blk.N.``)."""
    if part.startswith("ffn_down"):
        return (WHOLE, KEEP_UP, KEEP_GATE)
    if part.startswith("ffn_gate"):
        return (WHOLE, KEEP_UP)
    if part.startswith("ffn_up"):
        return (WHOLE,)
    return ()
