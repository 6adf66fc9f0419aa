"""Pages of counters as Prometheus reads them, and what grew between two looks at one."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from .tokens import Counters

_LINE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)\{(.*)\}\s+(\S+)(?:\s+\d+)?")
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Series:
    """One line: ``value`` is None where it is no finite number from 0 up."""

    name: str
    labels: Mapping[str, str]
    value: float | None


def series_of(text: str, names: Collection[str]) -> Iterator[Series]:
    """The lines of a page that are called so and have labels; what is no such line is passed over."""
    prefixes = tuple(f"{name}{{" for name in names)
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip()) if line.startswith(prefixes) else None
        if found is not None:
            labels = {key: _ESCAPED.sub(_plain, value) for key, value in _LABEL.findall(found[2])}
            yield Series(found[1], labels, _number(found[3]))


def _plain(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else escaped[1]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


class TokenGrowth:
    """Tokens by model between two looks at counters that only grow, and begin at 0 with their server."""

    def __init__(self) -> None:
        self._before: Mapping[str, Counters] | None = None

    def since(self, now: Mapping[str, Counters]) -> dict[str, tuple[int, int]]:
        """(prompt, output) tokens by model since the look before; nothing at the first one, which tells of a
        time that nobody measured. A counter that fell began anew with its server."""
        before, self._before = self._before, now
        if before is None:
            return {}
        found = {
            model: (
                _grown(before.get(model, Counters()).prompt_tokens, counters.prompt_tokens),
                _grown(before.get(model, Counters()).output_tokens, counters.output_tokens),
            )
            for model, counters in now.items()
        }
        return {model: grown for model, grown in found.items() if any(grown)}


def _grown(before: int | None, now: int | None) -> int:
    if now is None:
        return 0
    return now if before is None or now < before else now - before
