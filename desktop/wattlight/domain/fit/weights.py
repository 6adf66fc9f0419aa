"""Where each tensor goes and how many bytes it takes there."""

from dataclasses import dataclass
from itertools import accumulate

from wattlight.domain.shape import TYPE_BY_NAME, ModelShape, Tensor

HIDDEN_PREFIXES = ("v.", "mm.", "a.", "mtp.", "s.")
"""Vision, audio and draft tensors inside a text file: the text loader does not see them."""
INLINE_VISION = ("v.", "mm.", "a.")

_INPUT = (
    "token_embd.",
    "token_embd_norm.",
    "token_types.",
    "position_embd.",
    "per_layer_token_embd.",
    "tok_embeddings.",
)
_ALIGNMENT = {"cuda": 128, "rocm": 128, "metal": 32, "vulkan": 64, "cpu": 32}
_EXPERT_PARTS = ("ffn_up_", "ffn_down_", "ffn_gate_up_", "ffn_gate_")

WHOLE, KEEP_UP, KEEP_GATE = 0, 1, 2
"""How the block at the boundary overflows: all of its feed-forward part, all but up, only down."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a group of tensors on the device of a backend and in RAM."""

    device: int = 0
    host: int = 0


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


def tensor_bytes(tensor: Tensor, backend: str, row_pad: int) -> int:
    """Bytes ``tensor`` takes in a buffer of ``backend``, padding included.

    CUDA lengthens quantised rows (once per tensor) to a multiple of ``row_pad`` values.
    """
    size = tensor.size_bytes
    kind = TYPE_BY_NAME[tensor.type_name]
    if backend in {"cuda", "rocm"} and kind.block > 1 and tensor.dims:
        rest = tensor.dims[0] % row_pad
        if rest:
            size += (row_pad - rest) * kind.block_bytes // kind.block
    align = _ALIGNMENT.get(backend, 64)
    return -(-size // align) * align


def block_of(name: str) -> int | None:
    """The block a tensor belongs to, None for those outside of blocks."""
    if not name.startswith("blk."):
        return None
    digits = name[4:].split(".", 1)[0]
    return int(digits) if digits.isdigit() and len(digits) <= 5 else None


def weigh(shape: ModelShape, layers: int, backend: str, row_pad: int) -> Weights:
    """Sum up the tensors of ``shape`` for ``backend``; draft blocks beyond ``layers`` are left out."""
    device, host = [0] * layers, [0] * layers
    experts, experts_host = [0] * layers, [0] * layers
    boundary = [[0] * layers for _ in range(3)]
    boundary_host = [[0] * layers for _ in range(3)]
    totals = {"input": [0, 0], "output": [0, 0], "rope": [0, 0]}
    token, has_output = Part(), False
    keep_norm_out = shape.architecture in {"lfm2", "lfm2moe"}
    for tensor in shape.tensors:
        name = tensor.name
        if name.startswith(HIDDEN_PREFIXES):
            continue
        there, here = tensor_bytes(tensor, backend, row_pad), tensor_bytes(tensor, "cpu", row_pad)
        block = block_of(name)
        if block is None:
            kind = outside_kind(name, keep_norm_out)
            totals[kind][0] += there
            totals[kind][1] += here
            if name == "token_embd.weight":
                token = Part(there, here)
            has_output = has_output or name == "output.weight"
            continue
        if block >= layers:
            continue
        device[block] += there
        host[block] += here
        part = name.split(".", 2)[2]
        if not part.startswith("ffn_"):
            continue
        if is_expert(name):
            experts[block] += there
            experts_host[block] += here
        for pattern in _patterns(part):
            boundary[pattern][block] += there
            boundary_host[pattern][block] += here
    tied = not has_output and token.device > 0
    return Weights(
        device=tuple(device),
        host=tuple(host),
        device_sum=_sums(device),
        host_sum=_sums(host),
        experts=tuple(experts),
        experts_host=tuple(experts_host),
        experts_sum=_sums(experts),
        experts_host_sum=_sums(experts_host),
        boundary=tuple(tuple(row) for row in boundary),
        boundary_host=tuple(tuple(row) for row in boundary_host),
        input_host=totals["input"][1],
        output=totals["output"][0] + (token.device if tied else 0),
        output_host=totals["output"][1],
        output_tied=tied,
        rope=totals["rope"][0],
        rope_host=totals["rope"][1],
    )


def hidden_bytes(shape: ModelShape) -> int:
    """Bytes of the vision and audio tensors inside the model file."""
    return sum(t.size_bytes for t in shape.tensors if t.name.startswith(INLINE_VISION))


def _sums(values: list[int]) -> tuple[int, ...]:
    return tuple(accumulate(values, initial=0))


def is_expert(name: str) -> bool:
    """An expert matrix, one of those the engine keeps in RAM first."""
    part = name.split(".", 2)[-1]
    return part.startswith(_EXPERT_PARTS) and ("_exps" in part or "_chexps" in part)


def outside_kind(name: str, keep_norm_out: bool) -> str:
    """``input``, ``output`` or ``rope`` for a tensor outside of blocks."""
    if name.startswith("rope_f"):
        return "rope"
    if keep_norm_out and name.startswith("token_embd_norm."):
        return "output"
    return "input" if name.startswith(_INPUT) else "output"


def _patterns(part: str) -> tuple[int, ...]:
    """Which overflow patterns match ``part`` (a name after ``blk.N.``)."""
    if part.startswith("ffn_down"):
        return (WHOLE, KEEP_UP, KEEP_GATE)
    if part.startswith(("ffn_gate",)):
        return (WHOLE, KEEP_UP)
    if part.startswith("ffn_up"):
        return (WHOLE,)
    return ()
