"""Every statement about a fit has its sentence."""

import ast
from pathlib import Path

import pytest

import wattlight.domain.fit.reasons as domain_reasons
from wattlight.domain.fit import Reason
from wattlight.i18n import activate
from wattlight.services.fit_words import _texts, reason_sentence

VALUES = (
    {
        name: 3 * (1 << 30) if name.endswith("_bytes") else 7
        for name in [
            "used_bytes",
            "free_bytes",
            "host_bytes",
            "missing_bytes",
            "held_bytes",
            "room_bytes",
            "weights_bytes",
            "needed_bytes",
            "total_bytes",
            "available_bytes",
            "said_bytes",
            "projector_bytes",
            "on_gpu",
            "layers",
            "blocks",
            "context",
            "draft_bytes",
            "each_bytes",
            "length",
            "drafted",
            "tokens",
            "lost",
            "without",
            "batch",
            "before",
            "overhead_bytes",
        ]
    }
    | {"device": "card", "kv_type": "q8_0", "architecture": "new", "types": "type 99", "version": "0.29.1"}
    | {"other": "llama2:7b"}
)


def codes_in_source() -> set[str]:
    tree = ast.parse(Path(domain_reasons.__file__).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_reason":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.add(first.value)
            elif isinstance(first, ast.JoinedStr):
                found |= {code for code in _texts() if code.startswith(first.values[0].value)}  # type: ignore[attr-defined]
    return found


def test_no_statement_is_without_a_sentence() -> None:
    assert codes_in_source() <= set(_texts())


@pytest.mark.parametrize("code", sorted(_texts()))
def test_a_sentence(code: str) -> None:
    activate("en")
    text = reason_sentence(Reason(code, tuple(VALUES.items())))
    assert text.endswith(".")
    assert "{" not in text
