"""Inputs as an accident or an enemy would change them."""

import json
import random
import re
from typing import Any

NASTY = (
    b"-1", b"0", b"1e400", b"-1e400", b"1e-400", b"1e99999999999999999999", b"9" * 400, b"NaN", b"Infinity",
    b"0x10", b"1_000", "²".encode(), "٣".encode(), b"18446744073709551615", b"9007199254740993", b"1.7e308",
    b"true", b"null", b'""', b"[]", b"{}", b"\xff\xfe", b"\x00", "\u202e".encode(), b"2026-13-45T99:99:99Z",
)  # fmt: skip
"""What stands where a number should."""
OTHER_VALUES = (None, True, 0, -1, 5, 1.5, 10**400, "", "x", "²", [], [[]], {}, {"a": 1}, [None], ["x"] * 9)
"""What stands where another kind of value should."""
LENGTHS = (0, 1, 255, 1 << 31, 1 << 63, (1 << 64) - 1)


def mutated(data: bytes, chance: random.Random, numbers: bool = False) -> bytes:
    """``data`` with a few bytes, lengths or stretches changed, or cut; ``numbers``: mostly those it holds."""
    if numbers and chance.random() < 0.6:
        if chance.random() < 0.3:
            return _with_another_value(data, chance)
        data = _with_other_numbers(data, chance)
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 12))):
        at = chance.randrange(len(out))
        match chance.randrange(6):
            case 0:
                out[at] = chance.randrange(256)
            case 1:
                out[at] ^= 1 << chance.randrange(8)
            case 2:
                out[at : at + 8] = chance.choice(LENGTHS).to_bytes(8, "little")
            case 3:
                del out[at : at + chance.randrange(1, 40)]
            case 4:
                out[at:at] = chance.randbytes(chance.randrange(1, 40))
            case _:
                other = chance.randrange(len(out))
                out[at : at + 16] = out[other : other + 16]
        if not out:
            return bytes(out)
    return bytes(out[: chance.randrange(len(out))]) if chance.random() < 0.1 else bytes(out)


def _with_other_numbers(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        spans = [found.span() for found in re.finditer(rb"-?\d[\d.]*", bytes(out[:20_000]))]
        start, end = chance.choice(spans or [(0, 0)])
        out[start:end] = chance.choice(NASTY)
    return bytes(out)


def _with_another_value(data: bytes, chance: random.Random) -> bytes:
    """A document of JSON in which one value, whatever it was, is of another kind; other data as they are."""
    try:
        document = {"": json.loads(data)}
    except ValueError:
        return data
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [document]
    while waiting:
        node = waiting.pop()
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node))[:200]:
            places.append((node, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    node, key = chance.choice(places)
    node[key] = chance.choice(OTHER_VALUES)
    return json.dumps(document[""]).encode()
