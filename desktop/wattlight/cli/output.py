"""What a verb gets: where and how to print (lines, tables, documents, a progress line), and the workshop."""

import errno
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.services.factory import ServiceFactory

SCHEMA = 1
"""Version of every JSON document the command line prints."""

Document = dict[str, Any]

SPEED = "low mid high basis confidence"
"""Fields of a range of speed in a document, for :func:`pick`."""


class Output:
    """Prints text or JSON. A document gets ``"schema": 1`` as its first key."""

    def __init__(self, stream: TextIO, as_json: bool) -> None:
        self._stream = stream
        self.as_json = as_json
        # JSON is UTF-8: in another encoding, what all encodings share
        self._ascii = (stream.encoding or "utf-8").lower().replace("-", "") not in {"utf8", "utf8sig"}

    def document(self, document: Document) -> None:
        """Print one indented JSON document (the whole answer of a verb)."""
        self._write(self._json(document, 2))

    def record(self, document: Document) -> None:
        """Print one line of a stream (NDJSON) and flush it."""
        self._write(self._json(document))

    def line(self, text: str = "") -> None:
        self._write(text)

    def lines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.line(text)

    def table(self, rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> None:
        self.lines(aligned(rows, right))

    def _json(self, document: Document, indent: int | None = None) -> str:
        whole = {"schema": SCHEMA, **document}
        return json.dumps(whole, indent=indent, ensure_ascii=self._ascii, allow_nan=False)

    def write(self, text: str) -> None:
        """Print a piece of a long text (exported rows) as it is, line ends included."""
        encoding = self._stream.encoding or "utf-8"
        with _somebody_reads():
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _write(self, text: str) -> None:
        self.write(text + "\n")
        with _somebody_reads():
            self._stream.flush()


@contextmanager
def _somebody_reads() -> Iterator[None]:
    """Windows tells a reader that went away as an invalid argument."""
    try:
        yield
    except OSError as error:
        if os.name == "nt" and error.errno == errno.EINVAL:
            raise BrokenPipeError(errno.EPIPE, "nobody reads") from error
        raise


@dataclass(frozen=True, slots=True)
class Call:
    workshop: ServiceFactory
    out: Output

    @property
    def as_json(self) -> bool:
        return self.out.as_json

    def answer(self, document: Document, *lines: str) -> None:
        """The whole answer of a verb: the document with ``--json``, else the lines."""
        if self.as_json:
            self.out.document(document)
        else:
            self.out.lines(lines)


class OwnFile(Problem):
    code = "own_file"


def refuse_own(name: str, call: Call) -> None:
    """No file of the program's own is a place to write something else into.

    Raises:
        OwnFile: ``name`` is one.
    """
    if call.workshop.places.owns(Path(name)):
        raise OwnFile(
            tr("{file} is one of Wattlight's own files.", file=clean_text(name)), tr("Choose another place.")
        )


def plain(value: object, places: int | None = None) -> Any:
    """``value`` as JSON has it: a dataclass becomes its fields, a time ISO 8601, a decimal its digits.

    Fractions are rounded to ``places``, if given. Fields keep their names and their order.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if places is None else round(value, places)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name), places) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item, places) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item, places) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a document")


def pick(value: object, names: str, places: int | None = None) -> Document:
    """The fields ``names`` (words) of ``value`` as JSON has them."""
    return {name: plain(getattr(value, name), places) for name in names.split()}


def aligned(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """One line per row, columns two spaces apart; those in ``right`` are aligned to the right."""
    if not rows:
        return []
    right = frozenset(right)
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(_padded(cell, widths[at], at in right) for at, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def width(text: str) -> int:
    """Terminal cells a text takes: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(ch) else 2 if unicodedata.east_asian_width(ch) in "WF" else 1
        for ch in text
    )


def _padded(text: str, to: int, right: bool) -> str:
    space = " " * (to - width(text))
    return space + text if right else text + space


class ProgressLine:
    """Writes to the error stream, so that the output stays clean; without a terminal it writes nothing."""

    def __init__(self, wanted: bool = True) -> None:
        self._live = wanted and sys.stderr.isatty()
        self._shown = 0

    def show(self, text: str) -> None:
        if not self._live:
            return
        room = shutil.get_terminal_size().columns - 1
        while width(text) > room:
            text = text[:-2] + "…" if len(text) > 1 else ""
        blank = " " * max(0, self._shown - width(text))
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write("\r" + (text + blank).encode(encoding, "replace").decode(encoding))
        sys.stderr.flush()
        self._shown = width(text)

    def end(self) -> None:
        """Leave an empty line."""
        if self._live and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0
