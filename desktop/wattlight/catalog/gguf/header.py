"""A GGUF header from bytes as they come: versions 2 and 3, little endian."""

from collections.abc import Iterator
from dataclasses import dataclass

from wattlight.domain.shape import MetadataValue, Tensor
from wattlight.domain.values import clean_text

from .limits import LOCAL, Limits
from .problems import BadModelFile
from .tensors import data_bytes, read_tensors
from .values import read_value
from .window import Window

_MAGIC = b"GGUF"
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes:
        metadata: key/values without those of the tokenizer and without texts and lists that are too long.
        tensors: in file order.
        data_offset: where tensor data begins in the file.
        needed_bytes: size the whole file must have.
        read_bytes: how much of the file the header takes.
    """

    version: int
    metadata: dict[str, MetadataValue]
    tensors: tuple[Tensor, ...]
    data_offset: int
    needed_bytes: int
    read_bytes: int


def read_header(chunks: Iterator[bytes], limits: Limits = LOCAL) -> Header:
    """Parse the header at the start of ``chunks``; reads no further than the chunk in which it ends.

    Raises:
        BadModelFile: it is not a model file, damaged, or beyond ``limits``.
    """
    window = Window(chunks, limits)
    version = _preamble(window)
    n_tensors, n_keys = window.u64(), window.u64()
    if n_keys > limits.keys or n_tensors > limits.tensors:
        raise BadModelFile(f"The model file claims {n_tensors} tensors and {n_keys} keys, which cannot be.")
    metadata = _metadata(window, n_keys, limits)
    tensors = read_tensors(window, n_tensors, limits)
    alignment = _alignment(metadata, limits)
    read = window.offset
    offset = -(-read // alignment) * alignment
    return Header(
        version=version,
        metadata=metadata,
        tensors=tuple(tensors),
        data_offset=offset,
        needed_bytes=offset + data_bytes(tensors, alignment),
        read_bytes=read,
    )


def _preamble(window: Window) -> int:
    at = window.need(4)
    if window.data[at : at + 4] != _MAGIC:
        raise BadModelFile(
            "This is not a GGUF model file.", "Give a .gguf file or the name of a model, such as qwen3:8b."
        )
    version = window.u32()
    if version in {2, 3}:
        return version
    if version == 1 or version & 0xFFFF:
        raise BadModelFile(
            f"The model file has GGUF version {version}, which is not supported.",
            "Convert it to version 3, or download a current build of the model.",
        )
    raise BadModelFile(
        "The model file is written for big-endian computers.", "Download the ordinary build of the model."
    )


def _metadata(window: Window, count: int, limits: Limits) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    seen = set()
    items = 0
    for _ in range(count):
        key = window.text(limits.key_bytes, "a key")
        if key in seen:
            raise BadModelFile(f"The key {clean_text(key, 60)} stands in the header twice.")
        seen.add(key)
        value = read_value(window, key, limits)
        if isinstance(value, tuple):
            items += len(value)
            if items > limits.kept_items:
                raise BadModelFile("The model file's header holds far more lists than a model needs.")
        if value is not None:
            metadata[key] = value
    return metadata


def _alignment(metadata: dict[str, MetadataValue], limits: Limits) -> int:
    value = metadata.get("general.alignment", _ALIGNMENT)
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 8 <= value <= limits.alignment
        or value & (value - 1)
    ):
        raise BadModelFile(f"The model file's alignment {clean_text(str(value), 40)} cannot be.")
    return value
