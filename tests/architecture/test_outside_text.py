"""Text from outside is read so that no error of Python's comes out: documents and numbers alike."""

import ast
from collections.abc import Iterator

import pytest

from .house import HOUSE

ALONE = {
    "domain/__init__.py": "every caller is looked at here",
    "catalog/registry/token.py": "its only caller catches",
    "catalog/safetensors.py": "both callers catch",
    "cli/verb_mcp.py": "made by a verb of ours a moment before",
    "domain/fit/ready_tapes.py": "comes with the program and was read whole",
    "runtime/managed/releases.py": "comes with the program",
    "services/pricing.py": "was read as a tariff a moment before",
    "settings/storage.py": "was made by json.dumps when the settings were read",
    "domain/tokens.py": "a text in quotes, which cannot be nested",
}
"""Files with a ``json.loads`` or ``read_json`` that nothing stands around, or too little."""


def loads(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {
        "json.loads",
        "plistlib.loads",
        "read_json",
    }


def unguarded(tree: ast.AST) -> Iterator[ast.AST]:
    """Calls that read a document where one that is nested too deeply is not caught."""
    guarded = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
            if "RecursionError" in caught or "UNREADABLE" in caught:
                guarded |= {id(inner) for line in node.body for inner in ast.walk(line)}
    yield from (node for node in ast.walk(tree) if loads(node) and id(node) not in guarded)


def loose_digits(tree: ast.AST) -> Iterator[str]:
    """Texts that ``isdigit`` alone lets through to ``int``, which does not know "²"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = ast.unparse(node)
            asked = {
                ast.unparse(call.func.value)
                for call in ast.walk(node)
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in {"isdigit", "isnumeric"}
            }
            yield from (
                text for text in asked if f"{text}.isascii()" not in inside and f"int({text})" in inside
            )


def test_every_document_is_read_where_one_too_deep_is_caught() -> None:
    found = {HOUSE.name_of(file) for file, tree in HOUSE.trees.items() if any(unguarded(tree))}
    assert found == set(ALONE)


def test_digits_are_those_that_int_reads() -> None:
    found = {HOUSE.name_of(file): list(loose_digits(tree)) for file, tree in HOUSE.trees.items()}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("json.loads(x)", True),
        ("try:\n    json.loads(x)\nexcept ValueError:\n    pass", True),
        ("try:\n    json.loads(x)\nexcept (ValueError, RecursionError):\n    pass", False),
        ("try:\n    y = f(json.loads(x))\nexcept (*UNREADABLE, Mine):\n    pass", False),
    ],
)
def test_the_search_sees_what_is_not_caught(source: str, seen: bool) -> None:
    assert any(unguarded(ast.parse(source))) is seen


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("return int(x) if x.isdigit() else 0", True),
        ("return int(x) if x.isascii() and x.isdigit() else 0", False),
        ("return int(x) if x.isdecimal() else 0", False),
        ("return x.isdigit()", False),
    ],
)
def test_the_search_sees_loose_digits(line: str, seen: bool) -> None:
    assert bool(list(loose_digits(ast.parse(f"def f(x):\n    {line}")))) is seen
