"""What was read again from the registry; the shipped catalogue itself is never written."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from wattlight.domain.entry import Reread
from wattlight.domain.values import UNREADABLE, Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import read_small, write_whole

_SCHEMA = 1
_MAX_FILE_BYTES = 1 << 20
_MAX_ENTRIES = 2000
_MAX_MODEL_BYTES = 1 << 44
_ID = re.compile(r"[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class RereadProblem(Problem):
    """What was read cannot be kept."""

    code = "not_kept"


class RereadBook:
    """Reads and writes the file. Damaged, foreign or too large: nothing was read again."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> tuple[Reread, ...]:
        """All entries; one that makes no sense is left out."""
        try:
            raw = read_small(self._file, _MAX_FILE_BYTES + 1)
            if len(raw) > _MAX_FILE_BYTES:
                return ()
            document = json.loads(raw)
            rows = document["entries"] if document["schema"] == _SCHEMA else []
            return tuple(filter(None, map(_entry, rows[:_MAX_ENTRIES])))
        except UNREADABLE:
            return ()

    def add(self, rereads: Iterable[Reread]) -> None:
        """Keep ``rereads``, in place of older ones of the same names.

        Raises:
            RereadProblem: the file cannot be written.
        """
        kept = {item.name: item for item in (*self.read(), *rereads)}
        document = {"schema": _SCHEMA, "entries": [asdict(kept[name]) for name in sorted(kept)]}
        try:
            write_whole(self._file, json.dumps(document, indent=1, default=date.isoformat).encode())
        except OSError as error:
            raise RereadProblem(
                tr(
                    "What the registry said cannot be kept in {parent} ({reason}).",
                    parent=self._file.parent,
                    reason=error.strerror,
                ),
                tr("Make room there or make the folder writable."),
            ) from error


def _entry(row: Any) -> Reread | None:
    try:
        sizes = [row[key] for key in ("model_bytes", "projector_bytes", "download_bytes")]
        if not all(type(size) is int and 0 <= size < _MAX_MODEL_BYTES for size in sizes) or not sizes[0]:
            return None
        if not _ID.fullmatch(row["manifest_id"]) or not _DIGEST.fullmatch(row["blob_digest"]):
            return None
        return Reread(
            name=clean_text(row["name"], 200),
            manifest_id=row["manifest_id"],
            blob_digest=row["blob_digest"],
            model_bytes=sizes[0],
            projector_bytes=sizes[1],
            download_bytes=sizes[2],
            quant=clean_text(row["quant"], 20),
            read_on=date.fromisoformat(row["read_on"]),
        )
    except UNREADABLE:
        return None
