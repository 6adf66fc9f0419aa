"""Sizes of single matrices of the feed-forward part: what crosses to a device where they lie in RAM."""

from dataclasses import dataclass

from .tensor_rows import Row

_GATES = frozenset(("ffn_gate.weight", "ffn_up.weight", "ffn_gate_up.weight"))


@dataclass(frozen=True, slots=True)
class Matrices:
    """Bytes per block.

    Attributes:
        gate: largest gate or up matrix of an ordinary feed-forward part.
        expert: largest expert matrix that is left out under each overflow pattern (see ``weights.WHOLE``).
        gate_and_up: gate and up experts together.
        two_largest: the two largest expert matrices of any block together.
    """

    gate: tuple[int, ...]
    expert: tuple[tuple[int, ...], ...]
    gate_and_up: tuple[int, ...]
    two_largest: int


def matrices_of(rows: list[Row], layers: int) -> Matrices:
    """Look up the matrices in a tensor table."""
    gate = [0] * layers
    whole, without_up, down = [0] * layers, [0] * layers, [0] * layers
    second = [0] * layers
    gate_and_up = [0] * layers
    for block, part, size, _, _ in rows:
        if not 0 <= block < layers or not part.startswith("ffn_"):
            continue
        if part in _GATES:
            gate[block] = max(gate[block], size)
        if "exps.w" not in part:
            continue
        if size > whole[block]:
            whole[block], second[block] = size, whole[block]
        else:
            second[block] = max(second[block], size)
        if not part.startswith("ffn_up_"):
            without_up[block] = max(without_up[block], size)
        if part.startswith("ffn_down_"):
            down[block] = max(down[block], size)
        else:
            gate_and_up[block] += size
    return Matrices(
        gate=tuple(gate),
        expert=(tuple(whole), tuple(without_up), tuple(down)),
        gate_and_up=tuple(gate_and_up),
        two_largest=max((a + b for a, b in zip(whole, second, strict=True)), default=0),
    )
