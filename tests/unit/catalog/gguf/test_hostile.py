"""Hostile and damaged headers: one sentence, little time, little memory."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import fit_truth, gguf_writer
from fakes.gguf_writer import shape_from_bytes, text, value
from fakes.systems import peak_bytes
from wattlight.catalog.gguf import BadModelFile, shape_from_chunks, shape_from_file
from wattlight.catalog.gguf.window import REMOTE, HeaderLimits

RAW = fit_truth.raw_shapes()["tiny-llama"]
HUGE = 1 << 63


def with_kv(**changes: Any) -> bytes:
    kv = {**RAW["kv"], **{key.replace("__", "."): item for key, item in changes.items()}}
    return gguf_writer.header({**RAW, "kv": {k: v for k, v in kv.items() if v is not None}}, vocabulary=0)


def with_tensors(change: Any) -> bytes:
    tensors = [list(item) for item in RAW["tensors"]]
    change(tensors)
    return gguf_writer.header({**RAW, "tensors": tensors}, vocabulary=0)


def preamble(tensors: int, keys: int, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, keys) + rest


def one_key(kind: int, rest: bytes) -> bytes:
    return preamble(1, 1, text("x") + struct.pack("<I", kind) + rest)


def raw_tensor(dims: tuple[int, ...], kind: int = 0, offset: int = 0, name: str = "t") -> bytes:
    body = text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
    return body + struct.pack("<IQ", kind, offset)


def keyed(*tensors: bytes) -> bytes:
    keys = text("general.architecture") + value("llama") + text("llama.block_count") + value(2)
    return preamble(len(tensors), 2, keys + b"".join(tensors))


BAD = {
    "empty": b"",
    "magic only": b"GGUF",
    "something else": b"PK\x03\x04" + b"\0" * 100,
    "endless counts": preamble(HUGE, HUGE),
    "many tensors": preamble(1 << 20, 0),
    "many keys": preamble(0, 1 << 20),
    "endless key": preamble(1, 1, struct.pack("<Q", HUGE)),
    "endless text": one_key(8, struct.pack("<Q", HUGE)),
    "endless list": one_key(9, struct.pack("<IQ", 4, HUGE)),
    "endless list of texts": one_key(9, struct.pack("<IQ", 8, 1 << 25) + b"\xff" * 64),
    "list of a type unknown": one_key(9, struct.pack("<IQ", 99, 4)),
    "value of a type unknown": one_key(42, b""),
    "deep nesting": one_key(9, struct.pack("<IQ", 9, 1) * 50),
    "wide nesting": one_key(9, struct.pack("<IQ", 9, 1 << 40)),
    "key is no text": preamble(1, 1, struct.pack("<Q", 2) + b"\xff\xfe"),
    "no architecture": with_kv(general__architecture=None),
    "architecture is a number": with_kv(general__architecture=4),
    "architecture with markup": with_kv(general__architecture="<img src=x>"),
    "no blocks": with_kv(llama__block_count=None),
    "zero blocks": with_kv(llama__block_count=0),
    "absurd blocks": with_kv(llama__block_count=4_000_000_000),
    "blocks as a list": with_kv(llama__block_count=[1, 2]),
    "blocks not a number": with_kv(llama__block_count=float("nan")),
    "blocks as a text": with_kv(llama__block_count="32"),
    "a state without end": with_kv(llama__ssm__state_size=1 << 30),
    "a billion heads": with_kv(llama__attention__head_count=1 << 30),
    "experts beyond counting": with_kv(llama__expert_count=(1 << 16) + 1),
    "negative heads": with_kv(llama__attention__head_count=[-4, -4]),
    "absurd embedding": with_kv(llama__embedding_length=4_000_000_000),
    "alignment zero": preamble(0, 1, text("general.alignment") + value(0)),
    "alignment no power of two": preamble(0, 1, text("general.alignment") + value(48)),
    "no tensors": keyed(),
    "five dimensions": keyed(text("t") + struct.pack("<I", 5) + b"\1" * 60),
    "a long side of nothing": keyed(raw_tensor((0, 1 << 46))),
    "absurd dimensions": keyed(raw_tensor((1 << 40, 1 << 40))),
    "half a block": keyed(raw_tensor((33,), kind=12)),
    "overlap": keyed(raw_tensor((64,), name="a"), raw_tensor((64,), offset=32, name="b")),
    "not aligned": keyed(raw_tensor((64,), name="a"), raw_tensor((64,), offset=300, name="b")),
    "beyond any file": keyed(raw_tensor((64,), offset=HUGE)),
    "tensor twice": keyed(raw_tensor((64,)), raw_tensor((64,), offset=256)),
    "key twice": preamble(0, 2, (text("a") + value(1)) * 2),
    "tensor name too long": keyed(text("n" * 4000)),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_one_sentence_for(case: str) -> None:
    started = time.process_time()
    with pytest.raises(BadModelFile) as caught:
        shape_from_bytes(BAD[case])
    assert time.process_time() - started < 2
    message = caught.value.message
    assert message.endswith(".")
    assert message.count(". ") == 0
    assert "\n" not in message
    assert "<img" not in message
    assert len(message) < 200
    assert caught.value.next_step.endswith(".")


@pytest.mark.parametrize("cut", [5, 20, 23, 24, 40, 100, 333, 1500, 2500])
def test_cut_off_anywhere(cut: int) -> None:
    with pytest.raises(BadModelFile, match="ends within its header"):
        shape_from_bytes(with_kv()[:cut])


def endless(pattern: bytes) -> Iterator[bytes]:
    chunk = pattern * (65536 // len(pattern))
    while True:
        yield chunk


@pytest.mark.parametrize(
    "start",
    [
        one_key(9, struct.pack("<IQ", 8, 1 << 26)),
        one_key(9, struct.pack("<IQ", 4, 1 << 26)),
        one_key(8, struct.pack("<Q", 1 << 24)),
        preamble(8192, 8192),
    ],
)
@pytest.mark.parametrize("pattern", [b"\0" * 8, b"\1" + b"\0" * 7 + b"x", b"\x50" + b"\0" * 7 + b"y" * 80])
def test_a_header_that_never_ends(start: bytes, pattern: bytes) -> None:
    before = peak_bytes()
    started = time.process_time()

    def chunks() -> Iterator[bytes]:
        yield start
        yield from endless(pattern)

    with pytest.raises(BadModelFile):
        shape_from_chunks(chunks(), 1 << 40, REMOTE)
    assert time.process_time() - started < 2
    assert peak_bytes() - before < 50_000 << 10


def test_many_lists_do_not_fill_the_memory() -> None:
    item = struct.pack("<IIQ", 9, 0, 4096) + b"\1" * 4096
    keys = b"".join(text(f"k{i}") + item for i in range(100))
    with pytest.raises(BadModelFile, match="far more lists"):
        shape_from_bytes(preamble(0, 100, keys))


def test_work_is_bounded_in_time() -> None:
    ticks = iter(range(10_000))
    from wattlight.catalog.gguf.window import HeaderTooLong, Window

    window = Window(endless(b"abcd"), HeaderLimits(seconds=5), lambda: float(next(ticks)))
    with pytest.raises(HeaderTooLong):
        while True:
            window.skip(65536)


@pytest.mark.parametrize("what", ["missing.gguf", "."])
def test_a_path_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    with pytest.raises(BadModelFile, match="cannot be read"):
        shape_from_file(tmp_path / what)


@pytest.mark.parametrize("key", ["ssm.inner_size", "attention.key_length_swa", "rope.dimension_count", "odd"])
@pytest.mark.parametrize("number", [1.7e38, -1.7e38, 1e20, 1 << 30, (1 << 32) - 1])
def test_no_number_of_the_model_is_beyond_all_bounds(key: str, number: float) -> None:
    changes: dict[str, Any] = {f"llama.{key}".replace(".", "__"): number}
    with pytest.raises(BadModelFile, match="is not a sensible number"):
        shape_from_bytes(with_kv(**changes))


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_is_none_is_left_out(number: float) -> None:
    assert "llama.ssm.inner_size" not in shape_from_bytes(with_kv(llama__ssm__inner_size=number)).metadata


def test_ordinary_large_numbers_are_no_harm() -> None:
    shape = shape_from_bytes(with_kv(llama__rope__freq_base=1e9, general__odd=4_294_967_295))
    assert shape.metadata["general.odd"] == 4_294_967_295
