"""The command line in a home of its own: what it writes, and its documents held against their schemas."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema

from wattlight.cli import run
from wattlight.services.factory import ServiceFactory

SCHEMAS = Path(__file__).resolve().parents[2] / "desktop" / "schemas"


class Line:
    """``url``: of the server of this computer; without it nobody is there."""

    def __init__(self, root: Path, url: str = "127.0.0.1:9") -> None:
        self.root = root
        self.factory = ServiceFactory({"WATTLIGHT_HOME": str(root), "OLLAMA_HOST": url})

    def __call__(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        code = run(list(words), self.factory, out)
        return code, out.getvalue()

    def document(self, *words: str) -> Any:
        document = json.loads(self(*words, "--json")[1])
        name = "error" if "error" in document else words[0]
        jsonschema.validate(document, json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
        return document
