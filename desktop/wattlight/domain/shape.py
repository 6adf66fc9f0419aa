"""The shape of a model: header key/values and tensor table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from math import prod
from typing import NamedTuple, TypeVar, overload


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
    TensorType(41, "Q1_0", 128, 18),
    TensorType(42, "Q2_0", 64, 18),
)
"""The types of the GGUF specification and of ``ggml_type`` (numbers are the file's, gaps were withdrawn).

To gguf 0.19 and llama.cpp#24448 (Q2_0); Q8_1 and others that no file holds are left out.
"""

TYPE_BY_NUMBER = {item.number: item for item in _TABLE}
TYPE_BY_NAME = {item.name: item for item in _TABLE}


def row_bytes(width: int, type_name: str) -> int:
    """Bytes of one row of ``width`` values; a last partial block counts in proportion (rounded down).

    Raises:
        KeyError: the type is unknown.
    """
    kind = TYPE_BY_NAME[type_name]
    return width * kind.block_bytes // kind.block


@lru_cache(maxsize=8192)
def size_of(dims: tuple[int, ...], type_name: str) -> int:
    """Bytes of a tensor's data, without padding; blocks are alike, so most are asked for many times.

    Raises:
        KeyError: the type is unknown.
    """
    size = row_bytes(dims[0], type_name) if dims else 0
    for dim in dims[1:]:
        size *= dim
    return size


Scalar = int | float | bool | str
MetadataValue = Scalar | tuple[Scalar, ...]


class ShapeSource(StrEnum):
    """Where a shape comes from; only a header is exact."""

    HEADER = "header"
    CATALOGUE = "catalogue"


class Tensor(NamedTuple):
    """One line of the tensor table; ``dims`` are fastest first, ``offset`` counts from the data's start.

    ``stored_bytes``: of a type that is not known, what lies between its offset and the next one.
    """

    name: str
    dims: tuple[int, ...]
    type_name: str
    offset: int = 0
    stored_bytes: int | None = None

    @property
    def kind(self) -> TensorType:
        """How it is stored; of an unknown type, all of it as one block."""
        known = TYPE_BY_NAME.get(self.type_name)
        if known is not None:
            return known
        return TensorType(-1, self.type_name, max(1, prod(self.dims)), max(1, self.size_bytes))

    @property
    def size_bytes(self) -> int:
        """Bytes of its data, without padding."""
        if self.stored_bytes is not None:
            return self.stored_bytes
        return size_of(self.dims, self.type_name)


Part = TypeVar("Part")
Result = TypeVar("Result")


def of_each(parts: Sequence[Part], work: Callable[[Part], Result]) -> list[Result]:
    """What ``work`` says of each of ``parts``, asked once for those that are one object."""
    found = {number: work(part) for number, part in {id(part): part for part in parts}.items()}
    return [found[id(part)] for part in parts]


def _held(tensors: Sequence[Tensor]) -> int:
    return sum([tensor.size_bytes for tensor in tensors])


class Table(Sequence[Tensor]):
    """A tensor table that says equal blocks once.

    ``blocks`` have their tensors without "blk.N" in front of the names, equal blocks as one tuple; ``before``
    and ``behind`` them lie the others.
    """

    __slots__ = ("before", "behind", "blocks")

    def __init__(
        self, before: Sequence[Tensor], blocks: Iterable[tuple[Tensor, ...]], behind: Sequence[Tensor] = ()
    ) -> None:
        self.before, self.blocks, self.behind = tuple(before), tuple(blocks), tuple(behind)

    def __iter__(self) -> Iterator[Tensor]:
        yield from self.before
        for i, block in enumerate(self.blocks):
            for tensor in block:
                yield tensor._replace(name=f"blk.{i}{tensor.name}")
        yield from self.behind

    def __len__(self) -> int:
        return len(self.before) + sum(map(len, self.blocks)) + len(self.behind)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Tensor, ...]: ...
    def __getitem__(self, index: int | slice) -> Tensor | tuple[Tensor, ...]:
        return tuple(self)[index]

    def followed_by(self, tensor: Tensor) -> "Table":
        return Table(self.before, self.blocks, (*self.behind, tensor))

    @property
    def outside(self) -> tuple[Tensor, ...]:
        """Those that lie in no block."""
        return self.before + self.behind

    @property
    def size_bytes(self) -> int:
        """Bytes of all their data, without padding."""
        return _held(self.outside) + sum(of_each(self.blocks, _held))


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What memory and speed models need of a model; everything else of its file is ignored.

    Attributes:
        architecture: ``general.architecture`` ("llama", "qwen3moe").
        metadata: key/values with their full keys ("llama.block_count"); arrays are tuples, arrays of the
            tokenizer are left out.
        tensors: the table in file order, of known types where it is a :class:`Table`.
        file_bytes: size of the whole model file (manifest layer ``size``).
        data_offset: where the tensor data begins in the file.
        projector_bytes: bytes of a separate vision projector file, 0 if there is none.
        adapter_bytes: bytes of adapter (LoRA) files.
        family: the manifest's ``model_family``; empty means that the architecture stands for it.
        source: :class:`ShapeSource`; a catalogue shape is an estimate.
        embedding_only: the model cannot complete text; None leaves it to the architecture.
        stand_in: another model whose geometry was taken; empty where the geometry is its own.
        rounded: of its size only a rounded figure is known.
        digest: of the model file, empty if not known.
        draft: of the file that drafts for this model, None without one.
        context_set: tokens of context as the model's parameters set them, None where they do not.
        draft_length: tokens drafted at a time as the model's parameters set them, None where they do not.
    """

    architecture: str
    metadata: Mapping[str, MetadataValue]
    tensors: Sequence[Tensor]
    file_bytes: int
    data_offset: int = 0
    projector_bytes: int = 0
    adapter_bytes: int = 0
    family: str = ""
    source: ShapeSource = ShapeSource.HEADER
    embedding_only: bool | None = None
    vision: bool = False
    stand_in: str = ""
    rounded: bool = False
    digest: str = field(default="", compare=False)
    draft: "ModelShape | None" = None
    draft_length: int | None = None
    context_set: int | None = None

    @property
    def outside(self) -> Sequence[Tensor]:
        """All tensors that lie in no block, if no more."""
        return self.tensors.outside if isinstance(self.tensors, Table) else self.tensors

    @property
    def has_draft_blocks(self) -> bool:
        """The file holds blocks that can only draft."""
        key = self.metadata.get(f"{self.architecture}.nextn_predict_layers")
        return (isinstance(key, int) and key > 0) or any(t.name.startswith("mtp.") for t in self.outside)

    @property
    def unknown_types(self) -> tuple[str, ...]:
        """Names of the tensor types whose sizes follow from the file's layout alone."""
        if isinstance(self.tensors, Table):
            return ()
        return tuple(sorted({t.type_name for t in self.tensors if t.stored_bytes is not None}))
