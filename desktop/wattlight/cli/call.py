"""What a verb gets: where to print, how to print, and the workshop."""

import json
from dataclasses import dataclass
from typing import Any, TextIO

from wattlight.services import ServiceFactory

SCHEMA = 1
"""Version of every JSON document the command line prints."""

Document = dict[str, Any]


class Output:
    """Prints text or JSON. A document gets ``"schema": 1`` as its first key."""

    def __init__(self, stream: TextIO, as_json: bool) -> None:
        self._stream = stream
        self.as_json = as_json

    def document(self, document: Document) -> None:
        """Print one indented JSON document (the whole answer of a verb)."""
        self._write(json.dumps({"schema": SCHEMA, **document}, indent=2, ensure_ascii=False, allow_nan=False))

    def record(self, document: Document) -> None:
        """Print one line of a stream (NDJSON) and flush it."""
        self._write(json.dumps({"schema": SCHEMA, **document}, ensure_ascii=False, allow_nan=False))

    def line(self, text: str = "") -> None:
        """Print one line for a person."""
        self._write(text)

    def raw(self, text: str) -> None:
        """Print text as it is (exported rows), line ends included."""
        self._write(text, "")

    def _write(self, text: str, end: str = "\n") -> None:
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + end)
        self._stream.flush()


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a verb."""

    workshop: ServiceFactory
    out: Output

    @property
    def as_json(self) -> bool:
        """True when ``--json`` was given."""
        return self.out.as_json
