"""The tensor table of a GGUF header, checked so that every byte count that follows from it is sound."""

import struct
from operator import attrgetter

from wattlight.domain.shape import TYPE_BY_NUMBER, Tensor
from wattlight.domain.values import clean_text

from .limits import Limits
from .problems import BadModelFile
from .window import Window

_U64 = struct.Struct("<Q").unpack_from
_DIMS = [struct.Struct(f"<{n}QIQ") for n in range(5)]


def read_tensors(window: Window, count: int, limits: Limits) -> list[Tensor]:
    """The ``count`` entries of the table in file order.

    Raises:
        BadModelFile: unknown type, zero or absurd dimension, a name twice.
    """
    tensors = []
    names = set()
    for _ in range(count):
        name = window.text(limits.name_bytes, "a tensor name")
        n_dims = window.u32()
        if not 1 <= n_dims <= limits.dims:
            raise BadModelFile(f"The tensor {clean_text(name, 60)} has {n_dims} dimensions, which cannot be.")
        reader = _DIMS[n_dims]
        at = window.need(reader.size)
        *dims, number, offset = reader.unpack_from(window.data, at)
        if name in names:
            raise BadModelFile(f"The tensor {clean_text(name, 60)} stands in the header twice.")
        names.add(name)
        tensors.append(_tensor(name, tuple(dims), number, offset, limits))
    return tensors


def _tensor(name: str, dims: tuple[int, ...], number: int, offset: int, limits: Limits) -> Tensor:
    kind = TYPE_BY_NUMBER.get(number)
    if kind is None:
        raise BadModelFile(
            f"The tensor {clean_text(name, 60)} is of unknown type {number}.",
            "It may be newer than this program: update Wattlight, or download the file again.",
        )
    values = 1
    for dim in dims:
        values *= dim
        if not dim or values > limits.tensor_values:
            raise BadModelFile(f"The tensor {clean_text(name, 60)} has the dimension {dim}, which cannot be.")
    if dims[0] % kind.block:
        raise BadModelFile(f"The tensor {clean_text(name, 60)} does not divide into blocks of its type.")
    if offset >= limits.tensor_values:
        raise BadModelFile(f"The tensor {clean_text(name, 60)} lies beyond any file.")
    return Tensor(name, dims, kind.name, offset)


def data_bytes(tensors: list[Tensor], alignment: int) -> int:
    """Bytes of all tensor data, from the first offset to the end of the last tensor.

    Raises:
        BadModelFile: two tensors overlap, or one is not aligned.
    """
    end = 0
    for tensor in sorted(tensors, key=attrgetter("offset")):
        if tensor.offset < end:
            raise BadModelFile(f"The tensor {clean_text(tensor.name, 60)} overlaps another.")
        if tensor.offset % alignment:
            raise BadModelFile(f"The tensor {clean_text(tensor.name, 60)} is not aligned.")
        end = tensor.offset + tensor.size_bytes
    return end
