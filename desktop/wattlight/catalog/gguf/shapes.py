"""From a header to the shape of a model."""

from collections.abc import Iterator
from pathlib import Path

from wattlight.domain.shape import MetadataValue, ModelShape
from wattlight.domain.values import clean_text

from .header import Header, read_header
from .limits import LOCAL, Limits
from .problems import BadModelFile

_CHUNK = 1 << 18
_LENGTHS = (
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "expert_feed_forward_length",
    "expert_count",
    "expert_used_count",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.sliding_window",
)
_ARCHITECTURE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")


def shape_from_file(path: Path, limits: Limits = LOCAL) -> ModelShape:
    """The shape of a local model file; its weights may be sparse or absent.

    Raises:
        BadModelFile: it cannot be read, or is not a usable model file.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            size = path.stat().st_size
            header = read_header(iter(lambda: stream.read(_CHUNK), b""), limits)
    except OSError as error:
        raise BadModelFile(
            f"The file {clean_text(str(path))} cannot be read ({error.strerror}).", "Check the path."
        ) from error
    return shape_of(header, max(size, header.needed_bytes), limits)


def shape_from_bytes(data: bytes, file_bytes: int | None = None, limits: Limits = LOCAL) -> ModelShape:
    """The shape of a model whose file begins with ``data``; ``file_bytes`` is the size of the whole file."""
    chunks = (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK))
    header = read_header(chunks, limits)
    return shape_of(header, header.needed_bytes if file_bytes is None else file_bytes, limits)


def shape_from_chunks(chunks: Iterator[bytes], file_bytes: int, limits: Limits) -> ModelShape:
    """The shape of a model file of ``file_bytes`` that arrives in ``chunks``.

    Raises:
        BadModelFile: also where the file is said to be smaller than its tensors.
    """
    header = read_header(chunks, limits)
    if header.needed_bytes > file_bytes:
        raise BadModelFile(
            f"The model's tensors need {header.needed_bytes} bytes, but its file has {file_bytes}."
        )
    return shape_of(header, file_bytes, limits)


def shape_of(header: Header, file_bytes: int, limits: Limits = LOCAL) -> ModelShape:
    """The shape in a header, with what it claims checked for plausibility.

    Raises:
        BadModelFile: a key that is needed is missing or absurd.
    """
    metadata = header.metadata
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture or set(architecture) - _ARCHITECTURE_LETTERS:
        raise BadModelFile("The model file does not say of which architecture it is.")
    if architecture in {"clip", "mmproj"}:
        raise BadModelFile(
            "This file holds a vision projector, not a language model.", "Give the model's own file."
        )
    parts = metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        raise BadModelFile(
            f"This file is one of {parts} parts of a model, and its size follows only from all of them.",
            "Merge the parts, or give the name of the model.",
        )
    blocks = metadata.get(f"{architecture}.block_count")
    if not isinstance(blocks, int) or isinstance(blocks, bool) or not 1 <= blocks <= limits.blocks:
        raise BadModelFile("The model file does not say how many blocks the model has.")
    for key in _LENGTHS:
        _check_length(f"{architecture}.{key}", metadata.get(f"{architecture}.{key}"), limits)
    if not header.tensors:
        raise BadModelFile("The model file holds no tensors.")
    return ModelShape(
        architecture=architecture,
        metadata=metadata,
        tensors=header.tensors,
        file_bytes=file_bytes,
        data_offset=header.data_offset,
        vision=any(key.startswith(f"{architecture}.vision.") for key in metadata),
    )


def _check_length(key: str, value: MetadataValue | None, limits: Limits) -> None:
    """A length must be a number of a sensible size, or one per block."""
    if value is None:
        return
    values = value if isinstance(value, tuple) else (value,)
    for item in values:
        if not isinstance(item, int | float) or isinstance(item, bool) or not 0 <= item <= limits.number:
            raise BadModelFile(f"The key {clean_text(key, 80)} of the model file is not a sensible number.")
