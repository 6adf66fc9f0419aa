"""What was read again is kept; whatever is damaged counts as never read."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from wattlight.catalog.reread import RereadBook, RereadProblem
from wattlight.domain.entry import Reread

ITEM = Reread(
    "qwen3.5:9b", "0123456789ab", "sha256:" + "c" * 64, 6_000_000_001, 900, 6_000_001_234, "Q4_K_M",
    date(2026, 11, 24),
)  # fmt: skip


def test_kept_and_replaced_by_name(tmp_path: Path) -> None:
    book = RereadBook(tmp_path / "deep" / "catalogue.json")
    assert book.read() == ()
    book.add([ITEM])
    other = Reread("a:1b", "ab" * 6, ITEM.blob_digest, 1, 0, 2, "", date(2026, 11, 25))
    newer = Reread("qwen3.5:9b", "ab" * 6, ITEM.blob_digest, 7, 0, 8, "Q8_0", date(2026, 11, 26))
    book.add([other])
    book.add([newer])
    assert RereadBook(tmp_path / "deep" / "catalogue.json").read() == (other, newer)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"schema": 2, "entries": []}', b"null", b"\xff\xfe", b"[" * 9000]
)
def test_a_damaged_file_is_no_file(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "catalogue.json"
    file.write_bytes(raw)
    book = RereadBook(file)
    assert book.read() == ()
    book.add([ITEM])
    assert book.read() == (ITEM,)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_bytes", -1),
        ("model_bytes", 0),
        ("model_bytes", 1 << 60),
        ("model_bytes", 1.5),
        ("model_bytes", True),
        ("download_bytes", "6"),
        ("manifest_id", "zz"),
        ("manifest_id", 7),
        ("blob_digest", "sha256:../../etc"),
        ("read_on", "yesterday"),
        ("name", None),
    ],
)
def test_a_senseless_entry_is_left_out(tmp_path: Path, key: str, value: Any) -> None:
    file = tmp_path / "catalogue.json"
    RereadBook(file).add([ITEM])
    document = json.loads(file.read_text(encoding="utf-8"))
    document["entries"].append({**document["entries"][0], "name": "b:1b", key: value})
    document["entries"].append("not an entry")
    file.write_text(json.dumps(document), encoding="utf-8")
    assert RereadBook(file).read() == (ITEM,)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    RereadBook(file).add([ITEM])
    file.write_text(file.read_text(encoding="utf-8") + " " * (1 << 20), encoding="utf-8")
    assert RereadBook(file).read() == ()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(RereadProblem, match="cannot be kept"):
        RereadBook(tmp_path / "file" / "catalogue.json").add([ITEM])
