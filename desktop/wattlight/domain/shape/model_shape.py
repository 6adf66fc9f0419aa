"""A model as its file header describes it: key/values and the tensor table, no weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .tensor_types import row_bytes

Scalar = int | float | bool | str
MetadataValue = Scalar | tuple[Scalar, ...]


class ShapeSource(StrEnum):
    """Where a shape comes from; only a header is exact."""

    HEADER = "header"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One line of the tensor table; ``dims`` are fastest first, ``offset`` counts from the data's start."""

    name: str
    dims: tuple[int, ...]
    type_name: str
    offset: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of its data, without padding."""
        size = row_bytes(self.dims[0], self.type_name) if self.dims else 0
        for dim in self.dims[1:]:
            size *= dim
        return size


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What memory and speed models need of a model; everything else of its file is ignored.

    Attributes:
        architecture: ``general.architecture`` ("llama", "qwen3moe").
        metadata: key/values with their full keys ("llama.block_count"); arrays are tuples, arrays of the
            tokenizer are left out.
        tensors: the table in file order.
        file_bytes: size of the whole model file (manifest layer ``size``).
        data_offset: where the tensor data begins in the file.
        projector_bytes: bytes of a separate vision projector file, 0 if there is none.
        adapter_bytes: bytes of adapter (LoRA) files.
        family: the manifest's ``model_family``; empty means that the architecture stands for it.
        source: :class:`ShapeSource`; a catalogue shape is an estimate.
        embedding_only: the model cannot complete text; None leaves it to the architecture.
        digest: of the model file, empty if not known.
    """

    architecture: str
    metadata: Mapping[str, MetadataValue]
    tensors: tuple[Tensor, ...]
    file_bytes: int
    data_offset: int = 0
    projector_bytes: int = 0
    adapter_bytes: int = 0
    family: str = ""
    source: ShapeSource = ShapeSource.HEADER
    embedding_only: bool | None = None
    vision: bool = False
    digest: str = field(default="", compare=False)
