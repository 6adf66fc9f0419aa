"""The header of a GGUF file, versions 2 and 3: tensors and shapes from bytes as they come."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

from wattlight.domain.shape import TYPE_BY_NUMBER, MetadataValue, ModelShape, Tensor
from wattlight.domain.values import clean_text
from wattlight.i18n import marked, tr
from wattlight.paths import open_regular

from .kinds import check_kind, check_numbers, is_projector, what_else
from .window import LOCAL, BadModelFile, HeaderLimits, Window, read_value

_DIMS = [struct.Struct(f"<{n}QIQ") for n in range(5)]


def read_tensors(window: Window, count: int, limits: HeaderLimits) -> list[Tensor]:
    """The ``count`` entries of the table in file order.

    Raises:
        BadModelFile: an absurd dimension, a name twice.
    """
    tensors = []
    names = set()
    for _ in range(count):
        name = window.text(limits.name_bytes, marked("a tensor name"))
        n_dims = window.u32()
        if n_dims > limits.dims:
            raise BadModelFile(
                tr(
                    "The tensor {name} has {n_dims} dimensions, which cannot be.",
                    name=clean_text(name, 60),
                    n_dims=n_dims,
                )
            )
        reader = _DIMS[n_dims]
        at = window.need(reader.size)
        *dims, number, offset = reader.unpack_from(window.data, at)
        if name in names:
            raise BadModelFile(tr("The tensor {name} stands in the header twice.", name=clean_text(name, 60)))
        names.add(name)
        tensors.append(_tensor(name, tuple(dims), number, offset, limits))
    return _sized_by_offsets(tensors)


def _sized_by_offsets(tensors: list[Tensor]) -> list[Tensor]:
    """``tensors`` with those of unknown types as large as the room up to the next one (the last: none)."""
    if all(tensor.stored_bytes is None for tensor in tensors):
        return tensors
    starts = sorted(tensor.offset for tensor in tensors)
    following = dict(pairwise(starts))
    return [
        t if t.stored_bytes is None else t._replace(stored_bytes=following.get(t.offset, t.offset) - t.offset)
        for t in tensors
    ]


def _tensor(name: str, dims: tuple[int, ...], number: int, offset: int, limits: HeaderLimits) -> Tensor:
    kind = TYPE_BY_NUMBER.get(number)
    values = 1
    for dim in dims:
        values *= max(1, dim)
        if values > limits.tensor_values or dim > limits.number:
            raise BadModelFile(
                tr(
                    "The tensor {name} has the dimension {dim}, which cannot be.",
                    name=clean_text(name, 60),
                    dim=dim,
                )
            )
    if kind is not None and all(dims) and dims and dims[0] % kind.block:
        raise BadModelFile(
            tr("The tensor {name} does not divide into blocks of its type.", name=clean_text(name, 60))
        )
    if offset >= limits.tensor_values:
        raise BadModelFile(tr("The tensor {name} lies beyond any file.", name=clean_text(name, 60)))
    type_name, stored = (f"type {number}", 0) if kind is None else (kind.name, None)
    return Tensor(name, dims or (1,), type_name, offset, stored)


def data_bytes(tensors: list[Tensor], alignment: int) -> int:
    """Bytes of all tensor data, from the first offset to the end of the last tensor.

    Raises:
        BadModelFile: two tensors overlap, or one is not aligned.
    """
    end = 0
    for tensor in sorted(tensors, key=attrgetter("offset")):
        if tensor.offset < end:
            raise BadModelFile(tr("The tensor {name} overlaps another.", name=clean_text(tensor.name, 60)))
        if tensor.offset % alignment:
            raise BadModelFile(tr("The tensor {name} is not aligned.", name=clean_text(tensor.name, 60)))
        end = tensor.offset + tensor.size_bytes
    return end


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


def read_header(chunks: Iterator[bytes], limits: HeaderLimits = LOCAL) -> Header:
    """Parse the header at the start of ``chunks``; reads no further than the chunk in which it ends.

    Raises:
        BadModelFile: it is not a model file, damaged, or beyond ``limits``.
    """
    window = Window(chunks, limits)
    version = _preamble(window)
    n_tensors, n_keys = window.u64(), window.u64()
    if n_keys > limits.keys or n_tensors > limits.tensors:
        raise BadModelFile(
            tr(
                "The model file claims {n_tensors} tensors and {n_keys} keys, which cannot be.",
                n_tensors=n_tensors,
                n_keys=n_keys,
            )
        )
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
        raise BadModelFile(*what_else(bytes(window.data[at : at + 200])))
    version = window.u32()
    if version in {2, 3}:
        return version
    if version == 1 or version & 0xFFFF:
        raise BadModelFile(
            tr("The model file has GGUF version {version}, which is not supported.", version=version),
            tr("Convert it to version 3, or download a current build of the model."),
        )
    raise BadModelFile(
        tr("The model file is written for big-endian computers."),
        tr("Download the ordinary build of the model."),
    )


def _metadata(window: Window, count: int, limits: HeaderLimits) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    seen = set()
    items = 0
    for _ in range(count):
        key = window.text(limits.key_bytes, marked("a key"))
        if key in seen:
            raise BadModelFile(tr("The key {key} stands in the header twice.", key=clean_text(key, 60)))
        seen.add(key)
        value = read_value(window, key, limits)
        if isinstance(value, tuple):
            items += len(value)
            if items > limits.kept_items:
                raise BadModelFile(tr("The model file's header holds far more lists than a model needs."))
        if value is not None:
            metadata[key] = value
    return metadata


def _alignment(metadata: dict[str, MetadataValue], limits: HeaderLimits) -> int:
    value = metadata.get("general.alignment", _ALIGNMENT)
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not 8 <= value <= limits.alignment
        or value & (value - 1)
    ):
        raise BadModelFile(
            tr("The model file's alignment {value} cannot be.", value=clean_text(str(value), 40))
        )
    return value


_CHUNK = 1 << 18
_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(gguf)", re.IGNORECASE)
_ARCHITECTURE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")


def shape_from_file(path: Path, limits: HeaderLimits = LOCAL, as_draft: bool = False) -> ModelShape:
    """The shape of a local model file; its weights may be sparse or absent.

    Raises:
        BadModelFile: it cannot be read, or is not a usable model file.
    """
    header, size = _read_file(path, limits)
    parts = header.metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        header, size = _joined(path, parts, limits)
    return shape_of(header, size, limits, as_draft)


def projector_file_bytes(path: Path, limits: HeaderLimits = LOCAL) -> int:
    """Size of a file that holds a projector.

    Raises:
        BadModelFile: it cannot be read, or is another kind of file.
    """
    header, size = _read_file(path, limits)
    if not is_projector(header.metadata):
        raise BadModelFile(
            tr("The file {name} holds no projector.", name=clean_text(path.name, 80)),
            tr("Give the file whose name begins with mmproj; the model itself goes without --projector."),
        )
    return size


def _read_file(path: Path, limits: HeaderLimits) -> tuple[Header, int]:
    """The header of a file and the size the file has or should have."""
    try:
        with open_regular(path) as stream:
            size = path.stat().st_size
            header = read_header(iter(lambda: stream.read(_CHUNK), b""), limits)
    except OSError as error:
        raise BadModelFile(
            tr(
                "The file {path} cannot be read ({reason}).",
                path=clean_text(str(path)),
                reason=error.strerror,
            ),
            tr("Check the path."),
        ) from error
    return header, max(size, header.needed_bytes)


def _joined(path: Path, count: int, limits: HeaderLimits) -> tuple[Header, int]:
    """All parts of a split model as one header, and their size together; ``path`` is any of them."""
    found = _PART.fullmatch(path.name)
    if found is None or int(found[3]) != count:
        raise BadModelFile(
            tr("This file is one of {parts} parts of a model, but its name does not say which.", parts=count),
            tr(
                "Name the parts as they were published, like NAME-00001-of-{parts}.gguf.",
                parts=f"{count:05d}",
            ),
        )
    paths = [
        path.with_name(f"{found[1]}-{part:05d}-of-{found[3]}.{found[4]}") for part in range(1, count + 1)
    ]
    missing = [one.name for one in paths if not one.is_file()]
    if missing:
        raise BadModelFile(
            tr(
                "This file is one of {parts} parts of a model; not in its folder: {names}.",
                parts=count,
                names=clean_text(", ".join(missing), 120),
            ),
            tr("Put all parts into one folder, or give the name of the model."),
        )
    read = [_read_file(one, limits) for one in paths]
    first, start = read[0][0], 0
    tensors: list[Tensor] = []
    for header, size in read:
        shift = start + header.data_offset - first.data_offset
        tensors += [tensor._replace(offset=tensor.offset + shift) for tensor in _to_the_end(header, size)]
        start += size
    declared = first.metadata.get("split.tensors.count", len(tensors))
    if declared != len({tensor.name for tensor in tensors}):
        raise BadModelFile(
            tr("The parts of the model hold {n} tensors, not {declared}.", n=len(tensors), declared=declared),
            tr("Download the parts of one and the same build."),
        )
    metadata = {key: value for key, value in first.metadata.items() if not key.startswith("split.")}
    return replace(first, metadata=metadata, tensors=tuple(tensors), needed_bytes=start), start


def shape_from_chunks(
    chunks: Iterator[bytes], file_bytes: int, limits: HeaderLimits, as_draft: bool = False
) -> ModelShape:
    """The shape of a model file of ``file_bytes`` that arrives in ``chunks``.

    Raises:
        BadModelFile: also where the file is said to be smaller than its tensors.
    """
    header = read_header(chunks, limits)
    if header.needed_bytes > file_bytes:
        raise BadModelFile(
            tr(
                "The model's tensors need {needed_bytes} bytes, but its file has {file_bytes}.",
                needed_bytes=header.needed_bytes,
                file_bytes=file_bytes,
            )
        )
    return shape_of(header, file_bytes, limits, as_draft)


def shape_of(
    header: Header, file_bytes: int, limits: HeaderLimits = LOCAL, draft: bool = False
) -> ModelShape:
    """The shape in a header, with what it claims checked for plausibility.

    Raises:
        BadModelFile: a key that is needed is missing or absurd.
    """
    metadata = header.metadata
    architecture = metadata.get("general.architecture")
    check_kind(metadata, header.tensors, draft)
    if not isinstance(architecture, str) or not architecture or set(architecture) - _ARCHITECTURE_LETTERS:
        raise BadModelFile(tr("The model file does not say of which architecture it is."))
    parts = metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        raise BadModelFile(
            tr(
                "This is one of {parts} parts of a model, and its size follows only from all of them.",
                parts=parts,
            ),
            tr("Give the file beside its other parts, or the name of the model."),
        )
    check_numbers(architecture, metadata, limits)
    return ModelShape(
        architecture=architecture,
        metadata=metadata,
        tensors=_to_the_end(header, file_bytes),
        file_bytes=file_bytes,
        data_offset=header.data_offset,
        vision=any(key.startswith(f"{architecture}.vision.") for key in metadata),
    )


def _to_the_end(header: Header, file_bytes: int) -> tuple[Tensor, ...]:
    """The tensors; a last one of unknown type reaches to the end of the file."""
    last = max(header.tensors, key=attrgetter("offset"), default=None)
    if last is None or last.stored_bytes is None:
        return header.tensors
    rest = max(0, file_bytes - header.data_offset - last.offset)
    return tuple(t._replace(stored_bytes=rest) if t is last else t for t in header.tensors)
