"""Values and pure rules. What the first icon needs stands here: the other files define many classes."""

import json
import re
import unicodedata
from typing import Any

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_ISOLATES, _END = frozenset("\u2066\u2068"), "\u2069"


_USERINFO = re.compile(
    r"""(?<=//)[^\s"'@]{1,300}(?=@)|(?<=/)[^\s"'/:@]{1,300}:(?!\d)[^"'@]{1,300}(?=@)"""
    r"""|(?<=[A-Za-z]{2}:/)[^\s"'@/]{1,300}(?=@)"""
    r"""|(?<![\w/.-])[^\s"'/@:]{1,300}:(?!/)[^\s"'@]{1,300}(?=@(?!sha256))"""
)
"""Name and password before the host of an address, or of what was meant to be one."""


def without_userinfo(text: str) -> str:
    """``text`` with no names and passwords in addresses: it is shown, logged and copied."""
    return _USERINFO.sub("[removed]", text) if "@" in text else text


def clean_text(text: str, limit: int = 200) -> str:
    """``text`` without control, bidirectional-override and surrogate characters, at most ``limit`` long, and
    without passwords in addresses.

    Each such character becomes U+FFFD, so that nothing vanishes silently; a cut is marked with an
    ellipsis. Terminal escapes begin with a control character and so lose their effect.
    """
    kept = without_userinfo(text[: limit + 1000])[: limit + 1]
    safe = "".join("\ufffd" if _is_unsafe(ch) else ch for ch in kept)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def clean_sentence(text: str, limit: int = 300) -> str:
    """Like :func:`clean_text`, for a sentence of ours that has foreign words in it: the marks that keep its
    pieces in order where reading is from right to left stay, each one closed within it."""
    kept = without_userinfo(text[: limit + 1000])[: limit + 1]
    safe, open_ones = [], 0
    for ch in kept if len(kept) <= limit else kept[: limit - 1] + "…":
        is_mark = ch in _ISOLATES if ch != _END else open_ones > 0
        open_ones += 0 if not is_mark else -1 if ch == _END else 1
        safe.append("\ufffd" if not is_mark and _is_unsafe(ch) else ch)
    return "".join(safe) + _END * open_ones


def _is_unsafe(ch: str) -> bool:
    return ch in _BIDI or unicodedata.category(ch) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean_lines(text: str, limit: int = 2000) -> str:
    """Like :func:`clean_text` but line ends are kept (for log excerpts)."""
    lines = text[:limit].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(clean_text(line, limit) for line in lines)


UNANSWERED = frozenset({"offline", "proxy", "tls", "registry_busy", "registry"})
"""Codes of problems in which nobody could say whether there is such a model."""


class Problem(Exception):
    """Something went wrong in a way a person can understand; every room's error family derives from it.

    Attributes:
        code: short stable word for programs ("no_server", "bad_file").
        message: one sentence: what happened and what it means.
        next_step: one sentence: what to do next.
    """

    code = "problem"

    def __init__(self, message: str, next_step: str = "", code: str | None = None) -> None:
        self.message = without_userinfo(message)
        self.next_step = without_userinfo(next_step)
        super().__init__(self.message)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}".strip()


MOST_VALUES = 600_000
"""More values than this is no answer (5,000 models have about 100,000); so many empty lists take 40 MB."""


def read_json(raw: bytes | str, most: int = MOST_VALUES, **ways: Any) -> Any:
    """The document in ``raw``; ``ways`` are of :func:`json.loads`.

    A limit of bytes says little: a list of empty lists takes twenty times its text.

    Raises:
        TooManyValues: it was made to fill the memory.
        ValueError, ArithmeticError, RecursionError: it is no JSON.
    """
    if isinstance(raw, bytes):
        values = raw.count(b"[") + raw.count(b"{") + raw.count(b",")
    else:
        values = raw.count("[") + raw.count("{") + raw.count(",")
    if values > most:
        raise TooManyValues
    return json.loads(raw, **ways)


class TooManyValues(ValueError):
    """No document of any use has so many."""
