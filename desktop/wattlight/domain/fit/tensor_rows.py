"""The tensor table read once: block, part, bytes. Everything else in this package works on these rows."""

from typing import NamedTuple

from wattlight.domain.shape import TYPE_BY_NAME, ModelShape, TensorType

HIDDEN_PREFIXES = ("v.", "mm.", "a.", "mtp.", "s.")
"""Vision, audio and draft tensors inside a text file: the text loader does not see them."""
INLINE_VISION = ("v.", "mm.", "a.")
OUTSIDE = -1
_MAX_BLOCKS = 100_000

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

    ``block`` is OUTSIDE for those not in a block, whose ``part`` is the whole name; else ``part`` follows
    ``blk.N.``. ``width`` is the length of its rows, ``size`` its bytes without padding.
    """

    block: int
    part: str
    size: int
    width: int
    kind: TensorType


def tensor_rows(shape: ModelShape) -> list[Row]:
    """Rows of all tensors of the text model, in file order."""
    rows = []
    for tensor in shape.tensors:
        name = tensor.name
        block, part = OUTSIDE, name
        if name.startswith("blk."):
            digits, _, rest = name[4:].partition(".")
            if digits.isdigit() and int(digits) < _MAX_BLOCKS:
                block, part = int(digits), rest
        elif name.startswith(HIDDEN_PREFIXES):
            continue
        dims = tensor.dims
        kind = TYPE_BY_NAME[tensor.type_name]
        width = dims[0] if dims else 0
        size = width * kind.block_bytes // kind.block
        for dim in dims[1:]:
            size *= dim
        rows.append(Row(block, part, size, width, kind))
    return rows


def hidden_bytes(shape: ModelShape) -> int:
    """Bytes of the vision and audio tensors inside the model file."""
    return sum(t.size_bytes for t in shape.tensors if t.name.startswith(INLINE_VISION))


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
