"""Shapes once read from headers, kept by the digest of the model file."""

import json
import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from wattlight.catalog.gguf import BadModelFile, check_numbers
from wattlight.domain.shape import TYPE_BY_NAME, ModelShape, Tensor
from wattlight.domain.values import UNREADABLE
from wattlight.paths import read_small, write_whole

_VERSION = 2
_MAX_BYTES = 4 << 20
_MAX_FILES = 512
_MOST = 1 << 53
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class ShapeCache:
    """One small file per digest below ``folder``; a damaged or foreign one counts as absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, digest: str) -> ModelShape | None:
        path = self._path(digest)
        if path is None:
            return None
        try:
            packed = read_small(path, _MAX_BYTES + 1)
            if len(packed) > _MAX_BYTES:
                return None
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(packed, 16 * _MAX_BYTES)
            return _shape(json.loads(raw), digest)
        except (*UNREADABLE, BadModelFile, zlib.error):
            return None

    def put(self, shape: ModelShape) -> None:
        """Keep ``shape`` under its digest; failing to is no error, the next time it is read again."""
        path = self._path(shape.digest)
        if path is None:
            return
        packed = zlib.compress(json.dumps(_document(shape), separators=(",", ":")).encode(), 6)
        with suppress(OSError):
            self._make_room()
            write_whole(path, packed)

    def _path(self, digest: str) -> Path | None:
        found = _DIGEST.fullmatch(digest)
        return self._folder / f"{found[1]}.shape" if found else None

    def _make_room(self) -> None:
        files = list(self._folder.glob("*.shape"))
        if len(files) < _MAX_FILES:
            return
        for path in sorted(files, key=lambda p: p.stat().st_mtime)[: len(files) - _MAX_FILES + 1]:
            path.unlink(missing_ok=True)


def _document(shape: ModelShape) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "digest": shape.digest,
        "architecture": shape.architecture,
        "metadata": {k: list(v) if isinstance(v, tuple) else v for k, v in shape.metadata.items()},
        "tensors": [[t.name, list(t.dims), t.type_name, t.offset, t.stored_bytes] for t in shape.tensors],
        "file_bytes": shape.file_bytes,
        "data_offset": shape.data_offset,
        "vision": shape.vision,
    }


def _shape(document: Any, digest: str) -> ModelShape | None:
    if document["version"] != _VERSION or document["digest"] != digest:
        return None
    tensors, sizes = [], [int(document["file_bytes"]), int(document["data_offset"])]
    for name, dims, kind, offset, stored in document["tensors"]:
        if kind not in TYPE_BY_NAME and stored is None:
            return None
        size = None if stored is None else int(stored)
        tensors.append(Tensor(str(name), tuple(int(dim) for dim in dims), str(kind), int(offset), size))
        sizes += [*tensors[-1].dims, tensors[-1].offset, size or 0, tensors[-1].size_bytes]
    if not all(0 <= number <= _MOST for number in sizes):
        return None
    metadata = {k: tuple(v) if isinstance(v, list) else v for k, v in document["metadata"].items()}
    check_numbers(str(document["architecture"]), metadata)
    return ModelShape(
        architecture=str(document["architecture"]),
        metadata=metadata,
        tensors=tuple(tensors),
        file_bytes=sizes[0],
        data_offset=sizes[1],
        vision=bool(document["vision"]),
        digest=digest,
    )
