"""What a verb gets: where and how to print (lines, tables, documents, a progress line), and the workshop."""

import difflib
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

    def __init__(self, stream: TextIO, as_json: bool, quiet: bool = False) -> None:
        self._stream = stream
        self.as_json = as_json
        self.quiet = quiet
        self.room = room_of(stream)
        """Columns of the screen; None where there is none, and lines are as long as they are."""
        # JSON is UTF-8: in another encoding, what all encodings share
        self._ascii = (stream.encoding or "utf-8").lower().replace("-", "") not in {"utf8", "utf8sig"}

    def document(self, document: Document) -> None:
        """Print one indented JSON document (the whole answer of a verb)."""
        self._write(self._json(document, 2))

    def record(self, document: Document) -> None:
        """Print one line of a stream (NDJSON) and flush it."""
        self._write(self._json(document))

    def line(self, text: str = "") -> None:
        for part in wrapped(text, self.room):
            self._write(part)

    def note(self, text: str) -> None:
        """A line that ``--quiet`` leaves out."""
        if not self.quiet:
            self.line(text)

    def aside(self, text: str) -> None:
        """A remark beside an answer that may go into a file: to standard error, unless quiet."""
        if not self.quiet:
            encoding = sys.stderr.encoding or "utf-8"
            sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.line(text)

    def table(self, rows: Sequence[Sequence[str]], right: Iterable[int] = (), headed: bool = True) -> None:
        self.lines(aligned(rows, right, self.room, headed))

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
    """``value`` as JSON has it: a dataclass or named tuple becomes its fields, a time ISO 8601, a decimal
    its digits.

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
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: plain(item, places) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item, places) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a document")


def pick(value: object, names: str, places: int | None = None) -> Document:
    """The fields ``names`` (words) of ``value`` as JSON has them."""
    return {name: plain(getattr(value, name), places) for name in names.split()}


_GAP = "  "
_NARROWEST = 10
"""No column of words is made narrower."""


def aligned(
    rows: Sequence[Sequence[str]], right: Iterable[int] = (), room: int | None = None, headed: bool = True
) -> list[str]:
    """A line per row, columns two spaces apart; those in ``right`` are aligned to the right.

    Where ``room`` is too narrow, columns of words are wrapped; where that is not enough, each row becomes a
    block of lines, named by the first row if that is a heading (``headed``).
    """
    if not rows:
        return []
    right = frozenset(right)
    widths = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    if room is not None and not _narrowed(widths, rows, right, room):
        return _blocks(rows if headed else [("",) * len(rows[0]), *rows], room)
    lines = []
    for row in rows:
        cells = [wrapped(cell, widths[at]) for at, cell in enumerate(row)]
        for n in range(max(len(cell) for cell in cells)):
            parts = (cell[n] if n < len(cell) else "" for cell in cells)
            text = _GAP.join(_padded(part, widths[at], at in right) for at, part in enumerate(parts))
            lines.append(text.rstrip())
    return lines


def _narrowed(widths: list[int], rows: Sequence[Sequence[str]], right: frozenset[int], room: int) -> bool:
    """Make the widest columns of words narrower, in place, until all fit; False where a word would break."""
    least = [
        max(_NARROWEST, *(width(word) for row in rows for word in row[at].split(" ")))
        for at in range(len(widths))
    ]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        free = [at for at in range(len(widths)) if at not in right and widths[at] > least[at]]
        if not free:
            return False
        widths[max(free, key=lambda at: widths[at])] -= 1
    return True


def _blocks(rows: Sequence[Sequence[str]], room: int) -> list[str]:
    """Each row but the first on lines of its own: its first cell, then the others by the names of theirs."""
    names, *rest = rows
    lines: list[str] = []
    for row in rest:
        lines += wrapped(row[0], room)
        for name, cell in zip(names[1:], row[1:], strict=True):
            if cell:
                lines += wrapped(f"    {name}: {cell}" if name else f"    {cell}", room)
    return lines


def wrapped(text: str, room: int | None) -> list[str]:
    """``text`` in lines of at most ``room`` columns, later ones indented like the first, or as its item."""
    if room is None or width(text) <= room:
        return [text]
    body = text.lstrip(" ")
    first = text[: len(text) - len(body)]
    later = first + (_GAP if body.startswith("- ") else "")
    lines, line = [], first
    for word in body.split(" "):
        empty = not line.strip(" ")
        longer = line + word if empty else f"{line} {word}"
        if not empty and width(longer) > room:
            lines.append(line)
            longer = later + word
        while width(longer) > room > width(later):
            at = next(n for n in range(len(longer), 0, -1) if width(longer[:n]) <= room)
            lines.append(longer[:at])
            longer = later + longer[at:]
        line = longer
    return [*lines, line]


def room_of(stream: TextIO) -> int | None:
    """Columns of the screen behind ``stream``, or those that COLUMNS tells; None for a file or a pipe."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and len(told) < 6 and int(told) > 0:
        return max(20, int(told))
    return shutil.get_terminal_size().columns if stream.isatty() else None


def near(word: str, names: Iterable[str]) -> str:
    """A question for the name that was meant, or nothing."""
    found = likely_name(word, names)
    return tr("Did you mean {name}?", name=found) if found else ""


def likely_name(word: str, names: Iterable[str]) -> str:
    """The one of ``names`` that is most like ``word``; nothing where none is."""
    return next(iter(difflib.get_close_matches(word.lower(), list(names), 1, 0.6)), "")


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
