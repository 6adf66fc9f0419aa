"""Each known fault has a test named after it, or a reason why not; each kind of attack has its tests."""

import re

from fault_table import ATTACKS, COUNT, NOT_YET, TESTS, by_fault


def test_every_fault_has_a_test() -> None:
    named = set(by_fault())
    assert named - set(range(1, COUNT + 1)) == set()
    assert set(range(1, COUNT + 1)) - named == set(NOT_YET)


def test_every_kind_of_attack_has_its_tests() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", text))
    assert [name for names in ATTACKS.values() for name in names if name not in there] == []
