"""Answers of a real Ollama 0.33, recorded request by request; fake and parsers are held against them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[1] / "data" / "ollama" / "recorded.json"


@dataclass(frozen=True)
class Recording:
    """One exchange. ``lines`` are parsed JSON, or text where the answer was not JSON."""

    method: str
    path: str
    body: Any
    status: int
    content_type: str
    lines: tuple[Any, ...]

    @property
    def answer(self) -> Any:
        """The only line."""
        assert len(self.lines) == 1
        return self.lines[0]

    @property
    def raw(self) -> bytes:
        """The body as it came over the wire."""
        return "\n".join(
            line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in self.lines
        ).encode()


@cache
def recordings() -> dict[str, Recording]:
    """All of them by name."""
    documents = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Recording(d["method"], d["path"], d["body"], d["status"], d["content_type"], tuple(d["lines"]))
        for name, d in documents.items()
    }


def recorded(name: str) -> Recording:
    """One of them."""
    return recordings()[name]
