"""Where each tensor goes and how many bytes it takes there."""

from dataclasses import dataclass
from itertools import accumulate

from .tensor_rows import OUTSIDE, Row, is_expert, outside_kind

_ALIGNMENT = {"cuda": 128, "rocm": 128, "metal": 32, "vulkan": 64, "cpu": 32}

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


def weigh(
    rows: list[Row], layers: int, backend: str, row_pad: int, keep_norm_out: bool, tied_twice: bool
) -> Weights:
    """Sum up ``rows`` for ``backend``; draft blocks beyond ``layers`` are left out.

    CUDA lengthens quantised rows (once per tensor) to a multiple of ``row_pad`` values. ``keep_norm_out``:
    the norm of the token table belongs to the output unit (LFM2). ``tied_twice``: a tied table is kept twice
    in RAM too.
    """
    device, host = [0] * layers, [0] * layers
    experts, experts_host = [0] * layers, [0] * layers
    boundary = [[0] * layers for _ in range(3)]
    boundary_host = [[0] * layers for _ in range(3)]
    totals = {"input": [0, 0], "output": [0, 0], "rope": [0, 0]}
    token, has_output = Part(), False
    lengthens = backend in {"cuda", "rocm"}
    align, cpu_align = _ALIGNMENT.get(backend, 64), _ALIGNMENT["cpu"]
    for block, part, size, width, kind in rows:
        here = -(-size // cpu_align) * cpu_align
        there = size
        if lengthens and kind.block > 1 and width % row_pad:
            there += (row_pad - width % row_pad) * kind.block_bytes // kind.block
        there = -(-there // align) * align
        if block == OUTSIDE:
            where = outside_kind(part, keep_norm_out)
            totals[where][0] += there
            totals[where][1] += here
            if part == "token_embd.weight":
                token = Part(there, here)
            has_output = has_output or part == "output.weight"
        elif block < layers:
            device[block] += there
            host[block] += here
            if not part.startswith("ffn_"):
                continue
            if is_expert(part):
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
        output_host=totals["output"][1] + (token.host if tied and tied_twice else 0),
        output_tied=tied,
        rope=totals["rope"][0],
        rope_host=totals["rope"][1],
    )


def _sums(values: list[int]) -> tuple[int, ...]:
    return tuple(accumulate(values, initial=0))


def _patterns(part: str) -> tuple[int, ...]:
    """Which overflow patterns match ``part`` (a name after ``blk.N.``)."""
    if part.startswith("ffn_down"):
        return (WHOLE, KEEP_UP, KEEP_GATE)
    if part.startswith("ffn_gate"):
        return (WHOLE, KEEP_UP)
    if part.startswith("ffn_up"):
        return (WHOLE,)
    return ()
