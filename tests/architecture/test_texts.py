"""Sentences for people go through ``tr``: those of every error family, and reasons where they are made."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "desktop" / "wattlight"

REASONS = {"reason", "message", "messages", "power_reason", "utilization_reason"}
"""Arguments that hold a sentence for a person wherever they are given."""

CODES = {"no powercap", "no package zone", "needs a second reading", "the counter stands still"}
"""Reasons that are codes: the faces have a sentence for each."""

TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(SOURCE.rglob("*.py"))}


def named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def families() -> set[str]:
    """``Problem`` and all that derive from it, by name."""
    found = {"Problem"}
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while more := {
        c.name for c in classes if c.name not in found and found.intersection(map(named, c.bases))
    }:
        found |= more
    return found


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What the names of a file stand for that are written in capitals."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.upper() == target.id
    }


def bare(node: ast.expr) -> Iterator[str]:
    """The sentences in an expression that no call of ``tr`` encloses."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if " " in node.value and node.value not in CODES:
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if any(word.isalpha() and len(word) > 1 for word in words.split()):
            yield words
    elif isinstance(node, ast.IfExp):
        yield from [*bare(node.body), *bare(node.orelse)]
    elif isinstance(node, ast.BoolOp | ast.Tuple):
        for part in node.values if isinstance(node, ast.BoolOp) else node.elts:
            yield from bare(part)
    elif isinstance(node, ast.BinOp):
        yield from [*bare(node.left), *bare(node.right)]


def untranslated(tree: ast.Module, problems: set[str]) -> Iterator[tuple[int, str]]:
    known = constants(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            sentences = [keyword.value for keyword in call.keywords if keyword.arg in REASONS]
            if named(call.func) in problems:
                sentences += call.args[:2]
            for said in sentences:
                sentence = known.get(said.id, said) if isinstance(said, ast.Name) else said
                yield from ((call.lineno, text) for text in bare(sentence))


def test_every_sentence_can_be_translated() -> None:
    problems = families()
    found = [
        f"{file.relative_to(SOURCE)}:{line}: {text}"
        for file, tree in TREES.items()
        for line, text in untranslated(tree, problems)
    ]
    assert not found, "\n".join(found)


def test_the_search_sees_families_and_all_forms_of_a_sentence() -> None:
    problems = families()
    assert {"Problem", "LedgerFull", "BadModelFile", "MachineFileProblem"} <= problems
    code = (
        "raise LedgerFull(f'{name} is full.', 'Free some ' + 'space.')\n"
        "Memory(reason=None if ok else why or 'the system does not say')\n"
        "Problem(tr('The file {name} is bad.', name=name), code='bad file')\n"
        "_FORM = 'It needs a first line.'\nraise Problem(tr('No line.'), _FORM)\n"
    )
    assert [line for line, _ in untranslated(ast.parse(code), problems)] == [1, 1, 2, 5]
