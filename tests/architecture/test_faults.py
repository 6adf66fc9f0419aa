"""Each known fault has a test that is named after it, or a reason why not."""

from fault_table import COUNT, NOT_YET, by_fault


def test_every_fault_has_a_test() -> None:
    named = set(by_fault())
    assert named - set(range(1, COUNT + 1)) == set()
    assert set(range(1, COUNT + 1)) - named == set(NOT_YET)
