"""How the bootstrap speaks (plain sentences, one error type), and how it calls children."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# Each of these was seen to break the setup: a home for another Python, options that send pip elsewhere
# or contradict the hash-locked list. Index, proxy and certificate settings stay.
_DROPPED = {
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"),
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_DRY_RUN", "PIP_REQUIREMENT", "PIP_CONSTRAINT"),
    *("PIP_NO_BINARY", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV"),
}


class StepError(Exception):
    """Something a person must know: what happened, and what to do next."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


def plain(text: str) -> str:
    """``text`` without surrogates and control characters, so that any terminal can print it."""
    safe = text.encode("utf-8", errors="backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in safe)


def _write(text: str) -> None:
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(text.encode(encoding, errors="backslashreplace").decode(encoding))
    sys.stderr.flush()


def say(text: str) -> None:
    """Print one line for the person (on the error stream: the output belongs to the program started)."""
    _write(plain(text) + "\n")


def complain(error: StepError) -> None:
    """Print an error: what happened, then what to do."""
    say(error.message)
    if error.next_step:
        say(error.next_step)


@dataclass(slots=True)
class Progress:
    """One line that is rewritten on a terminal, and at most one line in five seconds elsewhere."""

    interval_s: float = 5.0
    _last_s: float = -1e9
    _width: int = 0

    def show(self, text: str, now_s: float) -> None:
        """Show ``text``; ``now_s`` is a monotonic clock."""
        if sys.stderr.isatty():
            line = plain(text)[:100]
            _write("\r" + line.ljust(self._width))
            self._width = len(line)
        elif now_s - self._last_s >= self.interval_s:
            self._last_s = now_s
            say(text)

    def end(self) -> None:
        """Leave the rewritten line."""
        if self._width:
            _write("\r" + " " * self._width + "\r")
            self._width = 0


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the environment in which a Python child starts clean."""
    source = os.environ if environ is None else environ
    return {key: value for key, value in source.items() if key not in _DROPPED}


def child(*command: object, limit_s: float | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end without input, and keep all that it says."""
    return subprocess.run(
        [str(word) for word in command],
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit_s,
        check=False,
    )


def last_line(output: str, otherwise: str) -> str:
    """The last line that says something, at most 300 characters; ``otherwise`` where there is none."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else otherwise
