"""Bounds on everything a file may claim, so that a hostile one costs little time and memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """``header_bytes`` read at most, ``seconds`` of work at most; counts and lengths above are refused;
    ``kept_items`` bounds the values of all lists kept together.

    Real headers: 0.5 to 16 MB (tokenizer), about 60 keys, up to some thousand tensors.
    """

    header_bytes: int = 64 << 20
    seconds: float = 2.0
    keys: int = 8192
    key_bytes: int = 512
    kept_string_bytes: int = 1024
    kept_array_items: int = 4096
    kept_items: int = 1 << 17
    array_items: int = 1 << 26
    nesting: int = 3
    tensors: int = 32768
    name_bytes: int = 128
    dims: int = 4
    tensor_values: int = 1 << 48
    alignment: int = 1 << 20
    blocks: int = 1024
    number: int = 1 << 31


LOCAL = Limits()
REMOTE = Limits(header_bytes=32 << 20)
"""For a header that comes over the network; the seconds bound the work, not the waiting."""
