"""A person's prompts: read, kept only on request for this account alone, and removed."""

import stat
import sys
from pathlib import Path

import pytest

from wattlight.paths import Places
from wattlight.services.prompts import (
    LONGEST_CHARS,
    MOST_PROMPTS,
    PromptsProblem,
    keep_prompts,
    kept_prompts,
    prompts_file,
    prompts_text,
    read_prompts,
)


def test_lines_of_dashes_divide() -> None:
    text = "One line.\nAnd another.\n --- \n\n  def f():\n\tpass\x0bä\r\n---\n---\n"
    assert read_prompts(text) == ("One line.\nAnd another.", "def f():\n\tpass\x0bä")
    assert read_prompts(prompts_text(("a\nb", "c"))) == ("a\nb", "c")
    assert read_prompts("a --- b") == ("a --- b",)


@pytest.mark.parametrize(
    "text", ["", "---\n \n---", "x\n---\n" * (MOST_PROMPTS + 1), "x" * (LONGEST_CHARS + 1)]
)
def test_what_is_no_prompt_or_too_much(text: str) -> None:
    with pytest.raises(PromptsProblem):
        read_prompts(text)


def test_kept_for_this_account_and_removed(tmp_path: Path) -> None:
    places = Places(*(tmp_path / name for name in ("config", "data", "state", "cache", "run")))
    file = prompts_file(places)
    assert kept_prompts(file) == ()
    keep_prompts(file, ("Was ist das?\nGenau.", "b"))
    assert kept_prompts(file) == ("Was ist das?\nGenau.", "b")
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert places.owns(file)
    keep_prompts(file, ())
    keep_prompts(file, ())
    assert not file.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"schema": 2, "prompts": ["a"]}', b'{"schema": 1, "prompts": 7}', b"\xff"]
)
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "prompts.json"
    file.write_bytes(raw)
    assert kept_prompts(file) == ()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(PromptsProblem, match="cannot be changed"):
        keep_prompts(tmp_path / "data" / "prompts.json", ("a",))
