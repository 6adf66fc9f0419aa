"""Tapes made when the catalogue was built, so that a first answer need not make them.

The text holds what ``graph.make_tape`` made for the catalogue's models where they usually lie; what is not in
it is made when it is needed.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..values import UNREADABLE
from .arena import Side
from .block_parts import Kind
from .program import Tape, tapes_of
from .trunk import Lies

_text: list[bytes] = [b""]


class _Ready(NamedTuple):
    """Number of each tape by what it is for, and the tapes as texts."""

    numbers: Mapping[tuple[Kind, Lies], int]
    tapes: list[str]


def offer_tapes(text: bytes) -> None:
    """Take tapes from ``text`` (see :func:`tapes_text`) from now on; one that cannot be read offers none."""
    _text[0] = text
    _ready.cache_clear()
    tapes_of.cache_clear()


def ready_tape(kind: Kind, lies: Lies) -> Tape | None:
    """The tape for a block of ``kind`` that lies so, None where it was not made beforehand."""
    ready = _ready()
    number = ready.numbers.get((kind, lies), -1)
    if number < 0:
        return None
    decoded = tapes_of("ready")
    found = decoded.get(number)
    if found is None:
        found = decoded[number] = _tape(*json.loads(ready.tapes[number]))
    return found


@lru_cache(maxsize=1)
def _ready() -> _Ready:
    try:
        document = json.loads(_text[0])
        parts = [frozenset(names.split()) for names in document["parts"]]
        kinds = [Kind(row[0], parts[row[1]], *row[2:]) for row in document["kinds"]]
        numbers = {
            (kinds[kind], Lies(pattern, tuple(late), own, stream, *map(bool, flags))): number
            for kind, pattern, late, own, stream, *flags, number in document["tapes_for"]
        }
        return _Ready(numbers, document["tapes"])
    except UNREADABLE:
        return _Ready({}, [])


def _tape(sides: list[Any], sizes: list[str], stream: int, crossings: list[Any], fetches: int) -> Tape:
    made = tuple([Side(_pairs(events), tuple(reads), _pairs(moves), {}) for events, reads, moves in sides])
    return Tape(made, tuple(sizes), stream, tuple([(to, name) for to, name in crossings]), fetches > 0)


def _pairs(flat: list[int]) -> tuple[tuple[int, int], ...]:
    numbers = iter(flat)
    return tuple(zip(numbers, numbers, strict=True))


def tapes_text(made: Mapping[tuple[Kind, Lies], Tape]) -> str:
    """The text :func:`offer_tapes` reads, of ``made``; the same tapes give the same text."""
    parts: dict[str, int] = {}
    kinds: dict[str, int] = {}
    tapes: dict[str, int] = {}
    rows = []
    for kind, lies in sorted(made, key=_order):
        number = parts.setdefault(" ".join(sorted(kind.parts)), len(parts))
        told = _compact([kind.name, number, *_plain(kind[2:])])
        tape = tapes.setdefault(_compact(_flat(made[kind, lies])), len(tapes))
        rows.append(_compact([kinds.setdefault(told, len(kinds)), *_plain(lies), tape]))
    return (
        f'{{"parts":{_compact(list(parts))},\n"kinds":[\n{_lines(kinds)}\n],\n"tapes_for":[\n{_lines(rows)}\n],\n'
        f'"tapes":[\n{_lines(map(json.dumps, tapes))}\n]}}\n'
    )


def _order(item: tuple[Kind, Lies]) -> str:
    kind, lies = item
    return f"{kind.name} {sorted(kind.parts)} {kind[2:]} {lies}"


def _plain(values: Iterable[object]) -> list[object]:
    """Flags as 0 and 1."""
    return [int(value) if isinstance(value, bool) else value for value in values]


def _flat(tape: Tape) -> list[object]:
    sides = [[_one_list(side.events), side.reads, _one_list(side.moves)] for side in tape.sides]
    return [sides, tape.sizes, tape.stream, tape.crossings, int(tape.fetches)]


def _one_list(pairs: Iterable[tuple[int, int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _lines(rows: Iterable[str]) -> str:
    return ",\n".join(rows)
