"""Sizes of the tensor types of GGUF files."""

from typing import NamedTuple


class TensorType(NamedTuple):
    """A way to store weights: ``block`` values take ``block_bytes`` bytes."""

    number: int
    name: str
    block: int
    block_bytes: int


_TABLE = (
    TensorType(0, "F32", 1, 4),
    TensorType(1, "F16", 1, 2),
    TensorType(2, "Q4_0", 32, 18),
    TensorType(3, "Q4_1", 32, 20),
    TensorType(6, "Q5_0", 32, 22),
    TensorType(7, "Q5_1", 32, 24),
    TensorType(8, "Q8_0", 32, 34),
    TensorType(10, "Q2_K", 256, 84),
    TensorType(11, "Q3_K", 256, 110),
    TensorType(12, "Q4_K", 256, 144),
    TensorType(13, "Q5_K", 256, 176),
    TensorType(14, "Q6_K", 256, 210),
    TensorType(15, "Q8_K", 256, 292),
    TensorType(16, "IQ2_XXS", 256, 66),
    TensorType(17, "IQ2_XS", 256, 74),
    TensorType(18, "IQ3_XXS", 256, 98),
    TensorType(19, "IQ1_S", 256, 50),
    TensorType(20, "IQ4_NL", 32, 18),
    TensorType(21, "IQ3_S", 256, 110),
    TensorType(22, "IQ2_S", 256, 82),
    TensorType(23, "IQ4_XS", 256, 136),
    TensorType(24, "I8", 1, 1),
    TensorType(25, "I16", 1, 2),
    TensorType(26, "I32", 1, 4),
    TensorType(27, "I64", 1, 8),
    TensorType(28, "F64", 1, 8),
    TensorType(29, "IQ1_M", 256, 56),
    TensorType(30, "BF16", 1, 2),
    TensorType(34, "TQ1_0", 256, 54),
    TensorType(35, "TQ2_0", 256, 66),
    TensorType(39, "MXFP4", 32, 17),
    TensorType(40, "NVFP4", 64, 36),
)
"""The types of the GGUF specification and of ``ggml_type`` (numbers are the file's, gaps were withdrawn)."""

TYPE_BY_NUMBER = {item.number: item for item in _TABLE}
TYPE_BY_NAME = {item.name: item for item in _TABLE}


def row_bytes(width: int, type_name: str) -> int:
    """Bytes of one row of ``width`` values; a last partial block counts in proportion (rounded down).

    Raises:
        KeyError: the type is unknown.
    """
    kind = TYPE_BY_NAME[type_name]
    return width * kind.block_bytes // kind.block
