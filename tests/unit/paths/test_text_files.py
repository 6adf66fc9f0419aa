"""Text files that a person names."""

from pathlib import Path

import pytest

from wattlight.domain.values import Problem
from wattlight.paths import read_text


class Refused(Problem):
    """The family of these tests."""


def test_text_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for raw in (b"a,b\n", b"\xef\xbb\xbfa,b\n"):
        file.write_bytes(raw)
        assert read_text(file, 100, Refused) == "a,b\n"


@pytest.mark.parametrize(
    ("raw", "words"), [(None, "cannot be read"), (b"x" * 11, "too large"), (b"\xff\xfe", "is not text")]
)
def test_what_cannot_be_read_is_one_sentence_of_the_family(
    tmp_path: Path, raw: bytes | None, words: str
) -> None:
    file = tmp_path / "a\x1b.csv"
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(Refused, match=words) as caught:
        read_text(file, 10, Refused)
    assert caught.value.next_step
    assert "\x1b" not in caught.value.message


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_text(Path("a\0b"), 10, Refused)
