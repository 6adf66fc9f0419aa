"""A layer on its way: who fetches which bytes, and what is kept of them."""

import random
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from fakes.systems import needs_links
from wattlight.catalog.download import parts
from wattlight.catalog.download.parts import Claim, PartFile, merged
from wattlight.catalog.registry import Layer

DATA = random.Random(1).randbytes(100_000)


def layer(data: bytes = DATA) -> Layer:
    return Layer("model", f"sha256:{sha256(data).hexdigest()}", len(data))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CHUNK_BYTES", 30_000)
    monkeypatch.setattr(parts, "SPLIT_BYTES", 4_000)


def fill(part: PartFile, claim: Claim, most: int = 10**9) -> None:
    """Write what was claimed, in pieces of 1,000 bytes."""
    while most > 0 and part.write(claim, memoryview(DATA[claim.at : claim.at + 1000])):
        most -= 1000


def taken(part: PartFile) -> Claim:
    claim = part.claim()
    assert claim is not None
    return claim


def test_claims_go_forward_in_chunks_and_the_last_are_shared(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    claims = [taken(part) for _ in range(4)]
    assert [(c.start, c.end) for c in claims] == [
        (0, 30_000),
        (30_000, 60_000),
        (60_000, 90_000),
        (90_000, 100_000),
    ]
    fifth = taken(part)
    assert (fifth.start, fifth.end) == (15_000, 30_000)
    assert claims[0].end == 15_000
    part.close()


def test_what_is_too_small_is_not_shared(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer(DATA[:7_999]))
    assert part.claim() is not None
    assert part.claim() is None
    part.close()


def test_what_a_broken_connection_left_is_claimed_again(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    claim = taken(part)
    fill(part, claim, 10_000)
    part.release(claim)
    part.release(claim)
    assert taken(part).start == 10_000
    part.close()


def test_many_threads_fill_it_and_the_hash_is_right(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())

    def work() -> None:
        while (claim := part.claim()) is not None:
            fill(part, claim)
            part.release(claim)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while not part.hash_on(7_000):
        pass
    assert part.is_right
    part.finish(tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == DATA
    assert [file.name for file in tmp_path.iterdir()] == ["whole"]


def test_it_is_not_whole_while_somebody_still_writes(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer(DATA[:1000]))
    claim = taken(part)
    fill(part, claim)
    assert not part.hash_on(10**9)
    part.release(claim)
    assert part.hash_on(10**9)
    part.close()


def test_the_running_hash_follows_what_comes_in_order(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    claim = taken(part)
    fill(part, claim)
    assert part._hashed == 30_000, "without being read again"
    part.close()


def test_a_server_without_ranges_is_asked_by_one_connection(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    first, second = taken(part), taken(part)
    assert part.takes_whole(first)
    assert (first.at, first.end) == (0, 100_000)
    assert not part.takes_whole(second)
    part.release(second)
    assert part.claim() is None
    fill(part, first, 40_000)
    part.release(first)
    again = taken(part)
    assert part.takes_whole(again)
    assert again.at == 40_000
    part.close()


def test_what_was_saved_is_there_the_next_time(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    taken(part)
    second = taken(part)
    fill(part, second, 5_000)
    part.save()
    fill(part, second, 5_000)
    part.close()
    again = PartFile(tmp_path, layer())
    assert again.have_bytes == PartFile.bytes_in(tmp_path, layer()) == 5_000
    assert taken(again).end == 30_000
    again.close()


def test_a_file_that_was_cut_keeps_nothing_that_it_cannot_hold(tmp_path: Path) -> None:
    part = PartFile(tmp_path, layer())
    fill(part, taken(part))
    part.save()
    part.close()
    (file,) = tmp_path.glob("*.part")
    file.write_bytes(b"")
    assert PartFile.bytes_in(tmp_path, layer()) == 0


@needs_links
def test_a_link_in_the_place_of_a_layer_is_not_written_through(tmp_path: Path) -> None:
    other, folder = tmp_path / "other", tmp_path / "parts"
    folder.mkdir()
    other.write_bytes(b"not ours")
    parts._part(folder, layer()).symlink_to(other)
    with pytest.raises(OSError, match=r"[Ss]ymbolic link"):
        PartFile(folder, layer())
    assert other.read_bytes() == b"not ours"


def test_where_nothing_came_nothing_is_left(tmp_path: Path) -> None:
    PartFile(tmp_path, layer()).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spans", "found"),
    [
        ([], []),
        ([(5, 9), (0, 5)], [(0, 9)]),
        ([(0, 4), (2, 3), (6, 8)], [(0, 4), (6, 8)]),
        ([(1, 1)], []),
    ],
)
def test_spans_are_merged(spans: list[tuple[int, int]], found: list[tuple[int, int]]) -> None:
    assert merged(spans) == found
