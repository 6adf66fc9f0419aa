"""Files are neither long nor crumbs, a name means one class, and values hold values."""

import ast
from collections import defaultdict

from .house import HOUSE

MAX_LINES = 400
MIN_LINES = 40
MOST_SHORT = 40
"""So many files may be shorter, doors not counted."""

SHORT = {
    "catalog/editorial.py": "a fit needs the catalogue alone",
    "cli/verb_remove.py": "one verb, one file",
    "cli/verb_unload.py": "one verb, one file",
    "domain/pace.py": "what finds it out loads a library that only a learner needs",
}
"""File -> why it is shorter than 40 lines that are not blank."""

CALLS = {
    (
        "services/metering/recording.py",
        "Wiring",
    ): "tray and meter hear of a recording in different ways",
    ("services/serving/keeper.py", "KeeperNews"): "what our own server tells the rest of the program",
}
"""(File, dataclass) -> why it holds functions: dependencies come as objects."""


def filled(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


def test_files_stay_short() -> None:
    long = {HOUSE.name_of(f): n for f in HOUSE.trees if (n := len(f.read_text().splitlines())) > MAX_LINES}
    assert not long, f"over {MAX_LINES} lines: {long}"


def test_a_short_file_has_a_reason() -> None:
    short = {
        HOUSE.name_of(file)
        for file in HOUSE.trees
        if file.name != "__init__.py" and filled(file.read_text(encoding="utf-8")) < MIN_LINES
    }
    assert short - set(SHORT) == set(), "merge it into its subject"
    assert set(SHORT) - short == set(), "no longer short, or gone"
    assert len(short) < MOST_SHORT


def test_no_two_classes_of_one_name() -> None:
    found = defaultdict(list)
    for file, tree in HOUSE.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(HOUSE.name_of(file))
    twice = {name: files for name, files in found.items() if len(files) > 1}
    assert twice == {}


def functions_in(node: ast.ClassDef) -> bool:
    """Whether a dataclass has a field that is called."""
    if not any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return False
    return any(isinstance(s, ast.AnnAssign) and "Callable" in ast.unparse(s.annotation) for s in node.body)


def test_values_hold_no_functions() -> None:
    found = {
        (HOUSE.name_of(file), node.name)
        for file, tree in HOUSE.trees.items()
        if HOUSE.name_of(file).startswith(("bootstrap/", "services/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and functions_in(node)
    }
    assert found - set(CALLS) == set(), "dependencies come as objects"
    assert set(CALLS) - found == set(), "no longer there"


def test_the_search_sees_functions_in_a_value() -> None:
    bag = "@dataclass(frozen=True)\nclass A:\n    n: int\n    f: Callable[[int], None] | None = None\n"
    value = "@dataclass\nclass A:\n    n: int\n    def f(self, g: Callable[[int], None]) -> None: ...\n"
    service = bag.replace("@dataclass(frozen=True)", "")
    seen = [functions_in(node) for code in (bag, value, service) for node in ast.parse(code).body]  # type: ignore[arg-type]
    assert seen == [True, False, False]
